"""What dispatch is asked: orders, riders and the seconds between places, all relative to now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Bar(IntEnum):
    """Why a rider may not have an order; anything but 0 forbids (a bool matrix works as well)."""

    NONE = 0
    FORBIDDEN = 1
    DECLINED = 2
    OWN_ORDER = 3
    OWN_SHOP = 4
    BUILDING = 5
    OFF_ROUTE = 6
    ENDING = 7


@dataclass(frozen=True, slots=True)
class Visit:
    """One stop a rider still has to make for an order in hand.

    Attributes
    ----------
    at : index into `Problem.travel_s`
    order_id : the order in hand
    is_pickup : collecting (True) or handing over (False)
    earliest_s : not before (a pickup's ready time), relative seconds
    due_s : promised time, relative seconds; inf where nothing is promised
    """

    at: int
    order_id: int
    is_pickup: bool = False
    earliest_s: float = float("-inf")
    due_s: float = float("inf")


@dataclass(frozen=True, slots=True)
class Problem:
    """One tick: n open orders, m riders on duty, k places. All times are seconds from now.

    Attributes
    ----------
    order_ids : (n,) int64, distinct
    rider_ids : (m,) int64, distinct
    travel_s : (k, k) float64, seconds between places, >= 0, zero diagonal, may be asymmetric
    pickup, dropoff : (n,) int64, indices into `travel_s`
    ready_s : (n,) float64, when the food is ready (negative: has been for so long)
    due_s : (n,) float64, when it was promised; inf where nothing was
    rider_at : (m,) int64, index into `travel_s`: where the rider starts when next free to move
    free_s : (m,) float64, when that is, >= 0 (0: moving or idle now)
    load : (m,) int64, orders in hand, not negative
    capacity : (m,) int64, orders a rider may have in hand at once
    forbidden : (n, m) bool, or int8 of `Bar`; anything but 0 forbids the pair
    routes : m tuples of `Visit`, or () for none; a rider's stops in hand, in the order in which
        they will be made, starting from `rider_at` at `free_s`. Without a route a loaded rider
        begins the new order at `rider_at` when `free_s` has come.
    speed_mps : metres per second that `travel_s` was made with, to tell distances in metres
    ready_sd_s : (n,) float64 or None; the spread of `ready_s`, a normal distribution. None: known
    latest_s : (n,) float64 or None; no hand-over after this, since the building closes
    off_s : (m,) float64 or None; no hand-over after this, since the rider's shift ends
    size : (n,) int64 or None; how much of `capacity` an order takes (a group's may be more than 1)
    """

    order_ids: Ints
    rider_ids: Ints
    travel_s: Floats
    pickup: Ints
    dropoff: Ints
    ready_s: Floats
    due_s: Floats
    rider_at: Ints
    free_s: Floats
    load: Ints
    capacity: Ints
    forbidden: NDArray[np.bool_] | NDArray[np.int8]
    routes: tuple[tuple[Visit, ...], ...] = ()
    speed_mps: float = 1.3
    ready_sd_s: Floats | None = None
    latest_s: Floats | None = None
    off_s: Floats | None = None
    size: Ints | None = None

    def __post_init__(self) -> None:
        """Refuse (ValueError) arrays whose shapes or indices do not fit together."""
        n, m, k = len(self.order_ids), len(self.rider_ids), len(self.travel_s)
        shapes = {
            "travel_s": (k, k),
            "pickup": (n,),
            "dropoff": (n,),
            "ready_s": (n,),
            "due_s": (n,),
            "rider_at": (m,),
            "free_s": (m,),
            "load": (m,),
            "capacity": (m,),
            "forbidden": (n, m),
        }
        more = {"ready_sd_s": (n,), "latest_s": (n,), "off_s": (m,), "size": (n,)}
        shapes |= {name: shape for name, shape in more.items() if getattr(self, name) is not None}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} is {getattr(self, name).shape}, expected {shape}")
        if self.routes and len(self.routes) != m:
            raise ValueError(f"{len(self.routes)} routes for {m} riders")
        for name in ("pickup", "dropoff", "rider_at"):
            places = getattr(self, name)
            if places.size and not (places.min() >= 0 and places.max() < k):
                raise ValueError(f"{name} leads outside the {k} places")

    def of_orders(self, rows: Ints) -> Problem:
        """The same with these orders alone."""
        each = ("order_ids", "pickup", "dropoff", "ready_s", "due_s", "forbidden", "ready_sd_s",
                "latest_s", "size")  # fmt: skip
        kept = {name: of[rows] for name in each if (of := getattr(self, name)) is not None}
        return replace(self, **kept)

    @property
    def sizes(self) -> Ints:
        """(n,): the capacity that each order takes."""
        return np.ones(len(self.order_ids), np.int64) if self.size is None else self.size

    def has_room(self, size: Ints | int) -> NDArray[np.bool_]:
        """(…, m): whether each rider can take so much more."""
        room: NDArray[np.bool_] = self.load + np.asarray(size)[..., None] <= self.capacity
        return room

    def route_of(self, rider: int) -> tuple[Visit, ...]:
        """The stops in hand of the rider at this index."""
        return self.routes[rider] if self.routes else ()
