"""Messages heard. WeChat repeats a message it got no answer to within five seconds."""
from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base
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
    def hear(cls, session: Session, *, app_id: str, key: str, person_id: int, body: str,
             now: datetime, is_event: bool = False) -> "Inbox":
        """The row for this message: new, as nearly all are, or the one its twin made."""
        new = insert(cls).values(
            app_id=app_id, key=key, person_id=person_id, body=body, heard_at=now,
            is_event=is_event, is_late=False).on_conflict_do_nothing().returning(cls)
        if (row := session.scalars(new).one_or_none()) is not None:
            return row
        return session.scalars(select(cls).filter_by(app_id=app_id, key=key)).one()

    @classmethod
    def earlier_waiting(cls, session: Session, heard: "Inbox") -> bool:
        """Whether this person said something before that has had no turn yet."""
        query = select(cls.id).where(cls.person_id == heard.person_id, cls.id < heard.id,
                                     cls.answered_at.is_(None))
        return session.scalars(query.limit(1)).first() is not None

    def said_until_now(self, session: Session, *, since: datetime, most: int) -> list[datetime]:
        """When this person said this message and the ones before it, the newest first."""
        cls = Inbox
        query = select(cls.heard_at).where(
            cls.person_id == self.person_id, cls.heard_at > since, cls.id <= self.id,
            ~cls.is_event)
        return list(session.scalars(query.order_by(cls.id.desc()).limit(most)))

    @classmethod
    def settle_in_time(cls, session: Session, inbox_id: int, answer: str, now: datetime) -> bool:
        """Settle it, unless WeChat has been given `success` meanwhile: then False.

        The session's own copy is not touched.
        """
        told = session.execute(update(cls).where(cls.id == inbox_id, ~cls.is_late).values(
            answer=answer, answered_at=now).returning(cls.id),
            execution_options={"synchronize_session": False})
        return told.one_or_none() is not None

    def settle(self, answer: str, now: datetime) -> None:
        self.answer, self.answered_at = answer, now
