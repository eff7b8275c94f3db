"""Trips of several new orders, of one shop or of several, for riders with nothing in hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations

import numpy as np

from dispatch.pricing import Offers, Params, Walk, late
from dispatch.problem import Floats, Ints, Problem

PARTNERS = 4  # other orders that each order is combined with
LIKELIEST = 12  # riders for whom a combination is priced


@dataclass(frozen=True, slots=True)
class Priced:
    """Bundles (b) of orders with the riders (m) who might carry them; `orders` alone come first."""

    orders: Ints
    members: list[tuple[int, ...]]
    cost_s: Floats  # (b, m), inf where not priced or not allowed
    sequence: dict[
        tuple[int, int], tuple[int, ...]
    ]  # (bundle, rider) → stops: i, or ~i to hand over


def bundles(problem: Problem, offers: Offers, params: Params, orders: Ints) -> Priced:
    """Each of these orders alone, then what may go together; with a bundle all its parts."""
    n, these = len(orders), orders.tolist()
    some = list(_together(problem.of_orders(orders), params)) if params.bundle > 1 else []
    cost_s = np.full((n + len(some), offers.cost_s.shape[1]), np.inf)
    cost_s[:n] = offers.cost_s[orders]
    members = [(i,) for i in these] + [tuple(these[k] for k in one) for one in some]
    priced = Priced(orders, members, cost_s, {})
    idle = np.array([j for j in range(cost_s.shape[1]) if not problem.route_of(j)], np.int64)
    for size in (2, 3):
        these = np.array([b for b, one in enumerate(priced.members) if len(one) == size], np.int64)
        if len(these) and len(idle):
            _price(problem, offers, params, priced, these, idle)
    return priced


def _together(problem: Problem, params: Params) -> Iterator[tuple[int, ...]]:
    """Pairs that lie close in shop, door and time, and triples all of whose pairs do."""
    travel_s, p, d = problem.travel_s, problem.pickup, problem.dropoff
    shops = np.minimum(travel_s[p][:, p], travel_s[p][:, p].T)
    doors = np.minimum(travel_s[d][:, d], travel_s[d][:, d].T)
    apart = shops + doors + 0.5 * np.abs(problem.ready_s[:, None] - problem.ready_s[None, :])
    np.fill_diagonal(apart, np.inf)
    worth = travel_s[p, d] + params.pickup_s + params.dropoff_s
    nearest = np.argsort(apart, axis=1, kind="stable")[:, :PARTNERS]
    pairs = {
        (min(i, j), max(i, j))
        for i, row in enumerate(nearest.tolist())
        for j in row
        if apart[i, j] < max(worth[i], worth[j])
    }
    yield from sorted(pairs)
    if params.bundle > 2:
        yield from _triples(pairs)


def _triples(pairs: set[tuple[int, int]]) -> Iterator[tuple[int, ...]]:
    beyond: dict[int, list[int]] = {}
    for i, j in sorted(pairs):
        beyond.setdefault(i, []).append(j)
    for i, others in beyond.items():
        for j, k in combinations(others, 2):
            if (j, k) in pairs:
                yield (i, j, k)


def _price(
    problem: Problem, offers: Offers, params: Params, priced: Priced, these: Ints, idle: Ints
) -> None:
    """Price bundles of one size for the riders who are likeliest for their orders alone."""
    orders = np.array([priced.members[b] for b in these])
    alone = offers.cost_s[:, idle][orders].sum(axis=1)
    size = problem.sizes[orders].sum(axis=1)
    alone[~problem.has_room(size)[:, idle]] = np.inf
    likely = np.argsort(alone, axis=1, kind="stable")[:, :LIKELIEST]
    rows, columns = np.nonzero(np.isfinite(np.take_along_axis(alone, likely, axis=1)))
    riders = idle[likely[rows, columns]]
    ways = list(_sequences(orders.shape[1]))
    best, which = _cheapest(problem, params, orders[rows], riders, ways)
    priced.cost_s[these[rows], riders] = best
    for b, rider, w in zip(these[rows].tolist(), riders.tolist(), which.tolist(), strict=True):
        priced.sequence[b, rider] = ways[w]


def _sequences(size: int) -> Iterator[tuple[int, ...]]:
    """Orders of stops: i collects the bundle's i-th order, ~i hands it over.

    Two orders in every way there is; three with all pickups first.
    """
    if size == 2:
        for way in permutations((0, 1, ~0, ~1)):
            if way.index(0) < way.index(~0) and way.index(1) < way.index(~1):
                yield way
        return
    for first in permutations(range(size)):
        for then in permutations(range(size)):
            yield (*first, *(~i for i in then))


@dataclass(slots=True)
class _Way:
    """Rows of orders (r, k), each with its rider (r,), as far as a sequence has been walked."""

    walk: Walk
    cost: Floats

    @classmethod
    def start(cls, problem: Problem, riders: Ints) -> _Way:
        nothing = np.zeros(len(riders))
        return cls(Walk(problem.rider_at[riders], problem.free_s[riders], nothing), nothing)

    def then(
        self, problem: Problem, params: Params, orders: Ints, riders: Ints, step: int
    ) -> _Way:
        """One stop further."""
        further = _Way(replace(self.walk), self.cost)
        _, i, arrival_s, done_s, _ = stop(problem, params, further.walk, orders, step)
        order = orders[:, i]
        if arrival_s is not None:
            cost = params.wait * np.maximum(problem.ready_s[order] - arrival_s, 0.0)
        else:
            cost = done_s + params.late * late(done_s, problem.due_s[order])
            cost[done_s > _latest(problem, order, riders)] = np.inf
        further.cost = self.cost + cost
        return further


def _cheapest(
    problem: Problem, params: Params, orders: Ints, riders: Ints, ways: list[tuple[int, ...]]
) -> tuple[Floats, Ints]:
    """(r,) each: the least price of any sequence, and which. Alike beginnings are walked once."""
    best, which = np.full(len(riders), np.inf), np.zeros(len(riders), np.int64)
    walked, before = [_Way.start(problem, riders)], tuple[int, ...]()
    for w, way in enumerate(ways):
        alike = next((k for k, (a, b) in enumerate(zip(before, way, strict=False)) if a != b), 0)
        del walked[alike + 1 :]
        for step in way[alike:]:
            walked.append(walked[-1].then(problem, params, orders, riders, step))
        before = way
        cost = walked[-1].cost + params.travel * walked[-1].walk.moved_s
        better = cost < best
        best[better], which[better] = cost[better], w
    return best, which


def walk(
    problem: Problem, params: Params, orders: Ints, riders: Ints, way: Sequence[int]
) -> Iterator[tuple[Ints, int, Floats | None, Floats, Floats]]:
    """Stop by stop: place, which order, arrival (None at a door), done, seconds travelled."""
    trip = _Way.start(problem, riders).walk
    for step in way:
        yield stop(problem, params, trip, orders, step)


def stop(
    problem: Problem, params: Params, trip: Walk, orders: Ints, step: int
) -> tuple[Ints, int, Floats | None, Floats, Floats]:
    """Make one stop of a way; what it says is told by `walk`."""
    i, is_pickup = (step, True) if step >= 0 else (~step, False)
    at = (problem.pickup if is_pickup else problem.dropoff)[orders[:, i]]
    again = trip.go(problem.travel_s, at)
    arrival_s = trip.clock_s if is_pickup else None
    spent = np.where(again, params.again_s, params.pickup_s if is_pickup else params.dropoff_s)
    spread = None if problem.ready_sd_s is None else problem.ready_sd_s[orders[:, i]]
    if is_pickup:
        trip.serve(problem.ready_s[orders[:, i]], spent, spread)
    else:
        trip.serve(-np.inf, spent)
    return at, i, arrival_s, trip.clock_s, trip.moved_s


def _latest(problem: Problem, order: Ints, riders: Ints) -> Floats:
    closes = np.inf if problem.latest_s is None else problem.latest_s[order]
    ends = np.inf if problem.off_s is None else problem.off_s[riders]
    latest: Floats = np.minimum(np.broadcast_to(closes, order.shape), ends)
    return latest
