"""Official accounts, campuses, places and the paths between them."""
from collections import OrderedDict
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Select,
    UniqueConstraint,
    bindparam,
    literal_column,
    select,
)
from sqlalchemy.orm import Mapped, Session, defer, mapped_column
from sqlalchemy.orm.attributes import set_committed_value

from models.base import Base
from models.sealed import Sealed


@cache
def zone_of(tz: str) -> Any:
    """The clock that "+08:00" or an IANA name stands for."""
    if tz[:1] in "+-":
        return datetime.strptime(tz.replace(":", ""), "%z").tzinfo
    return ZoneInfo(tz)


class Account(Base):
    """A WeChat official account. It serves one campus at a time."""

    __tablename__ = "accounts"

    app_id: Mapped[str] = mapped_column(primary_key=True)
    original_id: Mapped[str | None]
    secret: Mapped[str] = mapped_column(Sealed)
    token: Mapped[str] = mapped_column(Sealed)
    aes_key: Mapped[str | None] = mapped_column(Sealed)
    previous_aes_key: Mapped[str | None] = mapped_column(Sealed)
    campus_id: Mapped[int | None] = mapped_column(ForeignKey("campuses.id"))
    refused_at: Mapped[datetime | None]  # the last push that settings may have made us refuse
    refused_why: Mapped[str | None]


class Campus(Base):
    __tablename__ = "campuses"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    tz: Mapped[str]  # "+08:00" or an IANA name
    file: Mapped[dict[str, Any]]  # what understanding reads: as loaded, and the cooks' changes
    loaded_file: Mapped[dict[str, Any] | None]  # as loaded, where the cooks have changed it since
    menu_version: Mapped[int] = mapped_column(default=1)
    loaded_at: Mapped[datetime]

    @property
    def zone(self) -> Any:
        """The campus's clock, as datetime wants it."""
        return zone_of(self.tz)

    @property
    def fees(self) -> dict[str, int]:
        return dict(self.file.get("fees") or {})

    @property
    def emergency(self) -> dict[str, Any]:
        return dict(self.file.get("emergency") or {})

    @classmethod
    def of_account(cls, session: Session, app_id: str) -> "Campus | None":
        found = session.execute(_of_account(), {"app_id": app_id}).one_or_none()
        if found is None:
            return None
        campus: Campus = found[0]
        campus.remember(found[1])
        return campus

    def remember(self, version: str) -> None:
        """Have the file, which is large and seldom changes, out of this process's memory.

        `version`: VERSION, as the row was read by WITHOUT_FILES. Nobody may change what is in a
        file: a changed one is another dict.
        """
        if "file" in self.__dict__:  # this session has it, and may have changed it
            return
        key = (self.id, version)
        if (file := _FILES.get(key)) is not None:
            set_committed_value(self, "file", file)
            return
        _FILES[key] = self.file
        while len(_FILES) > MOST_FILES:
            with suppress(KeyError):  # another thread was quicker
                _FILES.popitem(last=False)


MOST_FILES: Final = 16
_FILES: OrderedDict[tuple[int, str], dict[str, Any]] = OrderedDict()

# Another one at every change of the row.
VERSION: Final[ColumnElement[str]] = literal_column("campuses.xmin::text")
WITHOUT_FILES: Final = (defer(Campus.file), defer(Campus.loaded_file))


@cache
def _of_account() -> "Select[Campus, str]":
    query = select(Campus, VERSION).join(Account, Account.campus_id == Campus.id)
    return query.options(*WITHOUT_FILES).where(Account.app_id == bindparam("app_id"))


class Place(Base):
    __tablename__ = "places"
    __table_args__ = (UniqueConstraint("campus_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    campus_id: Mapped[int] = mapped_column(ForeignKey("campuses.id"))
    key: Mapped[str]  # the campus file's id
    name: Mapped[str]
    kind: Mapped[str]
    lat: Mapped[float | None]
    lng: Mapped[float | None]
    rules: Mapped[dict[str, Any]] = mapped_column(default=dict)
    is_listed: Mapped[bool] = mapped_column(default=True)  # False: gone from the newest file

    @classmethod
    def by_key(cls, session: Session, campus_id: int, key: str) -> "Place | None":
        asked = {"campus_id": campus_id, "key": key}
        return session.scalars(_by_key(), asked).one_or_none()


@cache
def _by_key() -> "Select[Place]":
    """Made once a process: every order asks it."""
    return select(Place).where(Place.campus_id == bindparam("campus_id"),
                               Place.key == bindparam("key"))


class Path(Base):
    """A way, walked in both directions unless `is_one_way`; its gate may have hours."""

    __tablename__ = "paths"
    __table_args__ = (
        ForeignKeyConstraint(["campus_id", "from_key"], ["places.campus_id", "places.key"],
                             name="fk_paths_from"),
        ForeignKeyConstraint(["campus_id", "to_key"], ["places.campus_id", "places.key"],
                             name="fk_paths_to"),
        Index("ix_paths_campus_id_to_key", "campus_id", "to_key"),
    )

    campus_id: Mapped[int] = mapped_column(ForeignKey("campuses.id"), primary_key=True)
    from_key: Mapped[str] = mapped_column(primary_key=True)
    to_key: Mapped[str] = mapped_column(primary_key=True)
    metres: Mapped[float]
    is_one_way: Mapped[bool] = mapped_column(default=False)
    opens_at: Mapped[int | None]  # minutes of the day; both or neither
    closes_at: Mapped[int | None]
