"""At the door: nobody comes, the rack and its photo, a new code, and what ends such an order."""
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from config.texts import Reply, text_of
from handlers import dialogue
from handlers.duty import on_duty
from handlers.notice import Notice, tell
from handlers.rider.handover import settle_delivered
from handlers.rider.shared import drop_place, own_job
from handlers.rider.trip import ReportStep, new_pin
from handlers.speaker import Speaker
from handlers.wording import clock, dated, progress
from models.base import Session
from models.order import Order
from models.rules.order_state import WANTS_RIDER, OrderEvent, OrderState

WAIT_AT_DOOR: Final = timedelta(minutes=3)
ASK_AFTER: Final = timedelta(minutes=10)
DONE_AFTER: Final = timedelta(hours=2)
MOST_PINS: Final = 3


def nobody_there(session: Session, speaker: Speaker, cmd: ReportStep, *, now: datetime) -> Reply:
    """没人: the buyer is called once more, and three minutes are waited."""
    order, refusal = own_job(session, speaker, cmd.order_id, OrderEvent.NOBODY_THERE)
    if refusal:
        return refusal
    if order.nobody_at is None:
        order.nobody_at = now
        order.apply(session, OrderEvent.NOBODY_THERE, now=now, by=speaker.person.id)
        _show_pin(session, speaker, order, "nobody", now=now)
    return Reply("rider.wait_at_door", {
        "code": order.code, "until": speaker.clock(order.nobody_at + WAIT_AT_DOOR)})


def ask_photo(session: Session, speaker: Speaker, cmd: ReportStep, *, now: datetime) -> Reply:
    """放餐架: allowed once nobody came for three minutes, or the buyer wished it; with a photo."""
    order, refusal = own_job(session, speaker, cmd.order_id, OrderEvent.SHELVED)
    if refusal:
        return refusal
    if order.nobody_at is None:
        return Reply("rider.say_nobody_first", {"code": order.code})
    if now < order.nobody_at + WAIT_AT_DOOR:
        return Reply("rider.wait_at_door", {
            "code": order.code, "until": speaker.clock(order.nobody_at + WAIT_AT_DOOR)})
    dialogue.ask(speaker.person, "ask_rack_photo", now=now, order_id=order.id)
    return Reply("rider.photo_please", {"code": order.code})


@dataclass(frozen=True, slots=True)
class Photo:
    media_id: str


def photo_taken(session: Session, speaker: Speaker, cmd: Photo, *, now: datetime) -> Reply | None:
    """A picture from a rider who was asked for one; None: it was not asked for."""
    asked = dialogue.pending(speaker.person, now=now)
    if asked.get("pending") not in ("ask_rack_photo", "ask_door_photo"):
        return None
    order = Order.lock(session, asked["order_id"])
    if speaker.rider is None or order.rider_id != speaker.rider.id:
        return None
    if asked["pending"] == "ask_door_photo":
        order.rack_media_id = cmd.media_id
        return Reply("rider.photo_for_duty", {"code": order.code})
    if order.state != OrderState.ARRIVED:
        return Reply("rider.as_it_stands", {
            "code": order.code, "state": Reply(f"state.{order.state}"), "next": None})
    return _shelve(session, speaker, order, cmd.media_id, now=now)


def _shelve(session: Session, speaker: Speaker, order: Order, media_id: str, *,
            now: datetime) -> Reply:
    order.shelved_at, order.rack_media_id = now, media_id
    order.apply(session, OrderEvent.SHELVED, now=now, by=speaker.person.id)
    dialogue.clear(speaker.person)
    tell(session, Notice(
        order.buyer_id, f"{order.id}:shelved", template="progress", only_while={order.state},
        facts=progress(session, order, order.state, Reply("hint.shelved", {"code": order.code}))),
        now=now, order_id=order.id)
    tell(session, Notice(
        order.buyer_id, f"{order.id}:got_it", only_while={order.state}, template="progress",
        prefer="chat",
        facts=progress(session, order, order.state, Reply("hint.shelved", {"code": order.code})),
        chat=Reply("shelf.got_it", {"code": order.code, "place": drop_place(order)})),
        now=now, order_id=order.id, due_at=now + ASK_AFTER)
    return Reply("rider.shelved", {"code": order.code})


def collect(session: Session, speaker: Speaker, cmd: ReportStep, *, now: datetime) -> Reply:
    """拿到了: from the rack, or from the shop where there was no rider. The buyer says so."""
    order = Order.lock(session, cmd.order_id)
    if not _can_collect(order):
        return Reply("redirect.not_now", {"code": order.code,
                                          "state": Reply(f"state.{order.state}")})
    _collected(session, order, now=now, by=speaker.person.id)
    return Reply("shelf.enjoy", {"code": order.code})


def fetched(session: Session, speaker: Speaker, cmd: ReportStep, *, now: datetime) -> Reply:
    """取走了: the kitchen says that the buyer was there."""
    order = Order.lock(session, cmd.order_id)
    if order.shop_id not in speaker.shop_ids or order.buyer_id == speaker.person.id:
        return Reply("kitchen.not_yours", {"code": order.code})
    if not order.is_self_pickup or not _can_collect(order):
        return Reply("kitchen.as_it_stands", {"code": order.code,
                                              "state": Reply(f"state.{order.state}")})
    _collected(session, order, now=now, by=speaker.person.id)
    return Reply("kitchen.fetched", {"code": order.code})


def complete_forgotten(session: Session, order_id: int, *, now: datetime) -> None:
    """Two hours on the rack, or cooked and fetched by the buyer: nobody complained."""
    order = Order.lock(session, order_id)
    since = order.shelved_at or order.food_ready_at
    if _can_collect(order) and since and since + DONE_AFTER <= now:
        _collected(session, order, now=now, silently=True)


def _collected(session: Session, order: Order, *, now: datetime, by: int | None = None,
               **facts: Any) -> None:
    from handlers.kitchen.shortage import leave_without  # it needs us first

    if OrderState(order.state) in WANTS_RIDER:
        leave_without(session, order, now=now)
    order.apply(session, OrderEvent.COLLECTED, now=now, by=by, **facts)
    settle_delivered(session, order, now=now)


def _can_collect(order: Order) -> bool:
    return order.state == OrderState.SHELVED or (
        order.is_self_pickup and OrderState(order.state) in WANTS_RIDER)


def resend_pin(session: Session, speaker: Speaker, cmd: ReportStep, *, now: datetime) -> Reply:
    """换码: a new code for the buyer, three more tries; the old one is dead."""
    order = Order.lock(session, cmd.order_id)
    if order.state not in (OrderState.DELIVERING, OrderState.ARRIVED, OrderState.SHELVED):
        return Reply("redirect.not_now", {"code": order.code,
                                          "state": Reply(f"state.{order.state}")})
    if order.pins_sent >= MOST_PINS:
        return Reply("shelf.no_more_pins", {"code": order.code})
    order.pin, order.pin_misses = new_pin(order.pin), 0
    order.pins_sent += 1
    session.flush()
    return Reply("shelf.new_pin", {"code": order.code, "pin": order.pin})


def let_through(session: Session, speaker: Speaker, cmd: ReportStep, *, now: datetime) -> Reply:
    """放行: somebody on duty has settled what the code could not."""
    order = Order.lock(session, cmd.order_id)
    if speaker.person.id not in on_duty(session, speaker.campus) or \
            speaker.person.id in (order.buyer_id, order.rider.person_id if order.rider else None):
        return Reply("order.unknown", {"code": order.code})
    if order.state not in (OrderState.ARRIVED, OrderState.SHELVED):
        return Reply("kitchen.as_it_stands", {"code": order.code,
                                              "state": Reply(f"state.{order.state}")})
    order.apply(session, OrderEvent.HANDED_OVER, now=now, by=speaker.person.id, duty=True)
    settle_delivered(session, order, now=now)
    return Reply("duty.let_through", {"code": order.code})


def _show_pin(session: Session, speaker: Speaker, order: Order, why: str, *,
              now: datetime) -> None:
    campus = speaker.campus
    tell(session, Notice(
        order.buyer_id, f"{order.id}:{why}:{order.pins_sent}", template="arrived", facts={
            "code": dated(order, campus), "pin": order.pin or "", "place": drop_place(order),
            "time": clock(now, campus), "hint": text_of(Reply(f"hint.{why}"))}),
         now=now, order_id=order.id)
