"""A student's own limit for the week, and how the next order stands to it."""
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select

from config.texts import Reply, yuan
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order
from models.payment import Payment, Refund, RefundState

NOT_BACK: Final = frozenset({RefundState.CLOSED, RefundState.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class SetBudget:
    """`amount_fen` None: no limit any more."""

    amount_fen: int | None


def set_budget(session: Session, speaker: Speaker, cmd: SetBudget, *, now: datetime) -> Reply:
    speaker.person.weekly_budget_fen = cmd.amount_fen
    if cmd.amount_fen is None:
        return Reply("budget.gone")
    left = cmd.amount_fen - spent_fen(session, speaker, now=now)
    return Reply("budget.set", {"budget": yuan(cmd.amount_fen), "left": yuan(max(0, left))})


def explained(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> list[Reply]:
    """这周外卖还剩¥38: what will be left of the week's money when this order is paid."""
    budget = speaker.person.weekly_budget_fen
    if budget is None:
        return []
    left = budget - spent_fen(session, speaker, now=now) - order.payable_fen
    if left < 0:
        return [Reply("budget.over", {"over": yuan(-left), "budget": yuan(budget)})]
    return [Reply("budget.left", {"left": yuan(left)})]


def spent_fen(session: Session, speaker: Speaker, *, now: datetime) -> int:
    """What this person has paid since Monday, less what went back."""
    local = now.astimezone(speaker.campus.zone)
    monday = (local - timedelta(days=local.weekday())).replace(
        hour=0, minute=0, second=0, microsecond=0)
    paid = select(func.coalesce(func.sum(Payment.paid_fen), 0)).where(
        Payment.payer_id == speaker.person.id, Payment.paid_at >= monday)
    back = select(func.coalesce(func.sum(Refund.amount_fen), 0)).join(Payment).where(
        Payment.payer_id == speaker.person.id, Payment.paid_at >= monday,
        Refund.state.not_in(sorted(NOT_BACK)))
    return int(session.scalar(paid) or 0) - int(session.scalar(back) or 0)
