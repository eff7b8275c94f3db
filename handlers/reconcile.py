"""A day of ours beside WeChat Pay's bills; what can be healed is asked about at once."""
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Final

from sqlalchemy import exists, select

from handlers.payment.asking import check_soon
from handlers.payment.refunding import owe_refund
from handlers.payout import look_again
from models import ledger
from models.base import Session
from models.order import Order
from models.outbox import Outbox, owe
from models.payment import Payment, PaymentState, Refund, RefundState
from models.payout import Payout, PayoutState
from models.rules.reconcile import Bills, Difference, Kind, Moved, Wrong, apart, differences

CHINA: Final = timezone(timedelta(hours=8))  # WeChat Pay's day, wherever the campus is
MADE_UP_FOR: Final = 7  # days, while no clock ran
READY_AT: Final = time(10, 10)
EDGE: Final = timedelta(minutes=10)  # before midnight: WeChat Pay may book it on the next day
FEES: Final = frozenset({"交易手续费", "退还手续费"})
TO_BANK: Final = frozenset({"提现", "充值"})


@dataclass(frozen=True, slots=True)
class Charged:
    """A movement that only the bill tells: a fee, or money that came from or went to our bank."""

    serial: str
    kind: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """`compared`: movements of the bills. `booked`: fees and transfers to our bank that were
    booked by this look."""

    day: date
    compared: int
    booked: int
    differences: tuple[Difference, ...]


def day_of(now: datetime) -> date:
    """The newest day whose bills are ready."""
    local = now.astimezone(CHINA)
    return local.date() - timedelta(days=1 if local.time() >= READY_AT else 2)


def owe_reconciling(session: Session, *, now: datetime) -> None:
    """Owe the comparison of each of the last days, once: also of one on which we know of nothing,
    for that is what must be found out. Before anybody was to pay there is nothing to compare."""
    newest = day_of(now)
    days = {f"reconcile:{day}": day for day in (
        newest - timedelta(days=back) for back in range(MADE_UP_FOR))}
    owed = set(session.scalars(select(Outbox.key).where(Outbox.key.in_(days))))
    if len(owed) == len(days):
        return
    began_at = session.scalar(select(Payment.created_at).where(
        Payment.id > 0).order_by(Payment.id).limit(1))  # the first entry of an index
    for key, day in days.items():
        if key not in owed and began_at is not None and began_at < _span(day)[1]:
            owe(session, "reconcile", key=key, now=now, payload={"day": str(day)})


def is_at_the_edge(session: Session, day: date) -> bool:
    """Whether something that we booked just before the day began may be in its bills, or in those
    of the day before."""
    since, _ = _due_span(day)
    until = since + EDGE
    return any(session.scalar(select(exists().where(at >= since, at < until)))
               for at in (Payment.paid_at, Refund.ended_at, Payout.ended_at))


def reconcile(session: Session, day: date, theirs: Sequence[Moved], charged: Iterable[Charged],
              bills: Bills, *, now: datetime) -> Agreement:
    """Compare, book what only the bill tells, and ask again about what we missed.

    `theirs`: payments and refunds of the trade bill that succeeded, and what the fund-flow bills
    say besides: each once. `bills`: what each of both has, where `is_at_the_edge` also of the day
    before.
    """
    numbers = {moved.number for moved in theirs}
    payments = _payments(session, numbers, day)
    refunds = _refunds(session, numbers, day)
    payouts = _payouts(session, numbers, day)
    booked = [*map(_paid, _taken(payments)), *map(_given, _done(refunds)),
              *map(_sent, _arrived(payouts))]
    due = _due(payments, refunds, payouts, day)
    in_bills = bills.traded.keys() | bills.flowed.keys()
    found = differences(theirs, booked, due=[
        each for each in due if (each.kind, each.number) not in in_bills], known=[
        *((Kind.PAYMENT, p.out_trade_no) for p in payments),
        *((Kind.REFUND, r.out_refund_no) for r in refunds),
        *((Kind.TRANSFER, p.out_bill_no) for p in payouts)])
    found += apart(due, bills)
    for difference in found:
        _heal(session, difference, day, now=now)
    return Agreement(day, len(theirs), _book(session, charged, now=now), tuple(found))


def _payments(session: Session, numbers: set[str], day: date) -> list[Payment]:
    since, until = _due_span(day)
    return list(session.scalars(select(Payment).where(
        Payment.out_trade_no.in_(numbers)
        | ((Payment.paid_at >= since) & (Payment.paid_at < until))).order_by(Payment.id)))


def _refunds(session: Session, numbers: set[str], day: date) -> list[Refund]:
    since, until = _due_span(day)
    return list(session.scalars(select(Refund).where(
        Refund.out_refund_no.in_(numbers)
        | ((Refund.ended_at >= since) & (Refund.ended_at < until)
           & (Refund.state == RefundState.SUCCEEDED))).order_by(Refund.id)))


def _payouts(session: Session, numbers: set[str], day: date) -> list[Payout]:
    since, until = _due_span(day)
    return list(session.scalars(select(Payout).where(
        Payout.out_bill_no.in_(numbers)
        | ((Payout.ended_at >= since) & (Payout.ended_at < until)
           & (Payout.state == PayoutState.PAID))).order_by(Payout.id)))


def _arrived(payouts: Iterable[Payout]) -> list[Payout]:
    return [p for p in payouts if p.state == PayoutState.PAID]


def _taken(payments: Iterable[Payment]) -> list[Payment]:
    return [p for p in payments if p.state == PaymentState.PAID]


def _done(refunds: Iterable[Refund]) -> list[Refund]:
    return [r for r in refunds if r.state == RefundState.SUCCEEDED]


def _due(payments: Iterable[Payment], refunds: Iterable[Refund], payouts: Iterable[Payout],
         day: date) -> list[Moved]:
    since, until = _due_span(day)
    return [*(_paid(p) for p in _taken(payments) if p.paid_at and since <= p.paid_at < until),
            *(_given(r) for r in _done(refunds) if r.ended_at and since <= r.ended_at < until),
            *(_sent(p) for p in _arrived(payouts) if p.ended_at and since <= p.ended_at < until)]


def _paid(payment: Payment) -> Moved:
    return Moved(Kind.PAYMENT, payment.out_trade_no, payment.paid_fen or 0,
                 payment.transaction_id or "")


def _given(refund: Refund) -> Moved:
    return Moved(Kind.REFUND, refund.out_refund_no, -refund.amount_fen, refund.refund_id or "")


def _sent(payout: Payout) -> Moved:
    return Moved(Kind.TRANSFER, payout.out_bill_no, -payout.amount_fen,
                 payout.transfer_bill_no or "")


def _heal(session: Session, difference: Difference, day: date, *, now: datetime) -> None:
    """Money that WeChat Pay says has moved, and we have not heard of: ask, and book the answer."""
    if difference.wrong is not Wrong.NOT_BOOKED:
        return
    if difference.kind is Kind.PAYMENT:
        payment = Payment.by_number(session, difference.number)
        assert payment is not None
        Order.lock(session, payment.order_id)
        check_soon(session, payment, f"bill:{day}", now=now)
    if difference.kind is Kind.REFUND:
        refund = Refund.by_number(session, difference.number)
        assert refund is not None
        owe_refund(session, refund, now=now, again=f"bill:{day}")
    if difference.kind is Kind.TRANSFER:
        payout = Payout.by_number(session, difference.number)
        assert payout is not None
        look_again(session, payout, f"bill:{day}", now=now)


def _book(session: Session, charged: Iterable[Charged], *, now: datetime) -> int:
    booked = 0
    for each in charged:
        other = ledger.WECHAT_FEES if each.kind in FEES else ledger.BANK
        kind = "wechat_fee" if each.kind in FEES else "moved_to_bank"
        booked += ledger.post(session, kind, key=f"flow:{each.serial}", now=now, entries={
            ledger.WECHAT: each.amount_fen, other: -each.amount_fen})
    return booked


def _due_span(day: date) -> tuple[datetime, datetime]:
    """What a day's bills, and those of the day before, must have: the day, but its edge."""
    since, until = _span(day)
    return since - EDGE, until - EDGE


def _span(day: date) -> tuple[datetime, datetime]:
    since = datetime.combine(day, time(), CHINA)
    return since, since + timedelta(days=1)
