"""What the rooms of complaints have in common."""
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select

from config import settings
from config.texts import Reply
from handlers.kitchen.shortage import paid_for
from handlers.payment import refundable_fen
from handlers.wording import state_of
from models.base import Session
from models.complaint import Complaint, ComplaintState, Photo
from models.order import Order, OrderLine
from models.rules.order_state import OrderState

CLAIM_WITHIN: Final = timedelta(hours=24)
HAD: Final = frozenset({OrderState.SHELVED, OrderState.DELIVERED})


class ClaimKind(StrEnum):
    SPILLED = "spilled"
    SHORT = "short"
    WRONG = "wrong"
    BAD = "bad"      # cold, dirty, not as ordered: anything else
    LOST = "lost"    # never got it, or somebody took it


def claimable_of(session: Session, buyer_id: int, *, now: datetime) -> Order | None:
    """The buyer's newest order that came, or should have, within the last day."""
    query = select(Order).where(
        Order.buyer_id == buyer_id, Order.state.in_(sorted(HAD)),
        func.coalesce(Order.ended_at, now) > now - CLAIM_WITHIN)
    return session.scalars(query.order_by(Order.id.desc()).limit(1)).one_or_none()


def refusal_of(order: Order, now: datetime) -> Reply | None:
    """Why nothing can be claimed of this order now."""
    if OrderState(order.state) not in HAD:
        key = "complaint.not_yet" if order.is_live else "complaint.nothing"
        return Reply(key, {"code": order.code, "state": state_of(order)})
    if order.ended_at and now - order.ended_at > CLAIM_WITHIN:
        return Reply("complaint.too_late", {"code": order.code})
    return None


def claimed_lines(session: Session, order: Order) -> set[int]:
    """The lines whose money has gone back after a complaint, or that a person has decided on."""
    return {line for each in Complaint.of_order(session, order.id) for line in each.lines
            if each.state in (ComplaintState.REFUNDED, ComplaintState.REMADE,
                              ComplaintState.WAITING)}


def amount_of(session: Session, order: Order, lines: list[OrderLine], kind: ClaimKind) -> int:
    """What was paid for these lines; for an order that never came, all but what was made again."""
    if kind == ClaimKind.LOST:
        remade = {line for each in Complaint.of_order(session, order.id)
                  if each.state == ComplaintState.REMADE for line in each.lines}
        paid = order.payable_fen - sum(
            paid_for(order, line) for line in order.lines if line.id in remade)
    else:
        paid = sum(paid_for(order, line) for line in lines)
    return min(paid, refundable_fen(session, order))


def photo_url(photo: Photo) -> str:
    return f"{settings.load().public_url}/e/{photo.token}"
