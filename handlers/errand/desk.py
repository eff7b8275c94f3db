"""The errand desk: what becomes of an errand that has been paid for. Nobody needs to say yes."""
from datetime import datetime

from handlers.errand import pricing
from models.base import Session
from models.campus import Campus
from models.order import Order
from models.rules.order_state import OrderEvent, OrderState


def errand_paid(session: Session, campus: Campus, order: Order, *, now: datetime) -> None:
    """Riders are asked now, or in time for the hour that was named. The order is locked."""
    start = pricing.start_at(session, campus, order, now=now)
    if start > now:
        order.food_ready_at = order.answer_until = start
    else:
        begin(session, order, now=now)


def begin(session: Session, order: Order, *, now: datetime) -> None:
    """There is nothing to cook: it can be fetched from this moment. The order is locked."""
    if order.state != OrderState.PAID:
        return
    order.accepted_at = order.food_ready_at = now
    order.apply(session, OrderEvent.ACCEPTED, now=now)
    order.apply(session, OrderEvent.COOKED, now=now)
