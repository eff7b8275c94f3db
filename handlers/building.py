"""「7栋再3单全楼免配送」: so many verified people of one building order on one day, and nobody pays
for delivery there that day, those who paid before included.

People are counted, not orders, and only verified ones: one card, one person. Groups divide their
own way among themselves; their members count, but get nothing back here.
"""
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select

from config.texts import Reply, yuan
from handlers.notice import Notice, tell
from handlers.speaker import Speaker
from models.base import Session
from models.campus import Campus, Place
from models.ledger import PROMOTION, held_for, post
from models.order import Order, OrderKind
from models.outbox import owe
from models.person import Person
from models.rules.order_state import GIVES_MONEY_BACK, OrderState

KIND: Final = "building"


@dataclass(frozen=True, slots=True)
class Standing:
    """How many verified people of a building have ordered, of how many."""

    people: int
    wanted: int

    @property
    def is_reached(self) -> bool:
        return self.people >= self.wanted


def standing_of(session: Session, campus: Campus, place: Place | None, *,
                now: datetime) -> Standing | None:
    """None where the campus has no such offer today, or nobody lives there."""
    campaign = _campaign(campus, now)
    if campaign is None or place is None or place.kind != "dorm":
        return None
    people = select(func.count(Order.buyer_id.distinct())).join(
        Person, Person.id == Order.buyer_id).where(
        *_of_the_day(campus, place.id, now), Person.student_until > now)
    return Standing(session.scalar(people) or 0, int(campaign["people"]))


def _campaign(campus: Campus, now: datetime) -> Mapping[str, Any] | None:
    day = now.astimezone(campus.zone).date().isoformat()
    return next((each for each in campus.file.get("campaigns", ()) if each["kind"] == KIND
                 and each.get("from", day) <= day <= each.get("until", day)), None)


def _of_the_day(campus: Campus, place_id: int, now: datetime) -> list[ColumnElement[bool]]:
    """Food that was paid for and brought to this building on the day of `now`, by its clock."""
    begins = now.astimezone(campus.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return [Order.place_id == place_id, Order.paid_at >= begins,
            Order.paid_at < begins + timedelta(days=1), Order.kind == OrderKind.FOOD,
            Order.payable_fen > 0, Order.state.not_in(sorted(GIVES_MONEY_BACK))]


def is_free(session: Session, campus: Campus, order: Order, *, now: datetime) -> bool:
    standing = standing_of(session, campus, order.place, now=now)
    return standing is not None and standing.is_reached


def explained(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> list[Reply]:
    """How near the building is, under a quote that goes there."""
    standing = standing_of(session, speaker.campus, order.place, now=now)
    if standing is None or standing.is_reached or order.place is None:
        return []
    return [_nearly(order.place, standing)]


def told(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    """「全楼还差几单」: of the speaker's own building."""
    place = speaker.person.place
    standing = standing_of(session, speaker.campus, place, now=now)
    if standing is None or place is None:
        return Reply("building.none")
    return Reply("building.reached", {"place": place.name}) if standing.is_reached \
        else _nearly(place, standing)


def _nearly(place: Place, standing: Standing) -> Reply:
    return Reply("building.nearly", {"place": place.name, "people": standing.people,
                                     "more": standing.wanted - standing.people})


def note_paid(session: Session, order: Order, *, now: datetime) -> None:
    """This payment may have been the last that was missing: looked at once it is committed."""
    campus = session.get_one(Campus, order.campus_id)
    if _campaign(campus, now) and order.place and order.place.kind == "dorm":
        owe(session, KIND, key=f"building:{order.id}", now=now, order_id=order.id,
            payload={"order_id": order.id})


def note_verified(session: Session, person: Person, *, now: datetime) -> None:
    """Whoever has paid today counts from now on: they may be the last that was missing."""
    paid_today = select(Order.id).where(
        Order.buyer_id == person.id, Order.paid_at >= now - timedelta(days=1),
        Order.place_id.is_not(None), Order.kind == OrderKind.FOOD)
    for order_id in session.scalars(paid_today):
        owe(session, KIND, key=f"building:{order_id}:verified", now=now, order_id=order_id,
            payload={"order_id": order_id})


def to_give_back(session: Session, order_id: int) -> list[int]:
    """Once the building has its number: the orders of that day that paid for their delivery."""
    order = session.get_one(Order, order_id)
    campus = session.get_one(Campus, order.campus_id)
    day = order.paid_at
    if day is None or order.place_id is None or not is_free(session, campus, order, now=day):
        return []
    query = select(Order.id).where(*_of_the_day(campus, order.place_id, day),
                                   Order.group_id.is_(None), Order.delivery_fen > 0)
    return list(session.scalars(query.order_by(Order.id)))


def give_back(session: Session, order_id: int, *, now: datetime) -> None:
    """Return what was paid for the way, once. The platform bears it, like any discount."""
    order = Order.lock(session, order_id)
    if OrderState(order.state) in GIVES_MONEY_BACK or any(
            each["kind"] == KIND for each in order.discounts):
        return
    from handlers.payment import (  # payment words its notices, and quotes name buildings
        refund_part,
        refundable_fen,
    )

    amount = min(order.way_paid_fen - order.tip_fen, order.payable_fen - 1,
                 refundable_fen(session, order))
    if amount <= 0:
        return
    order.discounts = [*order.discounts, {
        "kind": KIND, "name": "", "off_fen": amount, "is_way": True}]
    if order.state == OrderState.DELIVERED:  # what was held for it has been paid out
        post(session, KIND, key=f"building:{order.id}", now=now, order_id=order.id,
             entries={PROMOTION: amount, held_for(order.id): -amount})
    order.discount_fen += amount
    order.payable_fen -= amount
    session.flush()
    refund = refund_part(session, order, amount, KIND, now=now)
    if refund:
        tell(session, Notice(order.buyer_id, f"building:{order.id}", chat=Reply(
            "building.given_back", {
                "code": order.code, "place": order.place.name if order.place else "",
                "amount": yuan(amount), "refund": refund.code})), now=now, order_id=order.id)
