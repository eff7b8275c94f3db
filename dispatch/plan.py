"""What dispatch answers: who takes what, and the numbers that say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, NamedTuple, overload

from dispatch.problem import Bar


class Why(StrEnum):
    """What became of a rider who was considered for an order."""

    CHOSEN = "chosen"
    DEARER = "dearer"  # free all tick long, another was better for this order
    BUSY = "busy"  # given another order in this tick
    FULL = "full"  # carries all it may
    FORBIDDEN = "forbidden"
    DECLINED = "declined"
    OWN_ORDER = "own_order"
    OWN_SHOP = "own_shop"
    BUILDING = "building"
    OFF_ROUTE = "off_route"  # takes only what is on the way, and this is not
    ENDING = "ending"  # the shift is over before the hand-over

    @classmethod
    def of(cls, bar: int) -> Why:
        """The reason that belongs to a `Bar` code other than NONE."""
        return cls(Bar(bar).name.lower())


class Candidate(NamedTuple):
    """One rider who was considered. Numbers are None where the pair was not allowed at all.

    Attributes
    ----------
    cost_s : what the matching compared, seconds of waiting
    arrival_s, delivery_s : the rider at the pickup, the order handed over; from now
    detour_m : metres the order would have added to the rider's way
    """

    rider_id: int
    cost_s: float | None
    why: Why
    arrival_s: float | None = None
    delivery_s: float | None = None
    detour_m: float | None = None


@dataclass(frozen=True, slots=True)
class Candidates(Sequence[Candidate]):
    """Candidates by column: a tick of 300 riders and as many offers considers 90,000 of them."""

    rider_id: list[int]
    cost_s: list[float | None]
    why: list[Why]
    arrival_s: list[float | None]
    delivery_s: list[float | None]
    detour_m: list[float | None]

    def columns(self) -> dict[str, list[Any]]:
        """By name, each as long as there are candidates."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def __len__(self) -> int:
        return len(self.rider_id)

    @overload
    def __getitem__(self, at: int) -> Candidate: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Candidate]: ...
    def __getitem__(self, at: int | slice) -> Candidate | Sequence[Candidate]:
        if isinstance(at, slice):
            return [self[k] for k in range(*at.indices(len(self)))]
        return Candidate(*(column[at] for column in self.columns().values()))


@dataclass(frozen=True, slots=True)
class Reason:
    """Numbers behind one assignment. Seconds are relative to the tick's now.

    Attributes
    ----------
    distance_m : rider's way to the pickup, stops in between included
    detour_m : metres this order adds to the rider's route in hand (its whole way when idle)
    arrival_s, ready_s : rider at the pickup, food ready
    wait_s : rider waits for the food
    delivery_s : handed over
    late_s : behind the promise, 0 when on time
    delay_s : what the orders in hand lose altogether
    same_pickup, same_dropoff : id of an order in hand at the same shop or building, or None
    position : (p, d): the pickup goes before visit p of the route in hand, the hand-over
        before visit d >= p of it; equal ones follow each other
    candidates : every rider on duty, cheapest first, the barred ones last
    together : ids of the orders that are planned into the same trip
    """

    distance_m: float
    detour_m: float
    arrival_s: float
    ready_s: float
    wait_s: float
    delivery_s: float
    late_s: float
    delay_s: float
    same_pickup: int | None
    same_dropoff: int | None
    position: tuple[int, int]
    candidates: Candidates
    together: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Assignment:
    """One order for one rider, by index into the problem's arrays, at a matching cost."""

    order_index: int
    rider_index: int
    cost_s: float
    reason: Reason


@dataclass(frozen=True, slots=True)
class TripStop:
    """A place on a trip: an order collected or handed over there, at this second from now."""

    at: int
    order_id: int
    is_pickup: bool
    done_s: float


@dataclass(frozen=True, slots=True)
class Trip:
    """What a rider had best do next with new orders, every stop in its order.

    Attributes
    ----------
    rider_index : index into the problem's riders
    order_indices : the new orders, by first pickup
    departs_s : when the rider must leave at the latest so that nobody waits longer for it
    cost_s : what the packing compared
    """

    rider_index: int
    order_indices: tuple[int, ...]
    stops: tuple[TripStop, ...]
    departs_s: float
    cost_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Assignments by rising order index; no order and no rider twice. The rest stays open.

    A rider is asked about one order at a time. `trips` say what else is planned to go with it:
    those orders stay open, and join when the rider has the first.
    """

    assignments: tuple[Assignment, ...]
    unassigned: tuple[int, ...] = ()
    trips: tuple[Trip, ...] = ()
