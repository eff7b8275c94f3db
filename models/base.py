"""What every table shares, and the one place sessions come from."""
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, DateTime, Engine, MetaData, create_engine
from sqlalchemy.dialects.postgresql import JSONB
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


Sessions = sessionmaker(expire_on_commit=False)


_ENGINES: dict[str, Engine] = {}


def connect(database_url: str, *, pool_size: int = 4) -> Engine:
    """The process's engine for this database; `Sessions` makes its sessions from now on.

    Times come and go in UTC.
    """
    engine = _ENGINES.get(database_url)
    if engine is None:
        engine = _ENGINES[database_url] = create_engine(
            database_url, pool_size=pool_size, max_overflow=4, pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"options": "-c timezone=UTC", "connect_timeout": 3})
    Sessions.configure(bind=engine)
    return engine


class Clock:
    """The doors' clock. A rehearsal may set it `ahead` to live a day in a minute."""

    ahead = timedelta()


def utcnow() -> datetime:
    """The time, for doors only: everything below takes `now` as an argument."""
    return datetime.now(UTC) + Clock.ahead


__all__ = ["Base", "Clock", "Session", "Sessions", "connect", "utcnow"]
