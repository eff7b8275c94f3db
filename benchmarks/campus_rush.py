"""A lunch rush on the demo campus, simulated twice: by the live engine, and to the nearest idle.

    .venv/bin/python -m benchmarks.campus_rush [--orders 200] [--riders 16] [--days 5] [--plot FILE]

Both see the same orders, kitchens and riders, second by second. A kitchen's real time is drawn
around what it says, and known to nobody before the food is there. Riders take what they are asked.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.plot import distribution
from dispatch import LIVE, Params, Problem, RoadGraph, Vehicle, Visit, solve
from dispatch.eta import PREP_SPREAD
from dispatch.problem import Floats, Ints

ROOT = Path(__file__).parent.parent
CAMPUS = ROOT / "config" / "campuses" / "demo.json"
TICK_S, RUSH_S = 15.0, 75 * 60.0
PROMISE_S = 35 * 60.0
CAPACITY = 3


@dataclass(frozen=True, slots=True)
class Rush:
    """n orders and m riders on k places; times in seconds from the start."""

    travel_s: Floats  # (k, k)
    placed_s: Floats  # (n,) rising
    said_s: Floats  # (n,) when the kitchen says it will be ready
    ready_s: Floats  # (n,) when it is
    pickup: Ints
    dropoff: Ints
    riders_at: Ints  # (m,)


@dataclass(slots=True)
class Rider:
    """Bound for, or standing at, `at`; free to move on at `free_s`."""

    at: int
    free_s: float = 0.0
    route: list[Visit] = field(default_factory=list)
    moved_s: float = 0.0
    serving: bool = False  # at the route's first stop, or on the way to it


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a rush: minutes from the order to the door, riding per order, ticks in ms."""

    door_min: Floats
    riding_min: float
    tick_ms: Floats


Decide = Callable[[Problem], list[tuple[int, tuple[int, ...], list[Visit]]]]


def invented(seed: int, orders: int, riders: int) -> Rush:
    """Orders that swell towards the end of a class and ebb away, at the demo campus's shops."""
    campus = json.loads(CAMPUS.read_text("utf-8"))
    places = {p["id"]: (p["lat"], p["lng"]) for p in campus["places"]}
    paths = [(p["from"], p["to"], p["metres"]) for p in campus["paths"]]
    keys = sorted(places)
    travel_s = RoadGraph.build(places, paths).matrix_m(keys) / Vehicle.E_BIKE.value
    chance = np.random.default_rng(seed)
    shops = [keys.index(s["place_id"]) for s in campus["shops"]]
    doors = [keys.index(p["id"]) for p in campus["places"] if p["kind"] in ("dorm", "teach", "lab")]
    placed = np.sort(RUSH_S * chance.beta(2.5, 2.5, orders))
    said = [60.0 * s["prep_minutes"] for s in campus["shops"]]
    which = chance.integers(0, len(shops), orders)
    prep = np.array(said)[which]
    real = prep * np.maximum(chance.normal(1, PREP_SPREAD, orders), 0.3)
    return Rush(
        travel_s=travel_s,
        placed_s=placed,
        said_s=placed + prep,
        ready_s=placed + real,
        pickup=np.array(shops)[which],
        dropoff=chance.choice(doors, orders),
        riders_at=chance.choice(shops, riders),
    )


def play(rush: Rush, decide: Decide, params: Params = LIVE) -> Outcome:
    """Tick by tick until everything is handed over."""
    riders = [Rider(int(at)) for at in rush.riders_at]
    open_, done = set[int](), np.full(len(rush.placed_s), np.nan)
    spent, now, coming = [], 0.0, 0
    while np.isnan(done).any():
        while coming < len(done) and rush.placed_s[coming] <= now:
            open_.add(coming)
            coming += 1
        for rider in riders:
            _move(rush, rider, now, done, params)
        if open_:
            rows, began = np.array(sorted(open_)), time.perf_counter()
            chosen = decide(_problem(rush, riders, rows, now))
            spent.append(1000 * (time.perf_counter() - began))
            for j, orders, route in chosen:
                riders[j].route = route
                open_ -= {int(rows[i]) for i in orders}
        now += TICK_S
    moved = sum(rider.moved_s for rider in riders) / 60 / len(done)
    return Outcome((done - rush.placed_s) / 60, moved, np.array(spent))


def _move(rush: Rush, rider: Rider, until: float, done: Floats, params: Params) -> None:
    """Let a rider ride, wait and serve up to a moment; a leg that was begun is finished."""
    while rider.route and rider.free_s <= until:
        stop = rider.route[0]
        again = rider.at == stop.at and rider.moved_s > 0
        if rider.at != stop.at:
            leg = float(rush.travel_s[rider.at, stop.at])
            rider.at, rider.free_s = stop.at, max(rider.free_s, until - TICK_S) + leg
            rider.moved_s += leg
            continue
        if stop.is_pickup and rush.ready_s[stop.order_id] > until:
            return
        first = params.pickup_s if stop.is_pickup else params.dropoff_s
        starts = max(rider.free_s, rush.ready_s[stop.order_id] if stop.is_pickup else 0.0)
        rider.free_s = starts + (params.again_s if again and rider.serving else first)
        rider.serving = len(rider.route) > 1 and rider.route[1].at == stop.at
        rider.route.pop(0)
        if not stop.is_pickup:
            done[stop.order_id] = rider.free_s


def _problem(rush: Rush, riders: Sequence[Rider], rows: Ints, now: float) -> Problem:
    """What is known at a moment: not when kitchens will really be ready."""

    def expected(order: int) -> float:
        left = rush.said_s[order] - now
        return float(rush.ready_s[order] - now if rush.ready_s[order] <= now else max(left, 60.0))

    routes = tuple(
        tuple(replace(v, earliest_s=expected(v.order_id)) if v.is_pickup else v for v in r.route)
        for r in riders
    )
    ready = np.array([expected(i) for i in rows])
    load = [sum(not v.is_pickup for v in rider.route) for rider in riders]
    return Problem(
        order_ids=rows,
        rider_ids=np.arange(len(riders)),
        travel_s=rush.travel_s,
        pickup=rush.pickup[rows],
        dropoff=rush.dropoff[rows],
        ready_s=ready,
        due_s=rush.placed_s[rows] + PROMISE_S - now,
        rider_at=np.array([rider.at for rider in riders]),
        free_s=np.array([max(rider.free_s - now, 0.0) for rider in riders]),
        load=np.array(load),
        capacity=np.full(len(riders), CAPACITY),
        forbidden=np.zeros((len(rows), len(riders)), np.int8),
        routes=routes,
        speed_mps=Vehicle.E_BIKE.value,
        ready_sd_s=PREP_SPREAD * np.maximum(ready, 0.0),
    )


def engine(problem: Problem) -> list[tuple[int, tuple[int, ...], list[Visit]]]:
    """The live engine's trips."""
    plan = solve(problem, params=LIVE)
    return [
        (t.rider_index, t.order_indices, [Visit(s.at, s.order_id, s.is_pickup) for s in t.stops])
        for t in plan.trips
    ]


def nearest_idle(problem: Problem) -> list[tuple[int, tuple[int, ...], list[Visit]]]:
    """Orders in turn, each at once to the nearest rider with nothing in hand."""
    idle = [j for j in range(len(problem.rider_ids)) if not problem.routes[j]]
    chosen = []
    for i in range(len(problem.order_ids)):
        if not idle:
            break
        shop, door = int(problem.pickup[i]), int(problem.dropoff[i])
        way = problem.travel_s[problem.rider_at[idle], shop] + problem.free_s[idle]
        j = idle.pop(int(way.argmin()))
        number = int(problem.order_ids[i])
        chosen.append((j, (i,), [Visit(shop, number, True), Visit(door, number)]))
    return chosen


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both outcomes and what the engine saves."""
    parser = argparse.ArgumentParser(prog="benchmarks.campus_rush", description=__doc__)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--riders", type=int, default=16)
    parser.add_argument("--days", type=int, default=5, help="seeds 0, 1, …")
    parser.add_argument("--plot", type=Path, help="write the two distributions here, SVG")
    asked = parser.parse_args(arguments)
    told: dict[str, list[Outcome]] = {"engine": [], "nearest idle": []}
    for seed in tqdm(range(asked.days), unit="day", file=sys.stderr):
        rush = invented(seed, asked.orders, asked.riders)
        told["engine"].append(play(rush, engine))
        told["nearest idle"].append(play(rush, nearest_idle))
    doors = {name: np.concatenate([o.door_min for o in days]) for name, days in told.items()}
    print("| policy | mean min | p90 | late % | riding min an order | tick p99 ms |")
    print("|---" * 6 + "|")
    for name, days in told.items():
        late = 100 * (doors[name] > PROMISE_S / 60).mean()
        riding = np.mean([o.riding_min for o in days])
        p99 = np.percentile(np.concatenate([o.tick_ms for o in days]), 99)
        mean, p90 = doors[name].mean(), np.percentile(doors[name], 90)
        print(f"| {name} | {mean:.1f} | {p90:.1f} | {late:.1f} | {riding:.1f} | {p99:.0f} |")
    saved = 100 * (1 - doors["engine"].mean() / doors["nearest idle"].mean())
    print(f"mean delivery time {saved:.1f} % below nearest idle")
    if asked.plot:
        title = f"{asked.orders} orders, {asked.riders} riders, {asked.days} rushes"
        asked.plot.write_text(distribution(doors, title, "minutes from order to door"), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
