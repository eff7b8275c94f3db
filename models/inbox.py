"""Messages heard. WeChat repeats a message it got no answer to within five seconds."""
from datetime import datetime
from functools import cache

from sqlalchemy import (
    ForeignKey,
    Index,
    UniqueConstraint,
    bindparam,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.dml import ReturningUpdate

from models.base import Base, table_of
from models.sealed import Sealed


class Inbox(Base):
    """One row a message. `answer` is what was said; a repeat hears it again, word for word.

    `answered_at` is set with the answer, in the turn's own transaction; the words themselves
    are erased after an hour.
    """

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("app_id", "key"),
        Index("ix_inbox_waiting", "person_id", "id", postgresql_where=text("answered_at IS NULL")),
        Index("ix_inbox_unanswered", "heard_at", postgresql_where=text("answered_at IS NULL")),
        Index("ix_inbox_with_words", "answered_at", postgresql_where=text("body IS NOT NULL")),
        Index("ix_inbox_person_id_heard_at", "person_id", "heard_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    app_id: Mapped[str]
    key: Mapped[str]
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    body: Mapped[str | None] = mapped_column(Sealed)  # the message, as JSON
    heard_at: Mapped[datetime]
    # Said by the phone and not the person, or over the limit: does not count as said.
    is_event: Mapped[bool] = mapped_column(default=False)
    answer: Mapped[str | None] = mapped_column(Sealed)
    answered_at: Mapped[datetime | None]
    is_late: Mapped[bool] = mapped_column(default=False)  # a worker takes this turn

    @classmethod
    def by_key(cls, session: Session, app_id: str, key: str) -> "Inbox":
        return session.scalars(select(cls).filter_by(app_id=app_id, key=key)).one()

    @classmethod
    def settle_in_time(cls, session: Session, inbox_id: int, answer: str, now: datetime) -> bool:
        """Settle it, unless WeChat has been given `success` meanwhile: then False.

        The session's own copy is not touched.
        """
        told = {"inbox_id": inbox_id, "said": answer, "at": now}
        return session.scalar(_settle(), told) is not None

    def settle(self, answer: str, now: datetime) -> None:
        self.answer, self.answered_at = answer, now


@cache
def _settle() -> "ReturningUpdate[int]":
    """Made once a process: every message ends with it."""
    return update(table_of(Inbox)).where(
        Inbox.id == bindparam("inbox_id"), ~Inbox.is_late).values(
        answer=bindparam("said"), answered_at=bindparam("at")).returning(Inbox.id)
