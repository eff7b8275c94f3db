"""What the kitchen's rooms have in common."""
from sqlalchemy import ColumnElement, select

from config.texts import Reply
from handlers.speaker import Speaker
from models.base import Session
from models.order import LINES, Order
from models.rules.order_state import OrderState


def waiting_orders(session: Session, speaker: Speaker, *states: OrderState) -> list[Order]:
    """The speaker's shops' orders in these states, oldest first."""
    query = select(Order).where(Order.shop_id.in_(speaker.shop_ids), Order.state.in_(states),
                                ~_is_gathering(Order))
    return list(session.scalars(query.order_by(Order.id).options(LINES)))


def _is_gathering(order: type[Order]) -> "ColumnElement[bool]":
    """Paid, but its group is not locked yet: the kitchen has not been asked."""
    return (order.state == OrderState.PAID) & order.group_id.is_not(None) & (
        order.answer_until.is_(None))


def not_yours(speaker: Speaker, order: Order) -> Reply | None:
    is_gathering = order.group_id and order.state == OrderState.PAID and not order.answer_until
    if order.shop_id not in speaker.shop_ids or is_gathering:
        return Reply("kitchen.not_yours", {"code": order.code})
    if order.buyer_id == speaker.person.id:
        return Reply("kitchen.own_order", {"code": order.code})
    return None


def as_it_stands(order: Order) -> Reply:
    return Reply("kitchen.as_it_stands", {
        "code": order.code, "state": Reply(f"state.{order.state}")})
