"""Changes of a menu that a cook wrote in the chat and has not published yet, or has."""
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base
from models.shop import Shop

HOW_MANY = 9999


class MenuChangeState(StrEnum):
    OPEN = "open"
    PUBLISHED = "published"
    DROPPED = "dropped"  # a newer one took its place, or the cook said no


class MenuChange(Base):
    """`lines`: [{"name", "prices": [[size, fen], …], "key": dish key or null}], as understood;
    `before`: dish key → what it cost then, so that an old proposal is never published unseen."""

    __tablename__ = "menu_changes"
    __table_args__ = (Index("ix_menu_changes_campus_id_code", "campus_id", "code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    campus_id: Mapped[int] = mapped_column(ForeignKey("campuses.id"))
    shop_id: Mapped[int | None] = mapped_column(ForeignKey("shops.id"))  # None: not said yet
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    code: Mapped[str]  # M3
    lines: Mapped[list[Any]]
    before: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(default=MenuChangeState.OPEN)
    made_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    shop: Mapped[Shop | None] = relationship()

    @classmethod
    def by_code(cls, session: Session, campus_id: int, code: str) -> "MenuChange | None":
        """The newest change of this campus that goes by this code, locked."""
        query = select(cls).filter_by(campus_id=campus_id, code=code.upper())
        return session.scalars(query.order_by(cls.id.desc()).limit(1)
                               .with_for_update(of=cls)).one_or_none()

    @classmethod
    def open_of(cls, session: Session, person_id: int) -> "list[MenuChange]":
        query = select(cls).filter_by(person_id=person_id, state=MenuChangeState.OPEN)
        return list(session.scalars(query.order_by(cls.id).with_for_update(of=cls)))

    def give_code(self) -> None:
        """M and the row's own number. The row is flushed."""
        self.code = f"M{(self.id - 1) % HOW_MANY + 1}"
