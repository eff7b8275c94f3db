import numpy as np
import pytest

from dispatch.stations import Demand, stations

NOW = 600


def demand(counts, preparing=10):
    shop = np.repeat(np.arange(len(counts)), counts)
    placed = np.full(len(shop), NOW - 5)
    return Demand.learnt(NOW, placed, placed + preparing, shop, len(counts), memory_min=60.0)


def test_food_stands_as_long_as_the_courier_is_later_than_the_kitchen():
    standing = demand([4], preparing=10).standing
    assert standing[[0, 10, 11, 25]].tolist() == pytest.approx([0, 0, 1, 15])


def test_older_orders_weigh_less():
    old = Demand.learnt(NOW, np.array([NOW - 60]), np.array([NOW]), np.array([0]), 1, 60.0)
    new = Demand.learnt(NOW, np.array([NOW]), np.array([NOW]), np.array([0]), 1, 60.0)
    assert old.rate[0] == pytest.approx(new.rate[0] / np.e)


BETWEEN = np.array([[0, 20], [20, 0]])


def test_an_idle_courier_goes_where_orders_come_from():
    moves = stations(
        demand([1, 9]), np.array([[20, 25]]), BETWEEN, np.array([0]), worth=0.001, targets=2
    )
    assert list(moves) == [(0, 1)]


def test_two_couriers_do_not_wait_at_the_same_counter():
    reach = np.array([[20, 25], [20, 26]])
    moves = stations(demand([5, 9]), reach, BETWEEN, np.array([0, 1]), worth=0.001, targets=2)
    assert dict(moves) == {0: 1, 1: 0}


def test_nobody_moves_for_nothing():
    near = np.array([[3, 3]])
    assert not list(stations(demand([5, 9]), near, BETWEEN, np.array([0]), worth=0.001, targets=2))


def test_a_courier_who_is_busy_covers_but_is_not_moved():
    reach = np.array([[25, 0], [20, 25]])
    moves = stations(demand([5, 9]), reach, BETWEEN, np.array([1]), worth=0.001, targets=2)
    assert list(moves) == [(1, 0)]
