"""Into a group: by code, card or QR; dishes chosen, changed, and priced in one message."""
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, zip_longest
from typing import Final

from sqlalchemy import select

from config.texts import Param, Reply, yuan
from handlers import dialogue
from handlers.group_order.paying import due_of, own_link, way_to_pay
from handlers.group_order.shared import (
    MOST_SEATS,
    clock,
    closed,
    gathered,
    heads,
    is_opener,
    live_orders,
    opener_of,
    own_orders,
    shops_of,
    surname,
)
from handlers.group_order.telling import bill_of, parts_of
from handlers.order.draft import Item, fill, with_note
from handlers.payment import ask_payment, link, retire_payments
from handlers.pricing import reprice
from handlers.speaker import Speaker
from handlers.taps import tap_id
from handlers.wording import items_of, what
from models import order as orders
from models.base import Session
from models.group_order import GroupMember, GroupOrder
from models.order import Order
from models.rules.order_state import UNPAID, OrderEvent, OrderState
from models.shop import Dish, NotEnough, Shop, take_stock

MOST_TAPS: Final = 3
MOST_DISHES: Final = 5


@dataclass(frozen=True, slots=True)
class JoinGroup:
    """`items`: what they want; empty: they only look in. `anew`: instead of what they had."""

    group_id: int
    items: tuple[Item, ...] = ()
    note: str | None = None
    anew: bool = False


def join(session: Session, speaker: Speaker, cmd: JoinGroup, *, now: datetime) -> Reply:
    """Take a seat and order, or change the order: priced, reserved and with its pay link."""
    group = GroupOrder.lock(session, cmd.group_id)
    if group.campus_id != speaker.campus.id:
        return Reply("group.unknown", {"code": group.code})
    if not group.takes_more(now):
        return closed(group)
    dialogue.ask(speaker.person, "group", now=now, group_id=group.id)
    if not cmd.items and not cmd.note:
        return door(session, speaker, group, now=now)
    dishes = Dish.by_keys(session, speaker.campus.id, {item.dish_key for item in cmd.items})
    shop = _window(group, [dishes[i.dish_key] for i in cmd.items if i.dish_key in dishes])
    if not cmd.items and (mine := unpaid_of(session, group, speaker.person.id)):
        shop = mine[-1].shop  # a note, on what is ordered
    if shop is None:
        return _not_sold_here(session, speaker, group, list(dishes.values()), now=now)
    if group.member(speaker.person.id) is None and all(i.op == "remove" for i in cmd.items):
        return Reply("group.not_in", {"code": group.code})
    if not _seat(group, speaker, now=now):
        return Reply("group.full", {"code": group.code, "most": MOST_SEATS})
    return _order(session, speaker, group, shop, cmd, dishes, now=now)


def _order(session: Session, speaker: Speaker, group: GroupOrder, shop: Shop, cmd: JoinGroup,
           dishes: dict[str, Dish], *, now: datetime) -> Reply:
    """Put the dishes into the member's open order at this window, or into a new one."""
    mine = unpaid_of(session, group, speaker.person.id, lock=True)
    order = next((o for o in mine if o.shop_id == shop.id), None)
    if cmd.anew:
        _drop(session, [o for o in mine if o is not order], speaker, now=now)
    if order is None:
        order = orders.place_order(session, Order(
            campus_id=group.campus_id, shop_id=shop.id, buyer_id=speaker.person.id,
            group_id=group.id, place_id=group.place_id, created_at=now))
    else:
        _reopen(session, order, speaker, now=now)
    if cmd.anew:
        order.lines.clear()
    remarks = fill(session, speaker, order, cmd.items, dishes, now=now)
    order.note = with_note(order.note, cmd.note)
    if not order.lines:
        order.apply(session, OrderEvent.CANCELLED, now=now, by=speaker.person.id)
        left = next((o for o in mine if o.state == OrderState.AWAITING_PAYMENT), None)
        if left is not None:  # the part of the trip may have stood on what is gone
            _reopen(session, left, speaker, now=now)
            return confirm(session, speaker, group, left, remarks, now=now)
        return Reply("group.nothing_left", {
            "code": group.code, "remarks": [remark for remark in remarks if remark]})
    return confirm(session, speaker, group, order, remarks, now=now)


def confirm(session: Session, speaker: Speaker, group: GroupOrder, order: Order,
            remarks: Sequence[Reply | None], *, now: datetime) -> Reply:
    """Price a member's draft and, unless the opener treats, hold it for them until the lock."""
    order.pay_until = group.lock_at
    reprice(session, speaker, order, now=now)
    if order.payable_fen <= 0:
        return Reply("group.nothing_to_pay", {"code": group.code})
    if group.is_treat:
        return joined(session, speaker, group, order, remarks, now=now)
    try:
        order.stock_taken = take_stock(session, order.lines)
    except NotEnough as missing:
        return Reply("order.not_enough", {"dish": missing.name, "left": missing.left})
    order.apply(session, OrderEvent.CONFIRMED, now=now, by=speaker.person.id)
    return joined(session, speaker, group, order, remarks, now=now)


def joined(session: Session, speaker: Speaker, group: GroupOrder, order: Order,
           remarks: Sequence[Reply | None] = (), *, now: datetime) -> Reply:
    """「进G5了」: what was ordered, what it costs and why, and the way to pay."""
    people = len(heads(group, live_orders(session, group)))
    facts: dict[str, Param] = {
        "code": group.code, "order": order.code, "opener": opener_of(group),
        "people": gathered(group, people), "lines": items_of(order, most=3),
        "note": Reply("order.note", {"note": order.note}) if order.note else None,
        "payable": yuan(order.payable_fen), "until": clock(group.lock_at, speaker.campus, now),
        "remarks": [remark for remark in remarks if remark][:1]}
    if group.is_treat:
        key = "group.joined_own_treat" if is_opener(group, speaker.person) else "group.joined_treat"
        return Reply(key, facts, tap_id(order))
    due = due_of(live_orders(session, group), order.buyer_id)
    links = {each.id: own_link(session, group, each, now=now) for each in due if each is not order}
    links[order.id] = link(ask_payment(session, order, speaker.person, now=now))
    return Reply("group.joined", {
        **facts, "parts": parts_of(order), **way_to_pay(due, links[due[0].id])}, tap_id(order))


def pay_again(session: Session, speaker: Speaker, cmd: JoinGroup, *, now: datetime) -> Reply:
    """The pay link once more, at today's share where that has become less."""
    group = GroupOrder.lock(session, cmd.group_id)
    mine = due_of(live_orders(session, group, lock=True), speaker.person.id)
    if not mine:
        return Reply("group.nothing_to_pay", {"code": group.code})
    order = mine[0]
    if group.is_treat:
        return bill_of(session, group, order, (), speaker.campus, now=now)
    refresh(session, speaker, order, now=now)
    return joined(session, speaker, group, order, now=now)


def refresh(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> bool:
    """Lower an unpaid share that has become less since it was quoted; never raise it."""
    before, attempt = order.payable_fen, session.begin_nested()
    reprice(session, speaker, order, now=now)
    if order.payable_fen >= before:
        attempt.rollback()
        return False
    attempt.commit()
    order.revision += 1
    retire_payments(session, order, now=now)
    return True


def door(session: Session, speaker: Speaker, group: GroupOrder, *, now: datetime) -> Reply:
    """What somebody sees who has come to a group and ordered nothing yet."""
    people = len(heads(group, live_orders(session, group)))
    return Reply("group.door", {
        "code": group.code, "source": group.source, "opener": opener_of(group),
        "where": group.place.name, "until": clock(group.lock_at, speaker.campus, now),
        "people": gathered(group, people), **_offered(session, group, now)})


def _offered(session: Session, group: GroupOrder, now: datetime) -> dict[str, Param]:
    """The first dish of each window, as far as there is room; of one shop its first dishes."""
    menu = [d for d in menu_of(session, group) if not d.is_sold_out(now)]
    shown = [dish for n_th in zip_longest(*_by_window(menu).values()) for dish in n_th if dish]
    taps = [Reply("group.dish_tap", {"code": group.code, "dish": d.name,
                                     "price": yuan(d.price_fen)}) for d in shown[:MOST_TAPS]]
    return {"dishes": taps, "first": menu[0].name if menu else "", "more": _more(menu)}


def _by_window(menu: Sequence[Dish]) -> dict[str, list[Dish]]:
    return {name: list(dishes) for name, dishes in groupby(menu, key=lambda dish: dish.shop.name)}


def _more(menu: Sequence[Dish]) -> Reply | None:
    """What the taps do not show: dishes of the one shop, or all windows of a canteen."""
    windows = _by_window(menu)
    if len(windows) > 1:
        return Reply("group.windows", {"windows": "、".join(windows)})
    rest = menu[MOST_TAPS:MOST_TAPS + MOST_DISHES]
    return Reply("group.more_dishes", {
        "dishes": "、".join(f"{d.name}{yuan(d.price_fen)}" for d in rest)}) if rest else None


def menu_of(session: Session, group: GroupOrder) -> list[Dish]:
    """Everything that can be ordered in the group, shop by shop."""
    shop_ids = [shop.id for shop in shops_of(session, group)]
    query = select(Dish).where(Dish.shop_id.in_(shop_ids), Dish.is_listed)
    return list(session.scalars(query.order_by(Dish.shop_id, Dish.id)))


def unpaid_of(session: Session, group: GroupOrder, person_id: int, *,
              lock: bool = False) -> list[Order]:
    return [order for order in own_orders(live_orders(session, group, lock=lock), person_id)
            if OrderState(order.state) in UNPAID]


def one_trip(session: Session, order: Order) -> Reply:
    """Why a member's part goes nowhere else, and at no other time."""
    group = session.get_one(GroupOrder, order.group_id)
    return Reply("group.one_trip", {"code": group.code, "where": group.place.name})


def _window(group: GroupOrder, dishes: Sequence[Dish]) -> Shop | None:
    """The first dish's shop that the group orders from."""
    return next((dish.shop for dish in dishes if group.sells(dish.shop)), None)


def _not_sold_here(session: Session, speaker: Speaker, group: GroupOrder,
                   dishes: Sequence[Dish], *, now: datetime) -> Reply:
    return Reply("group.not_sold_here", {
        "code": group.code, "source": group.source,
        "wanted": "、".join(dict.fromkeys(dish.name for dish in dishes)),
        **_offered(session, group, now)})


def _seat(group: GroupOrder, speaker: Speaker, *, now: datetime) -> GroupMember | None:
    """The speaker's seat: theirs, theirs again, or the next one; None when all are taken."""
    person = speaker.person
    for member in group.members:
        if member.person_id == person.id:
            member.left_at = None
            return member
    if len(group.seated) >= MOST_SEATS:
        return None
    seat = max((member.seat for member in group.members), default=0) + 1
    member = GroupMember(group_id=group.id, person_id=person.id, person=person, seat=seat,
                         label=surname(person.name), joined_at=now)
    group.members.append(member)
    return member


def swap(session: Session, speaker: Speaker, cmd: JoinGroup, *, now: datetime) -> Reply:
    """What is ordered next takes the place of what was ordered before, unless that is paid."""
    group = GroupOrder.lock(session, cmd.group_id)
    if not group.takes_more(now):
        return closed(group)
    mine = own_orders(live_orders(session, group), speaker.person.id)
    if not mine:
        return door(session, speaker, group, now=now)
    if all(OrderState(order.state) not in UNPAID for order in mine):
        return Reply("group.swap_paid", {"code": group.code})
    return Reply("group.swap", {"code": group.code, **_offered(session, group, now)})


def not_wanted(session: Session, speaker: Speaker, cmd: JoinGroup, dish: str, *,
               now: datetime) -> Reply:
    """「不要X」, X being what somebody calls a dish: taken off what is not paid, unless it may mean
    two; else that it was never ordered, or is paid for already."""
    group = session.get_one(GroupOrder, cmd.group_id)
    mine = own_orders(live_orders(session, group), speaker.person.id)
    if not mine:
        return Reply("group.not_in", {"code": group.code})
    named = {line.dish_key: OrderState(order.state) in UNPAID
             for order in mine for line in order.lines if dish in line.name}
    open_ = [key for key, is_open in named.items() if is_open]
    if len(open_) == 1:
        return join(session, speaker, replace(cmd, items=(Item(open_[0], op="remove"),)), now=now)
    if open_:
        return pay_again(session, speaker, cmd, now=now)  # what they have, and 换一个
    if named:
        return Reply("group.swap_paid", {"code": group.code})
    return Reply("group.not_ordered", {
        "code": group.code, "dish": dish,
        "mine": "、".join(what(line) for order in mine for line in order.lines)})


def name_bag(session: Session, speaker: Speaker, cmd: JoinGroup, label: str, *,
             now: datetime) -> Reply:
    """「我姓周」: what is written on this person's bag."""
    group = GroupOrder.lock(session, cmd.group_id)
    member = group.member(speaker.person.id)
    if member is None or not group.takes_more(now):
        return closed(group) if member else Reply("group.not_in", {"code": group.code})
    member.label = label[:4]
    speaker.person.name = speaker.person.name or label[:4]
    return Reply("group.bag_named", {"code": group.code, "label": member.label})


def _reopen(session: Session, order: Order, speaker: Speaker, *, now: datetime) -> None:
    retire_payments(session, order, now=now)
    order.revision += 1
    order.apply(session, OrderEvent.REVISED, now=now, by=speaker.person.id)


def _drop(session: Session, dropped: Sequence[Order], speaker: Speaker, *,
          now: datetime) -> None:
    for order in dropped:
        retire_payments(session, order, now=now)
        order.apply(session, OrderEvent.CANCELLED, now=now, by=speaker.person.id)
