"""小费: what a student adds to the delivery for the rider, who sees it with the offer.

It is part of the delivery's amount, so it goes wherever that goes: to the rider, or back.
"""
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from config.texts import Reply, yuan
from handlers.order.draft import quote_changed, reopen
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order
from models.rules.order_state import UNPAID, OrderState

MOST_FEN: Final = 5000


@dataclass(frozen=True, slots=True)
class SetTip:
    """`amount_fen` 0: none after all."""

    order_id: int
    amount_fen: int


def set_tip(session: Session, speaker: Speaker, cmd: SetTip, *, now: datetime) -> Reply:
    """Of an unpaid order; what is paid already is not asked for again."""
    order = Order.lock(session, cmd.order_id)
    if order.group_id is not None:
        return Reply("tip.in_group", {"code": order.code})
    if OrderState(order.state) not in UNPAID:
        return Reply("tip.too_late", {"code": order.code})
    if not 0 <= cmd.amount_fen <= MOST_FEN:
        return Reply("tip.range", {"most": yuan(MOST_FEN)})
    reopen(session, speaker, order, now=now)
    if order.errand is not None:
        order.errand.tip_fen = cmd.amount_fen
    else:
        order.tip_fen = cmd.amount_fen
    return quote_changed(session, speaker, order, now=now)
