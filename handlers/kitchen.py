"""The merchant's side: hear of a paid order, take it or not, say when it is done."""
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import select

from config.texts import Reply, text_of, yuan
from handlers.notice import Notice, tell
from handlers.payment import refund_order
from handlers.speaker import Speaker
from handlers.wording import clock, dated, items_of, summary
from models.base import Session
from models.campus import Campus
from models.order import Order
from models.rules.order_state import OrderEvent, OrderState, is_allowed
from models.shop import Dish

ANSWER_WITHIN = timedelta(minutes=5)
SOON = timedelta(minutes=3)


def order_paid(session: Session, order: Order, *, now: datetime) -> None:
    """What follows a payment: the buyer hears of it, the kitchen is asked.

    A shop that nobody answers for takes the order by itself. The caller holds the order.
    """
    owners = order.shop.owner_ids(session)
    campus = session.get_one(Campus, order.campus_id)
    tell(session, Notice(
        order.buyer_id, f"{order.id}:paid", template="paid", facts={
            "code": dated(order, campus), "items": summary(order),
            "amount": yuan(order.payable_fen),
            "state": text_of(Reply("state.paid" if owners else "state.cooking")),
            "eta": clock(order.promised_at, campus)}), now=now, order_id=order.id)
    if not owners:
        _accept(session, order, now=now)
        return
    order.answer_until = now + ANSWER_WITHIN
    for owner_id in owners:
        tell(session, _new_order(order, campus, owner_id), now=now, order_id=order.id)


def _new_order(order: Order, campus: Campus, owner_id: int) -> Notice:
    chat = Reply("kitchen.new_order", {
        "code": order.code, "payable": yuan(order.payable_fen),
        "when": clock(order.promised_at, campus), "lines": items_of(order),
        "note": Reply("order.note", {"note": order.note}) if order.note else None,
        "until": clock(order.answer_until, campus)})
    no_note = Reply("kitchen.no_note", {"code": order.code})
    return Notice(owner_id, f"{order.id}:kitchen", template="merchant_order", chat=chat,
                  prefer="chat", good_until=order.answer_until, facts={
                      "code": dated(order, campus), "items": summary(order),
                      "amount": yuan(order.payable_fen),
                      "eta": clock(order.promised_at, campus),
                      "note": order.note or text_of(no_note)})


@dataclass(frozen=True, slots=True)
class AnswerOrder:
    """`order_id` was found by code on the speaker's campus; their right to it is checked here."""

    order_id: int


def accept_order(session: Session, speaker: Speaker, cmd: AnswerOrder, *, now: datetime) -> Reply:
    order = Order.lock(session, cmd.order_id)
    if refusal := _not_yours(speaker, order):
        return refusal
    if not is_allowed(OrderState(order.state), OrderEvent.ACCEPTED):
        return _as_it_stands(order)
    _accept(session, order, now=now, by=speaker.person.id)
    return Reply("kitchen.accepted", {
        "code": order.code, "ready": speaker.clock(order.food_ready_at or now)})


def _accept(session: Session, order: Order, *, now: datetime, by: int | None = None) -> None:
    order.accepted_at = now
    order.food_ready_at = _ready_at(order, now)
    order.apply(session, OrderEvent.ACCEPTED, now=now, by=by)


def _ready_at(order: Order, now: datetime) -> datetime:
    """Cooking begins now, or later when the food is wanted later: hot at the door, not before."""
    soonest = now + timedelta(minutes=order.shop.prep_minutes)
    if order.wanted_at is None:
        return soonest
    return max(soonest, order.wanted_at - timedelta(minutes=15))


def reject_order(session: Session, speaker: Speaker, cmd: AnswerOrder, *, now: datetime) -> Reply:
    order = Order.lock(session, cmd.order_id)
    if refusal := _not_yours(speaker, order):
        return refusal
    if not is_allowed(OrderState(order.state), OrderEvent.REJECTED):
        return _as_it_stands(order)
    _reject(session, order, "shop_said_no", now=now, by=speaker.person.id)
    return Reply("kitchen.rejected", {"code": order.code})


def reject_unanswered(session: Session, order_id: int, *, now: datetime) -> None:
    """The kitchen's time is up: nobody waits for a shop that does not look at its phone."""
    order = Order.lock(session, order_id)
    if order.state == OrderState.PAID and order.answer_until and order.answer_until <= now:
        _reject(session, order, "shop_silent", now=now)


def _reject(session: Session, order: Order, reason: str, *, now: datetime,
            by: int | None = None) -> None:
    order.apply(session, OrderEvent.REJECTED, now=now, by=by, reason=reason)
    refund = refund_order(session, order, reason, now=now)
    tell(session, Notice(order.buyer_id, f"{order.id}:rejected", template="progress",
                         facts=_progress(session, order, "rejected"), chat=Reply(
        f"kitchen.buyer_{reason}", {
            "code": order.code, "shop": order.shop.name, "amount": yuan(order.payable_fen),
            "refund": refund.code if refund else ""})), now=now, order_id=order.id)


def order_cooked(session: Session, speaker: Speaker, cmd: AnswerOrder, *, now: datetime) -> Reply:
    order = Order.lock(session, cmd.order_id)
    if refusal := _not_yours(speaker, order):
        return refusal
    if not is_allowed(OrderState(order.state), OrderEvent.COOKED):
        return _as_it_stands(order)
    order.food_ready_at = now
    order.apply(session, OrderEvent.COOKED, now=now, by=speaker.person.id)
    if order.rider:
        ready = Reply("rider.food_ready", {"code": order.code, "shop": order.shop.name})
        tell(session, Notice(order.rider.person_id, f"{order.id}:cooked", good_until=now + SOON,
                             chat=ready), now=now, order_id=order.id)
    return Reply("kitchen.cooked", {
        "code": order.code, "rider": order.rider.name if order.rider else "",
        "who": Reply("kitchen.rider_comes" if order.rider else "kitchen.rider_sought", {
            "rider": order.rider.name if order.rider else ""})})


@dataclass(frozen=True, slots=True)
class ChangeMenu:
    dish_keys: tuple[str, ...]


def sold_out(session: Session, speaker: Speaker, cmd: ChangeMenu, *, now: datetime) -> Reply:
    """Off the menu until tomorrow morning. Orders already paid for are not touched."""
    dishes = _own_dishes(session, speaker, cmd.dish_keys)
    if not dishes:
        return Reply("kitchen.which_dish")
    tomorrow = now.astimezone(speaker.campus.zone).date() + timedelta(days=1)
    until = datetime.combine(tomorrow, time(4), speaker.campus.zone)
    for dish in dishes:
        dish.sold_out_until = until
    return Reply("kitchen.sold_out", {"dishes": "、".join(d.name for d in dishes)})


def restocked(session: Session, speaker: Speaker, cmd: ChangeMenu, *, now: datetime) -> Reply:
    dishes = _own_dishes(session, speaker, cmd.dish_keys)
    if not dishes:
        return Reply("kitchen.which_dish")
    for dish in dishes:
        dish.sold_out_until = None
    return Reply("kitchen.restocked", {"dishes": "、".join(d.name for d in dishes)})


def waiting_orders(session: Session, speaker: Speaker, *states: OrderState) -> list[Order]:
    """The speaker's shops' orders in these states, oldest first."""
    query = select(Order).where(Order.shop_id.in_(speaker.shop_ids), Order.state.in_(states))
    return list(session.scalars(query.order_by(Order.id)))


def _own_dishes(session: Session, speaker: Speaker, keys: Sequence[str]) -> list[Dish]:
    found = Dish.by_keys(session, speaker.campus.id, set(keys))
    ids = sorted(d.id for d in found.values() if d.shop_id in speaker.shop_ids)
    query = select(Dish).where(Dish.id.in_(ids)).order_by(Dish.id).with_for_update(of=Dish)
    return list(session.scalars(query))


def _not_yours(speaker: Speaker, order: Order) -> Reply | None:
    if order.shop_id not in speaker.shop_ids:
        return Reply("kitchen.not_yours", {"code": order.code})
    if order.buyer_id == speaker.person.id:
        return Reply("kitchen.own_order", {"code": order.code})
    return None


def _as_it_stands(order: Order) -> Reply:
    return Reply("kitchen.as_it_stands", {
        "code": order.code, "state": Reply(f"state.{order.state}")})


def _progress(session: Session, order: Order, state: str) -> dict[str, str]:
    campus = session.get_one(Campus, order.campus_id)
    return {"code": dated(order, campus), "state": text_of(Reply(f"state.{state}")),
            "rider": order.rider.name if order.rider else text_of(Reply("rider.nobody_yet")),
            "eta": clock(order.promised_at, campus),
            "hint": text_of(Reply(f"hint.{state}"))}
