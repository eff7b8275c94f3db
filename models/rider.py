"""Riders, and the offers made to them."""
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base
from models.packed import PackedJson
from models.person import Person

CAPACITY = 3  # orders in hand at a time


class RiderStatus(StrEnum):
    APPLIED = "applied"
    APPROVED = "approved"
    SUSPENDED = "suspended"
    REFUSED = "refused"  # may apply again


class Rider(Base):
    __tablename__ = "riders"
    __table_args__ = (
        Index("ix_riders_on_duty", "campus_id", postgresql_where=text("is_on_duty")),
        Index("ix_riders_back_at", "back_at", postgresql_where=text("back_at IS NOT NULL")),
        Index("ix_riders_off_at", "off_at", postgresql_where=text("off_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), unique=True)
    campus_id: Mapped[int] = mapped_column(ForeignKey("campuses.id"))
    name: Mapped[str]
    status: Mapped[str] = mapped_column(default=RiderStatus.APPROVED)
    is_on_duty: Mapped[bool] = mapped_column(default=False)
    on_duty_since: Mapped[datetime | None]
    back_at: Mapped[datetime | None]  # from a break
    off_at: Mapped[datetime | None]  # when the shift ends, where the rider has said so
    is_on_way_only: Mapped[bool] = mapped_column(default=False)
    place_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))  # last known, about
    lat: Mapped[float | None]
    lng: Mapped[float | None]
    located_at: Mapped[datetime | None]  # when the phone said so
    seen_at: Mapped[datetime | None]
    person: Mapped[Person] = relationship(lazy="joined")

    @classmethod
    def of_person(cls, session: Session, person_id: int, *, lock: bool = False) -> "Rider | None":
        query = select(cls).filter_by(person_id=person_id)
        if lock:
            query = query.with_for_update(of=cls, key_share=True)
            query = query.execution_options(populate_existing=True)
        return session.scalars(query).one_or_none()

    @property
    def may_work(self) -> bool:
        return self.status == RiderStatus.APPROVED and self.is_on_duty


class OfferState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Offer(Base):
    """An order held out to one rider for 40 seconds, with the numbers that chose them."""

    __tablename__ = "offers"
    __table_args__ = (
        Index("uq_offers_open_order", "order_id", unique=True,
              postgresql_where=text("state = 'open'")),
        Index("uq_offers_open_rider", "rider_id", unique=True,
              postgresql_where=text("state = 'open'")),
        Index("ix_offers_order_id", "order_id"),
        Index("ix_offers_rider_id_id", "rider_id", "id"),
        Index("ix_offers_open_until", "expires_at", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    rider_id: Mapped[int] = mapped_column(ForeignKey("riders.id"))
    state: Mapped[str] = mapped_column(default=OfferState.OPEN)
    offered_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    fee_fen: Mapped[int]
    reason: Mapped[dict[str, Any]]
    # Every candidate and cost, as dispatch saw them, by column. Read by who asks why.
    considered: Mapped[dict[str, list[Any]] | None] = mapped_column(PackedJson, deferred=True)

    @property
    def candidates(self) -> list[dict[str, Any]]:
        """One by one, the cheapest first. Older offers have them in their reason."""
        told = self.considered or self.reason.get("candidates") or {}
        if isinstance(told, list):
            return told
        return [dict(zip(told, row, strict=True)) for row in zip(*told.values(), strict=True)]

    def candidate(self, rider_id: int) -> dict[str, Any] | None:
        """This rider's numbers; None: they were not considered."""
        return next((each for each in self.candidates if each["rider_id"] == rider_id), None)

    def answer(self, state: OfferState, now: datetime) -> None:
        self.state, self.answered_at = state, now
