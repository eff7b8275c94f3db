"""Walking routes of 高德 (AMap) and 百度 (Baidu), for ways that nobody has measured yet.

Dispatch never asks them: it walks the campus file's paths. Coordinates are GCJ-02 on both sides,
as WeChat sends them.
"""
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateways.errors import Refused, Unreachable
from gateways.transport import Transport

Point = tuple[float, float]  # latitude, longitude

_AMAP_BUSY: Final = frozenset({"10003", "10004", "10010", "10014", "10015", "10016", "10019",
                               "10020", "10021", "10044", "10045", "20003"})
_BAIDU_BUSY: Final = frozenset({1, 301, 302, 401, 402})


@dataclass(frozen=True, slots=True)
class Walk:
    """A walking route: metres, seconds, and the points along it."""

    metres: float
    seconds: float
    line: tuple[Point, ...]


class AMap:
    """高德's /v3/direction/walking."""

    def __init__(self, key: str, *, base: str) -> None:
        self._key, self._transport = key, Transport(base)

    def walk(self, a: Point, b: Point) -> Walk:
        """The way from `a` to `b`. Raises Refused (no way, a bad key) or Unreachable."""
        told = _asked(self._transport, "/v3/direction/walking", {
            "key": self._key, "origin": _longitude_first(a), "destination": _longitude_first(b),
            "output": "JSON"})
        if told.get("status") != "1":
            code, why = str(told.get("infocode", "")), str(told.get("info", ""))
            raise Unreachable(why, code=code) if code in _AMAP_BUSY else Refused(code, why)
        return _first(lambda: told["route"]["paths"], "polyline")


class Baidu:
    """百度's /directionlite/v1/walking."""

    def __init__(self, key: str, *, base: str) -> None:
        self._key, self._transport = key, Transport(base)

    def walk(self, a: Point, b: Point) -> Walk:
        """The way from `a` to `b`. Raises Refused (no way, a bad key) or Unreachable."""
        told = _asked(self._transport, "/directionlite/v1/walking", {
            "ak": self._key, "origin": _latitude_first(a), "destination": _latitude_first(b),
            "coord_type": "gcj02", "ret_coordtype": "gcj02", "steps_info": "1"})
        if told.get("status") != 0:
            code, why = told.get("status", ""), str(told.get("message", ""))
            raise Unreachable(why, code=code) if code in _BAIDU_BUSY else Refused(code, why)
        return _first(lambda: told["result"]["routes"], "path")


def _longitude_first(point: Point) -> str:
    return f"{point[1]:.6f},{point[0]:.6f}"


def _latitude_first(point: Point) -> str:
    return f"{point[0]:.6f},{point[1]:.6f}"


def _asked(transport: Transport, path: str, params: Mapping[str, str]) -> dict[str, Any]:
    answer = transport.send("GET", path, params=params)
    if answer.status >= 500:
        raise Unreachable(f"GET {path}: HTTP {answer.status}", code=answer.status)
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = None
    if answer.status != 200 or not isinstance(told, dict):
        raise Unreachable(f"GET {path}: no JSON object (HTTP {answer.status})", code=answer.status)
    return told


def _first(routes: Any, points: str) -> Walk:
    """The first route told of; anything but the promised shape is no answer."""
    try:
        given = routes()
        if not given:
            raise Refused("", "no way leads there")
        lines = [step[points] for step in given[0]["steps"] if step.get(points)]
        line = tuple(_point(pair) for part in lines for pair in part.split(";"))
        return Walk(float(given[0]["distance"]), float(given[0]["duration"]), line)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise Unreachable("an answer of another shape") from None


def _point(pair: str) -> Point:
    longitude, latitude = pair.split(",")
    return float(latitude), float(longitude)
