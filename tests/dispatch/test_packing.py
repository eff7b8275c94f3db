from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.packing import _match, pack


@st.composite
def packings(draw, most=4):
    """Orders that all combine with one another, and prices where bundles sometimes pay."""
    n, m = draw(st.integers(1, most)), draw(st.integers(1, most))
    rows = range(n)
    members = [some for size in (1, 2, 3) for some in combinations(rows, size)]
    prices = st.one_of(st.floats(0, 60), st.just(np.inf))
    size = len(members) * m
    cost = np.array(draw(st.lists(prices, min_size=size, max_size=size)))
    skip = np.array(draw(st.lists(st.floats(0, 50), min_size=n, max_size=n)))
    return cost.reshape(len(members), m), members, skip


def total(cost, members, skip, pairs):
    left = set(range(len(skip))) - {i for b, _ in pairs for i in members[b]}
    return sum(cost[b, c] for b, c in pairs) + sum(skip[i] for i in left)


def singles_by_brute_force(cost, members, skip):
    n, m = len(skip), cost.shape[1]
    best = np.inf
    for couriers in permutations([*range(m), *[None] * n], n):
        pairs = [(i, c) for i, c in enumerate(couriers) if c is not None]
        best = min(best, total(cost, members, skip, pairs))
    return best


@given(packings(), st.booleans())
def test_no_courier_and_no_order_is_taken_twice(task, apart):
    cost, members, skip = task
    pairs = pack(cost, members, skip, apart=apart).pairs
    couriers, orders = [c for _, c in pairs], [i for b, _ in pairs for i in members[b]]
    assert len(set(couriers)) == len(couriers)
    assert len(set(orders)) == len(orders)
    assert all(np.isfinite(cost[pair]) for pair in pairs)


@given(packings(), st.booleans())
def test_bundles_never_cost_more_than_the_best_matching_without_them(task, apart):
    cost, members, skip = task
    packed = pack(cost, members, skip, apart=apart)
    assert total(*task, packed.pairs) <= singles_by_brute_force(*task) + 1e-6


@given(packings(most=6), st.data())
def test_a_matching_that_begins_at_any_prices_is_the_best_as_well(task, data):
    cost, members, skip = task
    gain = np.minimum(cost - _skipped(members, skip)[:, None], 0)
    groups = tuple(range(len(skip)))
    prices = st.lists(st.floats(-80, 0), min_size=cost.shape[1], max_size=cost.shape[1])
    again = _match(gain, groups, np.array(data.draw(prices)))
    assert again.total == pytest.approx(_match(gain, groups).total, abs=1e-6)


def _skipped(members, skip):
    return np.array([skip[list(some)].sum() for some in members])


@given(packings(most=5))
def test_without_bundles_the_matching_is_the_best_there_is(task):
    cost, members, skip = task
    n = len(skip)
    alone = (cost[:n], members[:n], skip)
    assert total(*alone, pack(*alone).pairs) == pytest.approx(
        singles_by_brute_force(*alone), abs=1e-6
    )


def test_two_orders_ride_together_when_one_courier_is_all_there_is():
    cost = np.array([[10.0], [12.0], [25.0]])
    assert pack(cost, [(0,), (1,), (0, 1)], np.array([60.0, 60.0])).pairs == [(2, 0)]


def test_two_orders_ride_apart_when_that_is_cheaper():
    cost = np.array([[10.0, 30.0], [30.0, 12.0], [25.0, 25.0]])
    assert pack(cost, [(0,), (1,), (0, 1)], np.array([60.0, 60.0])).pairs == [(0, 0), (1, 1)]


def test_an_order_is_left_when_everything_costs_more_than_waiting():
    assert pack(np.array([[70.0]]), [(0,)], np.array([60.0])).pairs == []


def test_nobody_carries_where_nobody_is():
    assert pack(np.zeros((3, 0)), [(0,), (1,), (0, 1)], np.array([60.0, 60.0])).pairs == []
