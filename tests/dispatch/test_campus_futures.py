import numpy as np

from benchmarks.campus_futures import Foresight
from benchmarks.campus_rush import invented, play


def test_an_engine_that_looks_ahead_delivers_everything_and_the_same_each_time():
    rush = invented(1, 25, 5)
    first, again = (
        play(rush, Foresight(rush, 2, 300.0, np.random.default_rng(7)).decide) for _ in range(2)
    )
    assert np.isfinite(first.door_min).all()
    assert first.door_min.tolist() == again.door_min.tolist()


def test_who_looks_ahead_knows_nothing_of_orders_that_are_not_placed():
    """The same rush with another end is decided alike until then."""
    rush = invented(1, 40, 5)
    half = float(np.median(rush.placed_s))
    late = rush.placed_s > half
    door = np.where(late, rush.dropoff[::-1], rush.dropoff)
    other = type(rush)(rush.travel_s, rush.placed_s, rush.said_s, rush.ready_s, rush.pickup, door,
                       rush.riders_at)  # fmt: skip
    told = []
    for each in (rush, other):
        chosen = []
        ahead = Foresight(each, 2, 300.0, np.random.default_rng(7))

        def decide(problem, ahead=ahead, chosen=chosen):
            found = ahead.decide(problem)
            if problem.order_ids.max() < np.flatnonzero(late)[0]:
                chosen.append([(rider, orders) for rider, orders, _ in found])
            return found

        play(each, decide)
        told.append(chosen)
    first = min(map(len, told))
    assert first > 5
    assert told[0][:first] == told[1][:first]
