"""What every open order would mean for every rider, put into the rider's way at its best place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from dispatch.problem import Bar, Floats, Ints, Problem, Visit

_CLOSEST = 150  # orders that are tried at every place of a route in hand; others at its end


@dataclass(frozen=True, slots=True)
class Stop:
    """When to stop looking, counted in work and never in time, so a slow machine decides alike."""

    routes: int = 5_000_000  # route positions tried, over all pairs


@dataclass(frozen=True, slots=True)
class Params:
    """Prices, in seconds of the customer's waiting, and how far the search goes.

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
    bundle : new orders in one trip at most, 1 to 3
    rounds : how often riders are planned a second time behind their trip, and all packed again
    hold_s : a trip that need not leave within this time is kept back, as something better may come
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
    bundle: int = 1
    rounds: int = 0
    hold_s: float = float("inf")


@dataclass(frozen=True, slots=True)
class Offers:
    """What each pair would mean; (n, m) float64 each, `cost_s` inf where the pair is barred."""

    cost_s: Floats
    arrival_s: Floats
    delivery_s: Floats
    detour_s: Floats
    toward_s: Floats
    delay_s: Floats
    pickup_at: Floats
    dropoff_at: Floats

    @classmethod
    def nothing(cls, n: int, m: int) -> Offers:
        return cls(*(np.full((n, m), np.inf) for _ in fields(cls)))

    def keep(self, rider: int, rows: Ints, other: Offers) -> None:
        """Take over one rider's column of `other`, itself (r,), at the rows where it is better."""
        better = other.cost_s < self.cost_s[rows, rider]
        if not better.any():
            return
        for entry in fields(self):
            mine, theirs = getattr(self, entry.name), getattr(other, entry.name)
            mine[rows[better], rider] = theirs[better] if theirs.ndim else theirs


def price(problem: Problem, params: Params, stop: Stop) -> tuple[Offers, NDArray[np.int8]]:
    """Every pair's numbers, and its `Bar`: what was given, closing buildings, ending shifts."""
    n, m = problem.forbidden.shape
    offers, tried = Offers.nothing(n, m), 0
    room, every = problem.has_room(problem.sizes), np.arange(n)
    for rider in np.flatnonzero(room.any(axis=0)).tolist():
        visits = problem.route_of(rider)
        plain, last = times(problem, params, rider, visits), len(visits)
        close = _closest(problem, rider, visits)
        for p in range(last + 1):
            for d in range(p, last + 1):
                rows = every if p == d == last else close
                if tried >= stop.routes and (p, d) != (last, last):
                    continue
                tried += len(rows)
                offers.keep(rider, rows, _insert(problem, params, rider, plain, p, d, rows))
    bars = _bars(problem, offers)
    offers.cost_s[(bars != 0) | ~room] = np.inf
    return offers, bars


def _closest(problem: Problem, rider: int, visits: tuple[Visit, ...]) -> Ints:
    """The orders that lie next to a route: from one of its stops to the shop, and to the door."""
    if len(problem.pickup) <= _CLOSEST or not visits:
        return np.arange(len(problem.pickup))
    on = np.array([problem.rider_at[rider], *(visit.at for visit in visits)])
    to_shop = problem.travel_s[on][:, problem.pickup].min(axis=0)
    off_way = to_shop + problem.travel_s[on][:, problem.dropoff].min(axis=0)
    return np.sort(np.argsort(off_way, kind="stable")[:_CLOSEST])


def _bars(problem: Problem, offers: Offers) -> NDArray[np.int8]:
    bars = problem.forbidden.astype(np.int8)
    done = np.where(np.isfinite(offers.delivery_s), offers.delivery_s, 0.0)
    if problem.off_s is not None:
        bars[(bars == 0) & (done > problem.off_s[None, :])] = Bar.ENDING
    if problem.latest_s is not None:
        bars[(bars == 0) & (done > problem.latest_s[:, None])] = Bar.BUILDING
    return bars


Plain = tuple[list[float], float]


@dataclass(slots=True)
class Walk:
    """A rider's way with new orders in it, for many orders side by side."""

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

    def serve(
        self, earliest_s: Floats | float, spent_s: Floats, spread_s: Floats | None = None
    ) -> None:
        """Wait until what is there is ready, on average, and spend the time it takes."""
        self.clock_s = _meet(self.clock_s, earliest_s, spread_s) + spent_s


def _meet(clock_s: Floats, ready_s: Floats | float, spread_s: Floats | None) -> Floats:
    """Expectation of the later of a time and a normal one."""
    if spread_s is None:
        return np.maximum(clock_s, ready_s)
    spread = np.maximum(spread_s, 1e-9)
    z = np.clip((ready_s - clock_s) / spread, -30, 30)
    bump = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    later: Floats = np.maximum(
        clock_s + spread * (z * ndtr(z) + bump), np.maximum(clock_s, ready_s)
    )
    return later


def _insert(
    problem: Problem, params: Params, rider: int, plain: Plain, p: int, d: int, rows: Ints
) -> Offers:
    """Price orders for one rider, pickup before visit p and hand-over before visit d."""
    visits = problem.route_of(rider)
    n, travel_s = len(rows), problem.travel_s
    ready_s, due_s = problem.ready_s[rows], problem.due_s[rows]
    spread_s = None if problem.ready_sd_s is None else problem.ready_sd_s[rows]
    trip = Walk(np.full(n, problem.rider_at[rider]), np.full(n, problem.free_s[rider]), np.zeros(n))
    plain_s, plain_moved_s = plain
    delay_s, late_s = np.zeros(n), np.zeros(n)
    arrival_s = toward_s = delivery_s = trip.clock_s
    for step in range(len(visits) + 1):
        if step == p:
            again = trip.go(travel_s, problem.pickup[rows])
            arrival_s, toward_s = trip.clock_s, trip.moved_s
            trip.serve(ready_s, np.where(again, params.again_s, params.pickup_s), spread_s)
        if step == d:
            again = trip.go(travel_s, problem.dropoff[rows])
            trip.serve(-np.inf, np.where(again, params.again_s, params.dropoff_s))
            delivery_s = trip.clock_s
        if step < len(visits):
            _make(trip, travel_s, params, visits[step])
            if not visits[step].is_pickup:
                delay_s = delay_s + (trip.clock_s - plain_s[step])
                late_s = late_s + late(trip.clock_s, visits[step].due_s)
                late_s = late_s - late(plain_s[step], visits[step].due_s)
    detour_s = trip.moved_s - plain_moved_s
    wait_s = np.maximum(ready_s - arrival_s, 0.0)
    cost_s = delivery_s + params.late * (late(delivery_s, due_s) + late_s)
    cost_s = cost_s + params.delay * delay_s + params.travel * detour_s + params.wait * wait_s
    where = np.array(p), np.array(d)
    return Offers(cost_s, arrival_s, delivery_s, detour_s, toward_s, delay_s, *where)


def times(problem: Problem, params: Params, rider: int, visits: Sequence[Visit]) -> Plain:
    """When a rider would have done each of these visits, and the seconds travelled."""
    trip = Walk(problem.rider_at[[rider]], problem.free_s[[rider]], np.zeros(1))
    done = []
    for visit in visits:
        _make(trip, problem.travel_s, params, visit)
        done.append(float(trip.clock_s[0]))
    return done, float(trip.moved_s[0])


def _make(trip: Walk, travel_s: Floats, params: Params, visit: Visit) -> None:
    again = trip.go(travel_s, np.full(len(trip.at), visit.at))
    spent_s = params.pickup_s if visit.is_pickup else params.dropoff_s
    trip.serve(visit.earliest_s, np.where(again, params.again_s, spent_s))


def late(done_s: Floats | float, due_s: Floats | float) -> Floats:
    """Seconds behind the promise, 0 when on time."""
    return np.maximum(np.asarray(done_s) - due_s, 0.0)
