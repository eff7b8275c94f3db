from datetime import UTC, datetime

import pytest

from models.rules.hours import is_open, next_opening

NIGHT = [["17:00", "01:30"]]
WEEK = {"mon": [["10:00", "14:00"], ["16:30", "21:00"]], "sun": [["00:00", "24:00"]]}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=UTC)


@pytest.mark.parametrize(("hours", "when", "expected"), [
    (None, "23 03:00", True), ([], "23 03:00", True),
    (NIGHT, "23 16:59", False), (NIGHT, "23 17:00", True), (NIGHT, "24 01:29", True),
    (NIGHT, "24 01:30", False),
    (WEEK, "23 13:59", True), (WEEK, "23 14:00", False), (WEEK, "23 16:30", True),
    (WEEK, "24 12:00", False), (WEEK, "22 23:59", True), (WEEK, "23 00:00", False),
])
def test_opening_hours(hours, when, expected):
    assert is_open(hours, at(when)) is expected


def test_the_next_opening_may_be_days_away():
    assert next_opening(WEEK, at("23 14:30")) == at("23 16:30")
    assert next_opening(WEEK, at("24 12:00")) == at("29 00:00")
    assert next_opening(None, at("24 12:00")) is None
