"""Somebody who talks to an official account: student, cook, rider, or several of these."""
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    Select,
    UniqueConstraint,
    bindparam,
    exists,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship
from sqlalchemy.sql.dml import ReturningInsert

from models.base import Base, table_of
from models.campus import Place
from models.quota import Quota
from models.sealed import Sealed, SealedJson


class Person(Quota, Base):
    """`dialogue` is what the next words are heard against: see handlers/dialogue.py.

    `undo` is what 撤回 would take back: see handlers/undo.py.
    """

    __tablename__ = "people"
    __table_args__ = (UniqueConstraint("app_id", "openid"), Index(
        "ix_people_to_forget", "id", postgresql_where=text("forget_at IS NOT NULL")))

    id: Mapped[int] = mapped_column(primary_key=True)
    app_id: Mapped[str] = mapped_column(ForeignKey("accounts.app_id"))
    openid: Mapped[str]
    name: Mapped[str | None]
    phone: Mapped[str | None] = mapped_column(Sealed)
    place_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))
    room: Mapped[str | None] = mapped_column(Sealed)
    dialogue: Mapped[dict[str, Any]] = mapped_column(default=dict)
    undo: Mapped[dict[str, Any]] = mapped_column(SealedJson, nullable=True, default=dict)
    practice: Mapped[dict[str, Any]] = mapped_column(default=dict)  # see handlers/practice.py
    uses_points: Mapped[bool] = mapped_column(default=False)  # see handlers/points.py
    weekly_budget_fen: Mapped[int | None]
    invited_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    student_until: Mapped[datetime | None]  # verified as a student until then
    quiet_until: Mapped[datetime | None]  # asked for silence (handlers/sos): nothing buzzes
    forget_at: Mapped[datetime | None]  # they left: erased when no order needs them
    created_at: Mapped[datetime]
    place: Mapped[Place | None] = relationship(lazy="joined")

    @classmethod
    def lock(cls, session: Session, app_id: str, openid: str, *, now: datetime) -> "Person":
        """The person, made if new, held until the turn ends: one person's messages take turns.

        FOR NO KEY UPDATE: what they say meanwhile must still find its way into the inbox.
        """
        person = session.scalars(cls._locked(app_id, openid)).one_or_none()
        if person is None:
            cls.ensure(session, app_id, openid, now=now)
            person = session.scalars(cls._locked(app_id, openid)).one()
        return person

    @classmethod
    def ensure(cls, session: Session, app_id: str, openid: str, *, now: datetime) -> int:
        """The id of the person with this openid, made if new; not locked."""
        who = {"app_id": app_id, "openid": openid}
        made: int | None = session.scalar(_make(), {**who, "created_at": now})
        return made if made is not None else session.scalars(_id_of(), who).one()

    @classmethod
    def hold(cls, session: Session, ids: Iterable[int]) -> "list[Person]":
        """Lock people who are not speaking, as `lock` does; whoever holds several takes them by id,
        and all of them before any order."""
        query = select(cls).where(cls.id.in_(set(ids))).order_by(cls.id)
        return list(session.scalars(query.with_for_update(of=cls, key_share=True).execution_options(
            populate_existing=True)))

    @classmethod
    def _locked(cls, app_id: str, openid: str) -> "Select[Person]":
        return (select(cls).filter_by(app_id=app_id, openid=openid)
                .with_for_update(of=cls, key_share=True).execution_options(populate_existing=True))


@cache
def _id_of() -> "Select[int]":
    return select(Person.id).where(Person.app_id == bindparam("app_id"),
                                   Person.openid == bindparam("openid"))


@cache
def _make() -> "ReturningInsert[int]":
    """Asks first: an INSERT that meets a row which somebody is changing waits for them."""
    of = table_of(Person).c
    given = {name: bindparam(name, type_=of[name].type)
             for name in ("app_id", "openid", "created_at")}
    fresh = {name: literal(value, of[name].type) for name, value in {
        "is_following": True, "uses_points": False, "service_sent": 0, "brief_left": 0,
        "dialogue": {}, "practice": {}}.items()}
    is_new = ~exists().where(Person.app_id == given["app_id"], Person.openid == given["openid"])
    row = select(*given.values(), *fresh.values()).where(is_new)
    return insert(table_of(Person)).from_select([*given, *fresh], row) \
        .on_conflict_do_nothing().returning(Person.id)
