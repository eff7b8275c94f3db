"""Proofs that somebody studies here. What is kept for good is a keyed hash and a date."""
import hashlib
import hmac
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from config import settings
from models.base import Base
from models.complaint import Photo
from models.person import Person
from models.sealed import Sealed


class ProofState(StrEnum):
    WAITING = "waiting"    # for an operator
    APPROVED = "approved"
    REFUSED = "refused"
    RENEWED = "renewed"    # a later proof of the same person took its place


class StudentProof(Base):
    """`told`: number and surname as they were typed, sealed, and erased with the decision; so is
    the picture. `number_hash`: so that one card proves one person."""

    __tablename__ = "student_proofs"
    __table_args__ = (
        Index("uq_student_proofs_waiting", "person_id", unique=True,
              postgresql_where=text("state = 'waiting'")),
        Index("uq_student_proofs_number", "campus_id", "number_hash", unique=True,
              postgresql_where=text("state = 'approved'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    campus_id: Mapped[int] = mapped_column(ForeignKey("campuses.id"))
    state: Mapped[str] = mapped_column(default=ProofState.WAITING)
    number_hash: Mapped[str | None]
    told: Mapped[str | None] = mapped_column(Sealed)
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id", ondelete="SET NULL"))
    asked_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    good_until: Mapped[datetime | None]
    person: Mapped[Person] = relationship(foreign_keys=person_id)
    photo: Mapped[Photo | None] = relationship()

    @classmethod
    def waiting_of(cls, session: Session, person_id: int) -> "StudentProof | None":
        query = select(cls).filter_by(person_id=person_id, state=ProofState.WAITING)
        return session.scalars(query).one_or_none()

    @classmethod
    def lock(cls, session: Session, proof_id: int, campus_id: int) -> "StudentProof | None":
        query = select(cls).filter_by(id=proof_id, campus_id=campus_id).with_for_update(of=cls)
        return session.scalars(query.execution_options(populate_existing=True)).one_or_none()

    @classmethod
    def approved_by_number(cls, session: Session, campus_id: int,
                           number_hash: str) -> "StudentProof | None":
        return session.scalars(select(cls).filter_by(
            campus_id=campus_id, number_hash=number_hash,
            state=ProofState.APPROVED)).one_or_none()


def hash_of(campus_id: int, number: str) -> str:
    """A student number cannot be found again by trying all of them without SECRET_KEY."""
    key = settings.load().secret_key.encode()
    return hmac.new(key, f"student:{campus_id}:{number.upper()}".encode(),
                    hashlib.sha256).hexdigest()
