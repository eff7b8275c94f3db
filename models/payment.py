"""Payments asked for and refunds owed.

One row for each order, payer and amount: its own number at WeChat Pay, its own link.
"""
import secrets
from datetime import datetime
from enum import StrEnum
from functools import cache

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Index,
    Select,
    Sequence,
    String,
    any_,
    bindparam,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base
from models.order import Order
from models.person import Person

REFUND_SERIAL = Sequence("refund_code_serial", metadata=Base.metadata)


class PaymentState(StrEnum):
    OPEN = "open"        # the link is out
    CLOSING = "closing"  # WeChat Pay is being told to take no more money for it
    CLOSED = "closed"
    PAID = "paid"


class Payment(Base):
    """`token` stands in the link: 256 random bits. `is_surplus`: paid, but the order did not need
    it (a second link, or too late); such money goes back whole."""

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        Index("ix_payments_order_id", "order_id"),
        Index("ix_payments_payer_id", "payer_id"),
        Index("ix_payments_device_hash", "device_hash",
              postgresql_where=text("device_hash IS NOT NULL")),
        Index("uq_payments_counted", "order_id", unique=True,
              postgresql_where=text("state = 'paid' AND NOT is_surplus")),
        Index("ix_payments_closing", "id", postgresql_where=text("state = 'closing'")),
        Index("ix_payments_paid_at", "paid_at", postgresql_where=text("paid_at IS NOT NULL")),
        Index("ix_payments_asked", "asked_at",
              postgresql_where=text("state IN ('open', 'closing') AND asked_at IS NOT NULL")),
        Index("ix_payments_closed", "closed_at",
              postgresql_where=text("state = 'closed' AND asked_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    payer_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    app_id: Mapped[str]
    revision: Mapped[int]  # of the order's quote, when the link was made
    amount_fen: Mapped[int]
    out_trade_no: Mapped[str] = mapped_column(unique=True)
    token: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default=PaymentState.OPEN)
    is_surplus: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]  # WeChat Pay was first told of it (it may know of it)
    device_hash: Mapped[str | None]  # of the browser that opened the page
    prepay_id: Mapped[str | None]
    prepaid_at: Mapped[datetime | None]
    transaction_id: Mapped[str | None] = mapped_column(unique=True)
    paid_at: Mapped[datetime | None]
    paid_fen: Mapped[int | None]  # what came; differs from amount_fen only where that is amiss
    closed_at: Mapped[datetime | None]
    order: Mapped[Order] = relationship()
    payer: Mapped[Person] = relationship()

    @classmethod
    def by_token(cls, session: Session, token: str) -> "Payment | None":
        return session.scalars(select(cls).filter_by(token=token)).one_or_none()

    @classmethod
    def by_number(cls, session: Session, out_trade_no: str) -> "Payment | None":
        return session.scalars(select(cls).filter_by(out_trade_no=out_trade_no)).one_or_none()

    @classmethod
    def lock(cls, session: Session, payment_id: int) -> "Payment":
        """The payment as it is now. Its order is locked first, by the caller."""
        return session.scalars(
            select(cls).filter_by(id=payment_id).with_for_update(of=cls)
            .execution_options(populate_existing=True)).one()

    @classmethod
    def of_order(cls, session: Session, order_id: int, *states: PaymentState) -> "list[Payment]":
        asked = {"order_id": order_id, "states": list(states or PaymentState)}
        return list(session.scalars(_of_order(), asked))


@cache
def _of_order() -> "Select[Payment]":
    """Made once a process: turns ask it all the time."""
    query = select(Payment).where(Payment.order_id == bindparam("order_id"),
                                  Payment.state == any_(bindparam("states", type_=ARRAY(String))))
    return query.order_by(Payment.id).execution_options(populate_existing=True)


def new_token() -> str:
    return secrets.token_urlsafe(32)


def new_number(prefix: str, now: datetime) -> str:
    """A number for WeChat Pay: at most 32 of [0-9A-Za-z], never used before."""
    return f"{prefix}{now:%y%m%d%H%M%S}{secrets.token_hex(8)}"


class RefundState(StrEnum):
    DUE = "due"              # decided; WeChat Pay has not said yes yet
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"        # failed for good under this number
    ABNORMAL = "abnormal"    # a person must look
    WITHDRAWN = "withdrawn"  # taken back before WeChat Pay was told


class Refund(Base):
    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        Index("ix_refunds_payment_id", "payment_id"),
        Index("ix_refunds_unfinished", "id",
              postgresql_where=text("state IN ('due', 'processing')")),
        Index("ix_refunds_ended_at", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
        Index("ix_refunds_troubled", "id",
              postgresql_where=text("state IN ('closed', 'abnormal')")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"))
    code: Mapped[str]  # R81: what the person is told
    out_refund_no: Mapped[str] = mapped_column(unique=True)
    amount_fen: Mapped[int]
    reason: Mapped[str]  # a catalogue name under [refund_reason]
    state: Mapped[str] = mapped_column(default=RefundState.DUE)
    created_at: Mapped[datetime]
    refund_id: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]  # WeChat Pay was first told of it
    replaces_id: Mapped[int | None] = mapped_column(
        ForeignKey("refunds.id"), unique=True)  # the same money, whose number was closed
    payment: Mapped[Payment] = relationship()

    @classmethod
    def by_number(cls, session: Session, out_refund_no: str) -> "Refund | None":
        return session.scalars(select(cls).filter_by(out_refund_no=out_refund_no)).one_or_none()

    @classmethod
    def of_payment(cls, session: Session, payment_id: int) -> "list[Refund]":
        return list(session.scalars(select(cls).filter_by(payment_id=payment_id).order_by(cls.id)))

    @classmethod
    def replacing(cls, session: Session, refund_id: int) -> "Refund | None":
        return session.scalars(select(cls).filter_by(replaces_id=refund_id)).one_or_none()


def refund_code(session: Session) -> str:
    serial: int = session.scalar(select(func.nextval(REFUND_SERIAL.name))) or 0
    return f"R{serial % 9999 + 1}"
