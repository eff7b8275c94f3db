"""What every table shares, and the one place sessions come from."""
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any, Final, cast

from psycopg import Column, Cursor
from sqlalchemy import BigInteger, DateTime, Engine, MetaData, Table, create_engine, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    })
    type_annotation_map = {
        datetime: DateTime(timezone=True),
        int: BigInteger,
        dict[str, Any]: JSONB,
        list[str]: JSONB,
        list[Any]: JSONB,
    }


def table_of(entity: type[Base]) -> Table:
    """The bare table, for statements that need none of the ORM's bookkeeping."""
    return cast(Table, entity.__table__)


class _Columns(Sequence[Column]):
    """What columns an answer has, found out when somebody looks."""

    def __init__(self, ask: Callable[[], list[Column] | None]) -> None:
        self._ask = ask

    def __len__(self) -> int:
        return len(self._ask() or ())

    def __getitem__(self, at: Any) -> Any:
        return (self._ask() or [])[at]


class QuietCursor(Cursor[Any]):
    """SQLAlchemy asks each answer for its columns, and looks at them once a statement only."""

    @property
    def description(self) -> Any:
        if not self.pgresult or not self.pgresult.nfields:
            return None
        return _Columns(lambda: super(QuietCursor, self).description)


Sessions = sessionmaker(expire_on_commit=False)


BRIEF: Final = "is_brief"
ASKED_AFTER_S: Final = 5.0
_ENGINES: dict[str, Engine] = {}


def connect(database_url: str, *, pool_size: int = 4, patience: str = "") -> Engine:
    """The process's engine for this database; `Sessions` makes its sessions from now on.

    Times come and go in UTC. `patience`: settings of PostgreSQL for each connection, as
    "-c lock_timeout=1s"; `is_brief` tells whether there are any.
    """
    engine = _ENGINES.get(database_url)
    if engine is None:
        engine = _ENGINES[database_url] = create_engine(
            database_url, pool_size=pool_size, max_overflow=4, pool_use_lifo=True,
            hide_parameters=True,
            execution_options={BRIEF: bool(patience)},
            connect_args={"options": f"-c timezone=UTC {patience}", "connect_timeout": 3,
                          "cursor_factory": QuietCursor})
        event.listen(engine, "checkin", _note_idle)
        event.listen(engine, "checkout", partial(_ask_idle, engine))
    Sessions.configure(bind=engine)
    return engine


def is_brief(session: Session) -> bool:
    """Whether the session's connection gives up on locks and long statements by itself."""
    return bool(session.get_bind().get_execution_options().get(BRIEF))


def _note_idle(_: Any, record: Any) -> None:
    record.info["idle_since"] = monotonic()


def _ask_idle(engine: Engine, connection: Any, record: Any, _: Any) -> None:
    """Whether a connection that was idle for a while still lives; if not, the pool takes another.

    Asking each time costs two round trips a message.
    """
    if monotonic() - record.info.get("idle_since", monotonic()) < ASKED_AFTER_S:
        return
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError(str(error)) from error


class Clock:
    """The doors' clock. A rehearsal may set it `ahead` to live a day in a minute."""

    ahead = timedelta()


def utcnow() -> datetime:
    """The time, for doors only: everything below takes `now` as an argument."""
    return datetime.now(UTC) + Clock.ahead


__all__ = ["Base", "Clock", "Session", "Sessions", "connect", "is_brief", "table_of", "utcnow"]
