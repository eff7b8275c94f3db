"""The opener treats: everybody chooses, one bill for all, one payer."""
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from config.texts import Reply
from handlers.group_order.joining import confirm
from handlers.group_order.pricing import promised_at, trip_fen
from handlers.group_order.shared import (
    closed,
    is_opener,
    label_of,
    live_orders,
    off_menu,
    opener_of,
    opener_only,
)
from handlers.group_order.telling import bill_of, tell_member
from handlers.notice import Notice, tell
from handlers.payment import retire_payments
from handlers.pricing import reprice
from handlers.speaker import Speaker
from models import order as rows
from models.base import Session
from models.campus import Campus
from models.group_order import GroupOrder, GroupState
from models.order import Order, OrderLine
from models.rules.order_state import OrderEvent, OrderState
from models.shop import NotEnough, take_stock

PAY_WITHIN: Final = timedelta(minutes=10)


def set_treat(session: Session, speaker: Speaker, group_id: int, is_treat: bool, *,
              now: datetime) -> Reply:
    """「G5我请客」, 「G5各付各的」: who pays may change as long as nobody has paid."""
    group = GroupOrder.lock(session, group_id)
    if not is_opener(group, speaker.person):
        return opener_only(group)
    if not group.takes_more(now):
        return closed(group)
    orders = live_orders(session, group, lock=True)
    if any(order.state == OrderState.PAID for order in orders):
        return Reply("group.somebody_paid", {"code": group.code})
    switch(session, speaker, group, orders, is_treat, now=now)
    key = "group.treats" if is_treat else "group.each_pays"
    return Reply(key, {"code": group.code})


def switch(session: Session, speaker: Speaker, group: GroupOrder, orders: Sequence[Order],
           is_treat: bool, *, now: datetime) -> None:
    """From now on the opener pays for these orders, or each their own. They are locked."""
    if is_treat != group.is_treat:
        group.is_treat = is_treat
        for order in orders:
            _switch(session, speaker, group, order, now=now)


def _switch(session: Session, speaker: Speaker, group: GroupOrder, order: Order, *,
            now: datetime) -> None:
    """A member's order becomes a wish again, or something to pay; they are told."""
    owner = Speaker(session, order.buyer, speaker.campus)
    if group.is_treat and order.state == OrderState.AWAITING_PAYMENT:
        retire_payments(session, order, now=now)
        order.revision += 1
        order.apply(session, OrderEvent.REVISED, now=now, by=speaker.person.id)
        reprice(session, owner, order, now=now)
        reply = Reply("group.told_treat", {"code": group.code, "opener": opener_of(group)})
    elif not group.is_treat and order.state == OrderState.DRAFT and order.lines:
        reply = confirm(session, owner, group, order, (), now=now)
    else:
        return
    if order.buyer_id != speaker.person.id:
        tell_member(session, group, order.buyer_id, f"switch:{order.id}:{order.version}", reply,
                    now=now)


Bill = tuple[Order, list[OrderLine]]  # and what of it ran out


def charge_opener(session: Session, group: GroupOrder, wishes: Sequence[Order], *,
                  now: datetime) -> list[Bill]:
    """At the lock: one order a window, bought by the opener, each line for its eater's bag.

    A window that has nothing of it left is no bill; the trip is on the first that is one.
    """
    chosen = sorted((o for o in wishes if o.lines), key=lambda o: (o.shop_id, o.id))
    people = len({order.buyer_id for order in chosen})
    group.state, group.locked_at = GroupState.LOCKED, now
    bought = [_merged(session, group, list(batch), now=now)
              for _, batch in groupby(chosen, key=lambda order: order.shop_id)]
    for wish in wishes:
        wish.apply(session, OrderEvent.CANCELLED, now=now, reason="group_treat")
    bills: list[Bill] = []
    for order in bought:
        missing = _reserve(session, group, order, now=now)
        _tell_eaters(session, group, missing, now=now)
        if order.lines:
            _confirm(session, group, order, 0 if bills else trip_fen(group, people), now=now)
            bills.append((order, missing))
        else:
            order.apply(session, OrderEvent.CANCELLED, now=now, reason="group_sold_out")
    session.flush()
    return bills


def tell_bills(session: Session, group: GroupOrder, bills: Sequence[Bill], *, now: datetime,
               by: int | None = None) -> None:
    """The opener is sent each bill, except the first one where they see it in a reply (`by`) and
    it has all that was wanted."""
    campus = session.get_one(Campus, group.campus_id)
    for place, (order, missing) in enumerate(bills):
        if by != group.opener_id or place > 0 or missing:
            told = bill_of(session, group, order, [line.name for line in missing], campus, now=now)
            tell(session, Notice(group.opener_id, f"group:{group.id}:bill:{order.id}", chat=told,
                                 good_until=order.pay_until), now=now, order_id=order.id)


def _tell_eaters(session: Session, group: GroupOrder, missing: Sequence[OrderLine], *,
                 now: datetime) -> None:
    for member in group.seated:
        names = [line.name for line in missing if line.member_id == member.id]
        if names and member.person_id != group.opener_id:
            tell_member(session, group, member.person_id, "lacks", Reply("group.treat_lacks", {
                "code": group.code, "dishes": "、".join(dict.fromkeys(names))}), now=now)


def _merged(session: Session, group: GroupOrder, wishes: Sequence[Order], *,
            now: datetime) -> Order:
    seats = {member.person_id: member for member in group.members}
    lines = [(seats[wish.buyer_id].id, line) for wish in wishes for line in wish.lines]
    notes = [f"{label_of(seats[wish.buyer_id])}：{wish.note}" for wish in wishes if wish.note]
    return rows.place_order(session, Order(
        campus_id=group.campus_id, shop_id=wishes[0].shop_id, buyer_id=group.opener_id,
        buyer=group.opener, group_id=group.id, place_id=group.place_id, place=group.place,
        note="；".join(notes) or None, created_at=now,
        lines=[OrderLine(
            position=n, member_id=seat, dish_id=line.dish_id, dish_key=line.dish_key,
            name=line.name, quantity=line.quantity, options=line.options,
            option_names=line.option_names, price_fen=line.price_fen, amount_fen=line.amount_fen)
            for n, (seat, line) in enumerate(lines)]))


def _reserve(session: Session, group: GroupOrder, order: Order, *,
             now: datetime) -> list[OrderLine]:
    """Take what there is; the lines that are off, the last ones where there was not enough."""
    gone = off_menu(session, group, [order], now=now)
    missing = [line for line in order.lines if line.dish_key in gone]
    for line in missing:
        order.lines.remove(line)
    while order.lines:
        try:
            order.stock_taken = take_stock(session, order.lines)
            break
        except NotEnough as short:
            last = next(line for line in reversed(order.lines) if line.name == short.name)
            order.lines.remove(last)
            missing.append(last)
    return missing


def _confirm(session: Session, group: GroupOrder, order: Order, delivery_fen: int, *,
             now: datetime) -> None:
    """Price it, the trip's fee as given, and let it wait for the opener's money."""
    campus = session.get_one(Campus, group.campus_id)
    reprice(session, Speaker(session, group.opener, campus), order, now=now)
    order.delivery_fen = delivery_fen
    order.discount_fen = min(order.discount_fen, order.goods_fen + delivery_fen - 1)
    order.payable_fen = order.goods_fen + delivery_fen - order.discount_fen
    order.promised_at = promised_at(session, group, [order], now=now)
    order.rider_fee_fen = 0
    order.pay_until = now + PAY_WITHIN
    order.apply(session, OrderEvent.CONFIRMED, now=now, by=group.opener_id)

