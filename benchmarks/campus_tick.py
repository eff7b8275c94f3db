"""How long one live tick takes, and how that grows: the engine alone, on one core.

    .venv/bin/python -m benchmarks.campus_tick [--times 3] [--large]
    .venv/bin/python -m benchmarks.campus_tick --database   # rows to arrays, plan, offers written

A third of the riders has nothing in hand, a third one order, a third two; no two orders alike.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import select

from benchmarks.webhook import prepare
from dispatch import LIVE, Problem, Visit, solve
from handlers.dispatch import apply_plan, snapshot
from models.base import Session, Sessions
from models.campus import Account, Campus, Place
from models.order import Order
from models.person import Person
from models.rider import Rider, RiderStatus
from models.rules.order_state import OrderState
from models.shop import Shop

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
    parser.add_argument("--database", action="store_true",
                        help="a whole tick of the demo's campus, on a PostgreSQL of its own")
    asked = parser.parse_args(arguments)
    if asked.database:
        return whole_ticks(asked.times)
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


def whole_ticks(times: int) -> int:
    """Print a line for each size: seconds of each part of `workers.dispatch.tick`."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), workers=1)
        print("| orders | riders | rows to arrays s | plan s | offers written s | offers |\n"
              "|---|---|---|---|---|---|")
        for orders, riders in SIZES:
            told = [_whole_tick(orders, riders) for _ in range(times)]
            parts = " | ".join(f"{min(each):.2f}" for each in list(zip(*told, strict=True))[:3])
            print(f"| {orders} | {riders} | {parts} | {told[0][3]} |")
    return 0


def _whole_tick(orders: int, riders: int) -> tuple[float, float, float, int]:
    """Nothing of it is kept."""
    now = datetime.now(UTC)
    with Sessions() as session:
        campus_id = _rush(session, orders, riders, now)
        began = time.perf_counter()
        asked = snapshot(session, campus_id, now=now)
        assert asked is not None
        read = time.perf_counter()
        plan = solve(asked.problem, seed=campus_id, params=LIVE)
        planned = time.perf_counter()
        made = apply_plan(session, asked, plan, now=now)
        session.flush()
        written = time.perf_counter()
        session.rollback()
    return read - began, planned - read, written - planned, made


def _rush(session: Session, orders: int, riders: int, now: datetime) -> int:
    """Open orders, and riders on duty: a third of them with one in hand, a third with two."""
    chance = np.random.default_rng(0)
    campus = session.scalars(select(Campus)).one()
    account = session.scalars(select(Account)).one()
    shops = session.scalars(select(Shop).where(Shop.place_id.is_not(None))).all()
    dorms = session.scalars(select(Place).where(Place.kind == "dorm")).all()
    people = [Person(app_id=account.app_id, openid=f"oTick{k:023d}", created_at=now)
              for k in range(riders + 1)]
    session.add_all(people)
    session.flush()
    couriers = [Rider(person_id=person.id, campus_id=campus.id, name="骑手", is_on_duty=True,
                      status=RiderStatus.APPROVED, place_id=shops[k % len(shops)].place_id)
                for k, person in enumerate(people[1:])]
    session.add_all(couriers)
    session.flush()
    in_hand = [rider.id for k, rider in enumerate(couriers) for _ in range(k % 3)]
    for k, rider_id in enumerate([*in_hand, *[None] * orders]):
        session.add(Order(
            campus_id=campus.id, shop_id=shops[int(chance.integers(len(shops)))].id,
            place_id=dorms[int(chance.integers(len(dorms)))].id, buyer_id=people[0].id,
            room="302", pin="1234", code=f"A{k}", state=OrderState.COOKING, rider_id=rider_id,
            created_at=now, paid_at=now,
            accepted_at=now, taken_at=now if rider_id else None,
            food_ready_at=now + timedelta(seconds=float(chance.uniform(-300, 900))),
            promised_at=now + timedelta(seconds=float(chance.uniform(600, 3000)))))
    session.flush()
    session.expire_all()
    return campus.id


if __name__ == "__main__":
    sys.exit(main())
