"""Payments: asked for, recorded, closed, and given back.

Whoever calls holds the lock of the order: it guards the order's payments, refunds and ledger.
`record_payment`, `record_refund`, `note_closed` and `expire_unpaid` take it themselves.
"""
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog
from sqlalchemy import func, select

from config import settings
from config.texts import Reply, plain, yuan
from handlers.notice import Notice, Prefer, tell
from models.base import Session
from models.campus import Campus
from models.ledger import WECHAT, LedgerEntry, held_for, owed_back, post
from models.order import Order
from models.outbox import owe
from models.payment import (
    Payment,
    PaymentState,
    Refund,
    RefundState,
    new_number,
    new_token,
    refund_code,
)
from models.person import Person
from models.rules.order_state import OrderEvent, OrderState

log = structlog.get_logger(__name__)

FIRST_CHECK: Final = timedelta(seconds=30)  # the notification usually comes within a second
ASKED: Final = "asked"
# Reasons why money goes back that nobody asked for: the payer hears which it was.
UNASKED: Final = {"late": "refund.late", "second": "refund.second", "revised": "refund.revised",
                  "amount": "refund.misfit", "app": "refund.misfit", "payer": "refund.misfit"}


class NotOurs(Exception):
    """WeChat Pay speaks of a payment or refund that we never asked for."""


class OverRefund(Exception):
    """More would be given back than was paid: a mistake in our code."""


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


@dataclass(frozen=True, slots=True)
class RecordRefund:
    """What WeChat Pay says of a refund. `state`: SUCCESS, PROCESSING, CLOSED or ABNORMAL."""

    out_refund_no: str
    refund_id: str
    state: str
    refund_fen: int
    mch_id: str
    success_at: datetime | None


def link(payment: Payment) -> str:
    return f"{settings.load().public_url}/p/{payment.token}"


def notify_url(what: str) -> str:
    """Where WeChat Pay tells us about a "payment" or a "refund". It may not have a query."""
    return f"{settings.load().public_url}/wxpay/notify/{what}"


def ask_payment(session: Session, order: Order, payer: Person, *, now: datetime) -> Payment:
    """The open payment for this quote and payer, made if absent.

    The order awaits payment and has its `pay_until`. Other links to it stop working first.
    """
    wanted = (payer.id, order.revision, order.payable_fen, order.pay_until)
    fitting = [p for p in Payment.of_order(session, order.id, PaymentState.OPEN)
               if (p.payer_id, p.revision, p.amount_fen, p.expires_at) == wanted]
    payment = fitting[-1] if fitting else None
    retire_payments(session, order, now=now, except_id=payment.id if payment else None)
    return payment or _new_payment(session, order, payer, now=now)


def retire_payments(session: Session, order: Order, *, now: datetime,
                    except_id: int | None = None) -> None:
    """Take the order's open links back. One that WeChat Pay may know of is closed there first."""
    for payment in Payment.of_order(session, order.id, PaymentState.OPEN):
        if payment.id != except_id:
            _retire(session, payment, now=now)
    session.flush()


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
    if reason := misfit or _not_needed(order, payment):
        _send_back(session, order, payment, reason, now=now)
        return Recorded.SURPLUS
    _count(session, order, payment, now=now)
    return Recorded.COUNTED


def check_soon(session: Session, payment: Payment, about: str, *, now: datetime,
               due_at: datetime | None = None) -> None:
    """Owe the question to WeChat Pay what became of a payment; once for each `about`."""
    owe(session, "payment.check", key=f"payment.check:{payment.id}:{about}", now=now,
        order_id=payment.order_id, due_at=due_at,
        payload={"payment_id": payment.id, "is_doubted": about != ASKED})


def note_asked(session: Session, payment: Payment, *, now: datetime) -> None:
    """From now on WeChat Pay may know of this payment: it must be closed there, and checked."""
    payment.asked_at = payment.asked_at or now
    check_soon(session, payment, ASKED, now=now, due_at=now + FIRST_CHECK)


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


def refund_order(session: Session, order: Order, reason: str, *, now: datetime,
                 due_at: datetime | None = None) -> Refund | None:
    """Give back everything that is still held for the order; None when nothing is."""
    held = held_fen(session, order.id)
    if held <= 0:
        return None
    counted = next(p for p in Payment.of_order(session, order.id, PaymentState.PAID)
                   if not p.is_surplus)
    return refund_payment(session, counted, held, reason, now=now, due_at=due_at)


def refund_payment(session: Session, payment: Payment, amount_fen: int, reason: str, *,
                   now: datetime, due_at: datetime | None = None) -> Refund:
    """Decide that `amount_fen` of a payment goes back; WeChat Pay is told from `due_at` on.

    `reason` is a name under [refund_reason] in the catalogue. Raises OverRefund.
    """
    back = sum(r.amount_fen for r in Refund.of_payment(session, payment.id)
               if r.state != RefundState.CLOSED)
    if not 0 < amount_fen <= (payment.paid_fen or 0) - back:
        raise OverRefund(f"{amount_fen} of {payment.paid_fen} fen, {back} are on their way")
    refund = Refund(payment_id=payment.id, code=refund_code(session), amount_fen=amount_fen,
                    out_refund_no=new_number("R", now), reason=reason, created_at=now,
                    state=RefundState.DUE)
    session.add(refund)
    session.flush()
    if not payment.is_surplus:
        _book(session, payment, "refund_decided", f"refund:{refund.id}:decided", now, {
            held_for(payment.order_id): amount_fen, owed_back(payment.id): -amount_fen})
    owe(session, "refund.ask", key=f"refund.ask:{refund.id}", now=now, due_at=due_at,
        order_id=payment.order_id, payload={"refund_id": refund.id})
    return refund


def record_refund(session: Session, cmd: RecordRefund, *, our_mch_id: str, now: datetime) -> bool:
    """Note how far a refund has come; False when the news does not fit our own record.

    Repeats and news that comes after the end are harmless. Raises NotOurs.
    """
    refund = Refund.by_number(session, cmd.out_refund_no)
    if refund is None or cmd.mch_id != our_mch_id:
        raise NotOurs(cmd.out_refund_no)
    order = Order.lock(session, session.get_one(Payment, refund.payment_id).order_id)
    session.refresh(refund)
    if cmd.refund_fen != refund.amount_fen:
        log.error("refund.doubted", number=refund.out_refund_no, told_fen=cmd.refund_fen)
        return False
    _advance(session, order, refund, cmd, now=now)
    return True


def note_refused(session: Session, refund_id: int, why: str) -> None:
    """WeChat Pay said no to a refund: a person must look."""
    refund = session.get_one(Refund, refund_id)
    order = Order.lock(session, refund.payment.order_id)
    session.refresh(refund)
    if refund.state == RefundState.DUE:
        refund.state = RefundState.ABNORMAL
    log.error("refund.refused", order=order.id, number=refund.out_refund_no, why=why)


def held_fen(session: Session, order_id: int) -> int:
    """Money taken for the order that is neither earned nor on its way back, by the ledger."""
    query = select(func.coalesce(func.sum(LedgerEntry.amount_fen), 0))
    return -int(session.scalar(query.where(LedgerEntry.account == held_for(order_id))) or 0)


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
    owe(session, "payment.close", key=f"payment.close:{payment.id}", now=now,
        order_id=payment.order_id, payload={"payment_id": payment.id})


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


def _not_needed(order: Order, payment: Payment) -> str | None:
    """Why the order has no use for this money, if it has none."""
    if order.paid_at is not None:
        return "second"
    if order.state == OrderState.AWAITING_PAYMENT and order.revision == payment.revision:
        return None
    return "late" if not order.is_live else "revised"


def _count(session: Session, order: Order, payment: Payment, *, now: datetime) -> None:
    """The order is paid. The row lock is held."""
    from handlers import kitchen  # it asks us for refunds, so neither can come first

    assert payment.paid_fen is not None
    _book(session, payment, "paid", f"payment:{payment.id}", now, {
        WECHAT: payment.paid_fen, held_for(order.id): -payment.paid_fen})
    order.paid_at = payment.paid_at
    order.apply(session, OrderEvent.PAID, now=now, by=payment.payer_id, payment=payment.id)
    retire_payments(session, order, now=now, except_id=payment.id)
    kitchen.order_paid(session, order, now=now)


def _send_back(session: Session, order: Order, payment: Payment, reason: str, *,
               now: datetime) -> None:
    """Book money that nobody needs, and give it back whole."""
    assert payment.paid_fen is not None
    log.warning("payment.surplus", order=order.id, number=payment.out_trade_no, reason=reason,
                asked_fen=payment.amount_fen, paid_fen=payment.paid_fen)
    payment.is_surplus = True
    _book(session, payment, "surplus", f"payment:{payment.id}", now, {
        WECHAT: payment.paid_fen, owed_back(payment.id): -payment.paid_fen})
    refund_payment(session, payment, payment.paid_fen, reason, now=now)


def _advance(session: Session, order: Order, refund: Refund, cmd: RecordRefund, *,
             now: datetime) -> None:
    """Shuffled news moves a refund forward only; one that ended stays as it is."""
    if refund.state in (RefundState.SUCCEEDED, RefundState.CLOSED):
        return
    refund.refund_id = cmd.refund_id
    match cmd.state:
        case "SUCCESS":
            _succeed(session, order, refund, ended_at=cmd.success_at or now, now=now)
        case "CLOSED":
            _fall_through(session, refund, now=now)
        case "ABNORMAL":
            refund.state = RefundState.ABNORMAL
            log.error("refund.abnormal", order=order.id, number=refund.out_refund_no)
        case "PROCESSING" if refund.state == RefundState.DUE:
            refund.state = RefundState.PROCESSING
    session.flush()


def _succeed(session: Session, order: Order, refund: Refund, *, ended_at: datetime,
             now: datetime) -> None:
    refund.state, refund.ended_at = RefundState.SUCCEEDED, ended_at
    _book(session, refund.payment, "refund_succeeded", f"refund:{refund.id}:succeeded", now, {
        owed_back(refund.payment_id): refund.amount_fen, WECHAT: -refund.amount_fen})
    tell(session, _refunded(session, order, refund), now=now, order_id=order.id)


def _fall_through(session: Session, refund: Refund, *, now: datetime) -> None:
    """This number will never be paid out: what it was to give back is held as before."""
    refund.state, refund.ended_at = RefundState.CLOSED, now
    payment = refund.payment
    log.error("refund.closed", order=payment.order_id, number=refund.out_refund_no)
    if not payment.is_surplus:
        _book(session, payment, "refund_closed", f"refund:{refund.id}:closed", now, {
            owed_back(payment.id): refund.amount_fen,
            held_for(payment.order_id): -refund.amount_fen})


def _refunded(session: Session, order: Order, refund: Refund) -> Notice:
    """The one sentence that a payer hears of a refund, once the money is back."""
    zone = session.get_one(Campus, order.campus_id).zone
    ended_at = (refund.ended_at or refund.created_at).astimezone(zone)
    key = UNASKED.get(refund.reason)
    prefer: Prefer = "chat" if key else "template"
    return Notice(
        person_id=refund.payment.payer_id, key=f"refund:{refund.id}", template="refunded",
        facts={"refund": f"{refund.code}-{ended_at:%Y%m%d}", "amount": yuan(refund.amount_fen),
               "state": plain(Reply("refund.state")), "time": f"{ended_at:%Y-%m-%d %H:%M}",
               "note": plain(Reply(f"refund_reason.{refund.reason}"))},
        chat=Reply(key or "refund.done", {
            "code": order.code, "amount": yuan(refund.amount_fen), "refund": refund.code}),
        prefer=prefer)


def _is_over(order: Order, now: datetime) -> bool:
    return (order.state == OrderState.AWAITING_PAYMENT
            and order.pay_until is not None and order.pay_until <= now)


def _expire_if_over(session: Session, order: Order, *, now: datetime) -> None:
    if not _is_over(order, now):
        return
    if Payment.of_order(session, order.id, PaymentState.OPEN, PaymentState.CLOSING):
        return
    order.apply(session, OrderEvent.EXPIRED, now=now)


def _book(session: Session, payment: Payment, kind: str, key: str, now: datetime,
          entries: Mapping[str, int]) -> None:
    post(session, kind, key=key, entries=entries, now=now, order_id=payment.order_id)
