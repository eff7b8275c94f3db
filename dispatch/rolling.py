"""The dispatch engine: every minute, the best set of trips for all that is known by then.

A trip is one courier, one shop and a bundle of its open orders. Choosing trips so that no courier
and no order is in two of them is set packing. Every courier is in it twice, the second time from
where and when its first trip ends, so that an order may wait for somebody who comes by soon
instead of being squeezed into a bundle. A courier is sent when it must leave to keep its trip,
and what it takes is settled at the counter, on the last minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from dispatch.packing import pack
from dispatch.patience import Hurry, patient
from dispatch.problem import Ints
from dispatch.snapshot import Go, Snapshot, Take, travel_min
from dispatch.stations import Demand, stations
from dispatch.trips import Prices, Tour, Trips, best_tour


@dataclass(frozen=True, slots=True)
class Tuning:
    """What is looked at, and bounds on the work of one decision.

    Attributes
    ----------
    prices : of the trips
    bundle : orders in a trip at most
    wide : orders of one shop that are combined with one another
    horizon : minutes; couriers who are free later are left out
    rounds : how often second trips are planned behind the first ones, and all is packed again
    updates : what a courier takes is settled at the counter, not when it leaves
    station : minutes of standing food that a minute of walking to a waiting place must save
    station_from : orders seen before anybody is moved to one
    station_soon : minutes; couriers who are free by then count as near
    memory : minutes in which the day so far is forgotten by a factor of e
    targets : how many of the busiest shops are waited at
    """

    prices: Prices = field(default_factory=Prices)
    bundle: int = 3
    wide: int = 8
    horizon: int = 60
    rounds: int = 2
    updates: bool = True
    station: float = 0.005
    station_from: int = 5
    station_soon: int = 5
    memory: float = 90.0
    targets: int = 30


@dataclass(slots=True)
class Rolling:
    """Set packing each minute. Keeps nothing between calls but a memory of bundles' geometry."""

    tuning: Tuning = field(default_factory=Tuning)
    hurry: Hurry = patient
    _tours: dict[tuple[int, ...], Tour] = field(default_factory=dict)
    _between: Ints | None = None

    def decide(self, snap: Snapshot) -> list[Go | Take]:
        """What to do at this minute; whoever is not named goes on as before."""
        actions: list[Go | Take] = []
        bound: set[int] = set()
        if len(snap.order):
            trips, chosen = self._plan(snap)
            actions += _due(snap, trips, chosen, updates=self.tuning.updates)
            bound = {int(trips.couriers[column]) for _, column in chosen}
        if self.tuning.station and len(snap.past_shop) >= self.tuning.station_from:
            actions += self._wait_well(snap, bound)
        return actions

    def _plan(self, snap: Snapshot) -> tuple[Trips, list[tuple[int, int]]]:
        """Each courier's next trip: (bundle, column of the trips)."""
        tours, tuning, couriers = list(self._bundles(snap)), self.tuning, len(snap.free)
        trips = Trips.of(snap, tours, tuning.prices, horizon=tuning.horizon)
        packed = pack(trips.cost, trips.members, trips.skip, hurry=self.hurry)
        for _ in range(tuning.rounds):
            if self.hurry():
                break
            longer = trips.then(snap, packed.pairs, couriers)
            trips = Trips.of(longer, tours, tuning.prices, horizon=tuning.horizon)
            groups = packed.groups
            packed = pack(trips.cost, trips.members, trips.skip, groups, hurry=self.hurry)
        return trips, [(b, c) for b, c in packed.pairs if trips.couriers[c] < couriers]

    def _wait_well(self, snap: Snapshot, bound: set[int]) -> Iterator[Go]:
        tuning = self.tuning
        near = (snap.free <= snap.now + tuning.station_soon) & (snap.off > snap.now + 15)
        couriers = np.array([c for c in np.flatnonzero(near) if int(c) not in bound], dtype=int)
        idle = np.flatnonzero(snap.free[couriers] <= snap.now)
        if not len(idle):
            return
        past = snap.past_placed, snap.past_ready, snap.past_shop
        demand = Demand.learnt(snap.now, *past, len(snap.shop_xy), tuning.memory)
        if self._between is None:
            self._between = travel_min(snap.shop_xy, snap.shop_xy, snap.rates)
            np.fill_diagonal(self._between, -snap.half)
        reach = np.maximum(snap.arrivals(couriers) + snap.half - snap.now, 0)
        between, worth = self._between + snap.half, tuning.station
        for row, shop in stations(
            demand, reach, between, idle, worth=worth, targets=tuning.targets
        ):
            if snap.at_shop[couriers[row]] != shop:
                yield Go(int(couriers[row]), shop)

    def _bundles(self, snap: Snapshot) -> Iterator[Tour]:
        by_shop: dict[int, list[int]] = {}
        for i in np.lexsort((snap.order, snap.ready)):
            by_shop.setdefault(int(snap.shop[i]), []).append(int(i))
        for rows in by_shop.values():
            for size in range(1, self.tuning.bundle + 1):
                for some in combinations(rows[: self.tuning.wide] if size > 1 else rows, size):
                    yield self._tour(snap, some)

    def _tour(self, snap: Snapshot, rows: tuple[int, ...]) -> Tour:
        key = tuple(int(snap.order[i]) for i in rows)
        if key not in self._tours:
            self._tours[key] = best_tour(snap, rows)
        return self._tours[key]


def _due(
    snap: Snapshot, trips: Trips, chosen: Sequence[tuple[int, int]], *, updates: bool
) -> Iterator[Go | Take]:
    """The chosen trips that cannot wait: couriers who must leave, bundles handed out now."""
    for bundle, column in chosen:
        courier, shop = int(trips.couriers[column]), int(trips.shop[bundle])
        pickup, arrive = int(trips.pickup[bundle, column]), int(trips.arrive[column, shop])
        if snap.free[courier] > snap.now:
            continue
        there, must_leave = snap.at_shop[courier] == shop, arrive + snap.half >= pickup
        if not updates:
            if must_leave:
                yield Take(courier, trips.tours[bundle].orders)
        elif there and pickup <= snap.now:
            yield Take(courier, trips.tours[bundle].orders)
        elif not there and must_leave:
            yield Go(courier, shop)
