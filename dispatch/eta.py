"""How long an order will take: the middle guess, and the time kept four times out of five."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from statistics import NormalDist

_NORMAL = NormalDist()
_Z80 = _NORMAL.inv_cdf(0.8)
PREP_SPREAD = 0.25  # standard deviation over mean, kitchens
_ROAD_SPREAD = 0.15  # the same, walking and riding
_PICKUP_SD_S, _DROPOFF_SD_S = 40.0, 60.0


class Vehicle(Enum):
    """How a rider moves; the value is metres per second, stops and corners included."""

    WALK = 1.3
    E_BIKE = 4.0


@dataclass(frozen=True, slots=True)
class Eta:
    """Seconds from now until handed over: `p50_s` as often early as late, `p80_s` kept 4 of 5."""

    p50_s: float
    p80_s: float


def travel_s(distance_m: float, vehicle: Vehicle = Vehicle.WALK) -> float:
    """Seconds for a distance in metres."""
    return distance_m / vehicle.value


def promise(
    prep_s: float,
    pickup_m: float,
    delivery_m: float,
    *,
    vehicle: Vehicle = Vehicle.WALK,
    search_s: float = 60.0,
    pickup_s: float = 60.0,
    dropoff_s: float = 90.0,
    queue_s: float = 0.0,
) -> Eta:
    """Predict the time to the door.

    Parameters
    ----------
    prep_s : seconds until the kitchen has it ready (0: a parcel, ready now)
    pickup_m, delivery_m : metres from the rider to the shop, and from the shop to the door
    search_s : until a rider has said yes
    pickup_s, dropoff_s : at the counter and at the door
    queue_s : what the rider has to finish first

    References
    ----------
    Clark: The Greatest of a Finite Set of Random Variables, 1961, for the wait of kitchen and
    rider for each other.
    """
    ride_s = travel_s(pickup_m, vehicle)
    there_s = search_s + queue_s + ride_s
    there_var = (search_s * 0.5) ** 2 + (_ROAD_SPREAD * (queue_s + ride_s)) ** 2
    meet_s, meet_var = _later(prep_s, (PREP_SPREAD * prep_s) ** 2, there_s, there_var)
    last_s = travel_s(delivery_m, vehicle)
    mean_s = meet_s + pickup_s + last_s + dropoff_s
    var = meet_var + (_ROAD_SPREAD * last_s) ** 2 + _PICKUP_SD_S**2 + _DROPOFF_SD_S**2
    return Eta(p50_s=mean_s, p80_s=mean_s + _Z80 * math.sqrt(var))


def _later(a: float, a_var: float, b: float, b_var: float) -> tuple[float, float]:
    """Mean and variance of the greater of two independent normal times."""
    spread = math.sqrt(a_var + b_var)
    if spread == 0:
        return max(a, b), 0.0
    alpha = (a - b) / spread
    low, high, bump = _NORMAL.cdf(-alpha), _NORMAL.cdf(alpha), spread * _NORMAL.pdf(alpha)
    mean = a * high + b * low + bump
    square = (a * a + a_var) * high + (b * b + b_var) * low + (a + b) * bump
    return mean, max(square - mean * mean, 0.0)
