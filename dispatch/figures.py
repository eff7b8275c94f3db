"""What a replayed day was worth: the benchmark's figures, and what no policy can beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dispatch.mdrp import Instance, Trip
from dispatch.problem import Floats
from dispatch.rolling import Tuning
from dispatch.snapshot import travel_min

PENALTY_MIN = 90  # counted for an order that is never delivered


def figures(instance: Instance, trips: Sequence[Trip]) -> dict[str, float]:
    """The benchmark's means, by the checker's names; minutes and money."""
    door, ready, served = [], [], np.zeros(len(instance.on))
    for trip in trips:
        served[trip.courier] += len(trip.orders)
        for i, dropoff in zip(trip.orders, trip.dropoffs, strict=True):
            door.append(dropoff - int(instance.placed[i]))
            ready.append(trip.pickup - int(instance.ready[i]))
    total, count = max(len(instance.placed), 1), max(len(door), 1)
    missing, rates = len(instance.placed) - len(door), instance.rates
    pay = np.maximum(rates.per_order * served, rates.per_hour * (instance.off - instance.on) / 60)
    return {
        "orders": len(instance.placed),
        "undelivered_pct": round(100 * missing / total, 3),
        "click_to_door": round(sum(door) / count, 3),
        "click_to_door_penalised": round((sum(door) + PENALTY_MIN * missing) / total, 3),
        "overage": round(sum(max(0, d - rates.target_min) for d in door) / count, 3),
        "ready_to_pickup": round(sum(ready) / count, 3),
        "cost_per_order": round(float(pay.sum()) / count, 3),
        "over_90_minutes": sum(d > rates.maximum_min for d in door),
        "bound": round(float(bound(instance).sum()) / total, 3),
    }


def summary(
    instance: Instance, trips: Sequence[Trip], decision_ms: Sequence[float], tuning: Tuning
) -> dict[str, object]:
    """All that `summary.json` says."""
    spent = np.array(decision_ms or [0.0])
    return {
        **figures(instance, trips),
        "decision_ms": {
            "median": round(float(np.median(spent)), 2),
            "p99": round(float(np.percentile(spent, 99)), 2),
            "max": round(float(spent.max()), 2),
        },
        "prepositioning": tuning.updates or tuning.station > 0,
        "updates": tuning.updates,
    }


def bound(instance: Instance) -> Floats:
    """(n,) click-to-door in minutes of each order if it were the only one of the day.

    The first courier who could be there from the start of its shift, the ready time, the way and
    the services. Capacity and the ends of shifts are left out.
    """
    rates, shop = instance.rates, instance.shop_xy[instance.shop]
    gap = instance.order_xy - shop
    way = np.ceil(np.hypot(gap[:, 0], gap[:, 1]) / rates.metres_per_minute)
    pickup = instance.ready.astype(np.float64)
    if len(instance.on):
        arrive = instance.on[:, None] + travel_min(instance.courier_xy, shop, rates)
        pickup = np.maximum(pickup, arrive.min(axis=0) + rates.pickup_min // 2)
    door: Floats = pickup + rates.pickup_min // 2 + way + rates.dropoff_min // 2 - instance.placed
    return door
