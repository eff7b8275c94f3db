"""First contact: following, leaving, and where somebody lives."""
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from config.texts import Reply
from handlers import dialogue
from handlers.roles import owe_tags_of
from handlers.speaker import Speaker
from handlers.wording import MOST_REMARKS, in_lines, where
from models.base import Session
from models.campus import Place
from models.order import Order
from models.shop import Dish, Shop

MOST_NAMED = 8  # of the places there are
ROOM_AND_NAME = re.compile(
    r"\s*(?P<room>[A-Za-z]?-?\d{2,4}[A-Za-z]?)\s*室?"
    r"(?:\s+(?P<name>(?![栋号楼幢座舍点份块元分个碗杯瓶])[\u4e00-\u9fff]{1,4}))?\s*")
NAME = re.compile(r"(?:^|\s)(?P<name>[\u4e00-\u9fff]{1,4})\s*$")


@dataclass(frozen=True, slots=True)
class Follow:
    """`scene`: of the QR code that led here, e.g. b_zy7 for a building's poster."""

    scene: str = ""


def follow(session: Session, speaker: Speaker, cmd: Follow, *, now: datetime) -> Reply:
    person = speaker.person
    person.is_following, person.forget_at = True, None
    owe_tags_of(session, person, now=now)
    place = _place_of_scene(session, speaker, cmd.scene)
    if place is None and (greeting := greeting_at_work(session, speaker)):
        return greeting
    if place:
        person.place_id, person.place, person.room = place.id, place, None
        dialogue.ask(person, "ask_room", now=now)
        return Reply("welcome.at_place", {"place": place.name})
    if person.place:
        return Reply("welcome.back", {"place": person.place.name,
                                      "example": example_dish(session, speaker)})
    dialogue.ask(person, "ask_address", now=now)
    return Reply("welcome.where", {"place": example_place(session, speaker)})


def greeting_at_work(session: Session, speaker: Speaker) -> Reply | None:
    """Cooks and riders come to work, not to eat."""
    if speaker.shop_ids:
        query = select(Shop.name).where(Shop.id.in_(speaker.shop_ids)).order_by(Shop.id).limit(3)
        return Reply("welcome.merchant", {
            "shops": "、".join(session.scalars(query)),
            "more": Reply("welcome.more_shops", {"count": len(speaker.shop_ids)})
            if len(speaker.shop_ids) > 3 else None})
    return Reply("welcome.rider", {"name": speaker.rider.name}) if speaker.rider else None


def _place_of_scene(session: Session, speaker: Speaker, scene: str) -> Place | None:
    kind, _, key = scene.partition("_")
    return Place.by_key(session, speaker.campus.id, key) if kind == "b" and key else None


@dataclass(frozen=True, slots=True)
class RememberHome:
    """`place_key` None: the place is known already (a poster's code), only the room was asked."""

    place_key: str | None
    room: str | None
    name: str | None = None


def remember_home(session: Session, speaker: Speaker, cmd: RememberHome, *,
                  now: datetime) -> Reply:
    person = speaker.person
    if cmd.place_key:
        person.place = Place.by_key(session, speaker.campus.id, cmd.place_key) or person.place
        person.place_id = person.place.id if person.place else None
    if person.place is None:
        dialogue.ask(person, "ask_address", now=now)
        return Reply("address.ask", {"place": example_place(session, speaker)})
    person.room = cmd.room or None
    person.name = cmd.name or person.name
    dialogue.clear(person)
    if lacks_room := person.room is None and person.place.kind == "dorm":
        dialogue.ask(person, "ask_room", now=now)
    return Reply("address.saved", {
        "place": person.place.name, "room": person.room or "",
        "name": Reply("address.name", {"name": person.name}) if person.name else None,
        "room_too": Reply("address.room_too") if lacks_room else None,
        "offer": _first_offer(speaker, now=now), "example": example_dish(session, speaker)})


def ask_address(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    dialogue.ask(speaker.person, "ask_address", now=now)
    return Reply("address.ask", {"place": example_place(session, speaker)})


def ask_destination(session: Session, speaker: Speaker, order: Order, *, now: datetime,
              remarks: Sequence[Reply] = ()) -> Reply:
    """An order cannot be priced, or carried, before it is known where it goes."""
    dialogue.ask(speaker.person, "ask_address", now=now, order_id=order.id)
    return Reply("order.where_to", {
        "code": order.code, "place": example_place(session, speaker),
        "home": _home_tap(speaker), "remarks": in_lines(remarks, most=MOST_REMARKS)})


def _home_tap(speaker: Speaker) -> Reply | None:
    person = speaker.person
    if person.place is None or person.place.campus_id != speaker.campus.id:
        return None
    return Reply("order.home_tap", {"home": f"{person.place.name} {person.room or ''}".strip()})


def no_such_place(session: Session, speaker: Speaker, said: str) -> Reply:
    """四号宿舍楼 is none of ours; these are, the likeliest first."""
    query = select(Place).filter_by(campus_id=speaker.campus.id, is_listed=True).order_by(Place.id)
    known = sorted(session.scalars(query), reverse=True, key=lambda place: (
        len(set(said) & set(place.name)), place.kind == "dorm", -place.id))
    more = len(known) - MOST_NAMED
    return Reply("address.nowhere", {
        "said": said, "places": "、".join(place.name for place in known[:MOST_NAMED]),
        "more": Reply("address.nowhere_more", {"count": len(known)}) if more > 0 else None})


def ask_other_address(session: Session, speaker: Speaker, said: str, order: Order | None, *,
                      now: datetime) -> Reply:
    """Where else it may go, where `said` is no place; of an unpaid `order`, or to live there."""
    dialogue.ask(speaker.person, "ask_address", now=now, order_id=order.id if order else None)
    return Reply("address.ask_other", {
        "nowhere": no_such_place(session, speaker, said), "keep": Reply("order.home_tap", {
            "home": where(order)}) if order and order.place else None})


def room_and_name(text: str) -> tuple[str, str | None] | None:
    """(room, name or None) of words like 「412 小林」; None for anything else."""
    match = ROOM_AND_NAME.fullmatch(text)
    return (match["room"].upper(), match["name"]) if match else None


def name_at_end(text: str) -> str | None:
    """The name that stands behind an address: 「竹园7栋 412 小林」."""
    match = NAME.search(text.strip()) if " " in text.strip() else None
    return match["name"] if match else None


def example_dish(session: Session, speaker: Speaker) -> str:
    """A dish of this very campus, to show how an order is said."""
    query = select(Dish.name).filter_by(campus_id=speaker.campus.id, is_listed=True)
    return session.scalars(query.order_by(Dish.id).limit(1)).first() or ""


def example_place(session: Session, speaker: Speaker) -> str:
    query = select(Place.name).filter_by(campus_id=speaker.campus.id, is_listed=True)
    dorms = session.scalars(query.filter_by(kind="dorm").order_by(Place.id).limit(1)).first()
    return dorms or session.scalars(query.order_by(Place.id).limit(1)).first() or ""


def first_offer_told(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    """首单减五是什么: the terms, for who may still have it."""
    offer = _first_offer(speaker, now=now)
    if offer is None or Order.newest_paid_of(session, speaker.person.id):
        return Reply("question.first_order_over")
    return Reply("question.first_order", {"offer": offer})


def _first_offer(speaker: Speaker, *, now: datetime) -> Reply | None:
    """The newcomers' discount, where the campus has one and this person is new."""
    offer = next((c for c in speaker.campus.file.get("campaigns", ())
                  if c["kind"] == "first_order"), None)
    days = offer.get("days", 7) if offer else 0
    if offer is None or (now - speaker.person.created_at).days >= days:
        return None
    return Reply("address.first_offer", {
        "off": f"{offer['off_fen'] / 100:g}", "days": days,
        "threshold": f"{offer.get('threshold_fen', 0) / 100:g}"})
