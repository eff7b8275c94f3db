"""Complaints about what was delivered, and the pictures that come with them."""
import secrets
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base
from models.order import Order
from models.payment import Refund
from models.person import Person


class ComplaintState(StrEnum):
    OPEN = "open"          # the buyer has not chosen yet
    WAITING = "waiting"    # a person decides
    REFUNDED = "refunded"
    REMADE = "remade"      # cooked again, for nothing
    FOUND = "found"        # it turned up
    REFUSED = "refused"    # by a person


UNDECIDED = (ComplaintState.OPEN, ComplaintState.WAITING)


class Photo(Base):
    """A picture that WeChat keeps for three days; we keep only its name there. `token`: 192 random
    bits, in the link by which those who may see it do."""

    __tablename__ = "photos"
    __table_args__ = (Index("ix_photos_order_id", "order_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    media_id: Mapped[str]
    token: Mapped[str] = mapped_column(unique=True)
    sent_at: Mapped[datetime]
    person: Mapped[Person] = relationship()
    order: Mapped[Order | None] = relationship()

    @classmethod
    def keep(cls, session: Session, person: Person, media_id: str, *, now: datetime,
             order_id: int | None = None) -> "Photo":
        photo = cls(person_id=person.id, person=person, order_id=order_id, media_id=media_id,
                    token=secrets.token_urlsafe(24), sent_at=now)
        session.add(photo)
        session.flush()
        return photo

    @classmethod
    def by_token(cls, session: Session, token: str) -> "Photo | None":
        return session.scalars(select(cls).filter_by(token=token)).one_or_none()


class Complaint(Base):
    """`lines`: ids of the order's lines that it is about. `amount_fen`: what was paid for them.

    `search_until`: others are being asked for a lost bag. `remake_id`: the order that replaces it.
    `borne_by`: whom a person found to bear the cost (shop, rider or platform). The order's lock
    guards its complaints.
    """

    __tablename__ = "complaints"
    __table_args__ = (
        Index("ix_complaints_order_id", "order_id"),
        Index("ix_complaints_buyer_id_created_at", "buyer_id", "created_at"),
        Index("uq_complaints_undecided", "order_id", unique=True,
              postgresql_where=text("state IN ('open', 'waiting')")),
        Index("ix_complaints_search_until", "search_until",
              postgresql_where=text("search_until IS NOT NULL")),
        Index("ix_complaints_remade", "remake_id", postgresql_where=text("state = 'remade'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    buyer_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(default=ComplaintState.OPEN)
    lines: Mapped[list[Any]]
    amount_fen: Mapped[int]
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id"))
    refund_id: Mapped[int | None] = mapped_column(ForeignKey("refunds.id"))
    remake_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    search_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    is_unhappy: Mapped[bool] = mapped_column(default=False)
    borne_by: Mapped[str | None]
    photo: Mapped[Photo | None] = relationship()
    refund: Mapped[Refund | None] = relationship()

    @classmethod
    def of_order(cls, session: Session, order_id: int) -> "Sequence[Complaint]":
        return session.scalars(select(cls).filter_by(order_id=order_id).order_by(cls.id)).all()

    @classmethod
    def undecided(cls, session: Session, order_id: int) -> "Complaint | None":
        query = select(cls).where(cls.order_id == order_id, cls.state.in_(UNDECIDED))
        return session.scalars(query).one_or_none()


class Ask(Base):
    """Somebody who fetched a meal where and when another one was lost is asked about their bag.

    `answer`: right, wrong (it is another's), put_back or eaten; None: not said yet.
    """

    __tablename__ = "complaint_asks"
    __table_args__ = (UniqueConstraint("complaint_id", "order_id"),
                      Index("ix_complaint_asks_order_id", "order_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    asked_at: Mapped[datetime]
    answer: Mapped[str | None]
    answered_at: Mapped[datetime | None]

    @classmethod
    def of_complaint(cls, session: Session, complaint_id: int) -> "Sequence[Ask]":
        query = select(cls).filter_by(complaint_id=complaint_id).order_by(cls.id)
        return session.scalars(query).all()

    @classmethod
    def open_of(cls, session: Session, order_id: int) -> "Ask | None":
        """The newest question about this order's bag that may still be answered."""
        query = select(cls).where(cls.order_id == order_id, or_(
            cls.answer.is_(None), cls.answer == "wrong"))
        return session.scalars(query.order_by(cls.id.desc()).limit(1)).one_or_none()
