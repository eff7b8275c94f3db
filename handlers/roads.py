"""The campus's walking graph, built once a campus file."""
from collections import OrderedDict
from datetime import datetime, timedelta

from sqlalchemy import select

from dispatch.eta import promise
from dispatch.roads import UNKNOWN_M, RoadGraph, Way, crow_m
from models.base import Session
from models.campus import Campus, Path, Place
from models.rider import Rider

_GRAPHS: OrderedDict[int, tuple[int, RoadGraph]] = OrderedDict()
_MOST_GRAPHS = 32
_STEP = timedelta(minutes=5)


def graph_of(session: Session, campus: Campus) -> RoadGraph:
    """The graph for the campus's newest file; places that are gone from it stay known."""
    version, graph = _GRAPHS.get(campus.id, (None, None))
    if graph is None or version != campus.menu_version:
        places = session.scalars(select(Place).filter_by(campus_id=campus.id)).all()
        paths = session.scalars(select(Path).filter_by(campus_id=campus.id)).all()
        graph = RoadGraph.build(
            {p.key: None if p.lat is None or p.lng is None else (p.lat, p.lng) for p in places},
            [Way(p.from_key, p.to_key, p.metres, p.is_one_way, _hours(p)) for p in paths])
        _GRAPHS[campus.id] = (campus.menu_version, graph)
        while len(_GRAPHS) > _MOST_GRAPHS:
            _GRAPHS.popitem(last=False)
    return graph


def graph_now(session: Session, campus: Campus, now: datetime) -> RoadGraph:
    """The same without the gates that are closed at this moment."""
    local = now.astimezone(campus.zone)
    return graph_of(session, campus).at(60 * local.hour + local.minute)


def _hours(path: Path) -> tuple[int, int] | None:
    if path.opens_at is None or path.closes_at is None:
        return None
    return path.opens_at, path.closes_at


def metres_between(session: Session, campus: Campus, a: Place | None, b: Place | None) -> float:
    """The walk from `a` to `b`; the graph's guess where one of them is not known."""
    if a is None or b is None:
        return UNKNOWN_M
    return graph_of(session, campus).distance_m(a.key, b.key)


def metres_from(lat: float, lng: float, place: Place) -> float:
    """As the crow flies, from a position to a place that has one."""
    assert place.lat is not None
    assert place.lng is not None
    return crow_m((lat, lng), (place.lat, place.lng))


def rider_place_key(session: Session, campus: Campus, rider: Rider) -> str | None:
    """Where a rider was last known to be, as a place of the graph."""
    if rider.lat is not None and rider.lng is not None:
        return graph_of(session, campus).nearest(rider.lat, rider.lng)
    place = session.get(Place, rider.place_id) if rider.place_id else None
    return place.key if place else None


def promised_time(prep_minutes: int, distance_m: float, *, now: datetime,
                  pickup_s: float = 60.0) -> datetime:
    """The clock time that four orders out of five will keep, on a full five minutes."""
    eta = promise(prep_minutes * 60, distance_m / 2, distance_m, pickup_s=pickup_s)
    at = now + timedelta(seconds=eta.p80_s)
    return at + (-(at - datetime.min.replace(tzinfo=at.tzinfo)) % _STEP)
