"""How long one live tick takes, and how that grows: the engine alone, on one core.

    .venv/bin/python -m benchmarks.campus_tick [--times 3] [--large]

A third of the riders has nothing in hand, a third one order, a third two; no two orders alike.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

from dispatch import LIVE, Problem, Visit, solve

PLACES, SHOPS = 80, 12
SIZES = [(50, 20), (200, 60), (500, 150), (1000, 300)]
LARGE = [(2000, 500), (5000, 1000)]


def invented(orders: int, riders: int, seed: int = 0) -> Problem:
    """A campus of 1.5 km with so many open orders and riders."""
    chance = np.random.default_rng(seed)
    xy = 1500 * chance.random((PLACES, 2))
    gap = xy[:, None] - xy[None]
    load = np.arange(riders) % 3
    return Problem(
        order_ids=np.arange(orders),
        rider_ids=np.arange(riders),
        travel_s=1.3 * np.hypot(gap[..., 0], gap[..., 1]) / 4,
        pickup=chance.integers(0, SHOPS, orders),
        dropoff=chance.integers(SHOPS, PLACES, orders),
        ready_s=chance.uniform(-300, 900, orders),
        due_s=chance.uniform(600, 3000, orders),
        rider_at=chance.integers(0, PLACES, riders),
        free_s=np.zeros(riders),
        load=load,
        capacity=np.full(riders, 3),
        forbidden=np.zeros((orders, riders), np.int8),
        routes=tuple(_in_hand(chance, orders + 3 * j, int(load[j])) for j in range(riders)),
        speed_mps=4.0,
        ready_sd_s=np.full(orders, 60.0),
    )


def _in_hand(chance: np.random.Generator, number: int, load: int) -> tuple[Visit, ...]:
    fetch = [
        Visit(int(chance.integers(SHOPS)), number + i, True, float(chance.uniform(0, 600)))
        for i in range(load)
    ]
    bring = [Visit(int(chance.integers(SHOPS, PLACES)), number + i) for i in range(load)]
    return (*fetch, *bring)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each size: wall and processor seconds, the least of some runs."""
    parser = argparse.ArgumentParser(prog="benchmarks.campus_tick", description=__doc__)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--large", action="store_true", help="also up to 5,000 × 1,000")
    asked = parser.parse_args(arguments)
    print("| orders | riders | wall s | processor s | asked | planned |\n|---|---|---|---|---|---|")
    for orders, riders in SIZES + (LARGE if asked.large else []):
        problem, wall, spent = invented(orders, riders), [], []
        for _ in range(asked.times):
            began, worked = time.perf_counter(), time.process_time()
            plan = solve(problem, params=LIVE)
            wall.append(time.perf_counter() - began)
            spent.append(time.process_time() - worked)
        planned = sum(len(trip.order_indices) for trip in plan.trips)
        print(
            f"| {orders} | {riders} | {min(wall):.2f} | {min(spent):.2f} "
            f"| {len(plan.assignments)} | {planned} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
