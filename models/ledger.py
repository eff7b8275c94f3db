"""Double entry, in fen. Every movement is a group of entries that sums to zero; nothing is
ever changed or deleted. The database holds both rules with triggers (see migrations)."""
from collections.abc import Mapping
from datetime import datetime
from functools import cache

from sqlalchemy import CheckConstraint, ForeignKey, Index, Select, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base

# Accounts (docs/money.md). Positive: what is ours, at WeChat Pay or spent. Negative: what we owe
# others, and what we have earned.
WECHAT = "wechat"          # what WeChat Pay holds for us
BANK = "bank"              # what has left WeChat Pay for our bank, or was paid to others from there
PLATFORM = "platform"      # our part of delivery, and what we stand for ourselves
COMMISSION = "commission"  # our part of what shops sell
PROMOTION = "promotion"    # discounts that the platform stands for
WECHAT_FEES = "wechat_fees"
SHAPE = (r"^(wechat|bank|platform|commission|promotion|wechat_fees"
         r"|(order|refund|shop|rider|payout|points):\d+)$")


def held_for(order_id: int) -> str:
    """Money taken for an order that has not been delivered yet."""
    return f"order:{order_id}"


def owed_back(payment_id: int) -> str:
    """Money that is on its way back to its payer."""
    return f"refund:{payment_id}"


def shop_account(shop_id: int) -> str:
    return f"shop:{shop_id}"


def rider_account(rider_id: int) -> str:
    return f"rider:{rider_id}"


def points_of(person_id: int) -> str:
    """What a student may spend on dishes, a point a fen: models/points.py."""
    return f"points:{person_id}"


def on_its_way(payout_id: int) -> str:
    """A rider's money between our books and the rider's wallet."""
    return f"payout:{payout_id}"


class LedgerGroup(Base):
    """One movement of money. `key` names its cause, so that the same cause moves it once."""

    __tablename__ = "ledger_groups"
    __table_args__ = (Index("ix_ledger_groups_order_id", "order_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    at: Mapped[datetime]


class LedgerEntry(Base):
    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("amount_fen <> 0", name="amount_not_zero"),
        CheckConstraint(f"account ~ '{SHAPE}'", name="account_known"),
        Index("ix_ledger_entries_group_id", "group_id"),
        Index("ix_ledger_entries_account_id", "account", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("ledger_groups.id"))
    account: Mapped[str]
    amount_fen: Mapped[int]


class Unbalanced(Exception):
    """A movement whose entries do not sum to zero: a mistake in our code."""


def post(session: Session, kind: str, *, key: str, entries: Mapping[str, int], now: datetime,
         order_id: int | None = None) -> bool:
    """Write one movement; False if its cause was booked before. Zero amounts are left out.

    Raises Unbalanced, writing nothing.
    """
    if sum(entries.values()) != 0:
        raise Unbalanced(f"{kind} {key}: {dict(entries)}")
    group_id = session.scalar(insert(LedgerGroup).values(
        key=key, kind=kind, order_id=order_id, at=now)
        .on_conflict_do_nothing(index_elements=["key"]).returning(LedgerGroup.id))
    if group_id is None:
        return False
    session.add_all(LedgerEntry(group_id=group_id, account=account, amount_fen=amount)
                    for account, amount in entries.items() if amount)
    session.flush()
    return True


def is_booked(session: Session, key: str) -> bool:
    return session.scalar(select(LedgerGroup.id).filter_by(key=key)) is not None


def balance(session: Session, account: str) -> int:
    """What stands on an account, in fen."""
    return int(session.scalar(_balance(), {"account": account}) or 0)


@cache
def _balance() -> Select[int]:
    """Made once a process: every quote asks it."""
    return select(func.sum(LedgerEntry.amount_fen)).where(
        LedgerEntry.account == bindparam("account"))


def entries_of_order(session: Session, order_id: int) -> list[tuple[LedgerGroup, LedgerEntry]]:
    query = select(LedgerGroup, LedgerEntry).join(LedgerEntry).where(
        LedgerGroup.order_id == order_id)
    return [(g, e) for g, e in session.execute(query.order_by(LedgerEntry.id))]
