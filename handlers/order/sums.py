"""多少钱, 付了两次: what an order costs, or has cost, whatever state it is in."""
from collections.abc import Sequence
from datetime import datetime

from config.texts import Reply, yuan
from handlers import wording
from handlers.customer import ask_destination
from handlers.order.status import describe
from handlers.speaker import Speaker
from handlers.taps import tap_id
from models.base import Session
from models.order import Order, OrderKind
from models.payment import Payment, PaymentState
from models.rules.order_state import UNPAID, OrderState
from models.shop import Dish


def price_of(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply:
    """The quote; before it is known where to, of the dishes; after payment, what was paid."""
    if OrderState(order.state) not in UNPAID:
        return Reply("order.paid_sum", {
            "code": order.code, "payable": yuan(order.payable_fen),
            "parts": wording.parts_of(order) if order.kind == OrderKind.FOOD else None},
            tap_id(order))
    if order.place_id is None and order.kind == OrderKind.FOOD:
        return ask_destination(session, speaker, order, now=now,
                               remarks=[_dishes_alone(session, speaker, order)])
    return describe(session, speaker, order, now=now)


def _dishes_alone(session: Session, speaker: Speaker, order: Order) -> Reply:
    dishes = Dish.by_keys(session, speaker.campus.id, {line.dish_key for line in order.lines})
    return Reply("order.dishes_alone", {"dishes": "、".join(
        f"{dish.name} {yuan(dish.price_fen)}" for dish in dishes.values())})


def what_was_paid(session: Session, speaker: Speaker) -> Reply:
    """What has come in for the last order that was paid, as the books have it."""
    order = Order.newest_paid_of(session, speaker.person.id)
    if order is None:
        return Reply("question.nothing_paid")
    payments = Payment.of_order(session, order.id, PaymentState.PAID)
    surplus = [payment for payment in payments if payment.is_surplus]
    return Reply("question.paid_more" if surplus else "question.paid_once", {
        "code": order.code, "count": len(payments), "amount": yuan(order.payable_fen),
        "surplus": yuan(_sum(surplus))})


def _sum(payments: Sequence[Payment]) -> int:
    return sum(payment.paid_fen or payment.amount_fen for payment in payments)
