"""The dispatch engine: every minute, the best set of trips for all that is known by then.

A trip is one courier, one shop and a bundle of its open orders. Choosing trips so that no courier
and no order is in two of them is set packing; HiGHS solves it exactly. A courier is sent when it
must leave to keep its trip, and what it takes is settled at the counter, on the last minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations, permutations

import numpy as np

from dispatch.mdrp import Rates
from dispatch.packing import pack
from dispatch.problem import Floats, Ints
from dispatch.stations import Demand, stations


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is known at one minute: n open orders, m couriers, s shops. Minutes and metres.

    Attributes
    ----------
    now : this minute
    order : (n,) int64, the orders' own numbers, rising
    order_xy : (n, 2) float64
    placed, ready, shop : (n,) int64; placed <= now
    shop_xy : (s, 2) float64
    courier_xy : (m, 2) float64, where the courier is, or is bound to be at `free`
    free : (m,) int64, when it is there and may move on (its `on` before the shift)
    at_shop : (m,) int64, the shop at `courier_xy`, or -1; `free` is then the arrival there
    off : (m,) int64, last minute to pick up
    hours : (m,) float64, length of the shift
    done : (m,) int64, orders carried so far
    rates : speeds, services and pay
    past_placed, past_ready, past_shop : (h,) int64, all orders placed so far, open or not
    """

    now: int
    order: Ints
    order_xy: Floats
    placed: Ints
    ready: Ints
    shop: Ints
    shop_xy: Floats
    courier_xy: Floats
    free: Ints
    at_shop: Ints
    off: Ints
    hours: Floats
    done: Ints
    rates: Rates
    past_placed: Ints
    past_ready: Ints
    past_shop: Ints


@dataclass(frozen=True, slots=True)
class Go:
    """Send a waiting courier to a shop."""

    courier: int
    shop: int


@dataclass(frozen=True, slots=True)
class Take:
    """Give a courier a bundle of one shop, order numbers in the order of the drop-offs."""

    courier: int
    orders: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tuning:
    """Prices in minutes of a customer's waiting, and bounds on the work of one decision."""

    bundle: int = 3
    wide: int = 8  # orders of one shop that are combined with one another
    overage: float = 0.0
    empty: float = 0.02
    busy: float = 0.0
    pay: float = 0.0
    ending: float = 0.0
    skip: float = 0.0
    later: int = 40
    load: float = 0.0
    strain: float = 0.0
    ahead: int = 60
    trip: float = 22.0
    coming: float = 1.0
    way: float = 5.0
    own: float = 1.0
    station: float = 0.02
    station_from: int = 5
    station_soon: int = 5
    memory: float = 90.0
    targets: int = 30
    horizon: int = 60
    updates: bool = True
    lead: int = 0


@dataclass(frozen=True, slots=True)
class _Tour:
    """A bundle's best sequence; offsets are minutes from leaving the counter to each hand-over."""

    orders: tuple[int, ...]
    offsets: tuple[int, ...]


@dataclass(slots=True)
class Rolling:
    """Set packing each minute. Keeps nothing between calls but a memory of bundles' geometry."""

    tuning: Tuning = field(default_factory=Tuning)
    _tours: dict[tuple[int, ...], _Tour] = field(default_factory=dict)
    _between: Ints | None = None

    def decide(self, snap: Snapshot) -> list[Go | Take]:
        actions: list[Go | Take] = []
        bound: set[int] = set()
        if len(snap.order):
            trips = _Trips.of(snap, list(self._bundles(snap)), self.tuning)
            chosen = pack(trips.cost, trips.members, trips.skip)
            actions += _due(snap, trips, chosen, self.tuning)
            bound = {int(trips.couriers[column]) for _, column in chosen}
        if self.tuning.station and len(snap.past_shop) >= self.tuning.station_from:
            actions += self._wait_well(snap, bound)
        return actions

    def _wait_well(self, snap: Snapshot, bound: set[int]) -> Iterator[Go]:
        tuning = self.tuning
        near = (snap.free <= snap.now + tuning.station_soon) & (snap.off > snap.now + 15)
        couriers = np.array([c for c in np.flatnonzero(near) if int(c) not in bound], dtype=int)
        idle = np.flatnonzero(snap.free[couriers] <= snap.now)
        if not len(idle):
            return
        demand = Demand.learnt(
            snap.now,
            snap.past_placed,
            snap.past_ready,
            snap.past_shop,
            len(snap.shop_xy),
            tuning.memory,
        )
        half = snap.rates.pickup_min // 2
        reach = _arrivals(snap, couriers) + half - snap.now
        if self._between is None:
            self._between = travel_min(snap.shop_xy, snap.shop_xy, snap.rates)
            np.fill_diagonal(self._between, -half)
        for row, shop in stations(
            demand,
            np.maximum(reach, 0),
            self._between + half,
            idle,
            worth=tuning.station,
            targets=tuning.targets,
        ):
            if snap.at_shop[couriers[row]] != shop:
                yield Go(int(couriers[row]), shop)

    def _bundles(self, snap: Snapshot) -> Iterator[_Tour]:
        by_shop: dict[int, list[int]] = {}
        for i in np.lexsort((snap.order, snap.ready)):
            by_shop.setdefault(int(snap.shop[i]), []).append(int(i))
        for shop, rows in by_shop.items():
            for size in range(1, self.tuning.bundle + 1):
                for some in combinations(rows[: self.tuning.wide] if size > 1 else rows, size):
                    yield self._tour(snap, shop, some)

    def _tour(self, snap: Snapshot, shop: int, rows: tuple[int, ...]) -> _Tour:
        key = tuple(int(snap.order[i]) for i in rows)
        if key not in self._tours:
            self._tours[key] = _best_tour(snap, shop, rows)
        return self._tours[key]


def travel_min(a: Floats, b: Floats, rates: Rates) -> Ints:
    """Minutes from each a to each b: (p, 2), (q, 2) -> (p, q), rounded up as the rules say."""
    gap = a[:, None, :] - b[None, :, :]
    return np.ceil(np.hypot(gap[..., 0], gap[..., 1]) / rates.metres_per_minute).astype(np.int64)


def _best_tour(snap: Snapshot, shop: int, rows: tuple[int, ...]) -> _Tour:
    xy = np.vstack([snap.shop_xy[[shop]], snap.order_xy[list(rows)]])
    way = travel_min(xy, xy, snap.rates).tolist()
    half = snap.rates.dropoff_min // 2
    best: tuple[int, int, tuple[int, ...], tuple[int, ...]] | None = None
    for sequence in permutations(range(1, len(rows) + 1)):
        clock, here, offsets = 0, 0, []
        for there in sequence:
            clock += way[here][there] + half
            offsets.append(clock)
            clock, here = clock + half, there
        entry = (sum(offsets), clock, sequence, tuple(offsets))
        best = entry if best is None or entry < best else best
    assert best is not None
    return _Tour(tuple(int(snap.order[rows[i - 1]]) for i in best[2]), best[3])


@dataclass(slots=True)
class _Trips:
    """All bundles (b) priced for every courier who can serve soon (c)."""

    tours: list[_Tour]
    members: list[tuple[int, ...]]  # each tour's orders as rising rows of the snapshot
    shop: Ints  # (b,)
    couriers: Ints  # (c,) rows of the snapshot
    arrive: Ints  # (c, s)
    pickup: Ints  # (b, c)
    cost: Floats  # (b, c)
    skip: Floats  # (n,)

    @classmethod
    def of(cls, snap: Snapshot, tours: list[_Tour], tuning: Tuning) -> _Trips:
        row_of = {int(number): i for i, number in enumerate(snap.order)}
        rows = [[row_of[o] for o in tour.orders] for tour in tours]
        size = np.array([len(r) for r in rows])
        width = int(size.max())
        index = np.array([r + [r[0]] * (width - len(r)) for r in rows])
        real = np.arange(width)[None, :] < size[:, None]
        offset = np.array([list(t.offsets) + [0] * (width - len(t.offsets)) for t in tours])
        shop, ready = snap.shop[index[:, 0]], snap.ready[index].max(axis=1)
        soon = (snap.free <= snap.now + tuning.horizon) & (snap.off >= snap.now)
        couriers = np.flatnonzero(soon)
        arrive = _arrivals(snap, couriers)
        half, rates = snap.rates.pickup_min // 2, snap.rates
        pickup = np.maximum(np.maximum(arrive.T[shop] + half, ready[:, None]), snap.now)
        # click-to-door of every order in every trip, minutes
        base = (offset + half - snap.placed[index]) * real
        cost = pickup * size[:, None] + base.sum(axis=1)[:, None].astype(float)
        if tuning.overage:
            for k in range(width):
                over = pickup + (base[:, k] - rates.target_min)[:, None]
                cost += tuning.overage * np.where(real[:, k, None], np.maximum(over, 0), 0)
        start = np.maximum(snap.free, snap.now)[couriers]
        way = (arrive - start[:, None]).T[shop]
        cost += _courier_price(snap, tuning)[couriers] + tuning.empty * way
        last = offset.max(axis=1) + half + rates.dropoff_min // 2
        strain = _strain(snap, tuning)
        minute = tuning.busy + tuning.load * strain
        cost += minute * (last[:, None] + way)
        cost[pickup > snap.off[couriers][None, :]] = np.inf
        one = np.flatnonzero(size == 1)
        alone = np.zeros(len(snap.order))
        alone[index[one, 0]] = offset[one, 0]
        later = np.maximum(snap.ready, snap.now + tuning.later) + half + alone - snap.placed
        skip = later + tuning.overage * np.maximum(later - rates.target_min, 0) + tuning.skip
        skip += tuning.strain * strain
        typical = alone.mean()
        skip += minute * (typical + tuning.own * (alone - typical) + 2 * half + tuning.way)
        members = [tuple(sorted(r)) for r in rows]
        return cls(tours, members, shop, couriers, arrive, pickup, cost, skip)


def _strain(snap: Snapshot, tuning: Tuning) -> float:
    """How far the orders of the next hour exceed what the couriers on duty can carry; 0 to 1."""
    hour = snap.now + tuning.ahead
    on_duty = np.minimum(snap.off, hour) - np.maximum(snap.free, snap.now)
    trips = np.maximum(on_duty, 0).sum() / tuning.trip
    recent = int((snap.past_placed > snap.now - 30).sum())
    coming = len(snap.order) + tuning.coming * recent * tuning.ahead / 30
    return float(np.clip(coming / max(trips, 1.0) - 1, 0.0, 1.0))


def _arrivals(snap: Snapshot, couriers: Ints) -> Ints:
    """(c, s): the earliest each courier can be at each shop, if it leaves now or when free."""
    way = travel_min(snap.courier_xy[couriers], snap.shop_xy, snap.rates)
    arrive = np.maximum(snap.free[couriers], snap.now)[:, None] + way
    at_shop = snap.at_shop[couriers]
    here = np.flatnonzero(at_shop >= 0)
    arrive[here, at_shop[here]] = snap.free[couriers[here]]
    return arrive


def _courier_price(snap: Snapshot, tuning: Tuning) -> Floats:
    """(m,): what it costs to use each courier at all, beyond the customers' waiting."""
    price = np.zeros(len(snap.free))
    if tuning.pay:
        short = snap.done * snap.rates.per_order < snap.rates.per_hour * snap.hours
        price += np.where(short, 0.0, tuning.pay)
    if tuning.ending:
        left = np.clip(snap.off - np.maximum(snap.free, snap.now), 0, 120) / 120
        price += tuning.ending * left
    return price


def _due(
    snap: Snapshot, trips: _Trips, chosen: list[tuple[int, int]], tuning: Tuning
) -> Iterator[Go | Take]:
    """The chosen trips that cannot wait: couriers who must leave, bundles handed out now."""
    half = snap.rates.pickup_min // 2
    for bundle, column in chosen:
        courier, shop = int(trips.couriers[column]), int(trips.shop[bundle])
        pickup, arrive = int(trips.pickup[bundle, column]), int(trips.arrive[column, shop])
        if snap.free[courier] > snap.now:
            continue
        there = snap.at_shop[courier] == shop
        if not tuning.updates:
            if arrive + half + tuning.lead >= pickup:
                yield Take(courier, trips.tours[bundle].orders)
        elif there and pickup <= snap.now:
            yield Take(courier, trips.tours[bundle].orders)
        elif not there and arrive + half + tuning.lead >= pickup:
            yield Go(courier, shop)
