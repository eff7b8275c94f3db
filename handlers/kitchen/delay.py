"""忙，晚10分钟: later than promised, said before anybody has to ask."""
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from config.texts import Reply
from handlers.kitchen.answer import accept
from handlers.kitchen.shared import as_it_stands, not_yours
from handlers.order.late import expect_later, expected
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order
from models.rules.order_state import OrderState

LONGEST: Final = timedelta(minutes=40)  # all delays of one order together


@dataclass(frozen=True, slots=True)
class DelayOrder:
    order_id: int
    minutes: int


def delay_order(session: Session, speaker: Speaker, cmd: DelayOrder, *, now: datetime) -> Reply:
    """The kitchen needs longer: it takes the order, if it had not, and the buyer hears when."""
    order = Order.lock(session, cmd.order_id)
    if refusal := not_yours(speaker, order):
        return refusal
    is_asked = order.state == OrderState.PAID
    if not is_asked and order.state != OrderState.COOKING:
        return as_it_stands(order)
    later = expected(order) + timedelta(minutes=cmd.minutes)
    if order.promised_at and later - order.promised_at > LONGEST:
        return Reply("kitchen.too_long" if is_asked else "kitchen.no_longer", {
            "code": order.code, "minutes": int(LONGEST.total_seconds() // 60)})
    if is_asked:
        accept(session, order, now=now, by=speaker.person.id)
    order.food_ready_at = (order.food_ready_at or now) + timedelta(minutes=cmd.minutes)
    expect_later(session, order, later, "busy", now=now, by=speaker.person.id)
    return Reply("kitchen.delayed", {"code": order.code, "ready": speaker.clock(
        order.food_ready_at), "minutes": cmd.minutes})
