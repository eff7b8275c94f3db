"""From a quote to a pay link."""
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Select, bindparam, select

from config.texts import Reply, yuan
from handlers import dialogue
from handlers.customer import ask_destination
from handlers.errand.quote import missing as missing_in_errand
from handlers.notice import Notice, tell
from handlers.odd_orders import ask_first
from handlers.order.slots import cannot_be, no_room
from handlers.order.status import show_newer
from handlers.payment import ask_payment, link
from handlers.pricing import reprice
from handlers.speaker import Speaker
from handlers.taps import is_stale, tap_id
from handlers.till import MOST_UNPAID_ON_PHONE, unpaid_beside
from models.base import Session
from models.order import Order, OrderKind
from models.rules.order_state import OrderEvent, OrderState
from models.shop import Dish, NotEnough, take_stock

PAY_WITHIN = timedelta(minutes=15)
PROMISE_HOLDS = timedelta(minutes=10)  # a quote read slowly keeps its time; an old one does not
REMIND_BEFORE = timedelta(minutes=5)
AN_HOUR = timedelta(hours=1)
MOST_UNPAID = 3
MOST_AN_HOUR = 10


@dataclass(frozen=True, slots=True)
class ConfirmOrder:
    """`tap`: the id that came with a tap; None when the words were typed."""

    order_id: int
    tap: str | None = None


def confirm_order(session: Session, speaker: Speaker, cmd: ConfirmOrder, *,
                  now: datetime) -> Reply:
    """Freeze the quote and hand out the pay link. Said twice, it gives the same link again.

    A tap under an older quote acts on nothing and shows the newer one. Of a group it is one's
    part that is paid, if that is anybody's own to pay.
    """
    if (group_id := session.get_one(Order, cmd.order_id).group_id) is not None:
        from handlers.group_order.joining import JoinGroup, pay_again  # it needs us first

        return pay_again(session, speaker, JoinGroup(group_id), now=now)
    order = Order.lock(session, cmd.order_id)
    state = OrderState(order.state)
    if state not in (OrderState.DRAFT, OrderState.AWAITING_PAYMENT):
        return Reply("order.nothing_to_confirm", {"code": order.code})
    if order.place_id is None:
        return ask_destination(session, speaker, order, now=now)
    if is_stale(cmd.tap, order):
        return show_newer(session, speaker, order, now=now)
    dishes = order.read_lines(session) if state is OrderState.DRAFT else []
    if order.dishes_fen < order.shop.min_order_fen:
        return Reply("order.below_minimum", {
            "shop": order.shop.name, "minimum": f"{order.shop.min_order_fen / 100:g}"})
    if odd := ask_first(session, speaker, order, now=now):
        return odd
    if state is OrderState.DRAFT:
        if refusal := (_too_many(session, speaker, order, now=now)
                       or _no_longer_so(session, speaker, order, dishes, now=now)):
            return refusal
        if not order.take_points(session, now=now):
            reprice(session, speaker, order, now=now)
            return _quoted_anew(session, speaker, order, now=now)
        try:
            order.stock_taken = take_stock(session, order.lines)
        except NotEnough as missing:
            order.return_points(session, order.points_taken, now=now)
            return Reply("order.not_enough", {"dish": missing.name, "left": missing.left})
        order.pay_until = now + PAY_WITHIN if order.group_id is None else order.pay_until
    elif order.pay_until is None or order.pay_until <= now:
        return Reply("status.expired", {"code": order.code, "refund": None})
    dialogue.ask(speaker.person, "pay", now=now, order_id=order.id)
    if state is OrderState.DRAFT:
        order.apply(session, OrderEvent.CONFIRMED, now=now, by=speaker.person.id)
        _remind(session, order, now=now)
    return _pay_here(session, speaker, order, now=now)


def _too_many(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply | None:
    """Unpaid orders hold food that others could have, so nobody may have many of them."""
    lately = session.execute(_lately(), {
        "buyer_id": order.buyer_id, "order_id": order.id, "since": now - AN_HOUR}).all()
    unpaid = [each.code for each in lately if each.state == OrderState.AWAITING_PAYMENT]
    if len(unpaid) >= MOST_UNPAID:
        return Reply("order.too_many_unpaid", {
            "count": len(unpaid), "codes": "、".join(unpaid), "first": unpaid[0]})
    beside = unpaid_beside(session, speaker.person, now=now)
    if len(beside) >= MOST_UNPAID_ON_PHONE and order.group_id is None:
        return Reply("order.too_many_on_phone", {
            "count": len(beside), "code": order.code,
            "until": speaker.clock(beside[-MOST_UNPAID_ON_PHONE] + timedelta(minutes=1))})
    if len(lately) >= MOST_AN_HOUR and order.group_id is None:
        free_at = lately[-MOST_AN_HOUR].created_at + AN_HOUR + timedelta(minutes=1)
        return Reply("order.too_many_an_hour", {
            "most": MOST_AN_HOUR, "until": speaker.clock(free_at), "code": order.code})
    return None


@cache
def _lately() -> Select[str, str, datetime]:
    """Made once a process: every confirmation asks it."""
    return select(Order.code, Order.state, Order.created_at).where(
        Order.buyer_id == bindparam("buyer_id"), Order.group_id.is_(None),
        Order.pay_until.is_not(None), Order.id != bindparam("order_id"),
        Order.created_at > bindparam("since")).order_by(Order.id).execution_options(
            autoflush=False)


def _no_longer_so(session: Session, speaker: Speaker, order: Order, dishes: Sequence[Dish], *,
                  now: datetime) -> Reply | None:
    """What has changed since the quote was shown, so that it cannot be paid for as it stands."""
    if order.kind == OrderKind.ERRAND:
        return missing_in_errand(session, speaker, order, now=now, is_priced=True)
    refusal = (cannot_be(session, speaker, order.shop, order.wanted_at, now=now)
               or no_room(session, speaker, order, now=now))
    if refusal:
        return refusal
    there = {dish.id for dish in dishes if dish.is_listed and not dish.is_sold_out(now)}
    gone = [line.name for line in order.lines if line.dish_id not in there]
    if gone:
        return Reply("order.gone_meanwhile", {"dishes": "、".join(dict.fromkeys(gone)),
                                              "code": order.code})
    asked, promised = order.payable_fen, order.promised_at or now
    reprice(session, speaker, order, now=now)
    assert order.promised_at is not None
    if order.payable_fen == asked and order.promised_at <= promised + PROMISE_HOLDS:
        order.promised_at = promised
        return None
    return _quoted_anew(session, speaker, order, now=now)


def _quoted_anew(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply:
    """Show what it costs now; older taps act on nothing."""
    order.revision += 1
    order.apply(session, OrderEvent.REVISED, now=now, by=speaker.person.id)
    return show_newer(session, speaker, order, now=now)


def _remind(session: Session, order: Order, *, now: datetime) -> None:
    """Five minutes before the end, if it is not paid by then, and if there is room to say so."""
    assert order.pay_until is not None
    tell(session, Notice(
        order.buyer_id, f"{order.id}:{order.version}:pay_soon", good_until=order.pay_until,
        only_while={OrderState.AWAITING_PAYMENT}, revision=order.revision,
        chat=Reply("order.pay_soon", {
            "code": order.code, "minutes": int(REMIND_BEFORE.total_seconds() // 60)},
            tap_id(order))),
         now=now, order_id=order.id, due_at=order.pay_until - REMIND_BEFORE)


def _pay_here(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply:
    payment = ask_payment(session, order, speaker.person, now=now)
    assert order.pay_until is not None
    return Reply("order.confirmed", {
        "code": order.code, "payable": yuan(order.payable_fen), "url": link(payment),
        "minutes": int(PAY_WITHIN.total_seconds() // 60),
        "until": speaker.clock(order.pay_until)}, tap_id(order))
