"""What is known of a buyer that makes an order look odd, and what is asked of them."""
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, select

from config import settings
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order
from models.payment import Payment, PaymentState, Refund
from models.person import Person
from models.rules.order_state import GIVES_MONEY_BACK, OrderState
from models.rules.risk import Facts, Risk, assess

LATELY: Final = timedelta(days=30)
FIRST: Final = [{"kind": "first_order"}]


def risk_of(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Risk:
    """Named reasons, for this order; none of them is the address on the network."""
    person = speaker.person
    room, payer = _same_room(session, order), _same_payer(session, person)
    inviter = session.get(Person, person.invited_by_id) if person.invited_by_id else None
    return assess(Facts(
        room=room, device=_same_device(session, person), payer=payer,
        is_invited_from_there=inviter is not None and _lives_together(inviter, person),
        **_lately(session, person, now), **_this_hour(session, person, now),
        is_verified=person.student_until is not None and person.student_until > now))


def door_hash(order: Order) -> str | None:
    """A room's name that cannot be read back, so that rooms can be compared."""
    if order.place_id is None or not order.room:
        return None
    return _keyed(f"door:{order.place_id}:{order.room.strip().upper()}")


def device_hash(cookie: str) -> str:
    return _keyed(f"device:{cookie}")


def _keyed(words: str) -> str:
    key = settings.load().secret_key.encode()
    return hmac.new(key, words.encode(), hashlib.sha256).hexdigest()[:32]


def _used_first(buyer_id: int) -> ColumnElement[bool]:
    """Others' orders that had the first-order discount, and were not given back."""
    return (Order.buyer_id != buyer_id) & Order.paid_at.is_not(None) \
        & Order.state.not_in(sorted(GIVES_MONEY_BACK)) & Order.discounts.contains(FIRST)


def _same_room(session: Session, order: Order) -> int:
    door = door_hash(order)
    if door is None:
        return 0
    query = select(func.count(func.distinct(Order.buyer_id))).where(
        Order.door_hash == door, _used_first(order.buyer_id))
    return session.scalar(query) or 0


def _same_payer(session: Session, person: Person) -> int:
    query = select(func.count(func.distinct(Order.buyer_id))).join(
        Payment, Payment.order_id == Order.id).where(
        Payment.payer_id == person.id, Payment.state == PaymentState.PAID,
        ~Payment.is_surplus, _used_first(person.id))
    return session.scalar(query) or 0


def _same_device(session: Session, person: Person) -> int:
    mine = select(Payment.device_hash).where(
        Payment.payer_id == person.id, Payment.device_hash.is_not(None))
    query = select(func.count(func.distinct(Order.buyer_id))).join(
        Payment, Payment.order_id == Order.id).where(
        Payment.device_hash.in_(mine), Payment.payer_id != person.id, _used_first(person.id))
    return session.scalar(query) or 0


def _lives_together(one: Person, other: Person) -> bool:
    return one.place_id is not None and one.place_id == other.place_id \
        and bool(one.room) and one.room == other.room


def _lately(session: Session, person: Person, now: datetime) -> dict[str, int]:
    came = select(func.count()).where(Order.buyer_id == person.id, Order.ended_at > now - LATELY,
                                      Order.state == OrderState.DELIVERED)
    back = select(func.count(func.distinct(Payment.order_id))).select_from(Refund).join(
        Payment).where(Payment.payer_id == person.id, Refund.created_at > now - LATELY,
                       Refund.reason.startswith("complaint"))
    return {"bought": session.scalar(came) or 0, "complained": session.scalar(back) or 0}


def _this_hour(session: Session, person: Person, now: datetime) -> dict[str, int]:
    hour = now - timedelta(hours=1)
    confirmed = select(func.count()).where(
        Order.buyer_id == person.id, Order.created_at > hour, Order.pay_until.is_not(None))
    paid = select(func.count()).where(Order.buyer_id == person.id, Order.created_at > hour,
                                      Order.paid_at.is_not(None))
    return {"confirmed": session.scalar(confirmed) or 0, "paid": session.scalar(paid) or 0}
