"""What every open order would mean for every rider, put into the rider's way at its best place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from dispatch.problem import Bar, Floats, Ints, Problem, Visit

_PAIRS = 200_000  # priced side by side
_CLOSEST = 100  # orders that are tried at every place of a route in hand; others at its end


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

    def keep(self, orders: Ints, riders: Ints, other: Offers) -> None:
        """Take over pairs (r,) of `other`, itself (r,), where they are better."""
        better = other.cost_s < self.cost_s[orders, riders]
        if not better.any():
            return
        where = orders[better], riders[better]
        for entry in fields(self):
            mine, theirs = getattr(self, entry.name), getattr(other, entry.name)
            mine[where] = theirs[better] if theirs.ndim else theirs


def price(problem: Problem, params: Params, stop: Stop) -> tuple[Offers, NDArray[np.int8]]:
    """Every pair's numbers, and its `Bar`: what was given, closing buildings, ending shifts."""
    n, m = problem.forbidden.shape
    offers, tried = Offers.nothing(n, m), 0
    room = problem.has_room(problem.sizes)
    for hand in _hands(problem, params, np.flatnonzero(room.any(axis=0))):
        last = hand.at.shape[1]
        every = _pairs(np.broadcast_to(np.arange(n), (len(hand.riders), n)))
        close = _pairs(_closest(problem, hand))
        for p in range(last + 1):
            for d in range(p, last + 1):
                row, orders = every if p == d == last else close
                if tried >= stop.routes and (p, d) != (last, last):
                    continue
                tried += len(row)
                trial = _insert(problem, params, hand, row, orders, p, d)
                offers.keep(orders, hand.riders[row], trial)
    bars = _bars(problem, offers)
    offers.cost_s[(bars != 0) | ~room] = np.inf
    return offers, bars


def _pairs(orders: Ints) -> tuple[Ints, Ints]:
    """(r, c) orders for r riders -> the rider's row and the order of each pair, (r x c,)."""
    return np.repeat(np.arange(len(orders)), orders.shape[1]), orders.ravel()


@dataclass(frozen=True, slots=True)
class _Hand:
    """Riders (r) with equally many visits in hand (v), and how those go if nothing is added."""

    riders: Ints  # (r,)
    at: Ints  # (r, v)
    is_pickup: NDArray[np.bool_]
    earliest_s: Floats
    due_s: Floats
    plain_s: Floats
    moved_s: Floats  # (r,)


def _hands(problem: Problem, params: Params, riders: Ints) -> Iterator[_Hand]:
    """Riders by how much they have in hand, so many at a time as memory has room for."""
    most = max(_PAIRS // max(len(problem.order_ids), 1), 1)
    by_length: dict[int, list[int]] = {}
    for j in riders.tolist():
        by_length.setdefault(len(problem.route_of(j)), []).append(j)
    for length, some in sorted(by_length.items()):
        for k in range(0, len(some), most):
            yield _hand(problem, params, some[k : k + most], length)


def _hand(problem: Problem, params: Params, riders: list[int], length: int) -> _Hand:
    visits = [problem.route_of(j) for j in riders]
    shape = len(riders), length
    at = np.array([[v.at for v in way] for way in visits], np.int64).reshape(shape)
    pickup = np.array([[v.is_pickup for v in way] for way in visits], bool).reshape(shape)
    earliest = np.array([[v.earliest_s for v in way] for way in visits], float).reshape(shape)
    due_s = np.array([[v.due_s for v in way] for way in visits], float).reshape(shape)
    who, plain_s = np.array(riders), np.zeros(shape)
    walk = Walk(problem.rider_at[who], problem.free_s[who], np.zeros(len(riders)))
    for k in range(length):
        walk.make(problem, params, at[:, k], pickup[:, k], earliest[:, k])
        plain_s[:, k] = walk.clock_s
    return _Hand(who, at, pickup, earliest, due_s, plain_s, walk.moved_s)


def _closest(problem: Problem, hand: _Hand) -> Ints:
    """(r, c): orders that lie next to a way: from one of its stops to the shop, and to the door."""
    n = len(problem.order_ids)
    if n <= _CLOSEST:
        return np.broadcast_to(np.arange(n), (len(hand.riders), n))
    on = np.hstack([problem.rider_at[hand.riders][:, None], hand.at])
    near = problem.travel_s[on].min(axis=1)  # (r, k): from the nearest of the stops
    off_way = near[:, problem.pickup] + near[:, problem.dropoff]
    return np.sort(np.argsort(off_way, axis=1, kind="stable")[:, :_CLOSEST], axis=1)


def _bars(problem: Problem, offers: Offers) -> NDArray[np.int8]:
    bars = problem.forbidden.astype(np.int8)
    done = np.where(np.isfinite(offers.delivery_s), offers.delivery_s, 0.0)
    if problem.off_s is not None:
        bars[(bars == 0) & (done > problem.off_s[None, :])] = Bar.ENDING
    if problem.latest_s is not None:
        bars[(bars == 0) & (done > problem.latest_s[:, None])] = Bar.BUILDING
    return bars


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

    def make(
        self,
        problem: Problem,
        params: Params,
        at: Ints,
        is_pickup: NDArray[np.bool_],
        earliest_s: Floats,
    ) -> None:
        """Go to a visit in hand and do it."""
        again = self.go(problem.travel_s, at)
        spent_s = np.where(is_pickup, params.pickup_s, params.dropoff_s)
        self.serve(earliest_s, np.where(again, params.again_s, spent_s))


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
    problem: Problem, params: Params, hand: _Hand, row: Ints, orders: Ints, p: int, d: int
) -> Offers:
    """Price pairs (r,) of rows of `hand` and orders: collected before visit p, brought before d."""
    n, travel_s, riders = len(row), problem.travel_s, hand.riders[row]
    ready_s, due_s = problem.ready_s[orders], problem.due_s[orders]
    spread_s = None if problem.ready_sd_s is None else problem.ready_sd_s[orders]
    trip = Walk(problem.rider_at[riders], problem.free_s[riders], np.zeros(n))
    delay_s, late_s = np.zeros(n), np.zeros(n)
    arrival_s = toward_s = delivery_s = trip.clock_s
    for step in range(hand.at.shape[1] + 1):
        if step == p:
            again = trip.go(travel_s, problem.pickup[orders])
            arrival_s, toward_s = trip.clock_s, trip.moved_s
            trip.serve(ready_s, np.where(again, params.again_s, params.pickup_s), spread_s)
        if step == d:
            again = trip.go(travel_s, problem.dropoff[orders])
            trip.serve(-np.inf, np.where(again, params.again_s, params.dropoff_s))
            delivery_s = trip.clock_s
        if step < hand.at.shape[1]:
            at, pickup, earliest, due, plain = (
                of[row, step]
                for of in (hand.at, hand.is_pickup, hand.earliest_s, hand.due_s, hand.plain_s)
            )
            trip.make(problem, params, at, pickup, earliest)
            more = late(trip.clock_s, due) - late(plain, due)
            delay_s += np.where(pickup, 0.0, trip.clock_s - plain)
            late_s += np.where(pickup, 0.0, more)
    detour_s = trip.moved_s - hand.moved_s[row]
    wait_s = np.maximum(ready_s - arrival_s, 0.0)
    cost_s = delivery_s + params.late * (late(delivery_s, due_s) + late_s)
    cost_s = cost_s + params.delay * delay_s + params.travel * detour_s + params.wait * wait_s
    where = np.array(p), np.array(d)
    return Offers(cost_s, arrival_s, delivery_s, detour_s, toward_s, delay_s, *where)


def times(
    problem: Problem, params: Params, rider: int, visits: Sequence[Visit]
) -> tuple[list[float], float]:
    """When a rider would have done each of these visits, and the seconds travelled."""
    trip = Walk(problem.rider_at[[rider]], problem.free_s[[rider]], np.zeros(1))
    done = []
    for v in visits:
        at, is_pickup = np.array([v.at]), np.array([v.is_pickup])
        trip.make(problem, params, at, is_pickup, np.array([v.earliest_s]))
        done.append(float(trip.clock_s[0]))
    return done, float(trip.moved_s[0])


def late(done_s: Floats | float, due_s: Floats | float) -> Floats:
    """Seconds behind the promise, 0 when on time."""
    return np.maximum(np.asarray(done_s) - due_s, 0.0)
