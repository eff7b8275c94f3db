"""One tick of live dispatch: the cheapest set of trips for open orders and riders on duty.

The same set packing as in `rolling`: bundles for riders, each rider a second time behind its
trip, so that an order may wait for somebody who comes by soon.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from dispatch.bundles import Priced, bundles, walk
from dispatch.packing import pack
from dispatch.patience import Hurry, patient
from dispatch.plan import Assignment, Candidates, Plan, Reason, Trip, TripStop, Why
from dispatch.pricing import Offers, Params, Stop, price, times
from dispatch.problem import Floats, Ints, Problem, Visit

LIVE = Params(bundle=3, rounds=1)
_WORK = 1_500_000  # pairs of bundles and riders that are matched again, over all exchanges
_ROUNDS = 4, 24  # of exchanging bundles, at least and at most
_MOST = 2  # orders per rider among which is chosen
_DOUBLED = 0.8  # orders per rider from which riders are planned twice


def solve(
    problem: Problem,
    *,
    stop: Stop | None = None,
    seed: int = 0,
    params: Params | None = None,
    hurry: Hurry = patient,
) -> Plan:
    """Choose trips at the least total cost; each rider is asked about at most one order.

    The same arguments give the same plan on any machine. `seed` only decides between riders
    who are equal to the microsecond. `hurry` ends the search early: whoever has a clock may
    give one, and every plan is whole all the same.
    """
    params = params or Params()
    offers, bars = price(problem, params, stop or Stop())
    skip = params.unassigned_s + params.age * np.maximum(-problem.ready_s, 0.0)
    orders = _foremost(offers.cost_s - skip[:, None])
    priced = bundles(problem, offers, params, orders)
    pairs = _packed(problem, priced, skip, params, seed, hurry)
    trips = [_trip(problem, offers, params, priced, pair) for pair in pairs]
    now = sorted((t for t in trips if t.departs_s <= params.hold_s), key=lambda t: t.order_indices)
    taken = np.full(len(problem.rider_ids), -1)
    for trip in now:
        taken[trip.rider_index] = trip.order_indices[0]
    tick = _Tick(problem, params, offers, bars, taken)
    assignments = sorted(map(tick.assignment, now), key=_by_order)
    given = {a.order_index for a in assignments}
    left = tuple(i for i in range(len(problem.order_ids)) if i not in given)
    return Plan(tuple(assignments), left, tuple(trips))


def _by_order(assignment: Assignment) -> int:
    return assignment.order_index


def _packed(
    problem: Problem, priced: Priced, skip: Floats, params: Params, seed: int, hurry: Hurry
) -> list[tuple[int, int]]:
    """(bundle, rider) of the best bundles, those left out that wait for a rider's second trip."""
    orders, riders = priced.orders, priced.cost_s.shape[1]
    if not riders or not len(orders):
        return []
    rank = {order: k for k, order in enumerate(orders.tolist())}
    members = [tuple(rank[i] for i in some) for some in priced.members]
    cost = priced.cost_s + np.random.default_rng(seed).random(priced.cost_s.shape) * 1e-6
    rounds = _rounds(len(orders), riders)
    packed = pack(cost, members, skip[orders], rounds=rounds, apart=True, hurry=hurry)
    for _ in range(params.rounds if len(skip) > _DOUBLED * riders else 0):
        if hurry():
            break
        first = [(b, j) for b, j in packed.pairs if j < riders]
        behind = _behind(problem, params, priced, first).of_orders(orders)
        later = np.full(cost.shape, np.inf)
        later[: len(orders)] = price(behind, params, Stop())[0].cost_s
        both = np.hstack([cost, later])
        rounds, groups = _rounds(len(orders), 2 * riders), packed.groups
        packed = pack(both, members, skip[orders], groups, rounds=rounds, apart=True, hurry=hurry)
    return [(b, j) for b, j in packed.pairs if j < riders]


def _rounds(orders: int, columns: int) -> int:
    """Fewer where there is more to be matched."""
    least, most = _ROUNDS
    return min(max(_WORK // (orders * columns), least), most)


def _foremost(gain: Floats) -> Ints:
    """The orders that any rider would gain most by, where there are far too many."""
    n, m = gain.shape
    if n <= _MOST * m or not m:
        return np.arange(n)
    return np.sort(np.argsort(gain.min(axis=1), kind="stable")[: _MOST * m])


def _behind(
    problem: Problem, params: Params, priced: Priced, trips: list[tuple[int, int]]
) -> Problem:
    """The same orders for the riders as they will be at the end of their trips."""
    at, free_s = problem.rider_at.copy(), problem.free_s.copy()
    for rider, visits in enumerate(problem.routes):
        if visits:
            at[rider], free_s[rider] = visits[-1].at, times(problem, params, rider, visits)[0][-1]
    for bundle, rider in trips:
        *_, last = _stops(problem, params, priced, bundle, rider)
        at[rider], free_s[rider] = last.at, max(free_s[rider], last.done_s)
    nothing = np.zeros_like(problem.load)
    return replace(problem, rider_at=at, free_s=free_s, load=nothing, routes=())


def _stops(
    problem: Problem, params: Params, priced: Priced, bundle: int, rider: int
) -> tuple[TripStop, ...]:
    orders = np.array([priced.members[bundle]])
    way = priced.sequence.get((bundle, rider), (0, ~0))
    ids = problem.order_ids[orders[0]].tolist()
    steps = walk(problem, params, orders, np.array([rider]), way)
    return tuple(
        TripStop(int(at[0]), ids[i], arrival is not None, float(done[0]))
        for at, i, arrival, done, _ in steps
    )


def _trip(
    problem: Problem, offers: Offers, params: Params, priced: Priced, pair: tuple[int, int]
) -> Trip:
    bundle, rider = pair
    stops = _stops(problem, params, priced, bundle, rider)
    if visits := problem.route_of(rider):
        stops = _with_route(problem, params, offers, priced.members[bundle][0], rider)
    row = {int(problem.order_ids[i]): i for i in priced.members[bundle]}
    new = tuple(row[s.order_id] for s in stops if s.is_pickup and s.order_id in row)
    ready_s = float(problem.ready_s[new[0]]) - float(offers.toward_s[new[0], rider])
    departs_s = max(float(problem.free_s[rider]), 0.0 if visits else ready_s)
    return Trip(rider, new, stops, departs_s, float(priced.cost_s[pair]))


def _with_route(
    problem: Problem, params: Params, offers: Offers, order: int, rider: int
) -> tuple[TripStop, ...]:
    """The stops in hand with a new order's two put in."""
    p, d = (int(of[order, rider]) for of in (offers.pickup_at, offers.dropoff_at))
    number, ready_s = int(problem.order_ids[order]), float(problem.ready_s[order])
    visits = list(problem.route_of(rider))
    visits.insert(d, Visit(int(problem.dropoff[order]), number))
    visits.insert(p, Visit(int(problem.pickup[order]), number, True, ready_s))
    done_s, _ = times(problem, params, rider, visits)
    return tuple(
        TripStop(v.at, v.order_id, v.is_pickup, s) for v, s in zip(visits, done_s, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Tick:
    """What the reasons are made of."""

    problem: Problem
    params: Params
    offers: Offers
    bars: NDArray[np.int8]
    given: Ints  # (m,) the order that each rider is asked about, -1: none

    def assignment(self, trip: Trip) -> Assignment:
        order, rider = trip.order_indices[0], trip.rider_index
        problem, offers = self.problem, self.offers
        mine = {
            entry.name: float(getattr(offers, entry.name)[order, rider]) for entry in fields(offers)
        }
        visits = problem.route_of(rider)
        ready_s, speed = float(problem.ready_s[order]), problem.speed_mps
        reason = Reason(
            distance_m=mine["toward_s"] * speed,
            detour_m=mine["detour_s"] * speed,
            arrival_s=mine["arrival_s"],
            ready_s=ready_s,
            wait_s=max(ready_s - mine["arrival_s"], 0.0),
            delivery_s=mine["delivery_s"],
            late_s=max(mine["delivery_s"] - float(problem.due_s[order]), 0.0),
            delay_s=mine["delay_s"],
            same_pickup=_sharing(visits, int(problem.pickup[order]), is_pickup=True),
            same_dropoff=_sharing(visits, int(problem.dropoff[order]), is_pickup=False),
            position=(int(mine["pickup_at"]), int(mine["dropoff_at"])),
            candidates=self._candidates(order),
            together=tuple(int(problem.order_ids[i]) for i in trip.order_indices[1:]),
        )
        return Assignment(order, rider, mine["cost_s"], reason)

    def _candidates(self, order: int) -> Candidates:
        offers, speed = self.offers, self.problem.speed_mps
        ranked = np.lexsort((self.problem.rider_ids, offers.cost_s[order]))
        cost_s, given = offers.cost_s[order][ranked], self.given[ranked]
        why = _WHYS[np.where(given < 0, 0, np.where(given == order, 1, 2))]
        numbers: list[list[float | None]] = [
            np.round(row[order][ranked] * factor, 1).tolist()
            for row, factor in ((offers.cost_s, 1), (offers.arrival_s, 1), (offers.delivery_s, 1),
                                (offers.detour_s, speed))
        ]
        told = why.tolist()
        barred = self.bars[order][ranked].tolist()
        for k in np.flatnonzero(np.isinf(cost_s)).tolist():
            told[k] = Why.of(barred[k]) if barred[k] else Why.FULL
            for column in numbers:
                column[k] = None
        ids = self.problem.rider_ids[ranked].tolist()
        return Candidates(ids, numbers[0], told, *numbers[1:])


_WHYS = np.array([Why.DEARER, Why.CHOSEN, Why.BUSY], dtype=object)


def _sharing(visits: tuple[Visit, ...], at: int, *, is_pickup: bool) -> int | None:
    shared = (v.order_id for v in visits if v.at == at and v.is_pickup == is_pickup)
    return next(shared, None)
