"""A paid order, taken or not."""
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from config.texts import Reply, text_of, yuan
from handlers import undo
from handlers.building import note_paid
from handlers.errand.desk import begin, errand_paid
from handlers.kitchen.shared import as_it_stands, not_yours
from handlers.notice import Notice, tell
from handlers.order.cancel import AnswerWish, Terms, answer_wish, revive
from handlers.payment import refund_order
from handlers.rider.offer import withdraw_offer
from handlers.speaker import Speaker
from handlers.wording import clock, dated, items_of, progress, summary
from models.base import Session
from models.campus import Campus
from models.order import Order, OrderKind
from models.payment import Refund
from models.person import Person
from models.rules.order_state import OrderEvent, OrderState, is_allowed

ANSWER_WITHIN = timedelta(minutes=5)
ELSEWHERE = timedelta(minutes=40)  # what it takes to get a meal from another shop


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
            "state": text_of(_first_state(order, owners)),
            "eta": clock(order.promised_at, campus)}), now=now, order_id=order.id)
    if order.kind == OrderKind.ERRAND:
        errand_paid(session, campus, order, now=now)
        return
    note_paid(session, order, now=now)
    if order.group_id:
        from handlers.group_order.ordered import order_paid as group_paid  # it needs us first

        group_paid(session, order, now=now)
        return
    if not owners:
        accept(session, order, now=now)
        return
    ask_again(session, order, now=now)


def ask_again(session: Session, order: Order, *, now: datetime) -> None:
    """Ask the kitchen whether it takes this order; its time to answer begins now."""
    campus = session.get_one(Campus, order.campus_id)
    order.answer_until = _answer_until(order, now)
    for owner_id in order.shop.owner_ids(session):
        tell(session, _new_order(order, campus, owner_id), now=now, order_id=order.id)
        tell(session, Notice(
            owner_id, f"{order.id}:{order.version}:ring", only_while={OrderState.PAID},
            good_until=order.answer_until, chat=Reply("kitchen.ring", {
                "code": order.code, "until": clock(order.answer_until, campus)})),
             now=now, order_id=order.id, due_at=now + (order.answer_until - now) / 2)


def _answer_until(order: Order, now: datetime) -> datetime:
    """Five minutes; for a pre-order as long as the student could still eat elsewhere."""
    soon = now + ANSWER_WITHIN
    if order.wanted_at is None:
        return soon
    return max(soon, order.wanted_at - timedelta(minutes=order.shop.prep_minutes) - ELSEWHERE)


def _first_state(order: Order, owners: list[int]) -> Reply:
    if order.kind == OrderKind.ERRAND:
        return Reply("state.errand_ready")
    return Reply("state.paid" if owners else "state.cooking")


def _new_order(order: Order, campus: Campus, owner_id: int) -> Notice:
    chat = Reply("kitchen.new_order", {
        "code": order.code, "payable": yuan(order.payable_fen),
        "when": clock(order.promised_at, campus), "lines": items_of(order),
        "note": Reply("order.note", {"note": order.note}) if order.note else None,
        "until": clock(order.answer_until, campus)})
    no_note = Reply("kitchen.no_note", {"code": order.code})
    return Notice(
        owner_id, f"{order.id}:{order.version}:kitchen", template="merchant_order", chat=chat,
        prefer="chat", good_until=order.answer_until, only_while={OrderState.PAID}, facts={
            "code": dated(order, campus), "items": summary(order),
            "amount": yuan(order.payable_fen), "eta": clock(order.promised_at, campus),
            "note": order.note or text_of(no_note)})


@dataclass(frozen=True, slots=True)
class AnswerOrder:
    """`order_id` was found by code on the speaker's campus; their right to it is checked here."""

    order_id: int


def accept_order(session: Session, speaker: Speaker, cmd: AnswerOrder, *, now: datetime) -> Reply:
    order = Order.lock(session, cmd.order_id)
    if refusal := not_yours(speaker, order):
        return refusal
    if not is_allowed(OrderState(order.state), OrderEvent.ACCEPTED):
        return as_it_stands(order)
    accept(session, order, now=now, by=speaker.person.id)
    undo.offer(speaker.person, "accept", now=now, order_id=order.id)
    return Reply("kitchen.accepted", {
        "code": order.code, "ready": speaker.clock(order.food_ready_at or now)})


def undo_accept(session: Session, speaker: Speaker, last: Mapping[str, Any], *,
                now: datetime) -> Reply:
    """The kitchen is asked anew, as long as no rider is on the way and the buyer is asked nothing.

    Who wished to cancel meanwhile gets all of it: nothing has been begun.
    """
    order = Order.lock(session, last["order_id"])
    if order.state != OrderState.COOKING or order.rider_id is not None or order.shortage:
        return Reply("undo.too_late", {"code": order.code})
    if order.cancel_until:
        return answer_wish(session, speaker, AnswerWish(order.id, Terms.ALL), now=now)
    withdraw_offer(session, order, now=now)
    order.accepted_at = order.food_ready_at = None
    order.apply(session, OrderEvent.UNDONE, now=now, by=speaker.person.id)
    ask_again(session, order, now=now)
    return Reply("kitchen.undone", {"code": order.code, "until": speaker.clock(
        order.answer_until or now)})


def accept(session: Session, order: Order, *, now: datetime, by: int | None = None) -> None:
    order.accepted_at = now
    order.food_ready_at = _ready_at(order, now)
    order.apply(session, OrderEvent.ACCEPTED, now=now, by=by)
    _remind_to_begin(session, order, now=now)


def _remind_to_begin(session: Session, order: Order, *, now: datetime) -> None:
    """A pre-order that was taken long before is said again when it is time to cook."""
    assert order.food_ready_at is not None
    begin_at = order.food_ready_at - timedelta(minutes=order.shop.prep_minutes)
    if begin_at - now < ANSWER_WITHIN:
        return
    campus = session.get_one(Campus, order.campus_id)
    for owner_id in order.shop.owner_ids(session):
        tell(session, Notice(
            owner_id, f"{order.id}:{order.version}:begin", only_while={OrderState.COOKING},
            chat=Reply("kitchen.begin", {"code": order.code,
                                         "ready": clock(order.food_ready_at, campus)})),
             now=now, order_id=order.id, due_at=begin_at)


def _ready_at(order: Order, now: datetime) -> datetime:
    """Cooking begins now, or later when the food is wanted later: hot at the door, not before."""
    soonest = now + timedelta(minutes=order.shop.prep_minutes)
    if order.wanted_at is None:
        return soonest
    return max(soonest, order.wanted_at - timedelta(minutes=15))


def reject_order(session: Session, speaker: Speaker, cmd: AnswerOrder, *, now: datetime) -> Reply:
    order = Order.lock(session, cmd.order_id)
    if refusal := not_yours(speaker, order):
        return refusal
    if not is_allowed(OrderState(order.state), OrderEvent.REJECTED):
        return as_it_stands(order)
    refund = _reject(session, order, "shop_said_no", now=now, by=speaker.person.id,
                     after=undo.FOR)
    undo.offer(speaker.person, "reject", now=now, order_id=order.id,
               refund_id=refund.id if refund else None)
    return Reply("kitchen.rejected", {
        "code": order.code, "seconds": int(undo.FOR.total_seconds())})


def undo_reject(session: Session, speaker: Speaker, last: Mapping[str, Any], *,
                now: datetime) -> Reply:
    hold_buyers(session, [last["order_id"]])
    order = Order.lock(session, last["order_id"])
    if not revive(session, order, OrderState.REJECTED, last["refund_id"], now=now,
                  by=speaker.person.id):
        return Reply("undo.too_late", {"code": order.code})
    ask_again(session, order, now=now)
    return Reply("kitchen.undone", {"code": order.code, "until": speaker.clock(
        order.answer_until or now)})


def hold_buyers(session: Session, order_ids: Iterable[int]) -> None:
    """Whoever bought these says nothing meanwhile: what came back to them they may be spending on
    another order at this moment. Before any order is locked."""
    Person.hold(session, session.scalars(select(Order.buyer_id).where(Order.id.in_(order_ids))))


def reject_unanswered(session: Session, order_id: int, *, now: datetime) -> None:
    """The kitchen's time is up: nobody waits for a shop that does not look at its phone."""
    order = Order.lock(session, order_id)
    if order.state == OrderState.PAID and order.answer_until and order.answer_until <= now:
        if order.kind == OrderKind.ERRAND:
            begin(session, order, now=now)
            return
        _reject(session, order, "shop_silent", now=now)


def _reject(session: Session, order: Order, reason: str, *, now: datetime,
            by: int | None = None, after: timedelta = timedelta()) -> Refund | None:
    """The money goes back, and the buyer hears of it, `after` the time to take it back."""
    order.apply(session, OrderEvent.REJECTED, now=now, by=by, reason=reason)
    refund = refund_order(session, order, reason, now=now, due_at=now + after)
    tell(session, Notice(
        order.buyer_id, f"{order.id}:{order.version}:rejected", template="progress",
        facts=progress(session, order, "rejected"), only_while={OrderState.REJECTED},
        chat=Reply(f"kitchen.buyer_{reason}", {
            "code": order.code, "shop": order.shop.name, "amount": yuan(order.payable_fen),
            "refund": refund.code if refund else ""})),
         now=now, order_id=order.id, due_at=now + after)
    return refund
