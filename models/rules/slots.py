"""Quarter-hour slots of pre-orders: so many meals a shop can have ready at a time."""
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

SLOT: Final = timedelta(minutes=15)


def slot_of(at: datetime) -> datetime:
    """The start of the quarter-hour that `at` falls in, on its own clock."""
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)


def free_slots(wanted: datetime, *, full: Collection[datetime], earliest: datetime,
               most: int = 2) -> list[datetime]:
    """The slots nearest to `wanted` that are not full and not before `earliest`, in order."""
    around = [slot_of(wanted) + SLOT * step for step in range(-8, 9) if step]
    free = [slot for slot in around if slot not in full and slot >= earliest]
    return sorted(sorted(free, key=lambda slot: abs(slot - wanted))[:most])
