"""Links by which somebody may watch an order on its way: whoever has the token, and nobody else."""
import secrets
from datetime import datetime

from sqlalchemy import ForeignKey, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base
from models.order import Order


class TrackingLink(Base):
    """`token`: 192 random bits. A row of its own, so that making one never moves the order."""

    __tablename__ = "tracking_links"

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    token: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]

    @classmethod
    def of_order(cls, session: Session, order_id: int, *, now: datetime) -> str:
        """The order's token, made if absent."""
        session.execute(insert(cls).values(
            order_id=order_id, token=secrets.token_urlsafe(24), created_at=now,
        ).on_conflict_do_nothing())
        return session.scalars(select(cls.token).filter_by(order_id=order_id)).one()

    @classmethod
    def order_by(cls, session: Session, token: str) -> Order | None:
        query = select(Order).join(cls, cls.order_id == Order.id).where(cls.token == token)
        return session.scalars(query).one_or_none()
