"""Which intent to answer with: the likeliest one that the message can carry.

Agreeing, paying, cancelling and asking money back need a rule that read the whole message so; the
learned part may only doubt them.
"""
from typing import Any, Final, NamedTuple

from bot.nlu.features import features
from bot.nlu.intents import Guess, Message, choice_of, rating_of
from bot.nlu.intents.riders import TAKES_IT
from bot.nlu.patterns import PATTERNS
from bot.nlu.ranker import Ranker

NEVER_GUESSED: Final = frozenset({"confirm", "pay", "cancel", "refund", "sos"})
QUIET: Final = frozenset({"out_of_scope", "chitchat"})
ACTING: Final = frozenset({
    "order_food", "order_errand", "modify_order", "reorder", "schedule", "address_set",
    "group_open", "group_join", "group_add", "group_lock", "group_leave", "rate", "rider_online",
    "rider_offline", "rider_accept", "rider_arrived", "rider_picked_up", "rider_delivered",
    "merchant_accept", "merchant_reject", "merchant_ready", "merchant_soldout",
    "merchant_restock"})
SURE_RULES: Final = frozenset({"unsafe", "long", "greeting"})  # what they say stands
ANSWERED_BELOW: Final = 0.02   # so for an answer to an open question, whose whole text was read
DOUBTED_BELOW: Final = 0.25   # a rule's word that the learned part finds this unlikely falls
ACTS_FROM: Final = 0.4        # less likely than this, nothing is begun on the learned part's word
TALKS_FROM: Final = 0.5       # less likely small talk than this was not understood
MOST_TRIED: Final = 5
SHORT: Final = 8  # characters: in a longer message a step of work has to be named
_REMINDS: Final = PATTERNS["intents"]["reminds"]
_WORK: Final = PATTERNS["intents"]["rider_job_qishou"]


class Choice(NamedTuple):
    """An intent, how likely the learned part finds it, and the runners-up with theirs."""

    intent: str
    chance: float
    others: tuple[tuple[str, float], ...]


def decide(message: Message, guess: Guess, ranker: Ranker) -> Choice:
    """The rule's guess or what the learned part finds likelier."""
    chances = ranker.chances(features(message, guess), message.role)
    order = [int(at) for at in chances.argsort()[::-1][:MOST_TRIED]]
    ranked = tuple((ranker.intents[at], round(float(chances[at]), 4)) for at in order)
    mine = _chance(guess.intent, chances, ranker)
    if guess.rule in SURE_RULES:
        return Choice(guess.intent, max(mine, 0.9), ranked)
    doubted = ANSWERED_BELOW if guess.rule == "pending" else DOUBTED_BELOW
    if guess.intent in NEVER_GUESSED and mine >= doubted:
        return Choice(guess.intent, mine, ranked)
    for intent, chance in ranked:
        if (intent == guess.intent and not _is_other(intent, message)) or _may(
                intent, chance, message):
            return Choice(intent, chance, ranked)
    quiet = max(QUIET, key=lambda intent: (_chance(intent, chances, ranker), intent))
    return Choice(quiet, _chance(quiet, chances, ranker), ranked)


def _chance(intent: str, chances: Any, ranker: Ranker) -> float:
    at = ranker.places.get(intent)
    return float(chances[at]) if at is not None else 0.0


def _is_other(intent: str, message: Message) -> bool:
    """`我想找一家评分高的餐馆，给我推荐一家吧`: at work nobody takes an order so."""
    if intent == "schedule" and _REMINDS.search(message.text):
        return True
    return (intent in ACTING and message.role != "student" and len(message.core) > 12
            and message.has("elsewhere"))


def _may(intent: str, chance: float, message: Message) -> bool:
    """Whether the learned part alone may say so, and the message holds what the intent needs."""
    if intent in NEVER_GUESSED or (intent in ACTING and chance < ACTS_FROM):
        return False
    if intent == "chitchat" and chance < TALKS_FROM:
        return False
    if intent in ACTING and (message.has("elsewhere") or len(message.core) < 2):
        return False
    needs = _NEEDS.get(intent)
    return needs is None or bool(needs(message))


def _says(message: Message, *classes: str) -> bool:
    return len(message.core) <= SHORT or message.has(*classes)


def _has_live(message: Message) -> bool:
    return bool((message.context.get("draft") or message.context.get("order") or {}).get("items"))


def _is_errand(message: Message) -> bool:
    return message.reading.any("EK") or (any(
        cue.startswith("errand.") for cue in message.reading.cues) and not (
        set(message.reading.cues) & {"errand.send"} and not message.reading.any("P")))


def _is_order(message: Message) -> bool:
    """With a draft open, a dish is a change to it."""
    return not (message.context.get("draft") or {}).get("items") and (
        message.reading.any("DS") or message.has("marks.order"))


_NEEDS: Final[dict[str, Any]] = {
    "become_rider": lambda message: _WORK.search(message.text) is not None,
    "rider_online": lambda message: _says(message, "rider.online"),
    "rider_offline": lambda message: _says(message, "rider.offline"),
    "rider_arrived": lambda message: _says(message, "rider.arrived"),
    "rider_picked_up": lambda message: _says(message, "rider.picked"),
    "rider_delivered": lambda message: _says(message, "rider.delivered"),
    "merchant_reject": lambda message: _says(message, *(f"merchant.{why}" for why in (
        "reject", "busy", "closing", "no_staff", "equipment", "sold_out"))),
    "chitchat": lambda message: not message.core.isdigit(),
    "order_errand": _is_errand,
    "order_food": _is_order,
    "choose": lambda message: message.pending == "choose" and choice_of(message) is not None,
    "modify_order": _has_live,
    "group_add": lambda message: message.items > 0,
    "merchant_soldout": lambda message: message.items > 0 and _says(message, "merchant.soldout"),
    "merchant_restock": lambda message: message.items > 0 and _says(message, "merchant.restock"),
    "merchant_ready": lambda message: _says(message, "merchant.ready"),
    "merchant_accept": lambda message: message.role == "merchant" and _says(
        message, "merchant.accept"),
    "rider_accept": lambda message: bool(message.context.get("offer")) and (
        len(message.core) <= SHORT or TAKES_IT.search(message.core) is not None),
    "rate": lambda message: message.pending == "ask_rating" or rating_of(message) is not None,
    "schedule": lambda message: (message.reading.any("T") or message.has("schedule.now")
                                 ) and not _is_other("schedule", message),
    "address_set": lambda message: message.reading.any("PXNRAC"),
    "query_price": lambda message: message.items > 0 or _has_live(message),
    "deny": lambda message: bool(message.pending or message.context.get("offer")
                                 or message.context.get("draft")),
}
