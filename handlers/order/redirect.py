"""It is too late to cancel, but not to have somebody else take it, or elsewhere."""
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from config.texts import Reply
from handlers import dialogue
from handlers.customer import no_such_place
from handlers.notice import Notice, tell
from handlers.roads import metres_between
from handlers.speaker import Speaker
from handlers.taps import tap_id
from handlers.wording import where
from models.base import Session
from models.campus import Place
from models.order import Order, OrderLog
from models.rules.order_state import OrderEvent, OrderState, is_allowed

NEAR_M: Final = 400.0  # as far as a rider may be sent out of their way for nothing
URGE_EVERY: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class OwnOrder:
    """An order that was found among the speaker's own."""

    order_id: int


def ask_where(session: Session, speaker: Speaker, cmd: OwnOrder, *, now: datetime,
              nowhere: str | None = None) -> Reply:
    """Where it may go instead; `nowhere`: was named, and is no place."""
    order = Order.lock(session, cmd.order_id)
    if not is_allowed(OrderState(order.state), OrderEvent.REDIRECTED):
        return _as_it_is(order)
    dialogue.ask(speaker.person, "ask_redirect", now=now, order_id=order.id)
    return _where_to(order, no_such_place(session, speaker, nowhere) if nowhere else None)


def _where_to(order: Order, nowhere: Reply | None = None) -> Reply:
    return Reply("redirect.where", {
        "code": order.code, "place": where(order), "nowhere": nowhere}, tap_id(order))


@dataclass(frozen=True, slots=True)
class Redirect:
    """`place_key` None: the same place, another room."""

    order_id: int
    place_key: str | None
    room: str | None


def redirect(session: Session, speaker: Speaker, cmd: Redirect, *, now: datetime) -> Reply:
    """Bring a paid order to another door near by, for nothing; its rider is told."""
    order = Order.lock(session, cmd.order_id)
    if not is_allowed(OrderState(order.state), OrderEvent.REDIRECTED):
        return _as_it_is(order)
    place = Place.by_key(session, speaker.campus.id, cmd.place_key) if cmd.place_key \
        else order.place
    if place is None:
        return _where_to(order)
    if order.group_id is not None and place.id != order.place_id:
        from handlers.group_order.joining import one_trip  # it needs us first

        return one_trip(session, order)
    away_m = metres_between(session, speaker.campus, _paid_to(session, order), place)
    if place.id != order.place_id and away_m > NEAR_M:
        return Reply("redirect.too_far", {"code": order.code, "place": place.name,
                                          "metres": round(away_m)}, tap_id(order))
    was, order.place_id, order.place, order.room = order.place_id, place.id, place, cmd.room
    order.apply(session, OrderEvent.REDIRECTED, now=now, by=speaker.person.id, place=place.key,
                was=was)
    dialogue.clear(speaker.person)
    _tell_rider(session, order, "rider.redirected", now=now)
    return Reply("redirect.done", {"code": order.code, "place": where(order)})


def _paid_to(session: Session, order: Order) -> Place | None:
    """Where the way that was paid for ends: step by step it would lead anywhere for nothing."""
    first = session.scalars(select(OrderLog).where(
        OrderLog.order_id == order.id, OrderLog.event == OrderEvent.REDIRECTED,
        OrderLog.facts.has_key("was")).order_by(OrderLog.id).limit(1)).one_or_none()
    return session.get(Place, first.facts["was"]) if first else order.place


def let_somebody_else(session: Session, speaker: Speaker, cmd: OwnOrder, *,
                      now: datetime) -> Reply:
    """A room-mate takes it: whoever says the hand-over code is the right one."""
    order = Order.lock(session, cmd.order_id)
    if not is_allowed(OrderState(order.state), OrderEvent.REDIRECTED):
        return _as_it_is(order)
    order.apply(session, OrderEvent.REDIRECTED, now=now, by=speaker.person.id, person="other")
    _tell_rider(session, order, "rider.other_person", now=now)
    return Reply("redirect.other_person", {"code": order.code}, tap_id(order))


def leave_on_rack(session: Session, speaker: Speaker, cmd: OwnOrder, *, now: datetime) -> Reply:
    """The buyer cannot come down: the rider may leave it, with a photo."""
    order = Order.lock(session, cmd.order_id)
    if not is_allowed(OrderState(order.state), OrderEvent.REDIRECTED):
        return _as_it_is(order)
    order.nobody_at = order.nobody_at or now - timedelta(hours=1)  # no need to wait any more
    order.apply(session, OrderEvent.REDIRECTED, now=now, by=speaker.person.id, place="rack")
    _tell_rider(session, order, "rider.may_leave_on_rack", now=now)
    return Reply("redirect.rack", {"code": order.code}, tap_id(order))


def urge(session: Session, speaker: Speaker, cmd: OwnOrder, *, now: datetime) -> Reply:
    """催一下: once in five minutes it is passed on to whoever has the order in hand."""
    order = Order.lock(session, cmd.order_id)
    state = OrderState(order.state)
    if state not in (OrderState.PAID, OrderState.COOKING, OrderState.READY, OrderState.DELIVERING):
        return _as_it_is(order)
    said_at = speaker.clock(order.urged_at) if order.urged_at else ""
    if order.urged_at and now - order.urged_at < URGE_EVERY:
        return Reply("urge.again", {"code": order.code, "at": said_at}, tap_id(order))
    order.urged_at = now
    if state is OrderState.DELIVERING or (order.rider_id and state is OrderState.READY):
        _tell_rider(session, order, "rider.urged", now=now)
        return Reply("urge.rider", {
            "code": order.code, "rider": order.rider.name if order.rider else "",
            "at": speaker.clock(order.picked_up_at or order.taken_at or now)}, tap_id(order))
    if state is OrderState.READY:
        return Reply("urge.no_rider", {"code": order.code}, tap_id(order))
    for owner in order.shop.owner_ids(session):
        tell(session, Notice(owner, f"{order.id}:{now:%H%M}:urged", good_until=now + URGE_EVERY,
                             chat=Reply("kitchen.urged", {"code": order.code})),
             now=now, order_id=order.id)
    return Reply("urge.kitchen", {"code": order.code, "shop": order.shop.name}, tap_id(order))


def _tell_rider(session: Session, order: Order, key: str, *, now: datetime) -> None:
    if order.rider is None:
        return
    tell(session, Notice(
        order.rider.person_id, f"{order.id}:{order.version}:{key}:{now:%H%M}",
        good_until=now + timedelta(minutes=20), chat=Reply(key, {
            "code": order.code, "where": order.place.name if order.place else ""})),
        now=now, order_id=order.id)


def _as_it_is(order: Order) -> Reply:
    return Reply("redirect.not_now", {"code": order.code, "state": Reply(f"state.{order.state}")})
