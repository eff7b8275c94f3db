"""The campus walking graph: shortest distances, routes and matrices, without a network."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

EARTH_RADIUS_M = 6_371_008.8
ROUNDABOUT = 1.3  # how much longer streets are than the straight line, where no path is known
_MATRICES = 64  # kept for a graph
UNKNOWN_M = 600.0  # between two places of which nothing is known

Point = tuple[float, float]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Way:
    """A path between two places.

    Attributes
    ----------
    metres : its length, >= 0
    one_way : leads from `a` to `b` only
    open : minutes of the day [from, until) in which its gate is open, through midnight where
        `until` is the earlier; None: always
    """

    a: str
    b: str
    metres: float
    one_way: bool = False
    open: Span | None = None

    def is_open(self, minute: int) -> bool:
        """Whether it can be walked at this minute of the day."""
        if self.open is None:
            return True
        begins, ends = self.open
        if begins <= ends:
            return begins <= minute < ends
        return minute >= begins or minute < ends


@dataclass(frozen=True, slots=True)
class RoadGraph:
    """Places and the paths between them.

    Attributes
    ----------
    order : tuple of str
        Every place, in the order given to `build`.
    neighbours : mapping of str to tuple of (str, float)
        The places one path away, and the path's length in metres (>= 0).
    points : mapping of str to (float, float)
        East and north in metres on a plane around the campus; only places with coordinates.
    bound : float
        In [0, 1]: `bound` x straight line never exceeds the path distance, so A* stays exact
        where hand-measured paths are shorter than the coordinates say. 0 turns A* into Dijkstra.
    """

    order: tuple[str, ...]
    neighbours: Mapping[str, tuple[tuple[str, float], ...]]
    points: Mapping[str, Point]
    bound: float
    _origin: Point
    _given: Mapping[str, Point | None] = field(compare=False, repr=False)
    _ways: tuple[Way, ...] = field(compare=False, repr=False)
    _moments: dict[tuple[Way, ...], RoadGraph] = field(
        default_factory=dict, compare=False, repr=False
    )
    _matrices: dict[tuple[str, ...], NDArray[np.float64]] = field(
        default_factory=dict, compare=False, repr=False
    )
    _rows: dict[str, dict[str, float]] = field(default_factory=dict, compare=False, repr=False)
    _routes: dict[tuple[str, str], tuple[str, ...]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @classmethod
    def build(
        cls,
        places: Mapping[str, Point | None],
        paths: Iterable[Way | tuple[str, str, float]] = (),
    ) -> RoadGraph:
        """Make the graph.

        Parameters
        ----------
        places : mapping of str to (lat, lng) in degrees, or None where unknown
        paths : iterable of `Way`, or of (from, to, metres) for what leads both ways at any time;
            every gate is taken for open (see `at`)

        Raises
        ------
        ValueError
            When a path names an unknown place or has a negative or infinite length.
        """
        near: dict[str, dict[str, float]] = {key: {} for key in places}
        ways = tuple(path if isinstance(path, Way) else Way(*path) for path in paths)
        for way in ways:
            a, b, metres = way.a, way.b, way.metres
            if a not in near or b not in near:
                raise ValueError(f"path {a} - {b} leads to an unknown place")
            if not 0 <= metres < math.inf:
                raise ValueError(f"path {a} - {b} has a length of {metres} m")
            if a != b:
                near[a][b] = min(metres, near[a].get(b, math.inf))
                if not way.one_way:
                    near[b][a] = min(metres, near[b].get(a, math.inf))
        known = {key: at for key, at in places.items() if at is not None}
        origin = _middle(list(known.values()))
        points = {key: _project(at, origin) for key, at in known.items()}
        neighbours = {key: tuple(sorted(there.items())) for key, there in near.items()}
        bound = _bound(neighbours, points)
        return cls(tuple(places), neighbours, points, bound, origin, dict(places), ways)

    def at(self, minute: int) -> RoadGraph:
        """The graph as it is at a minute of the day, without what is closed then; kept."""
        open_ = tuple(way for way in self._ways if way.is_open(minute))
        if len(open_) == len(self._ways):
            return self
        if open_ not in self._moments:
            self._moments[open_] = RoadGraph.build(self._given, open_)
        return self._moments[open_]

    def distance_m(self, a: str, b: str) -> float:
        """Shortest way in metres; a guess where no path leads. KeyError for an unknown place."""
        if a == b and a in self.neighbours:
            return 0.0
        row = self._row(a)
        return row[b] if b in row else self._guess_m(a, b)

    def route(self, a: str, b: str) -> list[str]:
        """Every place on a shortest way, both ends included; just the ends where no path leads."""
        if (a, b) not in self._routes:
            found, _ = self.a_star(a, b)
            self._routes[a, b] = tuple(found) if found else (a, b)
        return list(self._routes[a, b])

    def matrix_m(self, keys: Sequence[str]) -> NDArray[np.float64]:
        """Distances in metres, (k, k) for k keys, zero where two keys are the same.

        Row to column: symmetric unless a path leads one way only. The array is kept; do not write.
        """
        name = tuple(keys)
        if name not in self._matrices:
            if len(self._matrices) >= _MATRICES:
                self._matrices.clear()
            rows = [[self.distance_m(a, b) for b in keys] for a in keys]
            matrix = np.array(rows, dtype=np.float64).reshape(len(keys), len(keys))
            matrix.flags.writeable = False
            self._matrices[name] = matrix
        return self._matrices[name]

    def nearest(self, lat: float, lng: float) -> str | None:
        """The place closest to a coordinate by straight line; None when no place has one."""
        here = _project((lat, lng), self._origin)
        return min(self.points, key=lambda key: (_apart(here, self.points[key]), key), default=None)

    def a_star(self, a: str, b: str) -> tuple[list[str], int]:
        """Shortest path and the number of places expanded; an empty path where none leads.

        References
        ----------
        Hart, Nilsson, Raphael: A Formal Basis for the Heuristic Determination of Minimum Cost
        Paths, 1968. The plane's straight line obeys the triangle inequality, so `bound` x it is
        consistent and no place is expanded twice.
        """
        return self._search(a, b, self.bound)

    def dijkstra(self, a: str, b: str) -> tuple[list[str], int]:
        """As `a_star`, looking in every direction alike."""
        return self._search(a, b, 0.0)

    def _search(self, a: str, b: str, bound: float) -> tuple[list[str], int]:
        self.neighbours[b]  # KeyError for an unknown place
        if not self.neighbours[a] and a != b:
            return [], 0
        bound = bound if b in self.points else 0.0
        best, came_from, done = {a: 0.0}, {a: a}, set[str]()
        heap = [(self._ahead_m(a, b, bound), 0.0, a)]
        while heap:
            _, _, here = heapq.heappop(heap)
            if here in done:
                continue
            if here == b:
                return _walk_back(came_from, b), len(done)
            done.add(here)
            for there, metres in self.neighbours[here]:
                far = best[here] + metres
                if far < best.get(there, math.inf):
                    best[there], came_from[there] = far, here
                    ahead = self._ahead_m(there, b, bound)
                    heapq.heappush(heap, (far + ahead, ahead, there))
        return [], len(done)

    def _ahead_m(self, a: str, b: str, bound: float) -> float:
        return bound * _apart(self.points[a], self.points[b]) if bound and a != b else 0.0

    def _row(self, source: str) -> dict[str, float]:
        if source not in self._rows:
            self._rows[source] = self._distances(source)
        return self._rows[source]

    def _distances(self, source: str) -> dict[str, float]:
        """Dijkstra from one place to all that paths reach."""
        row, heap = {source: 0.0}, [(0.0, source)]
        while heap:
            far, here = heapq.heappop(heap)
            if far > row[here]:
                continue
            for there, metres in self.neighbours[here]:
                if far + metres < row.get(there, math.inf):
                    row[there] = far + metres
                    heapq.heappush(heap, (row[there], there))
        return row

    def _guess_m(self, a: str, b: str) -> float:
        self.neighbours[b]
        if a in self.points and b in self.points:
            return ROUNDABOUT * _apart(self.points[a], self.points[b])
        return UNKNOWN_M


def _middle(points: Sequence[Point]) -> Point:
    if not points:
        return (0.0, 0.0)
    return (sum(p[0] for p in points) / len(points), sum(p[1] for p in points) / len(points))


def _project(at: Point, origin: Point) -> Point:
    """Equirectangular: exact to centimetres over a campus, and a true plane."""
    north = math.radians(at[0] - origin[0]) * EARTH_RADIUS_M
    east = math.radians(at[1] - origin[1]) * EARTH_RADIUS_M * math.cos(math.radians(origin[0]))
    return (east, north)


def _apart(a: Point, b: Point) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])


def _bound(
    neighbours: Mapping[str, tuple[tuple[str, float], ...]], points: Mapping[str, Point]
) -> float:
    """The largest safe factor on the straight line; 0 when a joined place has no coordinates."""
    bound = 1.0
    for here, ways in neighbours.items():
        for there, metres in ways:
            if here not in points or there not in points:
                return 0.0
            straight = _apart(points[here], points[there])
            if straight > 0:
                bound = min(bound, metres / straight)
    return bound * (1 - 1e-12)  # never above the truth by a rounding


def _walk_back(came_from: Mapping[str, str], end: str) -> list[str]:
    way = [end]
    while came_from[way[-1]] != way[-1]:
        way.append(came_from[way[-1]])
    return way[::-1]


def length_m(graph: RoadGraph, way: Sequence[str]) -> float:
    """Metres along a way made of paths of the graph."""
    return sum(dict(graph.neighbours[a])[b] for a, b in pairwise(way))


def crow_m(a: Point, b: Point) -> float:
    """Metres between two (latitude, longitude) of one campus, straight."""
    return _apart(_project(a, a), _project(b, a))
