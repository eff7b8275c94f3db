"""Money that nothing follows any more: found again, asked about, and told.

Every debt to WeChat Pay follows one payment or refund to its end. Where such a debt has died, or
the end was none, this look finds the row itself. Whatever it finds it asks WeChat Pay; nothing is
moved on a guess.
"""
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Exists, Select, exists, func, select
from sqlalchemy.orm import aliased

from config.texts import Reply, plain, yuan
from handlers.duty import call_duty
from handlers.notice import Notice, tell
from handlers.payment.asking import check_soon, owe_close
from handlers.payment.refunding import held_fen, owe_refund, refund_payment
from models.base import Session
from models.campus import Campus
from models.order import Order
from models.outbox import Outbox
from models.payment import Payment, PaymentState, Refund, RefundState

log = structlog.get_logger(__name__)

UNFOLLOWED_FOR: Final = timedelta(minutes=5)
CLOSED_FOR: Final = timedelta(hours=1)   # then it is asked once more whether it was paid after all
LOOK_BACK: Final = timedelta(days=2)
AGAIN_AFTER: Final = timedelta(minutes=1)
SLOW_AFTER: Final = timedelta(hours=1)   # a refund usually takes minutes
WAITS: Final = (timedelta(), timedelta(hours=1), timedelta(days=1))  # before the next number
CALL_AT: Final = 3                       # numbers that were closed, one after the other
AFTER_CLOSE: Final = "after_close"


def unfollowed_payments(now: datetime) -> "Select[int]":
    """Ids of payments that WeChat Pay may still take money for, and that no debt asks about."""
    return select(Payment.id).where(
        Payment.state.in_([PaymentState.OPEN, PaymentState.CLOSING]),
        Payment.asked_at <= now - UNFOLLOWED_FOR,
        ~_followed(Payment.id, "payment_id", "payment.check", "payment.close")
    ).order_by(Payment.id)


def ask_unfollowed(session: Session, payment_id: int, *, now: datetime) -> None:
    """Ask again, or close again; once an hour."""
    payment = _locked_payment(session, payment_id)
    log.warning("scan.payment", number=payment.out_trade_no, state=payment.state)
    if payment.state == PaymentState.CLOSING:
        owe_close(session, payment, now=now, again=_hour(now))
    elif payment.state == PaymentState.OPEN:
        check_soon(session, payment, f"scan:{_hour(now)}", now=now)


def lately_closed(now: datetime) -> "Select[int]":
    """Ids of payments closed an hour ago: money that slipped in before is found by asking once."""
    return select(Payment.id).where(
        Payment.state == PaymentState.CLOSED, Payment.asked_at.is_not(None),
        Payment.closed_at <= now - CLOSED_FOR, Payment.closed_at > now - LOOK_BACK,
        ~exists().where(Outbox.key == func.concat("payment.check:", Payment.id, f":{AFTER_CLOSE}"))
    ).order_by(Payment.id)


def ask_after_close(session: Session, payment_id: int, *, now: datetime) -> None:
    check_soon(session, _locked_payment(session, payment_id), AFTER_CLOSE, now=now)


def troubled_refunds(now: datetime) -> "Select[int]":
    """Ids of refunds that ended without giving the money back, or that take too long."""
    newer = aliased(Refund)
    is_followed = _followed(Refund.id, "refund_id", "refund.ask")
    closed = (Refund.state == RefundState.CLOSED) & (Refund.ended_at <= now - AGAIN_AFTER) \
        & ~exists().where(newer.replaces_id == Refund.id)
    broken = (Refund.state == RefundState.ABNORMAL) & ~is_followed & ~exists().where(
        Outbox.key == func.concat("refund.ask:", Refund.id, ":", _day(now)))
    under_way = Refund.state.in_([RefundState.DUE, RefundState.PROCESSING])
    slow = under_way & (Refund.created_at <= now - SLOW_AFTER) & ~exists().where(
        Outbox.key == func.concat("notice:refund:", Refund.id, ":slow:", Payment.payer_id))
    lost = under_way & (Refund.created_at <= now - UNFOLLOWED_FOR) & ~is_followed
    return select(Refund.id).join(Payment).where(closed | broken | slow | lost).order_by(Refund.id)


def mend_refund(session: Session, refund_id: int, *, now: datetime) -> None:
    """Follow it again, or give the money back under another number; the payer hears of it."""
    refund = session.get_one(Refund, refund_id)
    order = Order.lock(session, refund.payment.order_id)
    session.refresh(refund)
    match RefundState(refund.state):
        case RefundState.CLOSED:
            _decide_anew(session, order, refund, now=now)
        case RefundState.ABNORMAL:
            _tell(session, order, refund, "troubled", now=now)
            call_duty(session, order, "refund_stuck", now=now)
            owe_refund(session, refund, now=now, again=_day(now))
        case RefundState.DUE | RefundState.PROCESSING:
            if refund.created_at <= now - SLOW_AFTER:
                _tell(session, order, refund, "slow", now=now)
            if not session.scalar(select(_followed(refund.id, "refund_id", "refund.ask"))):
                owe_refund(session, refund, now=now, again=_hour(now))


def _decide_anew(session: Session, order: Order, refund: Refund, *, now: datetime) -> None:
    """WeChat Pay closed it: the same money under a new number, ever later; a person is called
    when that does not help."""
    payment = refund.payment
    amount_fen = refund.amount_fen if payment.is_surplus else min(
        refund.amount_fen, held_fen(session, order.id))
    if Refund.replacing(session, refund.id):
        return
    if amount_fen <= 0:  # it has gone back with another
        refund.state = RefundState.WITHDRAWN
        session.flush()
        return
    closed = sum(r.state == RefundState.CLOSED for r in Refund.of_payment(session, payment.id))
    if closed >= CALL_AT:
        call_duty(session, order, "refund_stuck", now=now)
    anew = refund_payment(session, payment, amount_fen, refund.reason, now=now,
                          due_at=now + WAITS[min(closed, len(WAITS)) - 1])
    anew.replaces_id, anew.code = refund.id, refund.code  # the number that the payer was told
    session.flush()


def _tell(session: Session, order: Order, refund: Refund, how: str, *, now: datetime) -> None:
    """One sentence, once for each refund and each thing that can be said of it."""
    zone = session.get_one(Campus, order.campus_id).zone
    made_at = refund.created_at.astimezone(zone)
    tell(session, Notice(
        refund.payment.payer_id, f"refund:{refund.id}:{how}", template="refunded", prefer="chat",
        facts={"refund": f"{refund.code}-{made_at:%Y%m%d}", "amount": yuan(refund.amount_fen),
               "state": plain(Reply("refund.state_under_way")),
               "time": f"{made_at:%Y-%m-%d %H:%M}", "note": plain(Reply(f"refund.{how}_short"))},
        chat=Reply(f"refund.{how}", {"code": order.code, "amount": yuan(refund.amount_fen),
                                     "refund": refund.code})), now=now, order_id=order.id)


def _followed(row_id: Any, name: str, *kinds: str) -> Exists:
    return exists().where(Outbox.kind.in_(kinds), Outbox.settled_at.is_(None),
                          Outbox.payload[name].as_integer() == row_id)


def _locked_payment(session: Session, payment_id: int) -> Payment:
    Order.lock(session, session.get_one(Payment, payment_id).order_id)
    return Payment.lock(session, payment_id)


def _day(now: datetime) -> str:
    return f"{now:%Y%m%d}"


def _hour(now: datetime) -> str:
    return f"{now:%Y%m%d%H}"
