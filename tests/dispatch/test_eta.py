import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.eta import Vehicle, promise, travel_s

seconds, metres = st.floats(0, 3600), st.floats(0, 5000)


def test_a_slow_kitchen_decides_when_the_rider_is_near():
    eta = promise(1200, 50, 260, search_s=0, pickup_s=60, dropoff_s=90)
    assert eta.p50_s == pytest.approx(1200 + 60 + 260 / 1.3 + 90, abs=5)


def test_a_far_rider_decides_when_the_parcel_is_ready():
    eta = promise(0, 1300, 130, search_s=60)
    assert eta.p50_s == pytest.approx(60 + 1000 + 60 + 100 + 90, abs=5)


@given(seconds, metres, metres)
def test_the_promise_is_never_before_the_middle_nor_before_the_food(prep, pickup, delivery):
    eta = promise(prep, pickup, delivery)
    assert eta.p80_s > eta.p50_s
    assert eta.p50_s >= prep + 60 + travel_s(delivery) + 90 - 1e-6


@given(seconds, metres, metres, st.floats(0, 600))
def test_more_to_do_never_takes_less_time(prep, pickup, delivery, more):
    least = promise(prep, pickup, delivery).p50_s
    assert promise(prep + more, pickup, delivery).p50_s >= least - 1e-6
    assert promise(prep, pickup + more, delivery).p50_s >= least - 1e-6
    assert promise(prep, pickup, delivery + more).p50_s >= least - 1e-6
    assert promise(prep, pickup, delivery, queue_s=more).p50_s >= least - 1e-6


def test_an_e_bike_is_faster():
    assert travel_s(520, Vehicle.E_BIKE) == 130
    assert promise(0, 800, 800, vehicle=Vehicle.E_BIKE).p80_s < promise(0, 800, 800).p80_s
