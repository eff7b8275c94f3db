"""Delivery days that nobody lived, and a strict reading of what came of one.

The reading knows the files and the rules of the Meal Delivery Routing Problem and nothing of ours.
"""

import math
from collections import defaultdict

import numpy as np

from dispatch.mdrp import Instance, Rates

RATES = Rates(300.0, 4, 4, 40, 90, 10.0, 15.0)


def invented(seed, orders=90, couriers=9, shops=6, minutes=240):
    """A day with a rush in the middle, so that couriers are idle, then short, then idle."""
    chance = np.random.default_rng(seed)
    rush = minutes * chance.beta(3, 3, orders)
    placed = np.sort(rush.astype(np.int64))
    on = chance.integers(0, 60, couriers)
    return Instance(
        order_names=tuple(f"o{i}" for i in range(orders)),
        courier_names=tuple(f"c{i}" for i in range(couriers)),
        shop_names=tuple(f"r{i}" for i in range(shops)),
        order_xy=chance.integers(0, 6000, (orders, 2)).astype(float),
        courier_xy=chance.integers(0, 6000, (couriers, 2)).astype(float),
        shop_xy=chance.integers(2000, 4000, (shops, 2)).astype(float),
        placed=placed,
        ready=placed + chance.integers(3, 30, orders),
        shop=chance.integers(0, shops, orders),
        on=on,
        off=on + chance.integers(120, 260, couriers),
        rates=RATES,
    )


def store(day, folder):
    """Write an instance as published."""
    folder.mkdir()
    rows = {
        "orders": [("order", "x", "y", "placement_time", "restaurant", "ready_time")],
        "couriers": [("courier", "x", "y", "on_time", "off_time")],
        "restaurants": [("restaurant", "x", "y")],
        "instance_parameters": [tuple("abcdefg"), (300, 4, 4, 40, 90, 10, 15)],
    }
    for i, name in enumerate(day.order_names):
        x, y = day.order_xy[i]
        shop = day.shop_names[day.shop[i]]
        rows["orders"].append((name, int(x), int(y), day.placed[i], shop, day.ready[i]))
    for i, name in enumerate(day.courier_names):
        x, y = day.courier_xy[i]
        rows["couriers"].append((name, int(x), int(y), day.on[i], day.off[i]))
    for i, name in enumerate(day.shop_names):
        rows["restaurants"].append((name, *day.shop_xy[i].astype(int)))
    for name, table in rows.items():
        lines = ["\t".join(map(str, row)) for row in table]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")



def rows(path, mark=None):
    return [line.split(mark) for line in path.read_text().splitlines()[1:] if line.strip()]


class _Given:
    """An instance as its files say it."""

    def __init__(self, folder):
        self.place, self.orders, self.shift = {}, {}, {}
        self.speed = float(rows(folder / "instance_parameters.txt", "\t")[0][0])
        for name, x, y in rows(folder / "restaurants.txt", "\t"):
            self.place[name] = (float(x), float(y))
        for name, x, y, placed, shop, ready in rows(folder / "orders.txt", "\t"):
            self.place[name] = (float(x), float(y))
            self.orders[name] = (int(placed), int(ready), shop)
        for name, x, y, on, off in rows(folder / "couriers.txt", "\t"):
            self.place[name] = (float(x), float(y))
            self.shift[name] = (int(on), int(off))

    def way(self, a, b):
        return math.ceil(math.dist(self.place[a], self.place[b]) / self.speed)


def carried(out):
    """{order: (pickup, dropoff, courier)} of a solution folder."""
    told = rows(out / "solution_info_orders.txt")
    return {order: (int(up), int(down), who) for order, _, _, up, down, who in told}


def broken_rules(folder, out):
    """Every rule of the benchmark that a solution breaks, as a sentence."""
    given, done, wrong = _Given(folder), carried(out), []
    jobs, moves = defaultdict(list), defaultdict(list)
    for assigned, pickup, courier, *bundle in rows(out / "solution_info_assignments.txt"):
        jobs[courier].append((int(pickup), int(assigned), bundle))
    for courier, leaves, origin, target in rows(out / "solution_info_couriers.txt"):
        moves[courier].append((int(leaves), courier if origin == "0" else origin, target))
    for courier, todo in jobs.items():
        wrong += _walk(given, done, courier, sorted(todo), moves[courier])
    taken = [order for todo in jobs.values() for _, _, bundle in todo for order in bundle]
    return wrong if sorted(taken) == sorted(done) else [*wrong, "orders missing or there twice"]


def _walk(given, done, courier, todo, moves):
    (free, off), at, way = given.shift[courier], courier, list(moves)
    for pickup, assigned, bundle in todo:
        [shop] = {given.orders[order][2] for order in bundle}
        for order in bundle:
            placed, ready, _ = given.orders[order]
            if not placed <= assigned <= pickup or pickup < ready or done[order][0] != pickup:
                yield f"{order} is told or fetched too early"
        while way and way[0][2] not in given.orders:
            leaves, origin, target = way.pop(0)
            if origin != at or leaves < free:
                yield f"{courier} cannot go to {target} at {leaves}"
            free, at = leaves + given.way(origin, target), target
        if at != shop or pickup < free + 2 or pickup > off:
            yield f"{courier} cannot fetch at {shop} at {pickup}"
        free = pickup + 2
        for order in bundle:
            leaves, origin, target = way.pop(0)
            if (origin, target) != (at, order) or leaves < free:
                yield f"{courier} cannot go to {order} at {leaves}"
            if done[order][1] < leaves + given.way(at, order) + 2:
                yield f"{order} is there too early"
            free, at = done[order][1] + 2, order
