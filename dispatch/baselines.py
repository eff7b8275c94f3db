"""Two plain policies to measure the engine against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dispatch.rolling import Rolling, Tuning
from dispatch.snapshot import Go, Snapshot, Take, travel_min
from dispatch.trips import Prices


@dataclass(frozen=True, slots=True)
class NearestIdle:
    """Orders in turn, each at once to the nearest courier who is idle and can still pick up."""

    def decide(self, snap: Snapshot) -> list[Go | Take]:
        way = travel_min(snap.courier_xy, snap.shop_xy, snap.rates)
        idle = set(np.flatnonzero(snap.free <= snap.now).tolist())
        half, actions = snap.rates.pickup_min // 2, list[Go | Take]()
        for i in np.argsort(snap.placed, kind="stable"):
            shop, ready = int(snap.shop[i]), int(snap.ready[i])
            able = [c for c in idle if max(snap.now + way[c, shop] + half, ready) <= snap.off[c]]
            if able:
                courier = min(able, key=lambda c: (way[c, shop], c))
                idle.remove(courier)
                actions.append(Take(courier, (int(snap.order[i]),)))
        return actions


def hungarian() -> Rolling:
    """One order for one courier, matched anew each minute, committed when the courier must go."""
    return Rolling(Tuning(Prices(pay=0.0), bundle=1, rounds=0, updates=False, station=0.0))
