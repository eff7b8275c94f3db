"""What a rider has in hand, and what to do when something is in the way."""
from typing import Final

from config.texts import Reply, yuan
from handlers.rider.shared import drop_place, next_step
from handlers.speaker import Speaker
from handlers.wording import pickup, state_of, summary
from models.base import Session
from models.order import Order, OrderKind
from models.rules.order_state import OrderState

MOST: Final = 5
_LOADED = frozenset({OrderState.DELIVERING, OrderState.ARRIVED})


def in_hand(session: Session, speaker: Speaker) -> Reply:
    """在哪取, 手上还有几单: a line each, the offer that waits for an answer first."""
    asked = session.get_one(Order, speaker.offer.order_id) if speaker.offer else None
    if not speaker.carrying and asked is None:
        return Reply("rider.nothing_now")
    return Reply("rider.in_hand", {
        "offer": _asked(asked, speaker.offer.fee_fen) if asked and speaker.offer else None,
        "jobs": [_job(order) for order in speaker.carrying[:MOST]]})


def _asked(order: Order, fee_fen: int) -> Reply:
    return Reply("rider.asked", {
        "code": order.code, "pickup": pickup(order), "where": drop_place(order),
        "what": _food(order), "fee": yuan(fee_fen)})


def _job(order: Order) -> Reply:
    return Reply("rider.job", {
        "what": _food(order), "fee": yuan(order.rider_fee_fen),
        "code": order.code, "state": state_of(order), "pickup": pickup(order),
        "where": drop_place(order), "next": next_step(order)})


def _food(order: Order) -> str:
    """Of an errand, the way to its pickup says what it is."""
    return summary(order) if order.kind == OrderKind.FOOD else ""


def in_trouble(speaker: Speaker, order: Order, why: str) -> Reply:
    """`why`: a reason code of the labels (design: reason codes)."""
    if why in ("wrong_address", "no_contact") and order.state in _LOADED:
        return Reply("rider.find_door", {
            "code": order.code, "where": drop_place(order),
            "note": Reply("order.note", {"note": order.note}) if order.note else None})
    return Reply("rider.trouble_loaded" if order.state in _LOADED else "rider.trouble",
                 {"code": order.code})
