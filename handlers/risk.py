"""What is known of a buyer that makes an order look odd, and what is asked of them."""
import hashlib
import hmac
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select
from sqlalchemy.orm import aliased

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
    """Named reasons, for this order; none of them is the address on the network.

    All is counted by one question, once a turn: it is asked with every quote of a newcomer.
    """
    asked = (order.id, door_hash(order), now)
    if asked not in speaker.weighed:
        speaker.weighed[asked] = _weighed(session, speaker.person, order, now)
    return speaker.weighed[asked]


def _weighed(session: Session, person: Person, order: Order, now: datetime) -> Risk:
    inviter = session.get(Person, person.invited_by_id) if person.invited_by_id else None
    return assess(Facts(
        **_counted(session, person, order, now),
        is_invited_from_there=inviter is not None and lives_together(inviter, person),
        is_verified=person.student_until is not None and person.student_until > now))


def door_hash(order: Order) -> str | None:
    """A room's name that cannot be read back, so that rooms can be compared."""
    return _door(order.place_id, order.room)


def home_hash(person: Person) -> str | None:
    return _door(person.place_id, person.room)


def _door(place_id: int | None, room: str | None) -> str | None:
    return _keyed(f"door:{place_id}:{room.strip().upper()}") if place_id and room else None


def device_hash(cookie: str) -> str:
    return _keyed(f"device:{cookie}")


def _keyed(words: str) -> str:
    key = settings.load().secret_key.encode()
    return hmac.new(key, words.encode(), hashlib.sha256).hexdigest()[:32]


def _counted(session: Session, person: Person, order: Order, now: datetime) -> dict[str, int]:
    told = session.execute(_counts(), {
        "door": door_hash(order), "order_id": order.id, "buyer_id": order.buyer_id,
        "person_id": person.id, "lately": now - LATELY, "hour": now - timedelta(hours=1)}).one()
    return {name: number or 0 for name, number in told._mapping.items()}


@cache
def _counts() -> Select[Any]:
    """Everything that is counted, by name; made once a process."""
    person: ColumnElement[int] = bindparam("person_id")
    # Whoever was asked to pay for this order counts as the buyer does, and so does their phone.
    asked = aliased(Payment)
    is_theirs = or_(asked.payer_id == person, asked.order_id == bindparam("order_id"))
    phones = select(asked.device_hash).where(asked.device_hash.is_not(None), is_theirs)
    wallets = select(asked.payer_id).where(is_theirs)
    buyers = select(func.count(func.distinct(Order.buyer_id)))
    paid_for = buyers.join(Payment, Payment.order_id == Order.id)
    own = select(func.count()).where(Order.buyer_id == person)
    # Of one payment at a time, of one order: a join would be planned through all of them.
    complaints = select(func.count()).select_from(Refund).where(
        Refund.payment_id == Payment.id, Refund.created_at > bindparam("lately"),
        Refund.reason.startswith("complaint")).correlate(Payment).scalar_subquery()
    complained = select(func.sum(complaints)).where(
        Payment.order_id == Order.id).correlate(Order).scalar_subquery()
    counts = {
        "room": buyers.where(Order.door_hash == bindparam("door"),
                             _used_first(bindparam("buyer_id"))),
        "room_lately": buyers.where(
            Order.door_hash == bindparam("door"), Order.paid_at > bindparam("lately"),
            _used_first(bindparam("buyer_id"))),
        "payer": paid_for.where(Payment.payer_id.in_(wallets), Payment.state == PaymentState.PAID,
                                ~Payment.is_surplus, _used_first(person)),
        "device": paid_for.where(Payment.device_hash.in_(phones), Payment.payer_id != person,
                                 _used_first(person)),
        "bought": own.where(Order.ended_at > bindparam("lately"),
                            Order.state == OrderState.DELIVERED),
        "complained": own.where(complained > 0),
        "confirmed": own.where(Order.created_at > bindparam("hour"), Order.pay_until.is_not(None)),
        "paid": own.where(Order.created_at > bindparam("hour"), Order.paid_at.is_not(None))}
    return select(*(count.scalar_subquery().label(name) for name, count in counts.items())) \
        .execution_options(autoflush=False)


def _used_first(buyer_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Others' orders that had the first-order discount, and were not given back."""
    return (Order.buyer_id != buyer_id) & Order.paid_at.is_not(None) \
        & Order.state.not_in(sorted(GIVES_MONEY_BACK)) & Order.discounts.contains(FIRST)


def lives_together(one: Person, other: Person) -> bool:
    return one.place_id is not None and one.place_id == other.place_id \
        and bool(one.room) and one.room == other.room
