"""Later than promised: told before anybody has to ask."""
from datetime import datetime, timedelta
from typing import Final

from config.texts import Reply, text_of
from dispatch.eta import Vehicle
from handlers.duty import call_duty
from handlers.notice import Notice, tell
from handlers.roads import metres_between
from handlers.wording import clock, dated
from models.base import Session
from models.campus import Campus
from models.order import Order
from models.rules.order_state import OrderEvent, OrderState

WORTH_SAYING: Final = timedelta(minutes=3)
AT_LEAST: Final = timedelta(minutes=10)  # what a further delay adds, so that few are told
AT_THE_DOOR: Final = timedelta(minutes=2)
FIND_A_RIDER: Final = timedelta(minutes=4)
PATIENCE: Final = timedelta(minutes=30)  # behind the promise: somebody must look


def expected(order: Order) -> datetime:
    """When the buyer expects the order, as they were last told."""
    at = order.expected_at or order.promised_at
    assert at is not None
    return at


def expect_later(session: Session, order: Order, at: datetime, why: str, *, now: datetime,
                 by: int | None = None) -> None:
    """Note that the order comes at `at`, not when it was promised, and tell the buyer so.

    `why` is a name under [delay_reason]; it blames nobody. The order is locked.
    """
    campus = session.get_one(Campus, order.campus_id)
    order.expected_at = at
    order.apply(session, OrderEvent.DELAYED, now=now, by=by, why=why, expected=at.isoformat())
    tell(session, Notice(
        order.buyer_id, f"{order.id}:delayed:{at:%H%M}", template="delayed", facts={
            "code": dated(order, campus), "reason": text_of(Reply(f"delay_reason.{why}")),
            "eta": clock(at, campus), "hint": text_of(Reply("hint.delayed"))}),
         now=now, order_id=order.id)


def look_ahead(session: Session, order_id: int, *, now: datetime) -> None:
    """Tell the buyer of a delay as soon as it is certain; half an hour late, call for help."""
    order = Order.lock(session, order_id)
    if OrderState(order.state) not in AHEAD or order.promised_at is None:
        return
    at = now + _remaining(session, order, now)
    if at - expected(order) <= WORTH_SAYING:
        return
    if order.expected_at:
        at = max(at, order.expected_at + AT_LEAST)
    why = "slow" if order.state == OrderState.DELIVERING else "busy"
    expect_later(session, order, _full_minutes(at), why, now=now)
    if at - order.promised_at > PATIENCE:
        call_duty(session, order, "late", now=now)


AHEAD: Final = frozenset({OrderState.COOKING, OrderState.READY, OrderState.DELIVERING})


def _remaining(session: Session, order: Order, now: datetime) -> timedelta:
    """At best: until the food is ready, somebody has it, and the way is ridden."""
    campus = session.get_one(Campus, order.campus_id)
    metres = metres_between(session, campus, order.pickup_place, order.place)
    ride = timedelta(seconds=metres / Vehicle.E_BIKE.value)
    if order.state == OrderState.DELIVERING:
        assert order.picked_up_at is not None
        return max(order.picked_up_at + ride - now, timedelta()) + AT_THE_DOOR
    cook = max((order.food_ready_at or now) - now, timedelta())
    rider = timedelta() if order.rider_id else FIND_A_RIDER
    return max(cook, rider) + ride + AT_THE_DOOR


def _full_minutes(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0) + timedelta(minutes=1)
