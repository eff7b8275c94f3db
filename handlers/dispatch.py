"""Between rows and arrays: what dispatch is asked, and what is done with its answer."""
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import func, or_, select

from config.texts import Reply, yuan
from dispatch.eta import PREP_SPREAD, Vehicle
from dispatch.plan import Assignment, Plan, Reason
from dispatch.problem import Bar, Problem, Visit
from handlers.group_order.pricing import trip_pay_fen
from handlers.notice import Notice, tell_all
from handlers.roads import graph_now, graph_of, rider_place_key
from handlers.wording import clock, dated, pickup
from models.base import Session
from models.campus import Campus, Place
from models.group_order import GroupOrder, trip_code
from models.order import SEALED, Order, trips
from models.rider import CAPACITY, Offer, OfferState, Rider, RiderStatus
from models.rules.order_state import LOADED, WANTS_RIDER, OrderState
from models.shop import ShopOwner

OFFER_FOR = timedelta(seconds=40)
ASK_AGAIN_AFTER = timedelta(minutes=3)  # a rider who let an offer pass may see the order again
SEEK_BEFORE = timedelta(minutes=15)  # so long before the food is ready riders are asked
SPEED = Vehicle.E_BIKE


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A problem, and when it was true."""

    problem: Problem
    at: datetime


def snapshot(session: Session, campus_id: int, *, now: datetime) -> Snapshot | None:
    """Open orders and riders of a campus as arrays; None when either is missing. Locks nothing."""
    campus = session.get_one(Campus, campus_id)
    orders = _waiting(session, campus_id, now)
    riders = _free_riders(session, campus_id)
    if not orders or not riders:
        return None
    in_hand = Order.carried_by_each(session, [r.id for r in riders])
    keys, index = _place_index(session, campus, orders, riders, in_hand)
    travel = graph_now(session, campus, now).matrix_m(keys) / SPEED.value
    shop_at = [index[_key(o.pickup_place)] for o in orders]
    problem = Problem(
        order_ids=np.array([o.id for o in orders], np.int64),
        rider_ids=np.array([r.id for r in riders], np.int64),
        travel_s=travel,
        pickup=np.array(shop_at, np.int64),
        dropoff=np.array([index[_key(o.place)] for o in orders], np.int64),
        ready_s=np.array([_from_now(o.food_ready_at, now, 0.0) for o in orders]),
        due_s=np.array([_from_now(o.promised_at, now, np.inf) for o in orders]),
        rider_at=np.array([index[rider_place_key(session, campus, r) or ""] for r in riders],
                          np.int64),
        free_s=np.zeros(len(riders)),
        load=np.array([len(trips(in_hand[r.id])) for r in riders], np.int64),
        capacity=np.full(len(riders), CAPACITY, np.int64),
        forbidden=_bars(session, orders, riders, in_hand, now),
        routes=tuple(_route(in_hand[r.id], index, now) for r in riders),
        speed_mps=SPEED.value,
        ready_sd_s=np.array([_spread_s(o, now) for o in orders]),
        off_s=np.array([_from_now(r.off_at, now, np.inf) for r in riders]),
        latest_s=np.array([_closing_s(o.place, campus, now) for o in orders]))
    return Snapshot(problem, now)


def _waiting(session: Session, campus_id: int, now: datetime) -> list[Order]:
    """Orders that are soon ready, that nobody carries or is asked about, or is to have with
    another order that somebody is asked about."""
    asked = select(Offer.id).where(Offer.state == OfferState.OPEN, or_(
        Offer.order_id == Order.id, Offer.reason["together"].contains(func.to_jsonb(Order.id))))
    query = select(Order).where(
        Order.campus_id == campus_id, Order.rider_id.is_(None),
        Order.state.in_(sorted(WANTS_RIDER)), ~Order.is_self_pickup,
        Order.food_ready_at <= now + SEEK_BEFORE, ~asked.exists(), Order.leads_trip())
    return list(session.scalars(query.order_by(Order.id).options(*SEALED)))


def _free_riders(session: Session, campus_id: int) -> list[Rider]:
    """Approved riders on duty who are not looking at another offer."""
    asked = select(Offer.id).where(Offer.rider_id == Rider.id, Offer.state == OfferState.OPEN)
    query = select(Rider).where(Rider.campus_id == campus_id, Rider.is_on_duty,
                                Rider.status == RiderStatus.APPROVED, ~asked.exists())
    return list(session.scalars(query.order_by(Rider.id)))


def _key(place: Place | None) -> str:
    return place.key if place else ""


def _place_index(session: Session, campus: Campus, orders: list[Order], riders: list[Rider],
                 in_hand: Mapping[int, list[Order]]) -> tuple[list[str], dict[str, int]]:
    """The places that matter in this tick. What has no place stands at the first of them."""
    touched = [o for o in orders] + [o for held in in_hand.values() for o in held]
    keys = {_key(o.pickup_place) for o in touched} | {_key(o.place) for o in touched}
    keys |= {rider_place_key(session, campus, r) or "" for r in riders}
    known = sorted(keys - {""})
    index = {key: i for i, key in enumerate(known)}
    index[""] = 0
    return known, index


def _from_now(at: datetime | None, now: datetime, otherwise: float) -> float:
    return (at - now).total_seconds() if at else otherwise


def _spread_s(order: Order, now: datetime) -> float:
    """Kitchens are a quarter of what is left early or late; what is cooked is certain."""
    if order.state == OrderState.READY:
        return 0.0
    return PREP_SPREAD * max(_from_now(order.food_ready_at, now, 0.0), 0.0)


def _closing_s(place: Place | None, campus: Campus, now: datetime) -> float:
    """When a building closes that has no place to leave things at."""
    rules = (place.rules or {}) if place else {}
    until = rules.get("until")
    if not until or rules.get("drop_point"):
        return float("inf")
    hour, minute = map(int, str(until).split(":"))
    local = now.astimezone(campus.zone)
    closes = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (closes - local).total_seconds()


def _is_on_way(order: Order, in_hand: Sequence[Order]) -> bool:
    """Whether it is fetched or brought where something in hand is; with nothing in hand all is."""
    return not in_hand or any(
        order.place_id == held.place_id or order.shop_id == held.shop_id for held in in_hand)


def _bars(session: Session, orders: list[Order], riders: list[Rider],
          in_hand: Mapping[int, Sequence[Order]],
          now: datetime) -> "np.ndarray[Any, np.dtype[np.int8]]":
    """Who may not have what: own orders, own shops, and what was declined a moment ago."""
    bars = np.zeros((len(orders), len(riders)), np.int8)
    row = {order.id: i for i, order in enumerate(orders)}
    column = {rider.id: j for j, rider in enumerate(riders)}
    query = select(Offer.order_id, Offer.rider_id).where(
        Offer.order_id.in_([o.id for o in orders]),
        Offer.state.in_([OfferState.DECLINED, OfferState.EXPIRED]),
        Offer.answered_at > now - ASK_AGAIN_AFTER)
    declined = session.execute(query).all()
    owned = session.execute(select(ShopOwner.shop_id, ShopOwner.person_id).where(
        ShopOwner.shop_id.in_({o.shop_id for o in orders}))).all()
    people = np.array([rider.person_id for rider in riders])
    shops = np.array([order.shop_id for order in orders])
    # The one that is told comes last: an own order is no matter of what was declined.
    for rider in riders:
        if rider.is_on_way_only:
            bars[[not _is_on_way(o, in_hand[rider.id]) for o in orders],
                 column[rider.id]] = Bar.OFF_ROUTE
    for order_id, rider_id in declined:
        if rider_id in column:
            bars[row[order_id], column[rider_id]] = Bar.DECLINED
    for shop_id, person_id in owned:
        bars[np.ix_(shops == shop_id, people == person_id)] = Bar.OWN_SHOP
    bars[np.array([order.buyer_id for order in orders])[:, None] == people] = Bar.OWN_ORDER
    return bars


def _route(orders: list[Order], index: Mapping[str, int], now: datetime) -> tuple[Visit, ...]:
    """A rider's stops in hand: first collect what is still in a kitchen, then hand over."""
    pickups = [Visit(index[_key(o.pickup_place)], o.id, is_pickup=True,
                     earliest_s=_from_now(o.food_ready_at, now, float("-inf")))
               for o in orders if OrderState(o.state) not in LOADED]
    return (*pickups, *(Visit(index[_key(o.place)], o.id,
                              due_s=_from_now(o.promised_at, now, float("inf")))
                        for o in orders))


def apply_plan(session: Session, asked: Snapshot, plan: Plan, *, now: datetime) -> int:
    """Make the offers a plan proposes, dropping whatever has moved meanwhile; how many were made.

    Locks the orders by id, then the riders by id.
    """
    problem = asked.problem
    wanted = {int(problem.order_ids[a.order_index]): a for a in plan.assignments}
    orders = {o.id: o for o in session.scalars(
        select(Order).where(Order.id.in_(wanted)).order_by(Order.id)
        .with_for_update(key_share=True).options(*SEALED)
        .execution_options(populate_existing=True))}
    rider_ids = {int(problem.rider_ids[a.rider_index]) for a in plan.assignments}
    riders = {r.id: r for r in session.scalars(
        select(Rider).where(Rider.id.in_(rider_ids)).order_by(Rider.id)
        .with_for_update(of=Rider, key_share=True).execution_options(populate_existing=True))}
    meant = [(orders.get(order_id), riders.get(int(problem.rider_ids[each.rider_index])), each)
             for order_id, each in sorted(wanted.items())]
    may_have = _still_holds(session, list(orders), list(riders))
    offers = [(_offer(session, order, rider, each, now=now), order, rider, each)
              for order, rider, each in meant if order and rider and may_have(order, rider)]
    session.flush()
    if offers:
        campus = session.get_one(Campus, offers[0][1].campus_id)
        beside = _read(session, {i for *_, each in offers for i in _beside(each.reason)})
        tell_all(session, [(_notice(session, campus, each_offer, beside), each_offer[1].id)
                           for each_offer in offers], now=now)
    return len(offers)


_Made = tuple[Offer, Order, Rider, Assignment]


def _read(session: Session, order_ids: Collection[int]) -> dict[int, Order]:
    return {o.id: o for o in session.scalars(select(Order).where(Order.id.in_(order_ids)))}


def _beside(reason: Reason) -> list[int]:
    return [int(i) for i in (reason.same_dropoff, reason.same_pickup) if i is not None][:1]


def _still_holds(session: Session, order_ids: list[int],
                 rider_ids: list[int]) -> Callable[[Order, Rider], bool]:
    """Whether an order may be held out to a rider now; all of them are locked."""
    offered = session.execute(select(Offer.order_id, Offer.rider_id).where(
        Offer.state == OfferState.OPEN,
        or_(Offer.order_id.in_(order_ids), Offer.rider_id.in_(rider_ids)))).all()
    asked, looking = {each.order_id for each in offered}, {each.rider_id for each in offered}
    in_hand = Order.carried_by_each(session, rider_ids)

    def may_have(order: Order, rider: Rider) -> bool:
        return (rider.may_work and order.rider_id is None
                and OrderState(order.state) in (OrderState.COOKING, OrderState.READY)
                and len(trips(in_hand[rider.id])) < CAPACITY
                and order.id not in asked and rider.id not in looking)
    return may_have


def _offer(session: Session, order: Order, rider: Rider, assignment: Assignment, *,
           now: datetime) -> Offer:
    offer = Offer(order_id=order.id, rider_id=rider.id, offered_at=now, state=OfferState.OPEN,
                  expires_at=now + OFFER_FOR, fee_fen=_pay_fen(session, order),
                  considered=assignment.reason.candidates.columns(),
                  reason={"cost_s": round(assignment.cost_s, 1), **_plain(assignment.reason)})
    session.add(offer)
    return offer


def _pay_fen(session: Session, order: Order) -> int:
    """What whoever takes this order, and what is carried with it, gets."""
    if order.group_id is None:
        return order.rider_fee_fen
    return trip_pay_fen(session.get_one(GroupOrder, order.group_id))


def _notice(session: Session, campus: Campus, made: _Made,
            beside: Mapping[int, Order]) -> Notice:
    offer, order, rider, assignment = made
    reason = assignment.reason
    trip = graph_of(session, campus).distance_m(_key(order.pickup_place), _key(order.place)) \
        if order.pickup_place and order.place else 0
    chat = Reply("rider.offer", {
        "code": trip_code(session, order), "pickup": pickup(order),
        "where": _name(order.place), "metres": round(reason.distance_m + trip),
        "fee": yuan(offer.fee_fen), "ready": clock(order.food_ready_at, campus),
        "why": _why(assignment, beside), "seconds": int(OFFER_FOR.total_seconds())})
    return Notice(
        rider.person_id, f"offer:{offer.id}", template="rider_task", chat=chat, prefer="chat",
        good_until=offer.expires_at, facts={
            "code": dated(order, campus),
            "pickup": pickup(order),
            "dropoff": _name(order.place), "fee": yuan(offer.fee_fen),
            "accept_by": clock(offer.expires_at, campus)})


def _name(place: Place | None) -> str:
    return place.name if place else ""


def _plain(reason: Reason) -> dict[str, Any]:
    """The reason's own numbers as JSON."""
    return {each.name: _simple(getattr(reason, each.name)) for each in fields(reason)
            if each.name != "candidates"}


def _simple(value: Any) -> Any:
    """A number as JSON knows it, to a tenth; None for what is not finite."""
    match value:
        case float():
            return round(value, 1) if np.isfinite(value) else None
        case np.integer():
            return int(value)
        case tuple():
            return [_simple(each) for each in value]
        case _:
            return value


def _why(assignment: Assignment, beside: Mapping[int, Order]) -> Reply:
    """The reason in a sentence: on the way, the same place, or simply the nearest."""
    reason = assignment.reason
    for other, key in ((reason.same_dropoff, "rider.why_same_building"),
                       (reason.same_pickup, "rider.why_same_shop")):
        if other is not None:
            return Reply(key, {"other": beside[int(other)].code,
                               "detour": round(reason.detour_m)})
    return Reply("rider.why_nearest", {"metres": round(reason.distance_m)})


def expire_offers(session: Session, *, now: datetime) -> int:
    """Let go of offers that nobody answered in time; the next tick asks somebody else."""
    due = select(Offer).where(Offer.state == OfferState.OPEN, Offer.expires_at <= now)
    offers = session.scalars(due.limit(200).with_for_update(skip_locked=True)).all()
    for offer in offers:
        offer.answer(OfferState.EXPIRED, now)
    return len(offers)
