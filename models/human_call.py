"""Somebody asked for a person: who, when, and who answered."""
from datetime import datetime

from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base


class HumanCall(Base):
    __tablename__ = "human_calls"
    __table_args__ = (Index("ix_human_calls_person_id_id", "person_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)  # the number people on duty answer with
    campus_id: Mapped[int] = mapped_column(ForeignKey("campuses.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))

    @classmethod
    def last_of(cls, session: Session, person_id: int) -> "HumanCall | None":
        query = select(cls).filter_by(person_id=person_id).order_by(cls.id.desc())
        return session.scalars(query.limit(1)).one_or_none()
