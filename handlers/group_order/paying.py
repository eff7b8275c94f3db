"""Who eats from several windows of a canteen pays them one after another, the one with their part
of the way in it first. What is paid now, and what after it, is said wherever there is a link."""
from collections.abc import Sequence
from datetime import datetime

from config.texts import Param, Reply, yuan
from handlers.group_order.shared import live_orders, own_orders, page_of
from handlers.notice import Notice, tell
from handlers.payment import Standing, ask_payment, link, standing
from models.base import Session
from models.group_order import GroupOrder
from models.order import Order
from models.payment import Payment, PaymentState
from models.rules.order_state import OrderState


def due_of(orders: Sequence[Order], person_id: int) -> list[Order]:
    """What this person owes, as it is to be paid."""
    due = [order for order in own_orders(orders, person_id)
           if order.state == OrderState.AWAITING_PAYMENT]
    return sorted(due, key=lambda order: (-order.delivery_fen, order.id))


def way_to_pay(due: Sequence[Order], url: str) -> dict[str, Param]:
    """For a sentence with a link, `url`, to the first of these: its words, and what comes after."""
    first, *rest = due
    if not rest:
        return {"url": url, "pay": Reply("group.pay_own"), "after": None}
    return {"url": url, "pay": Reply("group.pay_first", {"part": part(first)}),
            "after": Reply("group.pay_after", {"rest": parts(rest)})}


def part(order: Order) -> str:
    return f"{order.shop.name} {yuan(order.payable_fen)}"


def parts(orders: Sequence[Order]) -> str:
    return "、".join(part(order) for order in orders)


def own_link(session: Session, group: GroupOrder, order: Order, *, now: datetime) -> str:
    """Where its buyer pays this order, which is locked. Where somebody else is about to pay it,
    that is the group's page: a link of their own would close the other's."""
    is_taken = any(payment.payer_id != order.buyer_id for payment in Payment.of_order(
        session, order.id, PaymentState.OPEN))
    if is_taken:
        return page_of(group)
    return link(ask_payment(session, order, order.buyer, now=now))


def left_beside(session: Session, order: Order) -> list[Order]:
    """What the buyer of this order of a group owes besides it. Nothing is locked."""
    if order.group_id is None:
        return []
    group = session.get_one(GroupOrder, order.group_id)
    return [each for each in due_of(live_orders(session, group), order.buyer_id)
            if each.id != order.id]


def link_to(session: Session, order: Order, *, now: datetime) -> str:
    """As own_link, of an order that is not locked: the link that is there, or the group's page."""
    mine = [payment for payment in Payment.of_order(session, order.id, PaymentState.OPEN)
            if payment.payer_id == order.buyer_id and standing(payment, now=now) is Standing.OPEN]
    return link(mine[-1]) if mine else page_of(session.get_one(GroupOrder, order.group_id))


def lead_on(session: Session, group: GroupOrder, paid: Order, *, now: datetime) -> None:
    """One window is paid: the way to the next."""
    if rest := left_beside(session, paid):
        tell(session, Notice(
            paid.buyer_id, f"{paid.id}:next:{rest[0].id}:{rest[0].revision}",
            good_until=group.lock_at, only_while={OrderState.AWAITING_PAYMENT},
            revision=rest[0].revision, chat=Reply("group.pay_next", {
                "code": group.code, "paid": part(paid), "rest": parts(rest),
                "url": link_to(session, rest[0], now=now)})), now=now, order_id=rest[0].id)
