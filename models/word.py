"""What people call things on a campus, added by operators without a release."""
from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base


class Word(Base):
    """`word` is one more name of whatever the campus file calls `meaning`."""

    __tablename__ = "words"
    __table_args__ = (UniqueConstraint("campus_id", "word", "meaning"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    campus_id: Mapped[int] = mapped_column(ForeignKey("campuses.id"))
    word: Mapped[str]
    meaning: Mapped[str]
    added_at: Mapped[datetime]

    @classmethod
    def of(cls, session: Session, campus_id: int) -> list["Word"]:
        query = select(cls).filter_by(campus_id=campus_id).order_by(cls.word, cls.meaning)
        return list(session.scalars(query))

    @classmethod
    def put(cls, session: Session, campus_id: int, word: str, meaning: str, *,
            now: datetime) -> bool:
        """Write it down once; False when it is there already."""
        made = session.execute(insert(cls).values(
            campus_id=campus_id, word=word, meaning=meaning, added_at=now)
            .on_conflict_do_nothing().returning(cls.id))
        return made.first() is not None
