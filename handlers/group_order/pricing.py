"""What one member pays, while the group is open and once it is locked."""
from collections.abc import Sequence
from datetime import datetime

from handlers.group_order.shared import heads, live_orders
from handlers.pricing import RIDER_SHARE
from handlers.roads import metres_between, promised_time
from models.base import Session
from models.campus import Campus
from models.group_order import GroupOrder
from models.order import Order
from models.rules.order_state import OrderState
from models.rules.split import Division, Seat, divide, portions


def trip_fen(group: GroupOrder, people: int) -> int:
    """The delivery fee of the whole trip."""
    return 0 if people >= group.free_from else group.delivery_fen


def price_share(session: Session, order: Order, *, now: datetime) -> None:
    """Give a member's order its part of the trip, as things stand, instead of a trip of its own.

    What is quoted here is the most they will ever pay: see models/rules/split.py. Dishes and
    the buyer's own discount are priced already.
    """
    group = session.get_one(GroupOrder, order.group_id)
    others = [o for o in live_orders(session, group) if o.id != order.id]
    people = heads(group, others) | {order.buyer_id}
    order.delivery_fen = 0
    if not _rides_along(group, order, others):
        seats = [Seat(_seat(group, person_id), 0) for person_id in people]
        share = divide(seats, opener=_seat(group, group.opener_id),
                       delivery_fen=trip_fen(group, len(people)))
        order.delivery_fen = share.shares[_seat(group, order.buyer_id)].delivery_fen
    order.discount_fen = min(order.discount_fen, order.goods_fen + order.delivery_fen - 1)
    order.payable_fen = order.goods_fen + order.delivery_fen - order.discount_fen
    order.rider_fee_fen = 0
    order.promised_at = promised_at(session, group, [order], now=now)


def _rides_along(group: GroupOrder, order: Order, others: Sequence[Order]) -> bool:
    """Another order of the same person carries their part of the trip."""
    return any(o.buyer_id == order.buyer_id and o.delivery_fen
               and (group.is_treat or o.state != OrderState.DRAFT) for o in others)


def promised_at(session: Session, group: GroupOrder, orders: Sequence[Order], *,
                now: datetime) -> datetime:
    """When everything is there: the slowest kitchen counts, from the lock on."""
    campus = session.get_one(Campus, group.campus_id)
    distance = metres_between(session, campus, group.pickup, group.place)
    slowest = max((order.shop.prep_minutes for order in orders), default=0)
    return promised_time(slowest, distance, now=max(now, group.lock_at))


def settle_shares(group: GroupOrder, paid: Sequence[Order], discount_fen: int = 0) -> Division:
    """The bill of a group that locks now, by seat. `paid`: all orders that are paid.

    Dishes count less each buyer's own discount; nobody's share is above what they paid.
    """
    seats = [Seat(_seat(group, person_id),
                  sum(o.goods_fen - o.discount_fen for o in paid if o.buyer_id == person_id),
                  sum(o.payable_fen for o in paid if o.buyer_id == person_id))
             for person_id in {order.buyer_id for order in paid}]
    return divide(seats, opener=_seat(group, group.opener_id), discount_fen=discount_fen,
                  delivery_fen=trip_fen(group, len(seats)))


def lower(order: Order, by_fen: int, delivery_fen: int) -> int:
    """Bring a paid order's bill down, something left to pay; by how much it was."""
    by_fen = max(0, min(by_fen, order.payable_fen - 1))
    order.payable_fen -= by_fen
    order.delivery_fen = delivery_fen
    order.discount_fen = order.goods_fen + delivery_fen - order.payable_fen
    return by_fen


def spread_trip(group: GroupOrder, orders: Sequence[Order]) -> None:
    """The rider's pay for one trip, over the orders that are carried on it."""
    if orders:
        parts = portions(trip_pay_fen(group), dict.fromkeys((order.id for order in orders), 1),
                         orders[0].id)
        for order in orders:
            order.rider_fee_fen = parts[order.id]


def trip_pay_fen(group: GroupOrder) -> int:
    return int(group.delivery_fen * RIDER_SHARE)


def paid_orders(orders: Sequence[Order]) -> list[Order]:
    return [order for order in orders if order.state == OrderState.PAID]


def _seat(group: GroupOrder, person_id: int) -> int:
    return next((m.seat for m in group.members if m.person_id == person_id), 0)
