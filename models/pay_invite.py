"""Invitations to pay somebody's order (代付): whoever has the link may, once, for this quote."""
import secrets
from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base
from models.order import Order


class PayInvite(Base):
    """`token`: 192 random bits. No payer yet: each who takes it gets a payment of their own."""

    __tablename__ = "pay_invites"
    __table_args__ = (UniqueConstraint("order_id", "revision"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    revision: Mapped[int]  # of the order's quote that it is good for
    token: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    order: Mapped[Order] = relationship()

    @classmethod
    def token_for(cls, session: Session, order: Order, *, now: datetime) -> str:
        """The invitation to this quote, made if absent."""
        session.execute(insert(cls).values(
            order_id=order.id, revision=order.revision, token=secrets.token_urlsafe(24),
            created_at=now).on_conflict_do_nothing())
        return session.scalars(select(cls.token).filter_by(
            order_id=order.id, revision=order.revision)).one()

    @classmethod
    def by_token(cls, session: Session, token: str) -> "PayInvite | None":
        return session.scalars(select(cls).filter_by(token=token)).one_or_none()
