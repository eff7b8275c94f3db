"""What the kitchen's rooms have in common."""
from sqlalchemy import select

from config.texts import Reply
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order
from models.rules.order_state import OrderState


def waiting_orders(session: Session, speaker: Speaker, *states: OrderState) -> list[Order]:
    """The speaker's shops' orders in these states, oldest first."""
    query = select(Order).where(Order.shop_id.in_(speaker.shop_ids), Order.state.in_(states))
    return list(session.scalars(query.order_by(Order.id)))


def not_yours(speaker: Speaker, order: Order) -> Reply | None:
    if order.shop_id not in speaker.shop_ids:
        return Reply("kitchen.not_yours", {"code": order.code})
    if order.buyer_id == speaker.person.id:
        return Reply("kitchen.own_order", {"code": order.code})
    return None


def as_it_stands(order: Order) -> Reply:
    return Reply("kitchen.as_it_stands", {
        "code": order.code, "state": Reply(f"state.{order.state}")})
