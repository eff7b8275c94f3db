"""The books of a lunch: what became of each order, where the money is, what was refused."""
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median, quantiles
from typing import Final

from sqlalchemy import func, select

from config.texts import yuan
from models.base import Session, Sessions
from models.ledger import WECHAT, LedgerEntry, LedgerGroup
from models.order import Order
from models.outbox import Outbox
from models.payment import Payment, PaymentState, Refund, RefundState
from models.payout import Payout, PayoutState
from models.rules.order_state import ENDED, OrderState
from models.shop import Shop

UNDER_WAY: Final = frozenset({RefundState.DUE, RefundState.PROCESSING})
CHECKS: Final = "payment.check"  # asks on although nothing is wrong
MESSAGES: Final = "/cgi-bin/message/"
SOON: Final = timedelta(seconds=10)  # what is due later is a reminder, and most need not be sent


@dataclass(frozen=True, slots=True)
class Fate:
    """One order. `took_s`: from paid to delivered; None where it was not delivered."""

    code: str
    state: str
    shop: str
    payable_fen: int
    is_paid: bool
    took_s: float | None


@dataclass(frozen=True, slots=True)
class Books:
    """`out_fen`: what riders took. `held`: kind of account → fen. `strays`: what an ended order
    still holds, in fen."""

    fates: Sequence[Fate]
    in_fen: int
    back_fen: int
    out_fen: int
    held: Mapping[str, int]
    strays: int
    dead: int
    owed: int
    refused: Mapping[str, int]

    @property
    def balances(self) -> bool:
        """All entries sum to zero, WeChat Pay holds what came less what went back, and no order
        that has ended holds money."""
        return sum(self.held.values()) == 0 and not self.strays \
            and self.held.get(WECHAT, 0) == self.in_fen - self.back_fen

    @property
    def messages_refused(self) -> dict[str, int]:
        """Of what WeChat refused: what was to reach a person."""
        return {what: count for what, count in self.refused.items() if what.startswith(MESSAGES)}

    @property
    def is_clean(self) -> bool:
        open_ones = [fate for fate in self.fates if fate.state not in ENDED]
        return not open_ones and self.balances and not self.dead \
            and not self.messages_refused

    def text(self, people: int) -> str:
        return "\n".join((
            f"What became of {len(self.fates)} orders of {people} people", "",
            *(_line(fate) for fate in self.fates), "",
            *(f"  {state:<18}{count:>4}" for state, count in sorted(
                Counter(fate.state for fate in self.fates).items())), "",
            *_money(self), _times([f.took_s for f in self.fates if f.took_s is not None]),
            f"  messages refused by WeChat {sum(self.messages_refused.values())} "
            f"{_named(self.messages_refused)}".rstrip(),
            f"  dead letters {self.dead}, debts left {self.owed}"))


def _line(fate: Fate) -> str:
    paid = "paid" if fate.is_paid else "not paid"
    took = f"  {_span(fate.took_s)}" if fate.took_s is not None else ""
    return (f"  {fate.code:<6}{fate.state:<18}{yuan(fate.payable_fen):>9}  {paid:<9}"
            f"{fate.shop}{took}")


def _money(books: Books) -> list[str]:
    held = ", ".join(f"{name} {_signed(fen)}" for name, fen in sorted(books.held.items()) if fen)
    verdict = "the ledger balances" if books.balances else "THE LEDGER DOES NOT BALANCE"
    return [f"  money in {yuan(books.in_fen)}, back {yuan(books.back_fen)}: {verdict}",
            f"  held: {held or 'nothing'}; riders took {yuan(books.out_fen)} of theirs"]


def _signed(fen: int) -> str:
    return f"-{yuan(-fen)}" if fen < 0 else yuan(fen)


def _times(took_s: Sequence[float]) -> str:
    if not took_s:
        return "  paid → delivered: none"
    late = quantiles(took_s, n=10, method="inclusive")[-1] if len(took_s) > 1 else took_s[0]
    return f"  paid → delivered: median {_span(median(took_s))}, p90 {_span(late)}"


def _span(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _named(refused: Mapping[str, int]) -> str:
    return ", ".join(f"{what} × {count}" for what, count in sorted(refused.items()))


def is_settled(since: datetime) -> bool:
    """Whether every order of the lunch has ended, and its money has come to rest."""
    with Sessions() as session:
        going = select(func.count()).select_from(Order).where(
            Order.created_at >= since, Order.state.notin_([*ENDED, OrderState.DRAFT]))
        giving_back = select(func.count()).select_from(Refund).where(
            Refund.created_at >= since, Refund.state.in_(UNDER_WAY))
        paying_out = select(func.count()).select_from(Payout).where(
            Payout.created_at >= since, Payout.state.in_((PayoutState.DUE, PayoutState.MOVING)))
        return not any(session.scalar(query) for query in (going, giving_back, paying_out)) \
            and not _owed(session, since)


def owes_nothing() -> bool:
    """Whether nothing is due now, whatever it is of."""
    with Sessions() as session:
        return not session.scalar(select(Outbox.id).where(
            Outbox.settled_at.is_(None), Outbox.due_at <= func.now()).limit(1))


def read(since: datetime, *, refused: Mapping[str, int]) -> Books:
    with Sessions() as session:
        fates = [
            Fate(order.code, order.state, shop, order.payable_fen, order.paid_at is not None,
                 (order.ended_at - order.paid_at).total_seconds()
                 if order.state == OrderState.DELIVERED and order.ended_at and order.paid_at
                 else None)
            for order, shop in session.execute(select(Order, Shop.name).join(
                Shop, Shop.id == Order.shop_id).where(
                    Order.created_at >= since).order_by(Order.id))]
        dead = session.scalar(select(func.count()).select_from(Outbox).where(
            Outbox.outcome.like("dead%"), Outbox.settled_at >= since)) or 0
        return Books(fates, _paid_in(session, since), _given_back(session, since),
                     _paid_out(session, since), _held(session, since),
                     _strays(session, since), dead, _owed(session, since), refused)


def _paid_in(session: Session, since: datetime) -> int:
    """By the order's making: WeChat Pay's own times are of whole seconds."""
    return int(session.scalar(
        select(func.coalesce(func.sum(Payment.paid_fen), 0)).join(Order).where(
            Payment.state == PaymentState.PAID, Order.created_at >= since)) or 0)


def _given_back(session: Session, since: datetime) -> int:
    return int(session.scalar(
        select(func.coalesce(func.sum(Refund.amount_fen), 0)).join(Payment).join(Order).where(
            Refund.state == RefundState.SUCCEEDED, Order.created_at >= since)) or 0)


def _paid_out(session: Session, since: datetime) -> int:
    return int(session.scalar(select(func.coalesce(func.sum(Payout.amount_fen), 0)).where(
        Payout.state == PayoutState.PAID, Payout.created_at >= since)) or 0)


def _held(session: Session, since: datetime) -> dict[str, int]:
    """What the lunch's orders moved, by the kind of account."""
    kind = func.split_part(LedgerEntry.account, ":", 1)
    rows = session.execute(select(kind, func.sum(LedgerEntry.amount_fen)).join(
        LedgerGroup).join(Order, Order.id == LedgerGroup.order_id).where(
            Order.created_at >= since).group_by(kind))
    return {name: int(fen) for name, fen in rows}


def _strays(session: Session, since: datetime) -> int:
    """Fen on accounts of orders that have ended."""
    ended = select(func.concat("order:", Order.id)).where(
        Order.created_at >= since, Order.state.in_(ENDED))
    per_order = select(func.sum(LedgerEntry.amount_fen).label("fen")).where(
        LedgerEntry.account.in_(ended)).group_by(LedgerEntry.account).subquery()
    return int(session.scalar(select(func.coalesce(func.sum(func.abs(per_order.c.fen)), 0))) or 0)


def _owed(session: Session, since: datetime) -> int:
    return session.scalar(select(func.count()).select_from(Outbox).where(
        Outbox.settled_at.is_(None), Outbox.created_at >= since, Outbox.kind != CHECKS,
        Outbox.due_at < func.now() + SOON)) or 0
