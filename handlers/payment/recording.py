"""Money that arrived."""
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog

from handlers.payment.asking import check_soon, retire_payments
from handlers.payment.refunding import NotOurs, book, refund_payment
from models.base import Session
from models.ledger import WECHAT, held_for, owed_back
from models.order import Order
from models.payment import Payment, PaymentState
from models.rules.order_state import OrderEvent, OrderState

log = structlog.get_logger(__name__)

STALE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RecordPayment:
    """Money that WeChat Pay says it took: a notification, or the answer to our own question."""

    out_trade_no: str
    transaction_id: str
    amount_fen: int
    currency: str
    payer_openid: str
    app_id: str
    mch_id: str
    paid_at: datetime


class Recorded(StrEnum):
    """What became of the news of a payment."""

    COUNTED = "counted"    # the order is paid
    SURPLUS = "surplus"    # booked, and on its way back
    REPEATED = "repeated"  # known before; nothing moved
    DOUBTED = "doubted"    # something does not fit; WeChat Pay is asked, nothing moved


def record_payment(session: Session, cmd: RecordPayment, *, our_mch_id: str, now: datetime,
                   is_asked: bool = False) -> Recorded:
    """Book money that arrived, once, and move its order on if it was waiting for it.

    Money that the order does not need goes back whole. What does not fit our own record is not
    believed from a notification: WeChat Pay is asked at once; if its answer (`is_asked`) does
    not fit either, the money goes back. Raises NotOurs, changing nothing.
    """
    payment = _payment_meant(session, cmd, our_mch_id)
    order = Order.lock(session, payment.order_id)
    payment = Payment.lock(session, payment.id)
    if payment.state == PaymentState.PAID and payment.transaction_id == cmd.transaction_id:
        return Recorded.REPEATED
    misfit = _misfit(payment, cmd)
    if payment.state == PaymentState.PAID or (misfit and not is_asked):
        log.error("payment.doubted", number=payment.out_trade_no, misfit=misfit or "transaction")
        check_soon(session, payment, cmd.transaction_id, now=now)
        return Recorded.DOUBTED
    payment.state, payment.paid_at = PaymentState.PAID, cmd.paid_at
    payment.transaction_id, payment.paid_fen = cmd.transaction_id, cmd.amount_fen
    if reason := misfit or _not_needed(order, payment, now):
        _send_back(session, order, payment, reason, now=now)
        return Recorded.SURPLUS
    _count(session, order, payment, now=now)
    return Recorded.COUNTED


def _payment_meant(session: Session, cmd: RecordPayment, our_mch_id: str) -> Payment:
    payment = Payment.by_number(session, cmd.out_trade_no)
    if payment is None or cmd.mch_id != our_mch_id:
        raise NotOurs(cmd.out_trade_no)
    return payment


def _misfit(payment: Payment, cmd: RecordPayment) -> str | None:
    """What is not as we asked for it: "amount", "app" or "payer"."""
    if (cmd.amount_fen, cmd.currency) != (payment.amount_fen, "CNY"):
        return "amount"
    if cmd.app_id != payment.app_id:
        return "app"
    return None if cmd.payer_openid == payment.payer.openid else "payer"


def _not_needed(order: Order, payment: Payment, now: datetime) -> str | None:
    """Why the order has no use for this money, if it has none.

    News that comes long after the meal was promised buys no meal: nobody waits for it any more.
    """
    if order.paid_at is not None:
        return "second"
    if order.promised_at is not None and now - order.promised_at > STALE:
        return "late"
    if order.state == OrderState.AWAITING_PAYMENT and order.revision == payment.revision:
        return None
    return "late" if not order.is_live else "revised"


def _count(session: Session, order: Order, payment: Payment, *, now: datetime) -> None:
    """The order is paid. The row lock is held."""
    from handlers import kitchen  # it asks us for refunds, so neither can come first

    assert payment.paid_fen is not None
    book(session, payment, "paid", f"payment:{payment.id}", now, {
        WECHAT: payment.paid_fen, held_for(order.id): -payment.paid_fen})
    order.paid_at = payment.paid_at
    order.apply(session, OrderEvent.PAID, now=now, by=payment.payer_id, payment=payment.id)
    retire_payments(session, order, now=now, but=payment)
    kitchen.order_paid(session, order, now=now)


def _send_back(session: Session, order: Order, payment: Payment, reason: str, *,
               now: datetime) -> None:
    """Book money that nobody needs, and give it back whole."""
    assert payment.paid_fen is not None
    log.warning("payment.surplus", order=order.id, number=payment.out_trade_no, reason=reason,
                asked_fen=payment.amount_fen, paid_fen=payment.paid_fen)
    payment.is_surplus = True
    book(session, payment, "surplus", f"payment:{payment.id}", now, {
        WECHAT: payment.paid_fen, owed_back(payment.id): -payment.paid_fen})
    refund_payment(session, payment, payment.paid_fen, reason, now=now)
