from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.rules.surge import Load, eases_at, surge_fen

NOW = datetime(2026, 9, 21, 4, 2, 13, tzinfo=UTC)
loads = st.builds(Load, st.integers(0, 200), st.integers(0, 40))
cap = st.integers(0, 1000)


@given(loads, cap)
def test_it_is_never_above_the_cap_and_nothing_while_riders_have_hands(load, cap):
    fen = surge_fen(load, cap_fen=cap)
    assert 0 <= fen <= cap
    if load.trips <= 3 * max(1, load.riders):
        assert fen == 0


@given(loads, cap)
def test_more_orders_never_make_it_cheaper_and_more_riders_never_dearer(load, cap):
    fen = surge_fen(load, cap_fen=cap)
    assert surge_fen(Load(load.trips + 1, load.riders), cap_fen=cap) >= fen
    assert surge_fen(Load(load.trips, load.riders + 1), cap_fen=cap) <= fen


@given(loads)
def test_it_eases_on_a_full_five_minutes_not_before_now(load):
    at = eases_at(load, now=NOW)
    assert at >= NOW
    assert (at.minute % 5, at.second) == (0, 0)
    if load.over:
        more = Load(load.trips + 6 * max(1, load.riders), load.riders)
        assert eases_at(more, now=NOW) - at == timedelta(hours=1)
