"""Out of a group again: one who leaves, or the opener who gives it up."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.texts import Param, Reply, yuan
from handlers import dialogue, undo
from handlers.group_order.pricing import spread_trip
from handlers.group_order.shared import closed, is_opener, live_orders, opener_only, own_orders
from handlers.group_order.telling import tell_dissolved, tell_member, tell_withdrawn
from handlers.group_order.treating import switch
from handlers.order.cancel import CancelOrder, cancel_order, revive
from handlers.payment import refund_order, retire_payments
from handlers.speaker import Speaker
from models.base import Session
from models.group_order import GroupOrder, GroupState
from models.order import Order
from models.payment import Refund
from models.rules.order_state import UNPAID, OrderEvent, OrderState


@dataclass(frozen=True, slots=True)
class LeaveGroup:
    """`is_sure`: has seen what it means, and said so."""

    group_id: int
    is_sure: bool = False


def leave(session: Session, speaker: Speaker, cmd: LeaveGroup, *, now: datetime) -> Reply:
    """Give one's dishes back. What was paid goes back whole as long as nobody cooks it.

    For the others nothing changes; what is missing for the trip the platform pays.
    """
    group = GroupOrder.lock(session, cmd.group_id)
    mine = own_orders(live_orders(session, group, lock=True), speaker.person.id)
    if group.member(speaker.person.id) is None:
        return Reply("group.not_in", {"code": group.code})
    if group.state == GroupState.DISSOLVED or (not mine and group.state == GroupState.LOCKED):
        return closed(group)
    cooking = [o for o in mine if OrderState(o.state) not in UNPAID | {OrderState.PAID}]
    if cooking:
        return cancel_order(session, speaker, CancelOrder(cooking[0].id, cmd.is_sure), now=now)
    paid = [order for order in mine if order.state == OrderState.PAID]
    if paid and not cmd.is_sure:
        return _are_you_sure(speaker, group, paid, now=now)
    return _left(session, speaker, group, mine, now=now)


def _are_you_sure(speaker: Speaker, group: GroupOrder, paid: Sequence[Order], *,
                  now: datetime) -> Reply:
    dialogue.ask(speaker.person, "confirm_leave", now=now, group_id=group.id)
    key = "group.leave_locked" if group.state == GroupState.LOCKED else "group.leave_paid"
    return Reply(key, {"code": group.code, "amount": yuan(sum(o.payable_fen for o in paid))})


def _left(session: Session, speaker: Speaker, group: GroupOrder, mine: Sequence[Order], *,
          now: datetime) -> Reply:
    paid = [order for order in mine if order.state == OrderState.PAID]
    may_return = group.takes_more(now)
    refunds = call_off(session, mine, "group_left", now=now, by=speaker.person.id,
                       due_at=now + undo.FOR if may_return else None)
    member = group.member(speaker.person.id)
    assert member is not None
    member.left_at = now
    if group.state == GroupState.LOCKED:
        tell_withdrawn(session, group, paid, now=now)
        spread_trip(group, live_orders(session, group))
    dialogue.clear(speaker.person)
    session.flush()
    if group.state == GroupState.OPEN and is_opener(group, speaker.person):
        _pass_on(session, speaker, group, now=now)
    if not refunds:
        return Reply("group.left", {"code": group.code})
    told: dict[str, Param] = {
        "code": group.code, "amount": yuan(sum(r.amount_fen for r in refunds)),
        "refund": "、".join(r.code for r in refunds)}
    if not may_return:
        return Reply("group.left_for_good", told)
    undo.offer(speaker.person, "group_leave", now=now, group_id=group.id, refunds={
        str(refund.payment.order_id): refund.id for refund in refunds})
    return Reply("group.left_refunding", {**told, "seconds": int(undo.FOR.total_seconds())})


def undo_leave(session: Session, speaker: Speaker, last: Mapping[str, Any], *,
               now: datetime) -> Reply:
    """Back at the table within the minute: the money never left. Not if the group has moved on."""
    group = GroupOrder.lock(session, last["group_id"])
    if not group.takes_more(now):
        return Reply("undo.too_late", {"code": group.code})
    attempt = session.begin_nested()  # all of it or nothing
    for order_id, refund_id in sorted(last["refunds"].items(), key=lambda pair: int(pair[0])):
        order = Order.lock(session, int(order_id))
        if not revive(session, order, OrderState.CANCELLED, refund_id, now=now,
                      by=speaker.person.id):
            attempt.rollback()
            return Reply("undo.too_late", {"code": group.code})
    attempt.commit()
    member = next(m for m in group.members if m.person_id == speaker.person.id)
    member.left_at = None
    return Reply("group.stayed", {"code": group.code})


def _pass_on(session: Session, speaker: Speaker, group: GroupOrder, *, now: datetime) -> None:
    """Who joined first after the opener leads on, and pays for nobody else. Nobody there: it ends
    at its deadline."""
    if group.seated:
        heir = group.seated[0]
        group.opener_id, group.opener = heir.person_id, heir.person
        tell_member(session, group, heir.person_id, f"leads:{group.version}", Reply(
            "group.you_lead", {"code": group.code, "taps": Reply(
                "group.opener_taps", {"code": group.code})}), now=now)
    switch(session, speaker, group, live_orders(session, group, lock=True), False, now=now)


def stay(session: Session, speaker: Speaker, group: GroupOrder) -> Reply:
    dialogue.clear(speaker.person)
    return Reply("group.stayed", {"code": group.code})


def call_off(session: Session, orders: Sequence[Order], reason: str, *, now: datetime,
             by: int | None = None, due_at: datetime | None = None) -> list[Refund]:
    """End these orders, which no kitchen has begun, and give all that was paid back.

    They are locked, and so is their group. `reason`: a name under [refund_reason]; `due_at`: when
    WeChat Pay is told.
    """
    refunds = []
    for order in orders:
        was_paid = order.state == OrderState.PAID
        retire_payments(session, order, now=now)
        order.apply(session, OrderEvent.CANCELLED, now=now, by=by, reason=reason)
        if was_paid and (refund := refund_order(
                session, order, reason, now=now, due_at=due_at)):
            refunds.append(refund)
    return refunds


def dissolve(session: Session, speaker: Speaker, cmd: LeaveGroup, *, now: datetime) -> Reply:
    """The opener gives up: everybody's money goes back whole."""
    group = GroupOrder.lock(session, cmd.group_id)
    if not is_opener(group, speaker.person):
        return opener_only(group)
    if group.state != GroupState.OPEN:
        return closed(group)
    orders = live_orders(session, group, lock=True)
    paid = {order.buyer_id for order in orders if order.state == OrderState.PAID}
    if paid and not cmd.is_sure:
        dialogue.ask(speaker.person, "confirm_dissolve", now=now, group_id=group.id)
        return Reply("group.dissolve_sure", {"code": group.code, "paid": len(paid)})
    end(session, group, orders, "group_dissolved", now=now, by=speaker.person.id)
    dialogue.clear(speaker.person)
    return Reply("group.dissolved", {
        "code": group.code, "back": Reply("group.all_back") if paid else None})


def end(session: Session, group: GroupOrder, orders: Sequence[Order], reason: str, *,
        now: datetime, by: int | None = None) -> None:
    """Dissolve a group that no kitchen has heard of. The group and its orders are locked."""
    refunds = call_off(session, orders, reason, now=now, by=by)
    group.state, group.ended_at = GroupState.DISSOLVED, now
    session.flush()
    tell_dissolved(session, group, orders, refunds, reason, now=now, by=by)
