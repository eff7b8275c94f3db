"""How a group stands, for who is in it and for who is not."""
from datetime import datetime

from sqlalchemy import select

from config.texts import Reply, yuan
from handlers.group_order.bags import Bag, bags_of
from handlers.group_order.shared import (
    clock,
    closed,
    gathered,
    heads,
    is_opener,
    live_orders,
    opener_of,
    own_orders,
    page_of,
)
from handlers.speaker import Speaker
from models.base import Session
from models.group_order import GroupOrder, GroupState
from models.order import Order
from models.rules.order_state import OrderState


def waits_for_lock(session: Session, order: Order) -> bool:
    """Whether this order is a group's that has not been locked: no kitchen knows of it."""
    if order.group_id is None:
        return False
    query = select(GroupOrder.state).filter_by(id=order.group_id)
    return session.scalar(query) == GroupState.OPEN


def describe(session: Session, speaker: Speaker, group: GroupOrder, *, now: datetime) -> Reply:
    """An open group in one look: how many, until when, one's own part. Others' dishes only for
    those who are in."""
    if group.state != GroupState.OPEN:
        return closed(group)
    orders = live_orders(session, group)
    mine = own_orders(orders, speaker.person.id)
    is_in = group.member(speaker.person.id) is not None
    bags = bags_of(session, group, [o for o in orders if group.is_treat
                                    or o.state != OrderState.DRAFT]) if is_in else []
    due = {o.code for o in orders if o.state == OrderState.AWAITING_PAYMENT}
    return Reply("group.standing", {
        "code": group.code, "source": group.source, "opener": opener_of(group),
        "people": gathered(group, len(heads(group, orders))), "url": page_of(group),
        "bags": [_line(bag, due) for bag in bags[:4]],
        "mine": _own_part(mine) if mine else None,
        "until": clock(group.lock_at, speaker.campus, now),
        "taps": Reply("group.opener_taps", {"code": group.code})
        if is_opener(group, speaker.person) else Reply("group.member_taps", {"code": group.code})
        if mine else None})


def _line(bag: Bag, due: set[str]) -> Reply:
    """Who has not paid is what openers ask."""
    return Reply("group.bag_due", bag.line.params) if bag.code in due else bag.line


def _own_part(mine: list[Order]) -> Reply:
    unpaid = [order for order in mine if order.state == OrderState.AWAITING_PAYMENT]
    key = "group.own_unpaid" if unpaid else "group.own_paid"
    return Reply(key, {"payable": yuan(sum(o.payable_fen for o in unpaid or mine))})

