"""The Meal Delivery Routing Problem's files: instances in, solutions out.

Reyes, Erera, Savelsbergh, Sahasrabudhe, O'Neil: The Meal Delivery Routing Problem, 2018.
Times are whole minutes of the day, coordinates metres.
"""

from __future__ import annotations

import math
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
    """Read an instance directory.

    Raises
    ------
    OSError, ValueError
        Where it is none; the message names the file, and the line and column where one is wrong.
    """
    orders = _Table.read(folder / "orders.txt", 6)
    couriers = _Table.read(folder / "couriers.txt", 5)
    shops = _Table.read(folder / "restaurants.txt", 3)
    order_names, courier_names, shop_names = orders.names(), couriers.names(), shops.names()
    return Instance(
        order_names=order_names,
        courier_names=courier_names,
        shop_names=shop_names,
        order_xy=orders.points(),
        courier_xy=couriers.points(),
        shop_xy=shops.points(),
        placed=orders.minutes(3),
        ready=orders.minutes(5),
        shop=orders.indices(4, shop_names),
        on=couriers.minutes(3),
        off=couriers.minutes(4),
        rates=_rates(_Table.read(folder / "instance_parameters.txt", 7)),
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
        path = folder / f"solution_info_{name}.txt"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Table:
    """A TAB-separated file without its header line; its complaints name file, line and column."""

    name: str
    heads: list[str]
    rows: list[tuple[int, list[str]]]  # line number, cells

    @classmethod
    def read(cls, path: Path, columns: int) -> _Table:
        try:
            head, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
        except UnicodeDecodeError as wrong:
            raise ValueError(f"{path.name}: not a text file") from wrong
        rows = [(number, line.split("\t")) for number, line in enumerate(lines, 2) if line.strip()]
        for number, cells in rows:
            if len(cells) < columns:
                raise ValueError(f"{path.name} line {number}: {len(cells)} of {columns} columns")
        heads = [*head.split("\t"), *(f"column {k + 1}" for k in range(columns))]
        return cls(path.name, heads, rows)

    def names(self) -> tuple[str, ...]:
        """The first column. No name is blank, split in two or there twice."""
        seen: dict[str, int] = {}
        for number, (name, *_) in self.rows:
            if name in seen or len(name.split()) != 1:
                raise ValueError(f"{self.name} line {number}: the name {name!r} will not do")
            seen[name] = number
        return tuple(seen)

    def numbers(self, column: int) -> list[float]:
        return [self._number(number, cells, column) for number, cells in self.rows]

    def points(self) -> Floats:
        return np.array([self.numbers(1), self.numbers(2)], dtype=np.float64).T

    def minutes(self, column: int) -> Ints:
        return np.array(self.numbers(column), dtype=np.int64)

    def indices(self, column: int, names: tuple[str, ...]) -> Ints:
        at = {name: i for i, name in enumerate(names)}
        for number, cells in self.rows:
            if cells[column] not in at:
                raise ValueError(f"{self.name} line {number}: no {cells[column]!r} is known")
        return np.array([at[cells[column]] for _, cells in self.rows], dtype=np.int64)

    def _number(self, number: int, cells: list[str], column: int) -> float:
        try:
            value = float(cells[column])
        except ValueError:
            value = math.nan
        if not abs(value) < _FAR:
            where = f"{self.name} line {number}, {self.heads[column]}"
            raise ValueError(f"{where}: {cells[column]!r} is no number that will do")
        return value


_FAR = 1e9  # metres or minutes; beyond it something is broken, and sums might overflow


def _rates(table: _Table) -> Rates:
    if not table.rows:
        raise ValueError(f"{table.name}: no numbers below the header")
    values = [table.numbers(column)[0] for column in range(7)]
    if values[0] <= 0 or min(values) < 0:
        raise ValueError(f"{table.name} line {table.rows[0][0]}: speed and limits must be positive")
    speed, pickup, dropoff, target, maximum, per_order, per_hour = values
    minutes = (int(pickup), int(dropoff), int(target), int(maximum))
    return Rates(speed, *minutes, per_order, per_hour)
