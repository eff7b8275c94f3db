"""The trips of one minute: every bundle with every courier, and what each would cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from dispatch.problem import Floats, Ints
from dispatch.snapshot import Snapshot, travel_min


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in minutes of a customer's waiting.

    Attributes
    ----------
    overage : per minute beyond the target, on top of the minute itself
    empty : per minute of the way to the shop
    pay : for an order given to a courier whose guaranteed pay is already earned
    ending : for a courier with two hours of its shift left, less where less is left, so that
        those who soon go home are used first
    later : minutes from now until an order that is left out is thought to be fetched
    """

    overage: float = 0.0
    empty: float = 0.02
    pay: float = 0.3
    ending: float = 0.0
    later: int = 60


@dataclass(frozen=True, slots=True)
class Tour:
    """A bundle's best sequence; offsets are minutes from leaving the counter to each hand-over."""

    orders: tuple[int, ...]
    offsets: tuple[int, ...]


@dataclass(slots=True)
class Trips:
    """All bundles (b) priced for every courier who can serve soon (c)."""

    tours: Sequence[Tour]
    members: list[tuple[int, ...]]  # each tour's orders as rising rows of the snapshot
    shop: Ints  # (b,)
    couriers: Ints  # (c,) rows of the snapshot
    arrive: Ints  # (c, s)
    pickup: Ints  # (b, c)
    cost: Floats  # (b, c)
    skip: Floats  # (n,)

    @classmethod
    def of(cls, snap: Snapshot, tours: Sequence[Tour], prices: Prices, *, horizon: int) -> Trips:
        """Price tours for the couriers who are free within `horizon` minutes."""
        rows = {int(number): i for i, number in enumerate(snap.order)}
        index, real, offset = _tables(tours, rows)
        shop, ready = snap.shop[index[:, 0]], snap.ready[index].max(axis=1)
        soon = (snap.free <= snap.now + horizon) & (snap.off >= snap.now)
        couriers = np.flatnonzero(soon)
        arrive = snap.arrivals(couriers)
        earliest = np.maximum(arrive.T[shop] + snap.half, ready[:, None])
        pickup = np.maximum(earliest, snap.now)
        # minutes from the pickup to each door, beyond the order's placement
        base = (offset + snap.half - snap.placed[index]) * real
        cost = pickup * real.sum(axis=1)[:, None] + base.sum(axis=1)[:, None].astype(np.float64)
        if prices.overage:
            cost += prices.overage * _overage(pickup, base, real, snap.rates.target_min)
        way = (arrive - np.maximum(snap.free, snap.now)[couriers][:, None]).T[shop]
        cost += _of_courier(snap, prices)[couriers] + prices.empty * way
        cost[pickup > snap.off[couriers][None, :]] = np.inf
        one = np.flatnonzero(~real[:, 1:].any(axis=1))
        alone = np.zeros(len(snap.order))
        alone[index[one, 0]] = offset[one, 0]
        members = [tuple(sorted(rows[o] for o in tour.orders)) for tour in tours]
        skip = _of_skipping(snap, alone, prices)
        return cls(tours, members, shop, couriers, arrive, pickup, cost, skip)

    def then(self, snap: Snapshot, chosen: Sequence[tuple[int, int]], couriers: int) -> Snapshot:
        """The same minute with each courier a second time, after the trip chosen for it.

        `couriers` says how many of the snapshot's are real; the doubles come behind them.
        """
        rows, free, doors = [], [], []
        at = {int(number): i for i, number in enumerate(snap.order)}
        for bundle, column in chosen:
            if self.couriers[column] >= couriers:
                continue
            tour = self.tours[bundle]
            served = tour.offsets[-1] + snap.half + snap.rates.dropoff_min // 2
            rows.append(int(self.couriers[column]))
            free.append(int(self.pickup[bundle, column]) + served)
            doors.append(at[tour.orders[-1]])
        return replace(
            snap,
            courier_xy=np.vstack([snap.courier_xy, snap.order_xy[doors]]),
            free=np.concatenate([snap.free, np.array(free, dtype=np.int64)]),
            at_shop=np.concatenate([snap.at_shop, np.full(len(rows), -1)]),
            off=np.concatenate([snap.off, snap.off[rows]]),
            hours=np.concatenate([snap.hours, snap.hours[rows]]),
            done=np.concatenate([snap.done, snap.done[rows]]),
        )


def best_tour(snap: Snapshot, rows: Sequence[int]) -> Tour:
    """The sequence of some orders of one shop with the least sum of hand-overs."""
    xy = np.vstack([snap.shop_xy[[snap.shop[rows[0]]]], snap.order_xy[list(rows)]])
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
    return Tour(tuple(int(snap.order[rows[i - 1]]) for i in best[2]), best[3])


def _tables(tours: Sequence[Tour], rows: dict[int, int]) -> tuple[Ints, Ints, Ints]:
    """Rows of orders, whether there is one (0 or 1), and offsets: (b, w) each, padded."""
    width = max(len(tour.orders) for tour in tours)
    index, real, offset = np.zeros((3, len(tours), width), dtype=np.int64)
    for size in range(1, width + 1):
        these = [k for k, tour in enumerate(tours) if len(tour.orders) == size]
        if these:
            index[these, :size] = [[rows[o] for o in tours[k].orders] for k in these]
            index[these, size:] = index[these, :1]
            offset[these, :size] = [tours[k].offsets for k in these]
            real[these, :size] = 1
    return index, real, offset


def _overage(pickup: Ints, base: Ints, real: Ints, target: int) -> Floats:
    over = np.zeros(pickup.shape)
    for k in range(base.shape[1]):
        beyond = np.maximum(pickup + (base[:, k] - target)[:, None], 0)
        over += np.where(real[:, k, None], beyond, 0)
    return over


def _of_courier(snap: Snapshot, prices: Prices) -> Floats:
    """(m,): what it costs to use each courier at all, beyond the customers' waiting."""
    short = snap.done * snap.rates.per_order < snap.rates.per_hour * snap.hours
    left = np.clip(snap.off - np.maximum(snap.free, snap.now), 0, 120) / 120
    price: Floats = np.where(short, 0.0, prices.pay) + prices.ending * left
    return price


def _of_skipping(snap: Snapshot, alone: Floats, prices: Prices) -> Floats:
    """(n,): an order left out is fetched in a while, or not; that bounds what a trip may cost."""
    later = np.maximum(snap.ready, snap.now + prices.later) + snap.half + alone - snap.placed
    price: Floats = later + prices.overage * np.maximum(later - snap.rates.target_min, 0)
    return price
