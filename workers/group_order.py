"""Group orders by the clock: reminders, locks; and the QR code that leads into a group."""
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select

from handlers.group_order.locking import REMIND_BEFORE
from models.base import Session
from models.group_order import GroupOrder, GroupState
from models.order import Order
from models.person import Person
from models.rules.order_state import ENDED, OrderState
from workers import qr_code
from workers.doors import wechat_of

CODE_LASTS_LONGER = timedelta(minutes=10)  # than the group: who comes late is told that it is over


def to_remind(now: datetime) -> "Select[int]":
    """Open groups whose unpaid members have not been reminded, two minutes before the lock."""
    return select(GroupOrder.id).where(
        GroupOrder.state == GroupState.OPEN, GroupOrder.reminded_at.is_(None),
        GroupOrder.lock_at <= now + REMIND_BEFORE, GroupOrder.lock_at > now)


def to_close(now: datetime) -> "Select[int]":
    """Open groups whose time has come, or whose number is complete."""
    chosen = (Order.state == OrderState.PAID) | (
        GroupOrder.is_treat & (Order.state == OrderState.DRAFT))
    people = select(func.count(Order.buyer_id.distinct())).where(
        Order.group_id == GroupOrder.id, chosen).correlate(GroupOrder).scalar_subquery()
    return select(GroupOrder.id).where(GroupOrder.state == GroupState.OPEN, or_(
        GroupOrder.lock_at <= now, people >= GroupOrder.lock_when)).order_by(GroupOrder.lock_at)


def to_finish() -> "Select[int]":
    """Locked groups of which no order is alive any more; treats besides, whose eaters hear what
    comes to nothing only from us."""
    alive = select(Order.id).where(Order.group_id == GroupOrder.id, Order.state.not_in(ENDED))
    return select(GroupOrder.id).where(
        GroupOrder.state == GroupState.LOCKED, GroupOrder.ended_at.is_(None),
        ~alive.exists() | GroupOrder.is_treat)


def make_code(outbox_id: int, *, now: datetime) -> None:
    """The code that leads into a group, as long as it is open."""
    def wanted(session: Session, payload: Mapping[str, Any]) -> qr_code.Wanted | None:
        group = session.get_one(GroupOrder, payload["group_id"])
        if group.qr_url or group.state != GroupState.OPEN:
            return None
        group_id = group.id

        def keep(session: Session, url: str) -> None:
            session.get_one(GroupOrder, group_id, with_for_update=True).qr_url = url

        return qr_code.Wanted(
            wechat_of(session, session.get_one(Person, group.opener_id).app_id),
            f"g_{group.code}",
            max(timedelta(minutes=1), group.lock_at - now) + CODE_LASTS_LONGER, keep)
    qr_code.make(outbox_id, wanted, now=now)
