"""The lock: who has paid is in, the bill is divided, the kitchens are asked."""
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from config.texts import Reply
from handlers.group_order import kitchen
from handlers.group_order.leaving import call_off, end
from handlers.group_order.paying import due_of
from handlers.group_order.pricing import (
    lower,
    paid_orders,
    promised_at,
    settle_shares,
    spread_trip,
)
from handlers.group_order.shared import heads, live_orders, off_menu
from handlers.group_order.telling import (
    tell_dissolved,
    tell_dropped,
    tell_eaters,
    tell_locked,
    tell_member,
    tell_removed,
    tell_sold_out,
    tell_summary,
    tell_unpaid,
)
from handlers.group_order.treating import charge_opener, tell_bills
from handlers.payment import expire_unpaid, retire_payments
from handlers.payment.refunding import refund_part
from models.base import Session
from models.group_order import GroupOrder, GroupState
from models.order import LINES, Order
from models.rules.order_state import OrderEvent, OrderState

REMIND_BEFORE: Final = timedelta(minutes=2)
PATIENCE: Final = timedelta(minutes=3)  # with WeChat Pay, for its word on who has paid


def close_due(session: Session, group_id: int, *, now: datetime) -> None:
    """Lock a group whose time has come, or whose number is complete."""
    group = GroupOrder.lock(session, group_id)
    if group.state == GroupState.OPEN and is_due(session, group, now):
        group.lock_at = min(group.lock_at, now)
        close_group(session, group, now=now)


def is_due(session: Session, group: GroupOrder, now: datetime) -> bool:
    if group.lock_at <= now:
        return True
    orders = live_orders(session, group)
    ready = heads(group, orders) if group.is_treat else {
        o.buyer_id for o in paid_orders(orders) if not due_of(orders, o.buyer_id)}
    return group.lock_when is not None and len(ready) >= group.lock_when


def close_group(session: Session, group: GroupOrder, *, now: datetime,
                by: int | None = None) -> bool:
    """Lock it, or dissolve it; False when WeChat Pay must say first who has paid.

    The group is locked. Orders that nobody paid are closed at WeChat Pay; where that finds them
    paid after all, they are in. After some minutes without an answer they are out all the same,
    and money that comes later goes back by itself. `by`: who said so, and sees it in the reply.
    """
    orders = live_orders(session, group, lock=True)
    if group.is_treat:
        _charge(session, group, orders, now=now, by=by)
        return True
    for order in orders:
        if order.state == OrderState.AWAITING_PAYMENT:
            order.pay_until = min(order.pay_until or now, now)
            expire_unpaid(session, order.id, now=now)
    unsure = [o for o in orders if o.state == OrderState.AWAITING_PAYMENT]
    if unsure and now - group.lock_at < PATIENCE:
        return False
    _send_away(session, [o for o in orders if o.state in (
        OrderState.DRAFT, OrderState.AWAITING_PAYMENT)], now=now)
    paid = paid_orders(orders)
    eaters = {order.buyer_id for order in paid}
    removed = _unpaid_people(session, group) - eaters
    tell_dropped(session, group, _unpaid_of(session, group, eaters), now=now)
    cooked = _without_sold_out(session, group, paid, now=now)
    _lock(session, group, cooked, removed, now=now, by=by,
          why_none="group_sold_out" if paid else "group_unpaid")
    return True


def _charge(session: Session, group: GroupOrder, wishes: Sequence[Order], *, now: datetime,
            by: int | None) -> None:
    """The opener's bill for what all want; if there is none, all hear why."""
    wanted = [order for order in wishes if order.lines]
    bills = charge_opener(session, group, wishes, now=now)
    billed = [order for order, _ in bills]
    if billed and not _is_too_small(group, billed):
        tell_bills(session, group, bills, now=now, by=by)
        return
    why = "group_too_small" if billed else "group_sold_out" if wanted else "group_unpaid"
    call_off(session, billed, why, now=now)
    group.state, group.ended_at = GroupState.DISSOLVED, now
    tell_dissolved(session, group, wanted, [], why, now=now, by=by)


def _is_too_small(group: GroupOrder, orders: Sequence[Order]) -> bool:
    least = group.shop.min_order_fen if group.shop else 0
    return sum(order.goods_fen for order in orders) < least


def _unpaid_of(session: Session, group: GroupOrder, people: Collection[int]) -> list[Order]:
    """What these people, who paid something, left unpaid at another window until the lock."""
    gone = select(Order).options(LINES).where(
        Order.group_id == group.id, Order.buyer_id.in_(people), Order.ended_at >= group.lock_at,
        Order.state.in_([OrderState.EXPIRED, OrderState.CANCELLED]), Order.paid_at.is_(None))
    return list(session.scalars(gone))


def _unpaid_people(session: Session, group: GroupOrder) -> set[int]:
    """Who sits there and has ordered; their orders may have run out by themselves just now."""
    ordered = set(session.scalars(select(Order.buyer_id).where(Order.group_id == group.id)))
    return ordered & {member.person_id for member in group.seated}


def _send_away(session: Session, orders: Sequence[Order], *, now: datetime) -> None:
    for order in orders:
        retire_payments(session, order, now=now)
        order.apply(session, OrderEvent.CANCELLED, now=now, reason="group_unpaid")


def _without_sold_out(session: Session, group: GroupOrder, paid: Sequence[Order], *,
                      now: datetime) -> list[Order]:
    """What can still be cooked. A dish that ran out since takes its whole order with it: the
    eater gets all money back rather than half a meal."""
    gone = off_menu(session, group, paid, now=now)
    lost = [o for o in paid if any(line.dish_key in gone for line in o.lines)]
    for order in lost:
        refunds = call_off(session, [order], "group_sold_out", now=now)
        tell_sold_out(session, group, order, [
            line.name for line in order.lines if line.dish_key in gone], refunds, now=now)
    return [order for order in paid if order not in lost]


def _lock(session: Session, group: GroupOrder, paid: Sequence[Order], removed: set[int], *,
          now: datetime, by: int | None, why_none: str) -> None:
    for member in group.seated:
        if member.person_id not in {order.buyer_id for order in paid}:
            member.left_at = now if member.person_id != group.opener_id else None
    tell_removed(session, group, removed, now=now)
    if not paid:
        end(session, group, [], why_none, now=now, by=by)
        return
    if _is_too_small(group, paid):
        end(session, group, paid, "group_too_small", now=now, by=by)
        return
    group.state, group.locked_at = GroupState.LOCKED, now
    _settle(session, group, paid, now=now)
    kitchen.ask(session, group, paid, now=now)
    tell_locked(session, group, paid, now=now)
    if by != group.opener_id:
        tell_summary(session, group, paid, removed, now=now)


def _settle(session: Session, group: GroupOrder, paid: Sequence[Order], *,
            now: datetime) -> None:
    """Everybody's part of the bill as it is now; who paid more gets the difference back."""
    division = settle_shares(group, paid)
    together = promised_at(session, group, paid, now=now)
    for member in group.members:
        mine = sorted((order for order in paid if order.buyer_id == member.person_id),
                      key=lambda order: -order.delivery_fen)
        over = 0
        if mine:
            share = division.shares[member.seat]
            over = sum(order.payable_fen for order in mine) - share.payable_fen
        for place, order in enumerate(mine):
            back = lower(order, over, share.delivery_fen if place == 0 else 0)
            over -= back
            order.promised_at = together
            refund_part(session, order, back, "group_share", now=now)
    spread_trip(group, paid)
    session.flush()


def remind(session: Session, group_id: int, *, now: datetime) -> None:
    """Two minutes before the lock: a word to those who have not paid, and to nobody else."""
    group = GroupOrder.lock(session, group_id)
    if group.state != GroupState.OPEN or group.reminded_at or group.is_treat:
        return
    group.reminded_at = now
    orders = live_orders(session, group, lock=True)
    for person_id in dict.fromkeys(order.buyer_id for order in orders):
        if due := due_of(orders, person_id):
            tell_unpaid(session, group, due, now=now)


def finish(session: Session, group_id: int, *, now: datetime) -> None:
    """A locked group whose orders have all ended is over. One that nobody paid for came to
    nothing: the opener who wanted to treat let the bill lapse."""
    group = GroupOrder.lock(session, group_id)
    if group.state != GroupState.LOCKED or group.ended_at:
        return
    paid = session.scalars(select(Order.id).where(
        Order.group_id == group.id, Order.paid_at.is_not(None)).limit(1)).first()
    if group.is_treat and paid is not None:
        tell_eaters(session, group, now=now)
    if live_orders(session, group):
        return
    group.ended_at = now
    if paid is None:
        group.state = GroupState.DISSOLVED
        for member in group.seated:
            tell_member(session, group, member.person_id, "lapsed", Reply(
                "group.told_dissolved", {"code": group.code, "back": None,
                                         "why": Reply("group.why_unpaid")}), now=now)
