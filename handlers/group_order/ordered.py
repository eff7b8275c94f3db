"""A group's order is paid: it waits for the lock, or the treat goes to the kitchen."""
from datetime import datetime

from sqlalchemy import select

from config.texts import Reply
from handlers.group_order import kitchen
from handlers.group_order.paying import lead_on
from handlers.group_order.pricing import spread_trip
from handlers.group_order.shared import opener_of
from handlers.group_order.telling import tell_locked, tell_member, tell_summary
from models.base import Session
from models.group_order import GroupOrder, GroupState
from models.order import Order


def order_paid(session: Session, order: Order, *, now: datetime) -> None:
    """The order is locked, its group is not: nothing but this order may be changed here."""
    group = session.get_one(GroupOrder, order.group_id, populate_existing=True)
    if group.state != GroupState.LOCKED:
        lead_on(session, group, order, now=now)
        return
    kitchen.ask(session, group, [order], now=now)
    _spread(session, group, order)
    tell_locked(session, group, [order], now=now)
    tell_summary(session, group, [order], (), now=now)
    eaters = {line.member_id for line in order.lines}
    for member in group.seated:
        if member.id in eaters and member.person_id != group.opener_id:
            tell_member(session, group, member.person_id, f"treated:{order.id}", Reply(
                "group.treated", {"code": group.code, "opener": opener_of(group)}), now=now)


def _spread(session: Session, group: GroupOrder, order: Order) -> None:
    """The rider's pay for the trip stands on the first of its orders that is paid."""
    earlier = session.scalar(select(Order.id).where(
        Order.group_id == group.id, Order.rider_fee_fen > 0).limit(1))
    if earlier is None:
        spread_trip(group, [order])
