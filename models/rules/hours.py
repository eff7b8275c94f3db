"""Opening hours of a campus file: [["10:00","21:30"],…] every day, or the same per weekday."""
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Spans = Sequence[Sequence[str]]


def is_open(hours: Spans | Mapping[str, Any] | None, at: datetime) -> bool:
    """Whether a shop with `hours` serves at local time `at`. No hours: always open.

    A span may run past midnight (["17:00","01:30"]); its end belongs to the next day.
    """
    if not hours:
        return True
    return any(_inside(span, at, at) for span in spans_of_day(hours, at)) or any(
        _inside(span, at - timedelta(days=1), at)
        for span in spans_of_day(hours, at - timedelta(days=1)))


def next_opening(hours: Spans | Mapping[str, Any] | None, at: datetime) -> datetime | None:
    """The next moment after `at` when the shop opens, within a week; None if it never does."""
    if not hours:
        return None
    starts = (datetime.combine((at + timedelta(days=d)).date(), time.fromisoformat(span[0]),
                               at.tzinfo)
              for d in range(8) for span in spans_of_day(hours, at + timedelta(days=d)))
    return min((start for start in starts if start > at), default=None)


def spans_of_day(hours: Spans | Mapping[str, Any], day: datetime) -> Spans:
    """When it opens and closes on this day: pairs of clock times."""
    return hours.get(WEEKDAYS[day.weekday()], ()) if isinstance(hours, Mapping) else hours


def _inside(span: Sequence[str], day: datetime, at: datetime) -> bool:
    start, end = (datetime.combine(day.date(), _clock(text), at.tzinfo) for text in span)
    if span[1] == "24:00" or end <= start:
        end += timedelta(days=1)
    return start <= at < end


def _clock(text: str) -> time:
    return time() if text == "24:00" else time.fromisoformat(text)
