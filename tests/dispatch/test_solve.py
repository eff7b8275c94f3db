import math
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.campus_tick import invented
from dispatch import LIVE, Bar, Params, Problem, Stop, Visit, Why, solve

# Places on a line, a minute's walk apart, so that every cost can be done in the head.
MINUTE = 60.0
LINE = np.abs(np.subtract.outer(np.arange(12.0), np.arange(12.0))) * MINUTE


def problem(orders=(), riders=(), forbidden=None, routes=()):
    """Orders as (pickup, dropoff, ready_s, due_s); riders as (at, free_s, load, capacity)."""
    o, r = np.array(orders, dtype=float).reshape(-1, 4), np.array(riders, dtype=float)
    r = r.reshape(-1, 4)
    n, m = len(o), len(r)
    return Problem(
        order_ids=np.arange(100, 100 + n),
        rider_ids=np.arange(7, 7 + m),
        travel_s=LINE,
        pickup=o[:, 0].astype(np.int64),
        dropoff=o[:, 1].astype(np.int64),
        ready_s=o[:, 2],
        due_s=o[:, 3],
        rider_at=r[:, 0].astype(np.int64),
        free_s=r[:, 1],
        load=r[:, 2].astype(np.int64),
        capacity=r[:, 3].astype(np.int64),
        forbidden=np.zeros((n, m), dtype=bool) if forbidden is None else forbidden,
        routes=routes,
    )


@st.composite
def problems(draw, most=4):
    place, seconds = st.integers(0, 11), st.floats(-900, 1800)
    orders = draw(st.lists(st.tuples(place, place, seconds, st.floats(0, 5400)), max_size=most))
    riders = draw(
        st.lists(
            st.tuples(place, st.floats(0, 900), st.integers(0, 2), st.integers(1, 3)),
            max_size=most,
        )
    )
    bars = st.lists(st.integers(0, max(Bar)), min_size=len(riders), max_size=len(riders))
    codes = [draw(bars) for _ in orders]
    forbidden = np.array(codes, dtype=np.int8).reshape(len(orders), len(riders))
    routes = tuple(
        tuple(
            Visit(draw(place), 50 + i, earliest_s=draw(seconds), due_s=draw(seconds))
            for i in range(load)
        )
        for _, _, load, _ in riders
    )
    return problem(orders, riders, forbidden, draw(st.sampled_from([(), routes])))


def priced(task, params=None):
    """{(order, rider): cost} of every pair that is allowed, from the told candidates."""
    costs = {}
    for i in range(len(task.order_ids)):
        for j in range(len(task.rider_ids)):
            alone = replace_pair(task, i, j)
            for assignment in solve(alone, params=params).assignments:
                costs[i, j] = assignment.cost_s
    return costs


def replace_pair(task, i, j):
    """The same problem with nothing but one order and one rider."""
    routes = (task.routes[j],) if task.routes else ()
    names = ["order_ids", "pickup", "dropoff", "ready_s", "due_s"]
    mine = {name: getattr(task, name)[[i]] for name in names}
    his = ["rider_ids", "rider_at", "free_s", "load", "capacity"]
    theirs = {name: getattr(task, name)[[j]] for name in his}
    return replace(task, **mine, **theirs, forbidden=task.forbidden[[i]][:, [j]], routes=routes)


def brute_force(task, params):
    """The least total of matching costs and of patience with the orders left open."""
    n, m = task.forbidden.shape
    costs = priced(task, params)
    patience = params.unassigned_s + params.age * np.maximum(-task.ready_s, 0)
    best = math.inf
    for riders in permutations([*range(m), *[None] * n], n):
        pairs = [costs.get((i, j), math.inf) for i, j in enumerate(riders) if j is not None]
        left = [patience[i] for i, j in enumerate(riders) if j is None]
        best = min(best, sum(pairs) + sum(left))
    return best


@given(problems(most=3), st.sampled_from([Params(), Params(unassigned_s=1500)]))
def test_the_plan_is_as_cheap_as_brute_force(task, params):
    plan = solve(task, params=params)
    patience = params.unassigned_s + params.age * np.maximum(-task.ready_s, 0)
    total = sum(a.cost_s for a in plan.assignments) + sum(patience[i] for i in plan.unassigned)
    assert total == pytest.approx(brute_force(task, params), abs=1e-3)


@given(problems(), st.integers(0, 3))
def test_nobody_is_given_what_is_forbidden_twice_or_too_much(task, seed):
    plan = solve(task, seed=seed)
    for a in plan.assignments:
        assert task.forbidden[a.order_index, a.rider_index] == 0
        assert task.load[a.rider_index] < task.capacity[a.rider_index]
    riders = [a.rider_index for a in plan.assignments]
    orders = [a.order_index for a in plan.assignments]
    assert len(set(riders)) == len(riders)
    assert sorted([*orders, *plan.unassigned]) == list(range(len(task.order_ids)))


@given(problems())
def test_the_same_arguments_give_the_same_plan(task):
    assert solve(task, seed=3) == solve(task, seed=3)


@given(problems())
def test_every_rider_is_accounted_for_with_the_truth(task):
    for a in solve(task).assignments:
        told = {c.rider_id: c for c in a.reason.candidates}
        assert sorted(told) == sorted(task.rider_ids)
        assert told[task.rider_ids[a.rider_index]].why is Why.CHOSEN
        for j, rider_id in enumerate(task.rider_ids):
            bar = task.forbidden[a.order_index, j]
            candidate = told[rider_id]
            if bar:
                assert (candidate.cost_s, candidate.why.name) == (None, Bar(bar).name)
            elif task.load[j] >= task.capacity[j]:
                assert (candidate.cost_s, candidate.why) == (None, Why.FULL)
            else:
                assert candidate.why in (Why.CHOSEN, Why.BUSY, Why.DEARER)
            if candidate.why is Why.DEARER:
                assert candidate.cost_s >= a.cost_s - 1e-5


def test_the_nearer_rider_goes_and_the_numbers_tell_why():
    # given a rider two minutes off and one five minutes off; food in three, promised in ten
    task = problem([(2, 6, 180, 600)], [(0, 0, 0, 3), (7, 0, 0, 3)])
    [chosen] = solve(task).assignments
    why = chosen.reason
    assert chosen.rider_index == 0
    assert (why.arrival_s, why.ready_s, why.wait_s) == (120, 180, 60)
    assert why.delivery_s == 180 + 60 + 240 + 90
    assert (why.late_s, why.delay_s, why.position) == (0, 0, (0, 0))
    assert (why.distance_m, why.detour_m) == pytest.approx((120 * 1.3, 360 * 1.3))
    assert [c.why for c in why.candidates] == [Why.CHOSEN, Why.DEARER]


def test_an_order_for_the_same_building_rides_along():
    # given a rider at the shop on its way to place 6, and an idle one a minute from the shop
    on_its_way = (Visit(6, order_id=25),)
    task = problem([(2, 6, 0, 900)], [(2, 0, 1, 3), (3, 0, 0, 3)], routes=(on_its_way, ()))
    [chosen] = solve(task).assignments
    assert chosen.rider_index == 0
    assert chosen.reason.same_dropoff == 25
    assert chosen.reason.same_pickup is None
    assert chosen.reason.detour_m == 0
    assert chosen.reason.delivery_s == 60 + 240 + 90
    assert chosen.reason.delay_s == 60 + 20  # at the counter, and handing over one more


def test_a_declined_order_goes_to_the_next():
    riders = [(2, 0, 0, 3), (9, 0, 0, 3)]
    task = problem([(2, 6, 0, 900)], riders, np.array([[Bar.DECLINED, 0]], dtype=np.int8))
    [chosen] = solve(task).assignments
    assert chosen.rider_index == 1
    assert chosen.reason.candidates[-1].why is Why.DECLINED


def test_two_orders_and_two_riders_are_matched_together_and_not_in_turn():
    # given a rider who is nearest to both; greed would send the other eleven places along
    task = problem([(5, 5, 0, 9e9), (3, 3, 0, 9e9)], [(4, 0, 0, 1), (11, 0, 0, 1)])
    plan = solve(task, params=Params(travel=0, wait=0))
    assert [(a.order_index, a.rider_index) for a in plan.assignments] == [(0, 1), (1, 0)]


def test_food_that_stands_too_long_is_not_passed_over():
    # given one rider, a near fresh order and a far one that has been standing
    fresh, old = (1, 1, 0, 9e9), (9, 9, -3600, 9e9)
    plan = solve(problem([fresh, old], [(0, 0, 0, 3)]))
    assert [a.order_index for a in plan.assignments] == [1]
    assert plan.unassigned == (0,)


def test_nothing_to_do_is_an_empty_plan():
    assert solve(problem()).assignments == ()
    assert solve(problem([(0, 1, 0, 0)])).unassigned == (0,)


def test_work_not_time_bounds_the_search_and_still_everyone_is_served():
    routes = (tuple(Visit(i, i) for i in range(5)),) * 3
    task = problem([(2, 6, 0, 900)] * 3, [(0, 0, 2, 9)] * 3, routes=routes)
    assert len(solve(task, stop=Stop(routes=1)).assignments) == 3


@pytest.mark.parametrize(
    ("field", "value"), [("pickup", np.array([12])), ("ready_s", np.zeros(2)), ("routes", ((), ()))]
)
def test_arrays_that_do_not_fit_are_refused(field, value):
    task = problem([(0, 1, 0, 0)], [(0, 0, 0, 1)])
    with pytest.raises(ValueError, match=field.removeprefix("s")):
        replace(task, **{field: value})


def test_two_shops_are_one_trip_when_both_doors_are_next_to_each_other():
    # given shops at 1 and 2, doors at 9 and 10, and one rider at the first shop
    task = problem([(1, 9, 0, 9e9), (2, 10, 0, 9e9)], [(1, 0, 0, 3)])
    plan = solve(task, params=LIVE)
    [trip] = plan.trips
    assert [(s.at, s.is_pickup) for s in trip.stops] == [
        (1, True),
        (2, True),
        (9, False),
        (10, False),
    ]
    assert [s.done_s for s in trip.stops] == [60, 180, 690, 840]
    [asked] = plan.assignments
    assert (asked.order_index, asked.reason.together) == (0, (101,))
    assert plan.unassigned == (1,)


@given(problems(most=5), st.integers(0, 2))
def test_trips_keep_capacity_order_of_stops_and_what_is_forbidden(task, seed):
    plan = solve(task, params=LIVE, seed=seed)
    seen = [i for trip in plan.trips for i in trip.order_indices]
    assert len(seen) == len(set(seen))
    assert len({trip.rider_index for trip in plan.trips}) == len(plan.trips)
    for trip in plan.trips:
        j = trip.rider_index
        assert task.load[j] + len(trip.order_indices) <= task.capacity[j]
        assert not task.forbidden[list(trip.order_indices), j].any()
        assert [s.done_s for s in trip.stops] == sorted(s.done_s for s in trip.stops)
        for i in trip.order_indices:
            [up, down] = [s for s in trip.stops if s.order_id == task.order_ids[i]]
            assert (up.is_pickup, down.is_pickup) == (True, False)
            assert (up.at, down.at) == (task.pickup[i], task.dropoff[i])
            assert up.done_s >= task.ready_s[i] - 1e-6


def test_an_order_waits_for_the_rider_who_comes_by_soon():
    # given a full rider who is done next to the shop of food that stands, and one far from it
    routes = ((Visit(2, order_id=25),), ())
    task = problem(
        [(2, 4, -900, 9e9), (9, 9, 0, 9e9)], [(1, 0, 1, 1), (11, 0, 0, 1)], routes=routes
    )
    greedy, patient = solve(task), solve(task, params=LIVE)
    assert [(a.order_index, a.rider_index) for a in greedy.assignments] == [(0, 1)]
    assert [(a.order_index, a.rider_index) for a in patient.assignments] == [(1, 1)]


def test_a_shift_that_ends_and_a_door_that_closes_bar_by_name():
    task = problem([(1, 2, 0, 9e9)], [(1, 0, 0, 1), (1, 0, 0, 1)])
    ending = replace(task, off_s=np.array([100.0, 9e9]))
    [chosen] = solve(ending).assignments
    assert chosen.rider_index == 1
    assert chosen.reason.candidates[-1].why is Why.ENDING
    assert solve(replace(task, latest_s=np.array([100.0]))).assignments == ()


def test_food_that_may_be_late_is_expected_later_than_its_middle():
    task = problem([(1, 2, 300, 9e9)], [(1, 0, 0, 1)])
    known, vague = task, replace(task, ready_sd_s=np.array([120.0]))
    [sure], [unsure] = solve(known).assignments, solve(vague).assignments
    assert sure.reason.delivery_s == 300 + 60 + 60 + 90
    assert unsure.reason.delivery_s == pytest.approx(sure.reason.delivery_s, abs=1)
    there = replace(vague, rider_at=np.array([6]))  # five minutes away: when it is ready, or not
    [even] = solve(there).assignments
    assert even.reason.delivery_s == pytest.approx(510 + 120 / math.sqrt(2 * math.pi), abs=1)


def test_a_trip_that_need_not_leave_yet_is_kept_back():
    task = problem([(1, 2, 900, 9e9)], [(3, 0, 0, 1)])
    plan = solve(task, params=Params(hold_s=60))
    assert plan.assignments == ()
    [trip] = plan.trips
    assert trip.departs_s == 900 - 120


def test_a_group_takes_the_room_it_needs():
    task = problem([(1, 2, 0, 9e9)], [(1, 0, 0, 3), (9, 0, 0, 5)])
    [chosen] = solve(replace(task, size=np.array([4]))).assignments
    assert chosen.rider_index == 1
    assert chosen.reason.candidates[-1].why is Why.FULL


@given(problems(most=8), st.integers(0, 3))
def test_a_search_that_is_cut_short_anywhere_gives_a_whole_plan(task, steps):
    asked = iter(range(steps))
    plan = solve(task, params=LIVE, hurry=lambda: next(asked, None) is None)
    riders = [a.rider_index for a in plan.assignments]
    assert len(set(riders)) == len(riders)
    orders = [a.order_index for a in plan.assignments]
    assert sorted([*orders, *plan.unassigned]) == list(range(len(task.order_ids)))
    assert not any(task.forbidden[a.order_index, a.rider_index] for a in plan.assignments)


def test_where_orders_are_many_the_riders_with_room_fill_up():
    """All exchanges of a moment at once cost more than none, and one at a time is not enough."""
    plan = solve(invented(200, 60), params=LIVE)
    assert sum(len(trip.order_indices) for trip in plan.trips) >= 95
