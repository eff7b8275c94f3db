"""From a quote to a pay link."""
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.texts import Reply, yuan
from handlers import dialogue
from handlers.errand.quote import missing as missing_in_errand
from handlers.payment import ask_payment, link
from handlers.speaker import Speaker
from handlers.taps import is_stale, tap_id
from handlers.wording import quoted
from models.base import Session
from models.order import Order, OrderKind
from models.rules.order_state import OrderEvent, OrderState
from models.shop import NotEnough, take_stock

PAY_WITHIN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class ConfirmOrder:
    """`tap`: the id that came with a tap; None when the words were typed."""

    order_id: int
    tap: str | None = None


def confirm_order(session: Session, speaker: Speaker, cmd: ConfirmOrder, *,
                  now: datetime) -> Reply:
    """Freeze the quote and hand out the pay link. Said twice, it gives the same link again.

    A tap under an older quote acts on nothing and shows the newer one.
    """
    order = Order.lock(session, cmd.order_id)
    state = OrderState(order.state)
    if state not in (OrderState.DRAFT, OrderState.AWAITING_PAYMENT):
        return Reply("order.nothing_to_confirm", {"code": order.code})
    if order.place_id is None:
        dialogue.ask(speaker.person, "ask_address", now=now, order_id=order.id)
        return Reply("order.where_to", {"code": order.code})
    if is_stale(cmd.tap, order):
        dialogue.ask(speaker.person, "confirm_order", now=now, order_id=order.id)
        return quoted(session, speaker, order, headline="order.changed_meanwhile")
    if state is OrderState.DRAFT and order.kind == OrderKind.ERRAND:
        question = missing_in_errand(session, speaker, order, now=now, is_priced=True)
        if question:
            return question
    if order.goods_fen < order.shop.min_order_fen:
        return Reply("order.below_minimum", {
            "shop": order.shop.name, "minimum": f"{order.shop.min_order_fen / 100:g}"})
    if state is OrderState.DRAFT:
        try:
            order.stock_taken = take_stock(session, order.lines)
        except NotEnough as missing:
            return Reply("order.not_enough", {"dish": missing.name, "left": missing.left})
        order.pay_until = now + PAY_WITHIN if order.group_id is None else order.pay_until
        order.apply(session, OrderEvent.CONFIRMED, now=now, by=speaker.person.id)
    return _pay_here(session, speaker, order, now=now)


def _pay_here(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply:
    payment = ask_payment(session, order, speaker.person, now=now)
    assert order.pay_until is not None
    dialogue.ask(speaker.person, "pay", now=now, order_id=order.id)
    return Reply("order.confirmed", {
        "code": order.code, "payable": yuan(order.payable_fen), "url": link(payment),
        "minutes": int(PAY_WITHIN.total_seconds() // 60),
        "until": speaker.clock(order.pay_until)}, tap_id(order))
