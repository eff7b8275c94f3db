"""One tick of live dispatch: the cheapest matching of open orders and riders on duty."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from dispatch.plan import Assignment, Candidate, Plan, Reason, Why
from dispatch.problem import Floats, Ints, Problem, Visit


@dataclass(frozen=True, slots=True)
class Stop:
    """When to stop looking, counted in work and never in time, so a slow machine decides alike."""

    routes: int = 5_000_000  # route positions tried, over all pairs


@dataclass(frozen=True, slots=True)
class Params:
    """Prices, in seconds of the customer's waiting.

    Attributes
    ----------
    late : per second behind the promise, on top of the waiting itself
    delay : per second an order in hand loses through the new one
    travel : per second the rider travels more
    wait : per second the rider waits for the food
    pickup_s, dropoff_s : spent at the counter and at the door
    again_s : spent instead on a further order at the place of the stop before
    unassigned_s : leaving an order open for this tick; an assignment dearer than this is not made
    age : added to `unassigned_s` per second that ready food has been standing, so that a far
        order is not passed over for ever
    """

    late: float = 2.0
    delay: float = 1.0
    travel: float = 0.2
    wait: float = 0.2
    pickup_s: float = 60.0
    dropoff_s: float = 90.0
    again_s: float = 20.0
    unassigned_s: float = 3.0 * 3600
    age: float = 1.0


def solve(
    problem: Problem, *, stop: Stop | None = None, seed: int = 0, params: Params | None = None
) -> Plan:
    """Match open orders and riders at the least total cost; each rider gets at most one.

    The same arguments give the same plan on any machine. `seed` only decides between riders
    who are equal to the microsecond.
    """
    params = params or Params()
    offers = _price(problem, params, stop or Stop())
    gain = np.minimum(offers.cost_s - _patience_s(problem, params)[:, None], 0.0)
    tie = np.random.default_rng(seed).random(gain.shape) * 1e-6
    orders, riders = linear_sum_assignment(np.where(gain < 0, gain + tie, 0.0))
    pairs = [(int(i), int(j)) for i, j in zip(orders, riders, strict=True) if gain[i, j] < 0]
    taken = {j: i for i, j in pairs}
    return Plan(
        assignments=tuple(_assignment(problem, offers, i, j, taken) for i, j in sorted(pairs)),
        unassigned=tuple(sorted(set(range(len(problem.order_ids))) - {i for i, _ in pairs})),
    )


@dataclass(frozen=True, slots=True)
class _Offers:
    """What each pair would mean; (n, m) float64 each, `cost_s` inf where the pair is barred."""

    cost_s: Floats
    arrival_s: Floats
    delivery_s: Floats
    detour_s: Floats
    toward_s: Floats
    delay_s: Floats
    pickup_at: Floats
    dropoff_at: Floats

    def keep(self, rider: int, better: NDArray[np.bool_], other: _Offers) -> None:
        """Take over one rider's column of `other`, itself (n,), where it is better."""
        for entry in fields(self):
            mine, theirs = getattr(self, entry.name), getattr(other, entry.name)
            mine[better, rider] = np.broadcast_to(theirs, better.shape)[better]


def _price(problem: Problem, params: Params, stop: Stop) -> _Offers:
    n, m = problem.forbidden.shape
    offers = _Offers(*(np.full((n, m), np.inf) for _ in fields(_Offers)))
    tried = 0
    for rider in np.flatnonzero(problem.load < problem.capacity):
        visits = problem.route_of(int(rider))
        plain = _plain_times(problem, params, int(rider), visits)
        for p in range(len(visits) + 1):
            for d in range(p, len(visits) + 1):
                if tried >= stop.routes and (p, d) != (0, 0):
                    continue
                tried += n
                trial = _insert(problem, params, int(rider), plain, p, d)
                better = trial.cost_s < offers.cost_s[:, rider]
                offers.keep(int(rider), better, trial)
    offers.cost_s[problem.forbidden != 0] = np.inf
    return offers


_Plain = tuple[list[float], float]


@dataclass(slots=True)
class _Trip:
    """A rider's way with one new order in it, for all n orders side by side."""

    at: Ints
    clock_s: Floats
    moved_s: Floats
    stopped: bool = False  # the place was reached by a stop, not by starting there

    def go(self, travel_s: Floats, to: Ints) -> NDArray[np.bool_]:
        """Move on; True where that stop is at the place of the stop before."""
        leg = travel_s[self.at, to]
        again: NDArray[np.bool_] = (self.at == to) & self.stopped
        self.clock_s, self.moved_s = self.clock_s + leg, self.moved_s + leg
        self.at, self.stopped = to, True
        return again

    def serve(self, earliest_s: Floats | float, spent_s: Floats) -> None:
        self.clock_s = np.maximum(self.clock_s, earliest_s) + spent_s


def _insert(problem: Problem, params: Params, rider: int, plain: _Plain, p: int, d: int) -> _Offers:
    """Price every order for one rider, pickup before visit p and hand-over before visit d."""
    visits = problem.route_of(rider)
    n, travel_s = len(problem.order_ids), problem.travel_s
    trip = _Trip(
        np.full(n, problem.rider_at[rider]), np.full(n, problem.free_s[rider]), np.zeros(n)
    )
    plain_s, plain_moved_s = plain
    delay_s, late_s = np.zeros(n), np.zeros(n)
    arrival_s = toward_s = delivery_s = trip.clock_s
    for step in range(len(visits) + 1):
        if step == p:
            again = trip.go(travel_s, problem.pickup)
            arrival_s, toward_s = trip.clock_s, trip.moved_s
            trip.serve(problem.ready_s, np.where(again, params.again_s, params.pickup_s))
        if step == d:
            again = trip.go(travel_s, problem.dropoff)
            trip.serve(-np.inf, np.where(again, params.again_s, params.dropoff_s))
            delivery_s = trip.clock_s
        if step < len(visits):
            _make(trip, travel_s, params, visits[step])
            if not visits[step].is_pickup:
                delay_s = delay_s + (trip.clock_s - plain_s[step])
                late_s = late_s + _late(trip.clock_s, visits[step].due_s)
                late_s = late_s - _late(plain_s[step], visits[step].due_s)
    detour_s = trip.moved_s - plain_moved_s
    wait_s = np.maximum(problem.ready_s - arrival_s, 0.0)
    cost_s = delivery_s + params.late * (_late(delivery_s, problem.due_s) + late_s)
    cost_s = cost_s + params.delay * delay_s + params.travel * detour_s + params.wait * wait_s
    return _Offers(
        cost_s, arrival_s, delivery_s, detour_s, toward_s, delay_s, np.array(p), np.array(d)
    )


def _plain_times(problem: Problem, params: Params, rider: int, visits: tuple[Visit, ...]) -> _Plain:
    """When each visit is done if nothing is added, and the seconds travelled."""
    trip = _Trip(problem.rider_at[[rider]], problem.free_s[[rider]], np.zeros(1))
    times = []
    for visit in visits:
        _make(trip, problem.travel_s, params, visit)
        times.append(float(trip.clock_s[0]))
    return times, float(trip.moved_s[0])


def _make(trip: _Trip, travel_s: Floats, params: Params, visit: Visit) -> None:
    again = trip.go(travel_s, np.full(len(trip.at), visit.at))
    spent_s = params.pickup_s if visit.is_pickup else params.dropoff_s
    trip.serve(visit.earliest_s, np.where(again, params.again_s, spent_s))


def _late(done_s: Floats | float, due_s: Floats | float) -> Floats:
    return np.maximum(np.asarray(done_s) - due_s, 0.0)


def _patience_s(problem: Problem, params: Params) -> Floats:
    return params.unassigned_s + params.age * np.maximum(-problem.ready_s, 0.0)


def _assignment(
    problem: Problem, offers: _Offers, order: int, rider: int, taken: dict[int, int]
) -> Assignment:
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
        candidates=_candidates(problem, offers, order, taken),
    )
    return Assignment(order, rider, mine["cost_s"], reason)


def _sharing(visits: tuple[Visit, ...], at: int, *, is_pickup: bool) -> int | None:
    shared = (v.order_id for v in visits if v.at == at and v.is_pickup == is_pickup)
    return next(shared, None)


def _candidates(
    problem: Problem, offers: _Offers, order: int, taken: dict[int, int]
) -> tuple[Candidate, ...]:
    ranked = np.lexsort((problem.rider_ids, offers.cost_s[order]))
    barred = problem.forbidden[order].tolist()
    rows = [
        getattr(offers, name)[order].tolist()
        for name in ("cost_s", "arrival_s", "delivery_s", "detour_s")
    ]
    ids, speed = problem.rider_ids.tolist(), problem.speed_mps
    found = []
    for j in ranked.tolist():
        cost_s, arrival_s, delivery_s, detour_s = (row[j] for row in rows)
        if barred[j]:
            found.append(Candidate(ids[j], None, Why.of(barred[j])))
        elif cost_s == np.inf:
            found.append(Candidate(ids[j], None, Why.FULL))
        else:
            why = _why(taken.get(j), order)
            told = round(arrival_s, 1), round(delivery_s, 1), round(detour_s * speed, 1)
            found.append(Candidate(ids[j], cost_s, why, *told))
    return tuple(found)


def _why(given: int | None, order: int) -> Why:
    if given is None:
        return Why.DEARER
    return Why.CHOSEN if given == order else Why.BUSY
