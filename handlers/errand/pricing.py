"""What an errand costs, and when it can be done."""
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Final

from dispatch.eta import promise
from handlers.errand.words import errand_of
from handlers.roads import metres_between, promised_time
from models.base import Session
from models.campus import Campus, Place
from models.errand import ErrandKind
from models.order import Order
from models.rules.pricing import ErrandFees, Fees

AT_PICKUP_S: Final[Mapping[str, float]] = {  # at each station, counter or window
    ErrandKind.PARCEL: 120, ErrandKind.BUY: 480, ErrandKind.PRINT: 480, ErrandKind.SEND: 120,
    ErrandKind.QUEUE: 1500}
QUEUEING: Final = 2  # times the fee of other errands: the rider stands there
BEFOREHAND: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Way:
    """`stops`: where it is fetched, in turn; `metres`: from the first of them to the door."""

    stops: tuple[Place, ...]
    metres: float


def reprice(session: Session, campus: Campus, order: Order, rider_share: Fraction, *,
            now: datetime) -> None:
    """Bring every amount and the promised time of an unpaid errand up to date."""
    errand, way = errand_of(order), way_of(session, campus, order)
    order.from_place = way.stops[0] if way.stops else order.from_place
    order.from_place_id = order.from_place.id if order.from_place else None
    fee_fen = max(1, _fee_fen(campus, order) + _fees(campus).way_fen(way.metres))
    order.goods_fen = errand.budget_fen or 0
    order.delivery_fen = fee_fen + errand.tip_fen
    order.discount_fen, order.discount_kind = 0, None
    order.payable_fen = order.goods_fen + order.delivery_fen
    order.rider_fee_fen = int(fee_fen * rider_share) + errand.tip_fen
    soonest = soonest_door(session, campus, order, now=now)
    is_later = order.wanted_at is not None and not errand.is_deadline
    order.promised_at = max(soonest, order.wanted_at) if is_later and order.wanted_at else soonest
    session.flush()


def way_of(session: Session, campus: Campus, order: Order) -> Way:
    places: list[Place | None] = [p.place for p in order.parcels] or [order.from_place]
    stops = tuple({place.id: place for place in places if place}.values())
    legs = pairwise((*(stops or (None,)), order.place))
    return Way(stops, sum(metres_between(session, campus, a, b) for a, b in legs))


def soonest_door(session: Session, campus: Campus, order: Order, *, now: datetime) -> datetime:
    way = way_of(session, campus, order)
    return promised_time(0, way.metres, now=now, pickup_s=_at_pickups_s(order, way))


def soonest_fetched(order: Order, *, now: datetime) -> datetime:
    """When the first of it can be in a rider's hands, four times out of five."""
    eta = promise(0, 300, 0, pickup_s=AT_PICKUP_S[errand_of(order).kind], dropoff_s=0)
    return now + timedelta(seconds=eta.p80_s)


def start_at(session: Session, campus: Campus, order: Order, *, now: datetime) -> datetime:
    """When riders are asked: at once, or so that it is there at the hour that was named."""
    errand = errand_of(order)
    if order.wanted_at is None or errand.is_deadline:
        return now
    start = order.wanted_at - (soonest_door(session, campus, order, now=now) - now) - BEFOREHAND
    if errand.fetch_by:
        start = min(start, errand.fetch_by - 3 * BEFOREHAND)
    return max(now, start)


def _at_pickups_s(order: Order, way: Way) -> float:
    return AT_PICKUP_S[errand_of(order).kind] * max(1, len(way.stops))


def _fee_fen(campus: Campus, order: Order) -> int:
    fees = campus.fees
    priced = ErrandFees(fees.get("errand_base_fen", 200), fees.get("errand_medium_fen", 100),
                        fees.get("errand_large_fen", 300))
    if order.parcels:
        return priced.parcels_fen([(p.size, p.place_id) for p in order.parcels])
    is_queue = errand_of(order).kind == ErrandKind.QUEUE
    return priced.base_fen * (QUEUEING if is_queue else 1)


def _fees(campus: Campus) -> Fees:
    return Fees(0, campus.fees.get("per_100m_fen", 0))
