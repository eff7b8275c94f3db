import math
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.roads import ROUNDABOUT, UNKNOWN_M, RoadGraph, Way, length_m

HERE = (29.5, 106.45)
CAMPUS = {"gate": HERE, "canteen": (29.501, 106.45), "dorm": (29.502, 106.451), "kiosk": None}


HONEST, LYING = st.floats(1.0, 2.0), st.floats(0.6, 2.0)
ALWAYS, SOMETIMES = st.just(True), st.booleans()


@st.composite
def campuses(draw, most=7, detour=HONEST, placed=ALWAYS):
    """A random campus: some places, some paths at least `detour` as long as the crow flies."""
    count = draw(st.integers(2, most))
    spots = st.tuples(st.floats(29.5, 29.51), st.floats(106.44, 106.46))
    places = {f"p{i}": draw(spots) if draw(placed) else None for i in range(count)}
    straight = RoadGraph.build(places)
    paths = []
    for a, b in draw(st.lists(st.tuples(*[st.sampled_from(sorted(places))] * 2), max_size=14)):
        if a != b:
            paths.append((a, b, straight.distance_m(a, b) / ROUNDABOUT * draw(detour)))
    return places, paths


def brute_force_m(places, paths, a, b):
    """The shortest of all ways that visit no place twice."""
    length = {}
    for x, y, metres in paths:
        length[x, y] = length[y, x] = min(metres, length.get((x, y), math.inf))
    between = [key for key in places if key not in (a, b)]
    best = math.inf
    for count in range(len(between) + 1):
        for middle in permutations(between, count):
            way = [a, *middle, b]
            steps = [length.get(pair, math.inf) for pair in pairwise(way)]
            best = min(best, sum(steps))
    return best


@given(campuses(most=6))
def test_dijkstra_is_as_short_as_brute_force(campus):
    places, paths = campus
    truth = brute_force_m(places, paths, "p0", "p1")
    graph = RoadGraph.build(places, paths)
    way, _ = graph.dijkstra("p0", "p1")
    if math.isinf(truth):
        assert way == []
        assert graph.route("p0", "p1") == ["p0", "p1"]
    else:
        assert graph.distance_m("p0", "p1") == pytest.approx(truth, abs=1e-6)
        assert length_m(graph, way) == pytest.approx(truth, abs=1e-6)


@given(campuses(most=12, detour=LYING, placed=SOMETIMES))
def test_a_star_is_as_short_as_dijkstra_even_where_coordinates_lie(campus):
    graph = RoadGraph.build(*campus)
    by_star, _ = graph.a_star("p0", "p1")
    by_dijkstra, _ = graph.dijkstra("p0", "p1")
    assert bool(by_star) == bool(by_dijkstra)
    assert length_m(graph, by_star) == pytest.approx(length_m(graph, by_dijkstra), abs=1e-6)


@given(campuses(most=12))
def test_a_star_expands_no_more_places(campus):
    graph = RoadGraph.build(*campus)
    assert graph.a_star("p0", "p1")[1] <= graph.dijkstra("p0", "p1")[1]


def test_a_star_expands_far_fewer_places_on_a_grid():
    places = {f"{x},{y}": (29.5 + x / 1000, 106.4 + y / 1000) for x in range(15) for y in range(15)}
    bare = RoadGraph.build(places)
    paths = [
        (f"{x},{y}", there, bare.distance_m(f"{x},{y}", there) / ROUNDABOUT)
        for x in range(15)
        for y in range(15)
        for there in (f"{x + 1},{y}", f"{x},{y + 1}")
        if there in places
    ]
    graph = RoadGraph.build(places, paths)
    (way, few), (other, many) = graph.a_star("7,7", "7,14"), graph.dijkstra("7,7", "7,14")
    assert length_m(graph, way) == pytest.approx(length_m(graph, other))
    assert few < many / 3


@given(campuses(placed=SOMETIMES))
def test_a_matrix_is_the_distances_and_the_same_both_ways(campus):
    graph = RoadGraph.build(*campus)
    keys = list(graph.order)
    matrix = graph.matrix_m(keys)
    assert np.allclose(matrix, matrix.T)
    assert (np.diag(matrix) == 0).all()
    assert matrix[0, 1] == graph.distance_m("p0", "p1")


def test_without_paths_a_way_is_a_third_longer_than_the_straight_line():
    graph = RoadGraph.build(CAMPUS)
    assert graph.distance_m("gate", "canteen") == pytest.approx(111.19 * ROUNDABOUT, abs=0.1)
    assert graph.distance_m("gate", "kiosk") == UNKNOWN_M
    assert graph.distance_m("kiosk", "kiosk") == 0


def test_a_shorter_path_counts_of_two_between_the_same_places():
    graph = RoadGraph.build(CAMPUS, [("gate", "dorm", 500), ("dorm", "gate", 400)])
    assert graph.distance_m("gate", "dorm") == 400


def test_the_nearest_place_has_coordinates():
    graph = RoadGraph.build(CAMPUS)
    assert graph.nearest(29.5019, 106.4509) == "dorm"
    assert RoadGraph.build({"kiosk": None}).nearest(*HERE) is None


@pytest.mark.parametrize("path", [("gate", "moon", 5), ("gate", "dorm", -1)])
def test_a_bad_path_is_refused_by_name(path):
    with pytest.raises(ValueError, match="gate"):
        RoadGraph.build(CAMPUS, [path])


def test_an_unknown_place_is_a_key_error():
    graph = RoadGraph.build(CAMPUS)
    for ask in (graph.distance_m, graph.route):
        with pytest.raises(KeyError):
            ask("gate", "moon")
        with pytest.raises(KeyError):
            ask("moon", "moon")


@st.composite
def one_way_campuses(draw, most=6):
    """As `campuses`, with streets of one direction and gates with hours among the paths."""
    places, paths = draw(campuses(most=most))
    hours = st.none() | st.tuples(st.integers(0, 1439), st.integers(0, 1439))
    return places, [Way(*path, draw(st.booleans()), draw(hours)) for path in paths]


def directed_m(places, ways, a, b):
    """The shortest of all ways that visit no place twice, in the directions allowed."""
    length = {}
    for way in ways:
        for x, y in [(way.a, way.b)] + ([] if way.one_way else [(way.b, way.a)]):
            length[x, y] = min(way.metres, length.get((x, y), math.inf))
    between = [key for key in places if key not in (a, b)]
    return min(
        sum(length.get(pair, math.inf) for pair in pairwise([a, *middle, b]))
        for count in range(len(between) + 1)
        for middle in permutations(between, count)
    )


@given(one_way_campuses(), st.integers(0, 1439))
def test_one_way_streets_and_closed_gates_are_kept_as_by_brute_force(campus, minute):
    places, ways = campus
    open_ = [way for way in ways if way.is_open(minute)]
    graph = RoadGraph.build(places, ways).at(minute)
    for a, b in (("p0", "p1"), ("p1", "p0")):
        truth = directed_m(places, open_, a, b)
        for way, _ in (graph.a_star(a, b), graph.dijkstra(a, b)):
            if math.isinf(truth):
                assert way == []
            else:
                assert length_m(graph, way) == pytest.approx(truth, abs=1e-6)
                assert graph.matrix_m(["p0", "p1"])[(0, 1) if a == "p0" else (1, 0)] == (
                    pytest.approx(truth, abs=1e-6)
                )


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 1439))
def test_a_gate_is_open_from_its_hour_until_its_hour_through_midnight(begins, ends, minute):
    def inside(now):
        return 0 <= (now - begins) % 1440 < (ends - begins) % 1440

    assert Way("a", "b", 5, open=(begins, ends)).is_open(minute) == inside(minute)


def test_a_night_gate_makes_the_way_longer_after_it_closes():
    ways = [Way("gate", "dorm", 100, open=(360, 1380)), ("gate", "canteen", 300)]
    graph = RoadGraph.build(CAMPUS, [*ways, ("canteen", "dorm", 300)])
    noon, night = graph.at(720), graph.at(1400)
    assert noon is graph
    assert (noon.distance_m("gate", "dorm"), night.distance_m("gate", "dorm")) == (100, 600)
    assert graph.at(1439) is night
    assert graph.at(0) is night


def test_a_matrix_is_made_once_and_cannot_be_spoilt():
    graph = RoadGraph.build(CAMPUS, [Way("gate", "dorm", 100, one_way=True)])
    matrix = graph.matrix_m(["gate", "dorm"])
    assert graph.matrix_m(("gate", "dorm")) is matrix
    assert matrix[0, 1] == 100
    assert matrix[1, 0] > 100
    with pytest.raises(ValueError, match="read-only"):
        matrix[0, 1] = 0
