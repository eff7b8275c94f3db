"""Replay one day online: the runner owns the clock and hands over placed orders only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from dispatch.mdrp import Instance, Leg, Trip
from dispatch.patience import Deadline
from dispatch.problem import Floats, Ints
from dispatch.snapshot import Go, Snapshot, Take, travel_min


class Policy(Protocol):
    """Whoever decides: what to do at one minute, from what is known at it."""

    def decide(self, snap: Snapshot) -> list[Go | Take]: ...


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a day, and how long each decision took in milliseconds."""

    trips: tuple[Trip, ...]
    legs: tuple[Leg, ...]
    decision_ms: tuple[float, ...]


@dataclass(slots=True)
class _Day:
    """The state of one replay: where everybody is, and which orders are open."""

    instance: Instance
    xy: Floats
    free: Ints
    at_shop: Ints
    done: Ints
    place: list[str]
    open: set[int] = field(default_factory=set)
    past: list[int] = field(default_factory=list)
    trips: list[Trip] = field(default_factory=list)
    legs: list[Leg] = field(default_factory=list)

    @classmethod
    def begin(cls, instance: Instance) -> _Day:
        m = len(instance.on)
        return cls(
            instance,
            instance.courier_xy.copy(),
            instance.on.copy(),
            np.full(m, -1),
            np.zeros(m, dtype=np.int64),
            ["0"] * m,
        )

    def snapshot(self, now: int) -> Snapshot:
        day, rows = self.instance, np.array(sorted(self.open), dtype=np.int64)
        past = np.array(self.past, dtype=np.int64)
        return Snapshot(
            now=now,
            order=rows,
            order_xy=day.order_xy[rows],
            placed=day.placed[rows],
            ready=day.ready[rows],
            shop=day.shop[rows],
            shop_xy=day.shop_xy,
            courier_xy=self.xy.copy(),
            free=self.free.copy(),
            at_shop=self.at_shop.copy(),
            off=day.off,
            hours=(day.off - day.on) / 60,
            done=self.done.copy(),
            rates=day.rates,
            past_placed=day.placed[past],
            past_ready=day.ready[past],
            past_shop=day.shop[past],
        )

    def hear(self, orders: list[int]) -> None:
        self.open.update(orders)
        self.past.extend(orders)

    def apply(self, action: Go | Take, now: int) -> None:
        if self.free[action.courier] > now:
            raise ValueError(f"courier {action.courier} is not free at {now}")
        if isinstance(action, Go):
            self._go(action.courier, action.shop, now)
        else:
            self._take(action.courier, action.orders, now)

    def _go(self, courier: int, shop: int, now: int) -> None:
        name = self.instance.shop_names[shop]
        self._move(courier, self.instance.shop_xy[shop], name, now)
        self.at_shop[courier] = shop

    def _move(self, courier: int, xy: Floats, name: str, leaves: int) -> None:
        way = travel_min(self.xy[[courier]], xy[None, :], self.instance.rates)[0, 0]
        self.legs.append(Leg(courier, leaves, self.place[courier], name))
        self.xy[courier], self.place[courier] = xy, name
        self.free[courier] = leaves + way

    def _take(self, courier: int, orders: tuple[int, ...], now: int) -> None:
        day = self.instance
        [shop] = {int(day.shop[i]) for i in orders}
        self.open -= set(orders)
        if self.at_shop[courier] != shop:
            self._go(courier, shop, now)
        half, drop = day.rates.pickup_min // 2, day.rates.dropoff_min // 2
        ready = max(int(day.ready[i]) for i in orders)
        pickup = max(int(self.free[courier]) + half, ready, now)
        if pickup > day.off[courier]:
            raise ValueError(f"courier {courier} picks up at {pickup}, after its shift")
        leaves, dropoffs = pickup + half, []
        for i in orders:
            self._move(courier, day.order_xy[i], day.order_names[i], leaves)
            dropoffs.append(int(self.free[courier]) + drop)
            leaves = dropoffs[-1] + drop
        self.free[courier], self.at_shop[courier] = leaves, -1
        self.done[courier] += len(orders)
        self.trips.append(Trip(courier, orders, now, pickup, tuple(dropoffs)))


def replay(
    instance: Instance,
    policy: Policy,
    *,
    timer: Callable[[], float] = lambda: 0.0,
    deadline: Deadline | None = None,
) -> Replay:
    """Run a day minute by minute until every order is carried or nobody is left on duty.

    `timer` gives seconds, for the report of decision times alone: no decision depends on it.
    `deadline` is the policy's own, begun anew with each decision; benchmarks do not meet it.
    """
    day, coming, spent = _Day.begin(instance), _by_minute(instance.placed), []
    now, last = min(coming, default=0), max([0, *instance.off.tolist(), *coming])
    while now <= last and (coming or day.open):
        day.hear(coming.pop(now, []))
        if deadline:
            deadline.begin()
        began = timer()
        actions = policy.decide(day.snapshot(now))
        spent.append(1000 * (timer() - began))
        for action in actions:
            day.apply(action, now)
        now += 1
    return Replay(tuple(day.trips), tuple(day.legs), tuple(spent))


def _by_minute(placed: Ints) -> dict[int, list[int]]:
    coming: dict[int, list[int]] = {}
    for i, minute in enumerate(placed):
        coming.setdefault(int(minute), []).append(i)
    return coming
