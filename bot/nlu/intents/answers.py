"""Replies to an open question."""
import re
from collections.abc import Mapping
from typing import Any, Final

from bot.nlu.intents.base import Grammars, Guess, Message, Rule, says_yes
from bot.nlu.intents.errands import delivery
from bot.nlu.intents.groups import group
from bot.nlu.patterns import PATTERNS

SURE_RUN: Final = 0.85  # surer than this it is an errand, wherever an address was asked for
_P: Final = PATTERNS["intents"]

_CHOICE: Final = _P["choice"]
_LAST_ONE: Final = _P["last_one"]
_FIRST_ONE: Final = _P["first_one"]

def choice_of(message: Message) -> int | None:
    """Which of the offered choices was picked, from 1; None when none was."""
    choices = list(message.context.get("choices") or ())
    if not message.core:
        return None
    match = _CHOICE.fullmatch(message.core)
    number = _digit(match["number"], message) if match else None
    if number is not None:
        return number if not choices or number <= len(choices) else None
    if len(message.core) <= 12 and not message.asks:
        if (behind := _P["choice_from_behind"].search(message.core)) and choices:
            return len(choices) + 1 - (_digit(behind[1], message) or len(choices))
        if _LAST_ONE.search(message.core) and choices:
            return len(choices)
        if _P["choice_of_houzhe"].search(message.core) and len(choices) == 2:
            return 2
        if _P["choice_of_zhongjian"].search(message.core) and len(choices) == 3:
            return 2
        if _P["choice_of_di"].search(message.core):
            return _digit(_P["choice_of_di"].search(message.core)[1],  # type: ignore[index]
                          message)
        if _FIRST_ONE.search(message.core):
            return 1
    return _named_choice(message, choices)


def _digit(said: str, message: Message) -> int | None:
    value = message.reading.lexicon.numerals.value(said)
    return int(value) if value else None


def _named_choice(message: Message, choices: list[Any]) -> int | None:
    lexicon = message.reading.lexicon
    scores = []
    if message.asks and _P["named_choice_duoshao"].search(message.text):
        return None
    for place, choice in enumerate(choices, 1):
        key = str(choice)
        names: tuple[str, ...] = ()
        if key in lexicon.dishes:
            names = lexicon.dishes[key].names
        elif key in lexicon.shops:
            names = lexicon.shops[key].names
        elif key in lexicon.places:
            row = lexicon.places[key]
            names = (str(row["name"]).lower(), *map(str, row.get("aliases") or ()))
        else:
            names = (key.lower(),)
        scores.append((max((_common(name, message.core) for name in names), default=0), place))
    best = max((score for score, _ in scores), default=0)
    winners = [place for score, place in scores if score == best]
    rest = _P["named_choice_wo"].sub("", message.core)
    if best >= 2 and len(winners) == 1 and len(rest) <= best + 2:
        return winners[0]
    return None


def _common(name: str, said: str) -> int:
    """The length of the longest run of characters in both."""
    for size in range(min(len(name), len(said)), 0, -1):
        if any(name[at:at + size] in said for at in range(len(name) - size + 1)):
            return size
    return 0


def pending(message: Message, grammars: Grammars) -> Guess | None:
    pending = message.pending
    if not pending:
        return None
    if pending.startswith("confirm"):
        return _pending_confirm(message, grammars)
    asked = _PENDING.get(pending)
    return asked(message, grammars) if asked else None


def _pending_confirm(message: Message, grammars: Grammars) -> Guess | None:
    core = message.core
    cancelling = "cancel" in message.pending
    refunding = "refund" in message.pending
    if cancelling or refunding:
        if grammars.keep.fullmatch(core) or (message.has("deny.keep") and message.residue <= 1):
            return Guess("deny", 0.95)
        if _P["pending_confirm_en"].fullmatch(core):
            return Guess("confirm", 0.9)
    if says_yes(message, grammars):
        return Guess("confirm", 0.97)
    if not cancelling and not message.asks:
        if grammars.withdraw.fullmatch(core):
            return Guess("cancel", 0.85)
        if not message.items and _P["withdrawn"].fullmatch(core):
            return Guess("cancel", 0.8)
    if grammars.deny.fullmatch(core) and not message.asks:
        return Guess("deny", 0.95)
    return None


def _declined(message: Message, grammars: Grammars) -> Guess | None:
    """No to a question that asks for something of its own, or the end of what it belongs to."""
    if grammars.deny.fullmatch(message.core):
        return Guess("deny", 0.85)
    if grammars.withdraw.fullmatch(message.core):
        return Guess("cancel", 0.75)
    return None


def _pending_pay(message: Message, grammars: Grammars) -> Guess | None:
    if says_yes(message, grammars):
        return Guess("pay", 0.75)
    if grammars.deny.fullmatch(message.core):
        return Guess("deny", 0.9)
    if grammars.withdraw.fullmatch(message.core):
        return Guess("cancel", 0.9)
    return None


def _pending_choose(message: Message, grammars: Grammars) -> Guess | None:
    if declined := _declined(message, grammars):
        return declined
    if choice_of(message) is not None:
        return Guess("choose", 0.95)
    return None

_STARS: Final = re.compile(r"[⭐🌟★]+")
_RATING: Final = _P["rating"]

def rating_of(message: Message) -> int | None:
    """Stars given, 1–5."""
    stars = _STARS.search(message.text)
    if stars:
        return min(5, len(stars[0]))
    found = list(_RATING.finditer(message.text))
    match = next((one for one in found if one["number"]), found[0] if found else None)
    if not match:
        return None
    said = match["number"] or match["bare"]
    if said:
        return _digit(said, message)
    return 5 if "满分" in match[0] or "五星" in match[0] else None


def _pending_rating(message: Message, grammars: Grammars) -> Guess | None:
    if rating_of(message) is not None and len(message.core) <= 30 and not message.asks:
        return Guess("rate", 0.95)
    if message.has("rate") and not message.asks and not message.has("complain.none"):
        return Guess("rate", 0.8)
    if grammars.deny.fullmatch(message.core):
        return Guess("deny", 0.85)
    if _P["pending_rating_haixing"].fullmatch(message.core):
        return Guess("rate", 0.75)
    return None


def _pending_address(message: Message, grammars: Grammars) -> Guess | None:
    reading = message.reading
    if declined := _declined(message, grammars):
        return declined
    if message.items and not _P["pending_address_songdao"].search(message.text):
        return None
    if (run := delivery(message, grammars)) and run.sure >= SURE_RUN:
        return None  # 菜鸟驿站 3-2-1045 送西3 206: an errand, with its address
    if (wish := group(message, grammars)) and wish.intent == "group_open":
        return None  # 拼单 二食堂: where the food comes from, not where it goes
    if reading.any("PX") and not _question_about(message):
        return Guess("address_set", 0.95)
    if _P["pending_address_shi"].fullmatch(message.core):
        return Guess("address_set", 0.9)
    if _P["pending_address_laodifang"].search(message.text):
        return Guess("address_set", 0.8)
    return None


def _question_about(message: Message) -> bool:
    return message.asks and message.has("fee", "eta", "price", "menu", "status", "help")


def _pending_time(message: Message, grammars: Grammars) -> Guess | None:
    if message.items:
        return None
    if message.reading.any("T") and not message.asks:
        return Guess("schedule", 0.95)
    if message.has("schedule.now") and len(message.core) <= 10 and not message.asks:
        return Guess("schedule", 0.85)
    if _P["pending_time_dian"].fullmatch(message.core):
        return Guess("schedule", 0.7)
    return _declined(message, grammars)


def _pending_code(message: Message, grammars: Grammars) -> Guess | None:
    reading = message.reading
    if reading.any("K") or (reading.any("NAC") and not message.asks and message.residue <= 4):
        return Guess("order_errand", 0.92)
    return _declined(message, grammars)

_PENDING: Final[Mapping[str, Rule]] = {
    "pay": _pending_pay, "choose": _pending_choose, "ask_rating": _pending_rating,
    "ask_address": _pending_address, "ask_room": _pending_address, "ask_phone": _pending_address,
    "ask_time": _pending_time, "ask_pickup_code": _pending_code,
}
