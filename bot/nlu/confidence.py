"""How sure a result is: the probability that its intent and every slot are right."""
from collections.abc import Mapping, Sequence
from math import exp, log
from typing import Any, Final

from bot.nlu.decision import QUIET, Choice
from bot.nlu.intents import Guess, Message

LOWEST: Final = 0.02
HIGHEST: Final = 0.99
_LISTS: Final = frozenset({"order_food", "modify_order", "group_add"})
_CAUSED: Final = frozenset({"complain", "refund", "rider_problem", "merchant_reject"})
_ORDERED: Final = frozenset({"order_errand", "modify_order", "schedule", "address_set"})


def signals(message: Message, guess: Guess, choice: Choice, filled: Mapping[str, Any],
            ties: Sequence[Sequence[str]]) -> tuple[float, ...]:
    """What makes a result doubtful, as numbers of about 0 to 1."""
    second = max((chance for intent, chance in choice.others if intent != choice.intent),
                 default=0.0)
    cells = message.reading.cells
    items = filled.get("items") or ()
    return (
        1.0, _odds(choice.chance) / 5, _odds(choice.chance / (choice.chance + second + 1e-6)) / 5,
        float(choice.intent == guess.intent), guess.sure, min(message.residue, 10) / 5,
        min(3.0, sum(cell.kind in "DSP" and not cell.sure for cell in cells)),
        float(any(len(tie) > 1 for tie in ties)), min(len(items), 5) / 3, min(len(filled), 6) / 3,
        min(len(message.text), 60) / 30, float(choice.intent in QUIET),
        float(choice.intent in _LISTS and not items),
        float(choice.intent in _CAUSED and "reason" not in filled),
        float(choice.intent in _ORDERED), float(any(cell.kind == "?" for cell in cells)),
        float(bool(message.pending)))


def _odds(chance: float) -> float:
    chance = min(0.9999, max(0.0001, chance))
    return log(chance / (1 - chance))


def confidence(found: Sequence[float], weights: Sequence[float]) -> float:
    """The logistic of the weighted signals."""
    total = sum(weight * one for weight, one in zip(weights, found, strict=True))
    return round(min(HIGHEST, max(LOWEST, 1 / (1 + exp(-total)))), 3)
