"""The Meal Delivery Routing Problem's files: instances in, solutions out.

Reyes, Erera, Savelsbergh, Sahasrabudhe, O'Neil: The Meal Delivery Routing Problem, 2018.
Times are whole minutes of the day, coordinates metres.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dispatch.problem import Floats, Ints


@dataclass(frozen=True, slots=True)
class Rates:
    """What `instance_parameters.txt` says: minutes, metres per minute and money."""

    metres_per_minute: float
    pickup_min: int
    dropoff_min: int
    target_min: int
    maximum_min: int
    per_order: float
    per_hour: float


@dataclass(frozen=True, slots=True)
class Instance:
    """One day: n orders, m couriers, s shops, each in the files' order.

    Attributes
    ----------
    order_xy, courier_xy, shop_xy : (n, 2), (m, 2), (s, 2) float64, metres
    placed, ready : (n,) int64, minutes
    shop : (n,) int64, index of each order's shop
    on, off : (m,) int64, minutes
    """

    order_names: tuple[str, ...]
    courier_names: tuple[str, ...]
    shop_names: tuple[str, ...]
    order_xy: Floats
    courier_xy: Floats
    shop_xy: Floats
    placed: Ints
    ready: Ints
    shop: Ints
    on: Ints
    off: Ints
    rates: Rates


@dataclass(frozen=True, slots=True)
class Trip:
    """One bundle carried: orders by index in the order of their drop-offs, all times minutes."""

    courier: int
    orders: tuple[int, ...]
    assigned: int
    pickup: int
    dropoffs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Leg:
    """One move of a courier between places by name; origin "0" is where its shift began."""

    courier: int
    leaves: int
    origin: str
    target: str


def read(folder: Path) -> Instance:
    """Read an instance directory; ValueError or OSError, naming the file, where it is none."""
    orders = _rows(folder / "orders.txt", 6)
    couriers = _rows(folder / "couriers.txt", 5)
    shops = _rows(folder / "restaurants.txt", 3)
    numbers = [float(x) for x in _rows(folder / "instance_parameters.txt", 7)[0]]
    at = {name: i for i, (name, *_) in enumerate(shops)}
    return Instance(
        order_names=tuple(row[0] for row in orders),
        courier_names=tuple(row[0] for row in couriers),
        shop_names=tuple(at),
        order_xy=_points(orders),
        courier_xy=_points(couriers),
        shop_xy=_points(shops),
        placed=_minutes(orders, 3),
        ready=_minutes(orders, 5),
        shop=np.array([at[row[4]] for row in orders], dtype=np.int64),
        on=_minutes(couriers, 3),
        off=_minutes(couriers, 4),
        rates=_rates(numbers),
    )


def write(folder: Path, instance: Instance, trips: Iterable[Trip], legs: Iterable[Leg]) -> None:
    """Write the three solution files in the published evaluator's format."""
    folder.mkdir(parents=True, exist_ok=True)
    names, couriers = instance.order_names, instance.courier_names
    trips = sorted(trips, key=lambda trip: (trip.pickup, trip.courier))
    assignments = ["assign_time pickup_time courier orders"]
    delivered = ["order placement_time ready_time pickup_time dropoff_time courier"]
    for trip in trips:
        bundle = " ".join(names[i] for i in trip.orders)
        assignments.append(f"{trip.assigned} {trip.pickup} {couriers[trip.courier]} {bundle}")
        for i, dropoff in zip(trip.orders, trip.dropoffs, strict=True):
            times = f"{instance.placed[i]} {instance.ready[i]} {trip.pickup} {dropoff}"
            delivered.append(f"{names[i]} {times} {couriers[trip.courier]}")
    moves = ["courier departure_time origin destination"]
    for leg in sorted(legs, key=lambda leg: leg.courier):
        moves.append(f"{couriers[leg.courier]} {leg.leaves} {leg.origin} {leg.target}")
    for name, lines in (("assignments", assignments), ("orders", delivered), ("couriers", moves)):
        (folder / f"solution_info_{name}.txt").write_text("\n".join(lines) + "\n")


def _rates(numbers: list[float]) -> Rates:
    speed, pickup, dropoff, target, maximum, per_order, per_hour = numbers[:7]
    minutes = (int(pickup), int(dropoff), int(target), int(maximum))
    return Rates(speed, *minutes, per_order, per_hour)


def _rows(path: Path, columns: int) -> list[list[str]]:
    lines = [line.split("\t") for line in path.read_text().splitlines()[1:] if line.strip()]
    for number, line in enumerate(lines, 2):
        if len(line) < columns:
            raise ValueError(f"{path.name} line {number}: {len(line)} of {columns} columns")
    return lines


def _points(rows: list[list[str]]) -> Floats:
    return np.array([[float(row[1]), float(row[2])] for row in rows]).reshape(len(rows), 2)


def _minutes(rows: list[list[str]], column: int) -> Ints:
    return np.array([int(float(row[column])) for row in rows], dtype=np.int64)
