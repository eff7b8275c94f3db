"""The food is on the stove."""
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from config.texts import Reply
from handlers import undo
from handlers.kitchen.answer import AnswerOrder
from handlers.kitchen.shared import as_it_stands, not_yours
from handlers.notice import Notice, tell
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order
from models.rules.order_state import OrderEvent, OrderState, is_allowed

SOON = timedelta(minutes=3)


def order_cooked(session: Session, speaker: Speaker, cmd: AnswerOrder, *, now: datetime) -> Reply:
    order = Order.lock(session, cmd.order_id)
    if refusal := not_yours(speaker, order):
        return refusal
    if not is_allowed(OrderState(order.state), OrderEvent.COOKED):
        return as_it_stands(order)
    before, order.food_ready_at = order.food_ready_at, now
    undo.offer(speaker.person, "cooked", now=now, order_id=order.id,
               ready_at=before.isoformat() if before else None)
    order.apply(session, OrderEvent.COOKED, now=now, by=speaker.person.id)
    if order.rider:
        ready = Reply("rider.food_ready", {"code": order.code, "shop": order.shop.name})
        tell(session, Notice(order.rider.person_id, f"{order.id}:cooked", good_until=now + SOON,
                             chat=ready), now=now, order_id=order.id)
    return Reply("kitchen.cooked", {
        "code": order.code, "rider": order.rider.name if order.rider else "",
        "who": Reply("kitchen.rider_comes" if order.rider else "kitchen.rider_sought", {
            "rider": order.rider.name if order.rider else ""})})


def undo_cooked(session: Session, speaker: Speaker, last: Mapping[str, Any], *,
                now: datetime) -> Reply:
    order = Order.lock(session, last["order_id"])
    if order.state != OrderState.READY:
        return Reply("undo.too_late", {"code": order.code})
    order.food_ready_at = datetime.fromisoformat(last["ready_at"]) if last["ready_at"] else None
    order.apply(session, OrderEvent.UNDONE, now=now, by=speaker.person.id)
    return Reply("kitchen.not_cooked", {"code": order.code})
