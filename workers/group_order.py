"""Group orders by the clock: reminders, locks; and the QR code that leads into a group."""
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Select, func, or_, select

from gateways.errors import Refused, Unreachable
from handlers.group_order.locking import REMIND_BEFORE
from models.base import Sessions
from models.group_order import GroupOrder, GroupState
from models.order import Order
from models.outbox import Outbox
from models.person import Person
from models.rules.order_state import ENDED, OrderState
from workers.doors import wechat_of

log = structlog.get_logger(__name__)

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
    """Locked groups of which no order is alive any more."""
    alive = select(Order.id).where(Order.group_id == GroupOrder.id, Order.state.not_in(ENDED))
    return select(GroupOrder.id).where(
        GroupOrder.state == GroupState.LOCKED, GroupOrder.ended_at.is_(None), ~alive.exists())


def make_code(outbox_id: int, *, now: datetime) -> None:
    """Ask WeChat for the parametric code of a group; what it says is kept, and drawn by us."""
    with Sessions.begin() as session:
        debt = session.get_one(Outbox, outbox_id, with_for_update=True)
        if debt.settled_at is not None:
            return
        debt.begin_attempt(now)
        debt.give_up_if_hopeless("no code could be had", now)
        group = session.get_one(GroupOrder, debt.payload["group_id"])
        if group.qr_url or group.state != GroupState.OPEN:
            debt.settle("not needed", now)
            return
        wechat = wechat_of(session, session.get_one(Person, group.opener_id).app_id)
        lasts = max(timedelta(minutes=1), group.lock_at - now) + CODE_LASTS_LONGER
        scene, group_id = f"g_{group.code}", group.id
    try:
        made = wechat.create_qr(scene, int(lasts.total_seconds()))
    except Unreachable as error:
        log.warning("group.code_left", group=group_id, why=str(error))
        return
    except Refused as refusal:
        _settle(outbox_id, f"dead: {refusal}", now)
        return
    with Sessions.begin() as session:
        session.get_one(GroupOrder, group_id, with_for_update=True).qr_url = made.url
    _settle(outbox_id, "made", now)


def _settle(outbox_id: int, outcome: str, now: datetime) -> None:
    with Sessions.begin() as session:
        session.get_one(Outbox, outbox_id, with_for_update=True).settle(outcome, now)
