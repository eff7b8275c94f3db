"""Debts to WeChat Pay: close what nobody paid, give money back, ask after what may be lost.

Each is one attempt between two short transactions, may run twice at once and may die anywhere:
the row in the outbox and the payment or refund it names say what is left to do. Locks are taken
in one order: the order, then the debt.
"""
from datetime import datetime, timedelta
from functools import cache
from typing import Final

import structlog

from config import settings
from config.settings import PaySettings
from config.texts import Reply, plain
from gateways.errors import Refused, Unreachable
from gateways.wxpay import AlreadyPaid, RefundState, Transaction, WxPay
from handlers.payment import (
    Recorded,
    RecordPayment,
    RecordRefund,
    ask_from,
    beyond_limits,
    note_closed,
    note_refused,
    notify_url,
    record_payment,
    record_refund,
)
from models import payment as rows
from models.base import Session, Sessions, utcnow
from models.order import Order
from models.outbox import Outbox
from models.payment import Payment, PaymentState, Refund

log = structlog.get_logger(__name__)

PATIENCE: Final = timedelta(days=10)  # WeChat Pay itself gives a refund seven
CHECKS: Final = tuple(timedelta(seconds=s) for s in (60, 180, 300, 600, 1800))
NEVER_PLACED: Final = "ORDER_NOT_EXIST"
NEVER_ACCEPTED: Final = "RESOURCE_NOT_EXISTS"
TEMPORARY: Final = frozenset({"NOT_ENOUGH"})  # the merchant's balance: it fills with the next sale
OUTCOMES: Final = {
    rows.RefundState.SUCCEEDED: "succeeded",
    rows.RefundState.WITHDRAWN: "withdrawn",
    rows.RefundState.CLOSED: "dead: closed by WeChat Pay; decide it anew",
    rows.RefundState.ABNORMAL: "dead: abnormal; settle it in the merchant console",
}
UNPAID_STATES: Final = (PaymentState.OPEN, PaymentState.CLOSING)


def close(outbox_id: int, *, now: datetime) -> None:
    """Tell WeChat Pay to take no more money for a payment; if it has taken it, book it."""
    with Sessions.begin() as session:
        debt = Outbox.take_up(session, outbox_id, now)
        if debt is None:
            return
        payment = session.get_one(Payment, debt.payload["payment_id"])
        if payment.state not in UNPAID_STATES:
            debt.settle(payment.state, now)
            return
    try:
        paid = _close(payment.out_trade_no)
    except Unreachable as error:
        _leave(outbox_id, str(error), now)
    except Refused as refusal:
        _bury(outbox_id, str(refusal), now)
    else:
        _note_closed(outbox_id, payment.id, paid, now)


def check(outbox_id: int, *, now: datetime) -> None:
    """Ask what became of a payment whose notification may be lost, until it is paid or closed."""
    with Sessions.begin() as session:
        debt = Outbox.take_up(session, outbox_id, now)
        if debt is None:
            return
        debt.due_at = now + CHECKS[min(debt.attempts, len(CHECKS)) - 1]
        payment = session.get_one(Payment, debt.payload["payment_id"])
        if payment.state == PaymentState.PAID and not debt.payload["is_doubted"]:
            debt.settle(payment.state, now)
            return
    try:
        found = wxpay().query(payment.out_trade_no)
    except Unreachable as error:
        _leave(outbox_id, str(error), now)
        return
    except Refused as refusal:
        if refusal.code != NEVER_PLACED:
            _bury(outbox_id, str(refusal), now)
            return
        found = None
    _note_found(outbox_id, payment.id, found, now)


def ask_refund(outbox_id: int, *, now: datetime) -> None:
    """Send a refund, and follow it until it has ended."""
    with Sessions.begin() as session:
        refund = _refund_of(session, outbox_id)
        debt = Outbox.take_up(session, outbox_id, now)
        if debt is None:
            return
        is_again = bool(debt.payload.get("is_again"))
        state = rows.RefundState(refund.state)
        is_over = not (is_again and state is rows.RefundState.ABNORMAL)
        if (outcome := OUTCOMES.get(state)) and is_over:
            debt.settle(outcome, now)
            return
        is_first, payment = debt.attempts == 1 and not is_again, refund.payment
        if wait_until := ask_from(session, refund, now=now):
            debt.attempts, debt.due_at = debt.attempts - 1, wait_until
            return
        if why := beyond_limits(session, refund, now=now):
            note_refused(session, refund.id, why)
            debt.settle(f"dead: {why}", now)
            return
    try:
        told = _refund(refund, payment, is_first=is_first)
    except Unreachable as error:
        _leave(outbox_id, str(error), now)
    except Refused as refusal:
        _note_refusal(outbox_id, refund.id, refusal, now)
    else:
        _note_told(outbox_id, refund.id, told, now)


def _refund_of(session: Session, outbox_id: int) -> Refund:
    """The refund that a debt is about. Its order is locked first, then the debt."""
    refund = session.get_one(Refund, session.get_one(Outbox, outbox_id).payload["refund_id"])
    Order.lock(session, refund.payment.order_id)
    session.refresh(refund)
    return refund


def _close(number: str) -> Transaction | None:
    """The transaction, if there is nothing left to close because it is paid."""
    try:
        wxpay().close(number)
    except AlreadyPaid:
        return wxpay().query(number)
    except Refused as refusal:
        if refusal.code != NEVER_PLACED:
            raise
    return None


def _refund(refund: Refund, payment: Payment, *, is_first: bool) -> RefundState:
    """Send it the first time; afterwards ask first, and send it again only if it never arrived."""
    if not is_first:
        try:
            return wxpay().query_refund(refund.out_refund_no)
        except Refused as refusal:
            if refusal.code != NEVER_ACCEPTED:
                raise
    return wxpay().refund(
        refund.out_refund_no, out_trade_no=payment.out_trade_no, refund_fen=refund.amount_fen,
        total_fen=payment.paid_fen or payment.amount_fen,
        reason=plain(Reply(f"refund_reason.{refund.reason}")), notify_url=notify_url("refund"))


def _note_closed(outbox_id: int, payment_id: int, paid: Transaction | None,
                 now: datetime) -> None:
    with Sessions.begin() as session:
        if paid is None:
            note_closed(session, payment_id, now=now)
            _debt(session, outbox_id).settle("closed", now)
        elif _record(session, paid, now) is Recorded.DOUBTED:
            _debt(session, outbox_id).settle("dead: WeChat Pay names another transaction", now)
        else:
            _debt(session, outbox_id).settle("paid", now)


def _note_found(outbox_id: int, payment_id: int, found: Transaction | None,
                now: datetime) -> None:
    with Sessions.begin() as session:
        outcome = None
        if found and found.is_paid:
            recorded = _record(session, found, now)
            outcome = recorded.value
            if recorded is Recorded.DOUBTED:
                outcome = "dead: WeChat Pay names another transaction"
        elif found and found.state == "CLOSED":
            note_closed(session, payment_id, now=now)
            outcome = "closed"
        elif session.get_one(Payment, payment_id).state not in UNPAID_STATES:
            outcome = "not paid"
        if outcome:
            _debt(session, outbox_id).settle(outcome, now)


def _note_told(outbox_id: int, refund_id: int, told: RefundState, now: datetime) -> None:
    with Sessions.begin() as session:
        mch_id = settings.load().pay.mch_id
        cmd = RecordRefund(told.out_refund_no, told.refund_id, told.state, told.refund_fen,
                           mch_id, told.success_at)
        fits = record_refund(session, cmd, our_mch_id=mch_id, now=now)
        state = rows.RefundState(session.get_one(Refund, refund_id).state)
        outcome = OUTCOMES.get(state) if fits else "dead: WeChat Pay names another amount"
        if outcome:
            _debt(session, outbox_id).settle(outcome, now)


def _note_refusal(outbox_id: int, refund_id: int, refusal: Refused, now: datetime) -> None:
    if refusal.code in TEMPORARY:
        _leave(outbox_id, str(refusal), now)
        return
    with Sessions.begin() as session:
        note_refused(session, refund_id, str(refusal))
        _debt(session, outbox_id).settle(f"dead: {refusal}", now)


def _record(session: Session, paid: Transaction, now: datetime) -> Recorded:
    cmd = RecordPayment(
        out_trade_no=paid.out_trade_no, transaction_id=paid.transaction_id or "",
        amount_fen=paid.amount_fen or 0, currency=paid.currency,
        payer_openid=paid.payer_openid or "", app_id=paid.app_id, mch_id=paid.mch_id,
        paid_at=paid.success_at or now)
    return record_payment(session, cmd, our_mch_id=settings.load().pay.mch_id, now=now,
                          is_asked=True)


def _debt(session: Session, outbox_id: int) -> Outbox:
    return session.get_one(Outbox, outbox_id, with_for_update=True)


def _leave(outbox_id: int, why: str, now: datetime) -> None:
    """Try again when it is due; money is given up on only after many days."""
    log.warning("payment.left", outbox=outbox_id, why=why)
    with Sessions.begin() as session:
        debt = _debt(session, outbox_id)
        if debt.settled_at is None and now - debt.created_at > PATIENCE:
            debt.settle(f"dead: {why}", now)


def _bury(outbox_id: int, why: str, now: datetime) -> None:
    """A dead letter: `doctor` shows it, a person must look."""
    log.error("payment.refused", outbox=outbox_id, why=why)
    with Sessions.begin() as session:
        _debt(session, outbox_id).settle(f"dead: {why}", now)


def wxpay() -> WxPay:
    """The merchant's own client, as the settings have it now."""
    now_set = settings.load()
    return _built(now_set.pay, now_set.wechat_pay_api_base)


@cache
def _built(pay: PaySettings, api_base: str) -> WxPay:
    """One a process: it keeps its connections open."""
    return WxPay(pay, api_base=api_base, now=utcnow)
