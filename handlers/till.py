"""What is known only where it is paid: which phone shows the pay page, and whose wallet pays."""
from datetime import datetime
from functools import cache
from typing import Final

from sqlalchemy import Select, bindparam, select

from handlers import dialogue
from handlers.notice import Notice, tell
from handlers.payment import Standing, retire_payments, standing
from handlers.pricing import reprice
from handlers.risk import risk_of
from handlers.speaker import Speaker
from handlers.wording import quoted
from models.base import Session
from models.campus import Campus
from models.order import Order
from models.payment import Payment, PaymentState
from models.person import Person
from models.rules.order_state import OrderEvent, OrderState
from models.rules.risk import Verdict

MOST_UNPAID_ON_PHONE: Final = 6  # of other accounts; each has a limit of its own besides


def unpaid_beside(session: Session, person: Person, *, now: datetime) -> list[datetime]:
    """Until when each unpaid order of other accounts on this person's phones may be paid."""
    found = session.execute(_unpaid_beside(), {"person_id": person.id, "now": now})
    return sorted(until for _, until in found if until is not None)


@cache
def _unpaid_beside() -> Select[int, datetime | None]:
    """Made once a process: every confirmation asks it."""
    phones = select(Payment.device_hash).where(
        Payment.payer_id == bindparam("person_id"), Payment.device_hash.is_not(None))
    return select(Order.id, Order.pay_until).distinct().join(
        Payment, Payment.order_id == Order.id).where(
        Payment.device_hash.in_(phones), Order.buyer_id != bindparam("person_id"),
        Order.state == OrderState.AWAITING_PAYMENT, Order.pay_until > bindparam("now"),
        Order.group_id.is_(None)).execution_options(autoflush=False)


def note_looked(payment: Payment, device: str | None) -> None:
    """The pay page was looked at on this phone: enough to know whose orders it holds."""
    if payment.state == PaymentState.OPEN and payment.device_hash is None:
        payment.device_hash = device


def note_phone(session: Session, payment_id: int, device: str | None, *, now: datetime) -> None:
    """Keep the phone's mark. Where it, or the wallet, had the newcomers' discount before, the
    order is quoted anew without it, its links end, and the buyer hears why in the chat.

    A group has divided its bill already, so a member's part stays as it is.
    """
    payment = session.get_one(Payment, payment_id)
    order = payment.order
    is_newcomers = order.group_id is None and any(
        each["kind"] == "first_order" for each in order.discounts)
    if is_newcomers:  # the person before the order, as in their own turns
        Person.hold(session, [order.buyer_id])
    order = Order.lock(session, order.id)
    payment = Payment.lock(session, payment.id)
    payment.device_hash = device or payment.device_hash
    session.flush()
    if is_newcomers and standing(payment, now=now) is Standing.OPEN:
        _look_again(session, order, now=now)


def _look_again(session: Session, order: Order, *, now: datetime) -> None:
    buyer = session.get_one(Person, order.buyer_id)
    speaker = Speaker(session, buyer, session.get_one(Campus, order.campus_id))
    if risk_of(session, speaker, order, now=now).verdict is Verdict.PASS:
        return
    retire_payments(session, order, now=now)
    order.revision += 1
    order.apply(session, OrderEvent.REVISED, now=now)
    remarks = reprice(session, speaker, order, now=now)
    dialogue.ask(buyer, "confirm_order", now=now, order_id=order.id)
    tell(session, Notice(buyer.id, f"{order.id}:{order.revision}:till", chat=quoted(
        session, speaker, order, headline="order.without_first", remarks=remarks),
        good_until=order.promised_at, only_while={OrderState.DRAFT}, revision=order.revision),
         now=now, order_id=order.id)
