"""Errands: what an order of kind `errand` is about, and the parcels it fetches."""
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
from models.campus import Place
from models.sealed import Sealed


class ErrandKind(StrEnum):
    PARCEL = "parcel"
    BUY = "buy"
    PRINT = "print"
    SEND = "send"
    QUEUE = "queue"


SPENDING = frozenset({ErrandKind.BUY, ErrandKind.PRINT})  # the rider pays, out of a budget


class ParcelSize(StrEnum):
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class Errand(Base):
    """One row an order of kind `errand`; the order's lock guards it.

    The budget is prepaid as the order's goods. `spent_fen` is what the rider says it cost; the
    rest goes back when the errand is done. `fetch_by`: when the station closes or sends it back.
    """

    __tablename__ = "errands"
    __table_args__ = (
        CheckConstraint("spent_fen BETWEEN 0 AND budget_fen", name="spent_within_budget"),
        CheckConstraint("tip_fen >= 0", name="tip_not_negative"),
        Index("ix_errands_fetch_by", "fetch_by", postgresql_where=text("warned_at IS NULL")),
    )

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    kind: Mapped[str]
    goods: Mapped[str | None]
    budget_fen: Mapped[int | None]
    spent_fen: Mapped[int | None]
    tip_fen: Mapped[int] = mapped_column(default=0)  # the rider's, all of it
    fetch_by: Mapped[datetime | None]
    is_deadline: Mapped[bool] = mapped_column(default=False)  # wanted_at is the latest time
    warned_at: Mapped[datetime | None]  # the buyer was told that it will not be in time

    @property
    def is_spending(self) -> bool:
        return self.kind in SPENDING


class Parcel(Base):
    """`code` opens the parcel at the station. Sealed; shown once to the order's rider, there
    (handlers/vault.py), and erased when the order has ended."""

    __tablename__ = "parcels"
    __table_args__ = (
        Index("ix_parcels_order_id", "order_id"),
        Index("ix_parcels_with_code", "order_id", postgresql_where=text("code IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    position: Mapped[int]
    carrier: Mapped[str | None]
    size: Mapped[str] = mapped_column(default=ParcelSize.SMALL)
    place_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))  # the station
    shelf: Mapped[str | None]
    code: Mapped[str | None] = mapped_column(Sealed)
    opened_at: Mapped[datetime | None]
    opened_by: Mapped[int | None] = mapped_column(ForeignKey("riders.id"))
    place: Mapped[Place | None] = relationship()
