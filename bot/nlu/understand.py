"""One message → what it asks for. Pure: the lexicon and the moment come in."""
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bot.nlu.confidence import confidence, signals
from bot.nlu.decision import decide
from bot.nlu.elsewhere import unknown_place
from bot.nlu.filling import Ties, filled_in
from bot.nlu.intents import Grammars, Guess, Message, intent_of, message_of
from bot.nlu.lexicon import Lexicon
from bot.nlu.nouns import with_short_names
from bot.nlu.ranker import Ranker, shipped_ranker
from bot.nlu.reading import read
from bot.nlu.slots import moment
from bot.nlu.wishes import not_on_menu, taken_for

ASK_BELOW: Final = 0.5   # less sure than this: a question, not an act
_RISKY: Final = frozenset((
    "order_food", "order_errand", "modify_order", "cancel", "pay", "refund", "reorder",
    "group_open", "group_add", "schedule", "address_set"))
_QUIET: Final = frozenset(("out_of_scope", "chitchat"))


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a message asks for. `ties` holds, per item, the dishes that fit equally well;
    `unknown`: what was asked for and is no dish of this campus, as it was said; `nowhere`: the
    same of a place; `taken_for`: names that no dish bears, and the dishes they were read as."""

    intent: str
    slots: dict[str, Any]
    confidence: float
    action: str                  # act | confirm | ask | none
    ties: Ties = ()
    unknown: tuple[str, ...] = ()
    nowhere: str | None = None
    taken_for: tuple[tuple[str, str], ...] = ()
    why: tuple[str, ...] = field(default=(), compare=False)
    signals: tuple[float, ...] = field(default=(), compare=False)


def understand(text: str, lexicon: Lexicon, context: Mapping[str, Any] | None = None, *,
               now: datetime, role: str = "student", ranker: Ranker | None = None
               ) -> Understanding:
    """Read one message. `context` has the keys of the shared corpus (draft, pending, order …).

    `now` must be aware. Any text is safe and quick; what is not understood is `out_of_scope`.
    """
    context, ranker = context or {}, ranker or shipped_ranker()
    reading = with_short_names(read(text, lexicon), context)
    message = message_of(reading, role, context)
    rule = intent_of(message, grammars(lexicon))
    choice = decide(message, rule, ranker)
    guess = rule if choice.intent == rule.intent else Guess(choice.intent, choice.chance, "learned")
    message.notes.append("likely " + ", ".join(
        f"{intent} {chance:.2f}" for intent, chance in choice.others if chance >= 0.01))
    filled, ties = filled_in(guess, message, now)
    found = signals(message, rule, choice, filled, ties)
    sure = confidence(found, ranker.sureness)
    return Understanding(guess.intent, filled, sure, _action(guess, sure, filled, ties),
                         ties, _unknown(guess, message), unknown_place(reading),
                         taken_for(reading) if guess.intent == "order_food" else (),
                         tuple(message.notes), found)


def _unknown(guess: Guess, message: Message) -> tuple[str, ...]:
    return not_on_menu(message.reading) if guess.intent in ("order_food", "modify_order") else ()


def moment_in(text: str, lexicon: Lexicon, *, now: datetime) -> datetime | None:
    """The time that is said in a text, resolved against an aware `now`."""
    said = moment(read(text, lexicon), now)
    return datetime.fromisoformat(said) if said else None


def grammars(lexicon: Lexicon) -> Grammars:
    """The whole-message grammars of the lexicon's words."""
    return _compiled(lexicon.words.cues["affirm"], id(lexicon.words), lexicon.words)


class _Held:
    """The grammars of the words last used: one set of lists serves a process."""

    words: Any = None
    grammars: Grammars | None = None


def _compiled(_: Any, __: int, words: Any) -> Grammars:
    if _Held.words is not words or _Held.grammars is None:
        _Held.words, _Held.grammars = words, Grammars(words.cues)
    return _Held.grammars


def _action(guess: Guess, confidence: float, filled: Mapping[str, Any],
            ties: Ties) -> str:
    if guess.intent in _QUIET:
        return "none"
    if confidence < ASK_BELOW or any(len(tie) > 1 for tie in ties):
        return "ask"
    if guess.intent in ("order_food", "modify_order", "group_add") and not filled.get("items"):
        return "ask" if not filled.get("note") else "confirm"
    return "confirm" if guess.intent in _RISKY else "act"
