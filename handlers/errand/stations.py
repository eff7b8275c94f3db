"""Where parcels wait, and where else errands begin."""
from collections.abc import Sequence

from sqlalchemy import select

from models.base import Session
from models.campus import Campus, Place
from models.errand import ErrandKind

STATION = "station"
# Where an errand is done when nobody said where, by kinds of places, the likeliest first.
USUAL = {ErrandKind.BUY: ("store", "shop", "market", "mall"), ErrandKind.PRINT: ("print",)}


def stations(session: Session, campus: Campus) -> list[Place]:
    """The campus's parcel stations, in the order of its file."""
    return _of_kind(session, campus, STATION)


def station_of(session: Session, campus: Campus, key: str | None,
               carrier: str | None) -> Place | None:
    """The station that was named, the carrier's own, or the only one; None: it must be asked."""
    if key and (place := Place.by_key(session, campus.id, key)):
        return place
    known = stations(session, campus)
    if carrier and len(own := [s for s in known if carrier in s.name]) == 1:
        return own[0]
    return known[0] if len(known) == 1 else None


def named(session: Session, campus: Campus, words: str) -> Place | None:
    """The station that somebody means by 南门 or 南门菜鸟; None if none, or if it could be two."""
    aliases = {place["id"]: place.get("aliases", ()) for place in campus.file.get("places", ())}
    known = stations(session, campus)
    for fits in (lambda name: name == words, lambda name: words in name or name in words):
        found = [s for s in known if any(map(fits, (s.name, *aliases.get(s.key, ()))))]
        if len(found) == 1:
            return found[0]
    return None


def mentioned(session: Session, campus: Campus, text: str) -> Place | None:
    """The station whose name, the longest one counts, stands in a text."""
    aliases = {place["id"]: place.get("aliases", ()) for place in campus.file.get("places", ())}
    found = [(len(name), -station.id, station) for station in stations(session, campus)
             for name in (station.name, *aliases.get(station.key, ())) if name in text]
    return max(found)[2] if found else None


def usual_place(session: Session, campus: Campus, kind: str) -> Place | None:
    """Where such an errand is done when nobody said where."""
    for wanted in USUAL.get(ErrandKind(kind), ()):
        if found := _of_kind(session, campus, wanted):
            return found[0]
    return None


def others(known: Sequence[Place], place: Place | None) -> list[Place]:
    return [each for each in known if place is None or each.id != place.id]


def _of_kind(session: Session, campus: Campus, kind: str) -> list[Place]:
    query = select(Place).filter_by(campus_id=campus.id, kind=kind, is_listed=True)
    return list(session.scalars(query.order_by(Place.id)))
