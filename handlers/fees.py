"""What delivery costs here and now: the way, the building, the hour, and how busy riders are."""
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from math import ceil
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, select

from config.texts import Reply, yuan
from handlers.speaker import Speaker
from models.base import Session
from models.campus import Campus
from models.order import Order
from models.rider import Rider, RiderStatus
from models.rules.hours import is_open
from models.rules.order_state import OrderState
from models.rules.pricing import Fees
from models.rules.surge import Load, eases_at, surge_fen

HOLDS: Final = timedelta(minutes=10)  # so long a quote keeps what it said of how busy it is
SOON: Final = timedelta(hours=1)
CARRIED: Final = frozenset({OrderState.PAID, OrderState.COOKING, OrderState.READY,
                            OrderState.DELIVERING, OrderState.ARRIVED})


def delivery_fen(session: Session, campus: Campus, order: Order, metres: float, *,
                 now: datetime) -> int:
    """The whole fee for this order's way; notes on the order how much of it is the rush."""
    fees = Fees(campus.fees.get("delivery_base_fen", 200), campus.fees.get("per_100m_fen", 0))
    building = int(order.place.rules.get("extra_fen", 0)) if order.place else 0
    at = (order.wanted_at or now).astimezone(campus.zone)
    hour = sum(int(each["extra_fen"]) for each in _times(campus)
               if is_open([[each["from"], each["until"]]], at))
    return fees.delivery_fen(metres) + building + hour + _rush(session, campus, order, now=now)


def packing_fen(campus: Campus, order: Order) -> int:
    """What the shop takes for boxes: once an order, and for each portion of some dishes."""
    shop: Mapping[str, Any] = next(
        (s for s in campus.file.get("shops", ()) if s["id"] == order.shop.key), {})
    boxes = {dish["id"]: dish.get("packing_fen", 0) for dish in shop.get("dishes", ())}
    return int(shop.get("packing_fen", 0)) + sum(
        int(boxes.get(line.dish_key, 0)) * ceil(line.quantity) for line in order.lines)


def explained(speaker: Speaker, order: Order) -> list[Reply]:
    """How much the rush adds, and when it is over: waiting is a tap."""
    if not rush_fen(order) or order.rush_until is None:
        return []
    return [Reply("order.rush", {"more": yuan(rush_fen(order)),
                                 "until": speaker.clock(order.rush_until)})]


def told(speaker: Speaker, order: Order | None, *, is_errand: bool = False) -> Reply:
    """配送费怎么算: of the order that is talked about, and the rule; 代取快递多少钱: of errands."""
    fees = speaker.campus.fees
    if is_errand:
        return Reply("question.fee_errand", {
            "base": yuan(int(fees.get("errand_base_fen", 200))),
            "medium": yuan(int(fees.get("errand_medium_fen", 100))),
            "large": yuan(int(fees.get("errand_large_fen", 300)))})
    most_fen = int(fees.get("surge_cap_fen", 0))
    rule = Reply("question.fee", {
        "base": yuan(int(fees.get("delivery_base_fen", 200))),
        "rush": Reply("question.fee_rush", {"most": yuan(most_fen)}) if most_fen else None})
    if order is None or not order.delivery_fen:
        return rule
    rush = rush_fen(order)
    return Reply("question.fee_of", {
        "code": order.code, "fee": yuan(order.delivery_fen), "rule": rule,
        "rush": Reply("question.fee_of_rush", {
            "more": yuan(rush), "until": speaker.clock(order.rush_until)})
        if rush and order.rush_until else None})


def rush_fen(order: Order) -> int:
    """How much of the delivery fee is the rush: nothing, for later than it lasts."""
    is_later = order.wanted_at is not None and order.rush_until is not None \
        and order.wanted_at >= order.rush_until
    return 0 if is_later else order.rush_fen


def load_of(session: Session, campus: Campus, *, now: datetime) -> Load:
    """How busy the campus is. A group's bags are one trip; what is for later does not count."""
    trips, riders = session.execute(_counts(), {
        "campus_id": campus.id, "now": now, "soon": now + SOON}).one()
    return Load(trips or 0, riders or 0)


@cache
def _counts() -> Select[int, int]:
    """Made once a process: every quote asks it."""
    trips = select(func.count(func.distinct(func.coalesce(-Order.group_id, Order.id)))).where(
        Order.campus_id == bindparam("campus_id"), Order.state.in_(sorted(CARRIED)),
        ~Order.is_self_pickup,
        func.coalesce(Order.wanted_at, bindparam("now")) <= bindparam("soon"))
    riders = select(func.count()).select_from(Rider).where(
        Rider.campus_id == bindparam("campus_id"), Rider.is_on_duty,
        Rider.status == RiderStatus.APPROVED)
    return select(trips.scalar_subquery(), riders.scalar_subquery())


def _rush(session: Session, campus: Campus, order: Order, *, now: datetime) -> int:
    """Frozen with the quote: looked at anew only when that is ten minutes old."""
    cap_fen = campus.fees.get("surge_cap_fen", 0)
    if not cap_fen or order.group_id is not None:
        return 0
    if order.rush_at is None or now - order.rush_at > HOLDS:
        load = load_of(session, campus, now=now)
        order.rush_at, order.rush_fen = now, surge_fen(load, cap_fen=cap_fen)
        order.rush_until = eases_at(load, now=now) if order.rush_fen else None
    return rush_fen(order)


def _times(campus: Campus) -> Sequence[Mapping[str, Any]]:
    return campus.file.get("fees", {}).get("times") or ()
