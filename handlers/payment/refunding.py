"""Money that goes back."""
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from config.texts import Reply, plain, yuan
from handlers.notice import Notice, Prefer, tell
from models.base import Session
from models.campus import Campus
from models.ledger import WECHAT, balance, held_for, owed_back, post
from models.order import Order
from models.outbox import Outbox, owe
from models.payment import Payment, PaymentState, Refund, RefundState, new_number, refund_code

log = structlog.get_logger(__name__)

# Reasons why money goes back that nobody asked for: the payer hears which it was.
UNASKED: Final = {"late": "refund.late", "second": "refund.second", "revised": "refund.revised",
                  "amount": "refund.misfit", "app": "refund.misfit", "payer": "refund.misfit"}


APART: Final = timedelta(seconds=61)  # WeChat Pay's minute, and a second for its clock
LONGEST: Final = timedelta(days=365)
MOST_PARTS: Final = 50
NOT_PAID_OUT: Final = frozenset({RefundState.CLOSED, RefundState.WITHDRAWN})


class NotOurs(Exception):
    """WeChat Pay speaks of a payment or refund that we never asked for."""


class OverRefund(Exception):
    """More would be given back than was paid: a mistake in our code."""


@dataclass(frozen=True, slots=True)
class RecordRefund:
    """What WeChat Pay says of a refund. `state`: SUCCESS, PROCESSING, CLOSED or ABNORMAL."""

    out_refund_no: str
    refund_id: str
    state: str
    refund_fen: int
    mch_id: str
    success_at: datetime | None


def refund_order(session: Session, order: Order, reason: str, *, now: datetime,
                 due_at: datetime | None = None) -> Refund | None:
    """Give back everything that is still held for the order; None when nothing is."""
    return refund_part(session, order, held_fen(session, order.id), reason, now=now, due_at=due_at)


def refund_part(session: Session, order: Order, amount_fen: int, reason: str, *, now: datetime,
                due_at: datetime | None = None) -> Refund | None:
    """Give back some of what is held for the order, never more; None when that is nothing."""
    amount_fen = min(amount_fen, held_fen(session, order.id))
    if amount_fen <= 0:
        return None
    counted = next(p for p in Payment.of_order(session, order.id, PaymentState.PAID)
                   if not p.is_surplus)
    return refund_payment(session, counted, amount_fen, reason, now=now, due_at=due_at)


def withdraw_refund(session: Session, refund: Refund, *, now: datetime) -> bool:
    """Take a refund back that WeChat Pay has not been told of; False when it may have been.

    The order is locked; its debt is locked here, so that no worker begins meanwhile.
    """
    debt = Outbox.by_key(session, _debt_key(refund))
    session.refresh(refund)
    if refund.state != RefundState.DUE or debt is None or debt.attempts or debt.settled_at:
        return False
    debt.settle("withdrawn", now)
    refund.state, refund.ended_at = RefundState.WITHDRAWN, now
    _hold_again(session, refund, "refund_withdrawn", now=now)
    session.flush()
    return True


def _debt_key(refund: Refund) -> str:
    return f"refund.ask:{refund.id}"


def refund_payment(session: Session, payment: Payment, amount_fen: int, reason: str, *,
                   now: datetime, due_at: datetime | None = None) -> Refund:
    """Decide that `amount_fen` of a payment goes back; WeChat Pay is told from `due_at` on.

    `reason` is a name under [refund_reason] in the catalogue. Raises OverRefund.
    """
    back = sum(r.amount_fen for r in Refund.of_payment(session, payment.id)
               if r.state not in NOT_PAID_OUT)
    if not 0 < amount_fen <= (payment.paid_fen or 0) - back:
        raise OverRefund(f"{amount_fen} of {payment.paid_fen} fen, {back} are on their way")
    refund = Refund(payment_id=payment.id, code=refund_code(session), amount_fen=amount_fen,
                    out_refund_no=new_number("R", now), reason=reason, created_at=now,
                    state=RefundState.DUE)
    session.add(refund)
    session.flush()
    if not payment.is_surplus:
        book(session, payment, "refund_decided", f"refund:{refund.id}:decided", now, {
            held_for(payment.order_id): amount_fen, owed_back(payment.id): -amount_fen})
    owe_refund(session, refund, now=now, due_at=due_at)
    return refund


def owe_refund(session: Session, refund: Refund, *, now: datetime,
               due_at: datetime | None = None, again: str = "") -> None:
    """Owe WeChat Pay a refund, and the question what became of it; `again` names a later look."""
    owe(session, "refund.ask", key=_debt_key(refund) + f":{again}" * bool(again), now=now,
        due_at=due_at, order_id=refund.payment.order_id,
        payload={"refund_id": refund.id, **({"is_again": True} if again else {})})


def ask_from(session: Session, refund: Refund, *, now: datetime) -> datetime | None:
    """When WeChat Pay may be told of this refund, if that is not now; else notes that it is told.

    Parts of one payment are a minute apart. The order is locked.
    """
    if refund.asked_at is None:
        others = [r.asked_at for r in Refund.of_payment(session, refund.payment_id)
                  if r.id != refund.id and r.asked_at is not None]
        free_at = max(others, default=now - APART) + APART
        if free_at > now:
            return free_at
        refund.asked_at = now
    return None


def beyond_limits(session: Session, refund: Refund, *, now: datetime) -> str | None:
    """Why WeChat Pay would refuse this refund, if we can know: a person must pay it back."""
    payment = refund.payment
    if payment.paid_at is not None and now - payment.paid_at > LONGEST:
        return "RULE_LIMIT: paid more than a year ago"
    parts = [r for r in Refund.of_payment(session, payment.id)
             if r.asked_at is not None and r.state not in NOT_PAID_OUT]
    return "RULE_LIMIT: more than fifty parts" if len(parts) > MOST_PARTS else None


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
    return -balance(session, held_for(order_id))


def refundable_fen(session: Session, order: Order) -> int:
    """What was paid for the order and has not gone back, nor is to: what WeChat Pay closed is given
    back under another number."""
    left = 0
    for payment in Payment.of_order(session, order.id, PaymentState.PAID):
        if not payment.is_surplus:
            refunds = [refund for refund in Refund.of_payment(session, payment.id)
                       if refund.state != RefundState.WITHDRAWN]
            anew = {refund.replaces_id for refund in refunds}
            left += (payment.paid_fen or 0) - sum(
                refund.amount_fen for refund in refunds if refund.id not in anew)
    return left


def _advance(session: Session, order: Order, refund: Refund, cmd: RecordRefund, *,
             now: datetime) -> None:
    """Shuffled news moves a refund forward only; one that ended stays as it is."""
    if refund.state in (RefundState.SUCCEEDED, *NOT_PAID_OUT):
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
    book(session, refund.payment, "refund_succeeded", f"refund:{refund.id}:succeeded", now, {
        owed_back(refund.payment_id): refund.amount_fen, WECHAT: -refund.amount_fen})
    tell(session, _refunded(session, order, refund), now=now, order_id=order.id)


def _fall_through(session: Session, refund: Refund, *, now: datetime) -> None:
    """This number will never be paid out: what it was to give back is held as before."""
    refund.state, refund.ended_at = RefundState.CLOSED, now
    log.error("refund.closed", order=refund.payment.order_id, number=refund.out_refund_no)
    _hold_again(session, refund, "refund_closed", now=now)


def _hold_again(session: Session, refund: Refund, kind: str, *, now: datetime) -> None:
    """What was on its way back is held for the order as before."""
    payment = refund.payment
    if not payment.is_surplus:
        book(session, payment, kind, f"refund:{refund.id}:{kind.removeprefix('refund_')}", now, {
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


def book(session: Session, payment: Payment, kind: str, key: str, now: datetime,
          entries: Mapping[str, int]) -> None:
    post(session, kind, key=key, entries=entries, now=now, order_id=payment.order_id)
