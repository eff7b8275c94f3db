"""Complaints: from words, taps and pictures to what handlers/complaint does."""
import re
import tomllib
from collections.abc import Callable
from typing import Final

from bot.commands import Command
from bot.nlu.understand import Understanding
from bot.routes.base import Route, Turn, by_code, own, unknown
from bot.routes.buyer_words import own_order
from config import settings
from config.texts import Reply
from handlers import complaint
from handlers import order as ordering
from handlers.complaint import Claim, ClaimKind
from models.order import Order
from models.rules.order_state import OrderState

_WORDS: Final = tomllib.loads(
    (settings.ROOT / "config" / "lexicon" / "complaints.toml").read_text("utf-8"))
_KINDS: Final = [(ClaimKind(kind), re.compile(form)) for kind, form in _WORDS["kinds"].items()]
_ALL, _OTHER, _KIND_WORDS = (re.compile(_WORDS[name]) for name in ("all", "other", "kind_words"))
_REASONS: Final = {"spilled": ClaimKind.SPILLED, "damaged": ClaimKind.SPILLED,
                   "missing": ClaimKind.SHORT, "wrong_item": ClaimKind.WRONG,
                   "not_received": ClaimKind.LOST, "foreign_object": ClaimKind.BAD,
                   "hygiene": ClaimKind.BAD, "cold": ClaimKind.BAD, "bad_taste": ClaimKind.BAD}


def kind_in(words: str) -> ClaimKind | None:
    return next((kind for kind, form in _KINDS if form.search(words)), None)


def _claim(turn: Turn, command: Command) -> Reply:
    """A27洒了, A27少送冰红茶, A27全洒了."""
    order = _had(turn, command.code)
    if order is None:
        return unknown(command.code)
    return complaint.claim(turn.session, turn.speaker, _read(order.id, command.rest),
                           now=turn.now)


def _read(order_id: int, words: str, kind: ClaimKind | None = None) -> Claim:
    dish = _KIND_WORDS.sub("", words, count=1)
    return Claim(order_id, kind_in(words) or kind, dish, is_all=bool(_ALL.search(words)),
                 is_other=bool(_OTHER.search(words)))


def _had(turn: Turn, code: str | None) -> Order | None:
    """The order of this code; without one, the newest that came."""
    if code is None:
        return complaint.claimable_of(turn.session, turn.speaker.person.id, now=turn.now)
    return own(turn, code)


def _begin(turn: Turn, command: Command) -> Reply:
    order = _had(turn, command.code)
    if order is None:
        return unknown(command.code) if command.code else Reply("complaint.none")
    return complaint.begin(turn.session, turn.speaker, Claim(order.id), now=turn.now)


def _refund(turn: Turn, command: Command) -> Reply | None:
    """A27退款: of an order that came, the money; of one under way, it is cancelled."""
    order = own(turn, command.code)
    if order is None:
        return unknown(command.code)
    if OrderState(order.state) not in complaint.HAD:
        return ordering.cancel_order(turn.session, turn.speaker, ordering.CancelOrder(order.id),
                                     now=turn.now)
    return complaint.refund(turn.session, turn.speaker, ordering.OwnOrder(order.id), now=turn.now)


def _unhappy(turn: Turn, command: Command) -> Reply:
    return complaint.unhappy(turn.session, turn.speaker, command.rest, now=turn.now)


def _decide(is_granted: bool) -> Route:
    def route(turn: Turn, command: Command) -> Reply:
        order = by_code(turn, command.code)
        if order is None:
            return unknown(command.code)
        return complaint.decide(turn.session, turn.speaker, order.id, is_granted, now=turn.now)
    return route


def _judge(turn: Turn, command: Command) -> Reply:
    order = by_code(turn, command.code)
    if order is None:
        return unknown(command.code)
    return complaint.judge(turn.session, turn.speaker, order.id,
                           command.name.removeprefix("complaint_by_"), now=turn.now)


def _checked(turn: Turn, command: Command) -> Reply:
    """核对A29对, 核对A29错: what is written on the bag."""
    order = own(turn, command.code)
    if order is None:
        return unknown(command.code)
    return complaint.checked(turn.session, turn.speaker, ordering.OwnOrder(order.id),
                             command.name.removeprefix("checked_"), now=turn.now)


def pictured(turn: Turn, media_id: str) -> Reply | None:
    return complaint.photo_sent(turn.session, turn.speaker, media_id, now=turn.now)


def answered(turn: Turn) -> Reply | None:
    """「全洒了」, 「少了瓶水」 right after it was asked what is wrong."""
    asked = turn.pending
    if asked.get("pending") != "complaint" or kind_in(turn.text) is None:
        return None
    return complaint.claim(turn.session, turn.speaker, _read(asked["order_id"], turn.text),
                           now=turn.now)


def said(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """A sentence that complains, or wants money back."""
    ref = meant.slots.get("order_ref")
    order = own(turn, ref) if ref and ref != "last" else _had(turn, None)
    if order is None:
        return unknown(ref) if ref and ref != "last" else _under_way(turn, focus, meant)
    cmd = _read(order.id, turn.text, _REASONS.get(str(meant.slots.get("reason"))))
    if meant.intent == "refund" and cmd.kind is None \
            and turn.pending.get("pending") == "complaint":
        return complaint.refund(turn.session, turn.speaker, ordering.OwnOrder(order.id),
                                now=turn.now)
    return complaint.claim(turn.session, turn.speaker, cmd, now=turn.now)


def _under_way(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """Nothing has come yet: a refund is a wish to cancel, a complaint a question where it is."""
    if focus is None:
        return Reply("complaint.none")
    if meant.intent == "refund":
        return ordering.cancel_order(turn.session, turn.speaker, ordering.CancelOrder(focus.id),
                                     now=turn.now)
    return ordering.describe(turn.session, turn.speaker, focus, now=turn.now)


Said = Callable[[Turn, Order | None, Understanding], Reply | None]
COMMANDS: Final[dict[str, Route]] = {
    "complaint_begin": _begin, "complaint_claim": _claim, "complaint_refund": _refund,
    "complaint_unhappy": _unhappy, "complaint_grant": _decide(True),
    "complaint_remake": own_order(complaint.remake),
    "complaint_search": own_order(complaint.search),
    "complaint_found": own_order(complaint.found), "checked_right": _checked,
    "checked_wrong": _checked, "checked_put_back": _checked, "checked_eaten": _checked,
    "complaint_refuse": _decide(False), "complaint_by_shop": _judge,
    "complaint_by_rider": _judge, "complaint_by_platform": _judge,
}
