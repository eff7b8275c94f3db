"""The way from the shop to the door, step by step."""
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select

from config.texts import Reply, text_of
from handlers import dialogue, undo
from handlers.errand import station
from handlers.notice import Notice, tell
from handlers.rider.shared import drop_place, next_step, others, own_job, stand_at
from handlers.speaker import Speaker
from handlers.wording import clock, dated, summary
from models.base import Session
from models.order import Order, OrderKind, OrderLog
from models.rules.order_state import WANTS_RIDER, OrderEvent, OrderState
from models.rules.pricing import waiting_fen

LATE: Final = timedelta(minutes=1)  # a word that took longer was sent from where there is no net
OVERTAKEN: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class ReportStep:
    """A rider's word on an order. `said_at`: when it was sent, which may be long before it came
    through; `claim`: the clock time that it names (12:21). Both are kept as claims; what counts
    is when we heard it."""

    order_id: int
    said_at: datetime | None = None
    claim: str = ""

    def claims(self, now: datetime) -> dict[str, Any]:
        """What goes into the log beside our own time."""
        facts: dict[str, Any] = {"claimed": self.claim} if self.claim else {}
        if self.said_at and now - self.said_at > LATE:
            facts["said_at"] = self.said_at.isoformat()
        return facts


def at_shop(session: Session, speaker: Speaker, cmd: ReportStep, *, now: datetime) -> Reply:
    order, refusal = own_job(session, speaker, cmd.order_id, OrderEvent.AT_SHOP)
    if refusal:
        return refusal
    if order.kind == OrderKind.ERRAND:
        reply, place = station.at_station(session, speaker, order, now=now)
        stand_at(speaker, place, now)
        return reply
    order.apply(session, OrderEvent.AT_SHOP, now=now, by=speaker.person.id)
    stand_at(speaker, order.pickup_place, now)
    is_done = order.state == OrderState.READY
    return Reply("rider.at_shop", {
        "code": order.code, "food": Reply("rider.food_is_ready" if is_done else "rider.food_soon", {
            "ready": speaker.clock(order.food_ready_at or now)})})


def picked_up(session: Session, speaker: Speaker, cmd: ReportStep, *, now: datetime) -> Reply:
    order, refusal = own_job(session, speaker, cmd.order_id, OrderEvent.PICKED_UP)
    if refusal:
        return refusal
    if order.kind == OrderKind.ERRAND and (
            first := station.not_fetched_yet(order, speaker)):
        return first
    from handlers.kitchen.shortage import leave_without  # it needs us first

    leave_without(session, order, now=now)
    order.pin = order.pin or new_pin(None)
    order.picked_up_at = now
    order.waiting_fen = _waiting_fen(session, order, now)
    undo.offer(speaker.person, "step", now=now, order_id=order.id, step="picked_up")
    order.apply(session, OrderEvent.PICKED_UP, now=now, by=speaker.person.id, **cmd.claims(now))
    stand_at(speaker, order.pickup_place, now)
    if _was_overtaken(order, cmd, now):
        return arrived(session, speaker, cmd, now=now)
    campus = speaker.campus
    tell(session, Notice(
        order.buyer_id, f"{order.id}:picked_up", template="progress", facts={
            "code": dated(order, campus), "state": text_of(Reply("state.delivering")),
            "rider": speaker.rider.name if speaker.rider else "",
            "eta": clock(order.promised_at, campus), "hint": text_of(Reply("hint.delivering"))}),
         now=now, order_id=order.id)
    return Reply("rider.picked_up", {
        "code": order.code, "items": summary(order), "where": drop_place(order),
        "note": Reply("order.note", {"note": order.note}) if order.note else None,
        "others": others(speaker, order)})


def _waiting_fen(session: Session, order: Order, now: datetime) -> int:
    """For the time at the shop until the food was done, as the kitchen said, or was handed out."""
    if order.kind == OrderKind.ERRAND or order.rider is None:
        return 0
    came = session.scalar(select(func.min(OrderLog.at)).filter_by(
        order_id=order.id, event=OrderEvent.AT_SHOP, person_id=order.rider.person_id))
    done = order.food_ready_at if order.state == OrderState.READY and order.food_ready_at else now
    return max(0, waiting_fen((min(now, done) - came).total_seconds()) - _waited_already_fen(
        session, order)) if came else 0


def _waited_already_fen(session: Session, order: Order) -> int:
    """For other bags of its group: the rider has stood there once, and the longest wait counts."""
    if order.group_id is None:
        return 0
    return int(session.scalar(select(func.coalesce(func.sum(Order.waiting_fen), 0)).where(
        Order.group_id == order.group_id, Order.rider_id == order.rider_id,
        Order.id != order.id)) or 0)


def new_pin(old: str | None) -> str:
    """Four digits, other than before."""
    pin = f"{secrets.randbelow(10_000):04d}"
    return pin if pin != old else new_pin(old)


def _was_overtaken(order: Order, cmd: ReportStep, now: datetime) -> bool:
    """Whether 到了 came through before this 取到, which had been sent earlier."""
    claimed = order.claimed_arrival_at
    return (claimed is not None and cmd.said_at is not None and cmd.said_at < claimed
            and now - claimed < OVERTAKEN)


def arrived(session: Session, speaker: Speaker, cmd: ReportStep, *, now: datetime) -> Reply:
    order, refusal = own_job(session, speaker, cmd.order_id, OrderEvent.ARRIVED)
    if refusal and order.state in WANTS_RIDER and order.rider_id == getattr(
            speaker.rider, "id", None):
        order.claimed_arrival_at = cmd.said_at or now
        return Reply("rider.picked_up_first", {"code": order.code})
    if refusal:
        return refusal
    order.arrived_at = now
    undo.offer(speaker.person, "step", now=now, order_id=order.id, step="arrived")
    order.apply(session, OrderEvent.ARRIVED, now=now, by=speaker.person.id, **cmd.claims(now))
    stand_at(speaker, order.place, now)
    dialogue.ask(speaker.person, "ask_pin", now=now, order_id=order.id)
    campus = speaker.campus
    tell(session, Notice(
        order.buyer_id, f"{order.id}:arrived", template="arrived", facts={
            "code": dated(order, campus), "pin": order.pin or "", "place": drop_place(order),
            "time": clock(now, campus), "hint": text_of(Reply("hint.arrived"))}),
         now=now, order_id=order.id)
    return Reply("rider.arrived", {"code": order.code})


def undo_step(session: Session, speaker: Speaker, last: Mapping[str, Any], *,
              now: datetime) -> Reply:
    """取到 or 到了 was a slip. What the buyer has heard meanwhile becomes true a little later."""
    order = Order.lock(session, last["order_id"])
    state = OrderState.DELIVERING if last["step"] == "picked_up" else OrderState.ARRIVED
    if speaker.rider is None or order.rider_id != speaker.rider.id or order.state != state:
        return Reply("undo.too_late", {"code": order.code})
    if state is OrderState.ARRIVED:
        order.arrived_at = order.nobody_at = None
        dialogue.clear(speaker.person)
    else:
        order.picked_up_at, order.waiting_fen = None, 0
    order.apply(session, OrderEvent.UNDONE, now=now, by=speaker.person.id)
    return Reply("rider.step_undone", {"code": order.code, "next": next_step(order)})
