"""One tick of live dispatch: the cheapest set of trips for open orders and riders on duty.

The same set packing as in `rolling`: bundles for riders, each rider a second time behind its
trip, so that an order may wait for somebody who comes by soon.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from dispatch.bundles import Priced, bundles, walk
from dispatch.packing import Packing, pack
from dispatch.patience import Hurry, patient
from dispatch.plan import Assignment, Candidates, Plan, Reason, Trip, TripStop, Why
from dispatch.pricing import Offers, Params, Stop, price, times
from dispatch.problem import Floats, Ints, Problem, Visit

LIVE = Params(bundle=3, rounds=1)
_ROUNDS = 3  # of exchanging bundles; one,
_LARGE = 100_000  # where there are more pairs of an order and a rider than this
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
    priced = bundles(problem, offers, params)
    packed = _packed(problem, priced, params, seed, hurry)
    trips = [_trip(problem, offers, params, priced, pair) for pair in packed.pairs]
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
    problem: Problem, priced: Priced, params: Params, seed: int, hurry: Hurry
) -> Packing:
    """The best bundles, those that only wait for a rider's second trip left out."""
    skip = params.unassigned_s + params.age * np.maximum(-problem.ready_s, 0.0)
    cost, riders = priced.cost_s, priced.cost_s.shape[1]
    if not riders or not len(skip):
        return Packing([], ())
    orders = _foremost(cost[: len(skip)] - skip[:, None])
    rank = {order: k for k, order in enumerate(orders)}
    kept = [b for b, some in enumerate(priced.members) if all(i in rank for i in some)]
    members = [tuple(rank[i] for i in priced.members[b]) for b in kept]
    cost = cost[kept] + np.random.default_rng(seed).random((len(kept), riders)) * 1e-6
    rounds = 1 if len(orders) * riders > _LARGE else _ROUNDS
    packed = pack(cost, members, skip[orders], rounds=rounds, hurry=hurry)
    for _ in range(params.rounds if len(skip) > _DOUBLED * riders else 0):
        if hurry():
            break
        first = [(kept[b], j) for b, j in packed.pairs if j < riders]
        behind = _behind(problem, params, priced, first)
        later = np.full((len(cost), riders), np.inf)
        later[: len(orders)] = price(behind, params, Stop())[0].cost_s[orders]
        both, groups = np.hstack([cost, later]), packed.groups
        packed = pack(both, members, skip[orders], groups, rounds=rounds, hurry=hurry)
    return Packing([(kept[b], j) for b, j in packed.pairs if j < riders], packed.groups)


def _foremost(gain: Floats) -> list[int]:
    """The orders that any rider would gain most by, where there are far too many."""
    n, m = gain.shape
    if n <= _MOST * m:
        return list(range(n))
    return sorted(np.argsort(gain.min(axis=1), kind="stable")[: _MOST * m].tolist())


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
    row = dict(zip(problem.order_ids.tolist(), range(len(problem.order_ids)), strict=True))
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
