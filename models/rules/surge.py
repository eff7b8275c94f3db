"""What delivery costs more while there are more orders than riders. Pure.

A rider carries three orders at a time. Orders beyond that, for each rider on duty, add half a yuan
a step, up to the campus's cap; when it eases is reckoned from what a rider delivers in an hour.
"""
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

AT_A_TIME: Final = 3
AN_HOUR: Final = 6
STEP_FEN: Final = 50
GRID: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Load:
    """`trips`: under way or waiting for a rider. `riders`: on duty; none counts as one, who is
    called when there is work."""

    trips: int
    riders: int

    @property
    def over(self) -> int:
        """Trips that nobody has a hand for."""
        return max(0, self.trips - AT_A_TIME * max(1, self.riders))


def surge_fen(load: Load, *, cap_fen: int) -> int:
    steps = -(-load.over // max(1, load.riders))
    return min(cap_fen, STEP_FEN * steps)


def eases_at(load: Load, *, now: datetime) -> datetime:
    """When the trips that are too many will have been carried, on a full five minutes."""
    hours = load.over / (AN_HOUR * max(1, load.riders))
    at = now + timedelta(hours=hours)
    return at + (-(at - datetime.min.replace(tzinfo=at.tzinfo)) % GRID)
