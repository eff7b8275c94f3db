"""The way to a payment: a link, an order at WeChat Pay, and taking both back."""
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import object_session

from config import settings
from config.texts import Reply, plain
from models.base import Session
from models.order import Order
from models.outbox import owe
from models.payment import Payment, PaymentState, new_number, new_token
from models.person import Person
from models.rules.order_state import OrderEvent, OrderState

FIRST_CHECK: Final = timedelta(seconds=30)  # the notification usually comes within a second
PREPAY_LASTS: Final = timedelta(minutes=110)  # WeChat Pay's two hours, less some time to pay
ASKED: Final = "asked"


class Standing(StrEnum):
    """What a pay link is good for, now."""

    OPEN = "open"
    PAID = "paid"
    GIVEN_BACK = "given_back"  # paid, but the order came to nothing
    SENT_BACK = "sent_back"    # paid, but the order had no use for it
    PAID_ELSEWHERE = "paid_elsewhere"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REVISED = "revised"        # there is a newer quote
    REPLACED = "replaced"      # there is a newer link to the same quote
    AFTER = "after"            # another order of theirs, with the way in it, is paid first


@dataclass(frozen=True, slots=True)
class Prepay:
    """What WeChat Pay is told of a payment: the same each time it is told.

    `prepay_id` is what it answered before, as long as that is good.
    """

    out_trade_no: str
    app_id: str
    openid: str
    amount_fen: int
    description: str
    expires_at: datetime
    prepay_id: str | None


def link(payment: Payment) -> str:
    return f"{settings.load().public_url}/p/{payment.token}"


def notify_url(what: str) -> str:
    """Where WeChat Pay tells us about a "payment" or a "refund". It may not have a query."""
    return f"{settings.load().public_url}/wxpay/notify/{what}"


def ask_payment(session: Session, order: Order, payer: Person, *, now: datetime,
                links: Sequence[Payment] | None = None) -> Payment:
    """The open payment for this quote and payer, made if absent.

    The order awaits payment and has its `pay_until`. Other links to it stop working first.
    `links`: its open ones, where they are known.
    """
    wanted = (payer.id, order.revision, order.payable_fen, order.pay_until)
    others = Payment.of_order(session, order.id, PaymentState.OPEN) if links is None else links
    fitting = [p for p in others
               if (p.payer_id, p.revision, p.amount_fen, p.expires_at) == wanted]
    payment = fitting[-1] if fitting else None
    _retire_all(session, [each for each in others if each is not payment], now=now)
    return payment or _new_payment(session, order, payer, now=now)


def retire_payments(session: Session, order: Order, *, now: datetime,
                    but: Payment | None = None) -> None:
    """Take the order's open links back. One that WeChat Pay may know of is closed there first."""
    links = Payment.of_order(session, order.id, PaymentState.OPEN)
    _retire_all(session, [each for each in links if each is not but], now=now)


def _retire_all(session: Session, payments: Iterable[Payment], *, now: datetime) -> None:
    for payment in payments:
        _retire(session, payment, now=now)
    session.flush()


def standing(payment: Payment, *, now: datetime) -> Standing:
    order = payment.order
    if payment.state == PaymentState.PAID:
        if payment.is_surplus:
            return Standing.SENT_BACK
        gone = order.state in (OrderState.CANCELLED, OrderState.REJECTED)
        return Standing.GIVEN_BACK if gone else Standing.PAID
    if order.paid_at is not None:
        return Standing.PAID_ELSEWHERE
    if order.state == OrderState.CANCELLED:
        return Standing.CANCELLED
    if order.state == OrderState.DRAFT or order.revision != payment.revision:
        return Standing.REVISED
    if order.state == OrderState.EXPIRED or payment.expires_at <= now:
        return Standing.EXPIRED
    if payment.state != PaymentState.OPEN:
        return Standing.REPLACED
    return Standing.AFTER if _rides_unpaid(order) else Standing.OPEN


def _rides_unpaid(order: Order) -> bool:
    """Of two windows of a group one carries a person's part of the way. Paid without it, the
    other would be carried for nothing."""
    if order.group_id is None or order.delivery_fen:
        return False
    session = object_session(order)
    assert session is not None
    carries = exists().where(
        Order.group_id == order.group_id, Order.buyer_id == order.buyer_id, Order.id != order.id,
        Order.state == OrderState.AWAITING_PAYMENT, Order.delivery_fen > 0)
    return bool(session.scalar(select(carries)))


def begin_prepay(session: Session, payment_id: int, *, now: datetime) -> Prepay | Standing:
    """What to tell WeChat Pay before the payer can pay, or why it is not told.

    From the commit on WeChat Pay may know of this payment: it must be closed there, and checked.
    """
    payment = _locked(session, payment_id)
    if (stands := standing(payment, now=now)) is not Standing.OPEN:
        return stands
    is_fresh = payment.prepaid_at is not None and now - payment.prepaid_at < PREPAY_LASTS
    if not is_fresh:
        payment.asked_at = payment.asked_at or now
        check_soon(session, payment, ASKED, now=now, due_at=now + FIRST_CHECK)
    return Prepay(
        payment.out_trade_no, payment.app_id, payment.payer.openid, payment.amount_fen,
        plain(Reply("payment.goods", {"shop": payment.order.shop.name,
                                      "code": payment.order.code})),
        payment.expires_at, payment.prepay_id if is_fresh else None)


def note_prepaid(session: Session, payment_id: int, prepay_id: str, *,
                 now: datetime) -> Standing:
    """Keep WeChat Pay's answer. Unless the payment is still OPEN, nobody may pay with it."""
    payment = _locked(session, payment_id)
    payment.prepay_id, payment.prepaid_at = prepay_id, now
    return standing(payment, now=now)


def check_soon(session: Session, payment: Payment, about: str, *, now: datetime,
               due_at: datetime | None = None) -> None:
    """Owe the question to WeChat Pay what became of a payment; once for each `about`."""
    owe(session, "payment.check", key=f"payment.check:{payment.id}:{about}", now=now,
        order_id=payment.order_id, due_at=due_at,
        payload={"payment_id": payment.id, "is_doubted": about != ASKED})


def note_closed(session: Session, payment_id: int, *, now: datetime) -> None:
    """WeChat Pay will take no more money for this payment. The order may expire by that."""
    order_id = session.get_one(Payment, payment_id).order_id
    order = Order.lock(session, order_id)
    payment = Payment.lock(session, payment_id)
    if payment.state in (PaymentState.OPEN, PaymentState.CLOSING):
        payment.state, payment.closed_at = PaymentState.CLOSED, now
        session.flush()
    _expire_if_over(session, order, now=now)


def expire_unpaid(session: Session, order_id: int, *, now: datetime) -> None:
    """End an order that nobody paid in time.

    As long as WeChat Pay might still take money for it, it is only closed there; the order
    expires when that has succeeded.
    """
    order = Order.lock(session, order_id)
    if _is_over(order, now):
        retire_payments(session, order, now=now)
        _expire_if_over(session, order, now=now)


def _new_payment(session: Session, order: Order, payer: Person, *, now: datetime) -> Payment:
    payment = Payment(
        order_id=order.id, payer_id=payer.id, app_id=payer.app_id, revision=order.revision,
        amount_fen=order.payable_fen, out_trade_no=new_number("P", now), token=new_token(),
        created_at=now, expires_at=order.pay_until, state=PaymentState.OPEN)
    session.add(payment)
    session.flush()
    return payment


def _retire(session: Session, payment: Payment, *, now: datetime) -> None:
    if payment.asked_at is None:
        payment.state, payment.closed_at = PaymentState.CLOSED, now
        return
    payment.state = PaymentState.CLOSING
    owe_close(session, payment, now=now)


def owe_close(session: Session, payment: Payment, *, now: datetime, again: str = "") -> None:
    """Owe WeChat Pay the word that it takes no more money; `again` names a later attempt."""
    key = f"payment.close:{payment.id}" + f":{again}" * bool(again)
    owe(session, "payment.close", key=key, now=now, order_id=payment.order_id,
        payload={"payment_id": payment.id})


def _locked(session: Session, payment_id: int) -> Payment:
    Order.lock(session, session.get_one(Payment, payment_id).order_id)
    return Payment.lock(session, payment_id)


def _is_over(order: Order, now: datetime) -> bool:
    return (order.state == OrderState.AWAITING_PAYMENT
            and order.pay_until is not None and order.pay_until <= now)


def _expire_if_over(session: Session, order: Order, *, now: datetime) -> None:
    if not _is_over(order, now):
        return
    if Payment.of_order(session, order.id, PaymentState.OPEN, PaymentState.CLOSING):
        return
    order.apply(session, OrderEvent.EXPIRED, now=now)
