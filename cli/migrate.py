"""`migrate`: Alembic through its Python API; there is no alembic.ini."""
import os
import time
from typing import TYPE_CHECKING, Final

from cli import embedded
from cli.base import command
from config import settings
from config.settings import ROOT

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection


ASK_EVERY_S: Final = 0.2


def config(database_url: str) -> "Config":
    """Alembic's configuration for this database (a SQLAlchemy URL)."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(ROOT / "migrations").replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    return made


def head(database_url: str) -> str | None:
    """The newest revision that we know of."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(config(database_url)).get_current_head()


def revision(connection: "Connection") -> str | None:
    """The revision that this database is at; None: no schema of ours."""
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def upgrade(database_url: str) -> None:
    """Bring the database to the newest schema. One at a time: others wait for the first."""
    from alembic import command as alembic
    from sqlalchemy import NullPool, create_engine

    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as guard, engine.connect() as connection:
        _take_turn(guard)
        made = config(database_url)
        made.attributes["connection"] = connection
        alembic.upgrade(made, "head")


def _take_turn(guard: "Connection") -> None:
    """Hold the migrations' lock by this connection, not by a transaction.

    Asked for again and again: a statement that waits for it would keep a snapshot, and an index
    that the other one builds CONCURRENTLY waits for every snapshot.
    """
    from sqlalchemy import text

    while not guard.scalar(text("SELECT pg_try_advisory_lock(hashtext('paotang migrate'))")):
        guard.rollback()
        time.sleep(ASK_EVERY_S)
    guard.commit()


@command("migrate")
def migrate() -> None:
    """Bring the database to the newest schema."""
    embedded.apply(os.environ)
    upgrade(settings.load().database_url)
    print("paotang: the database is at the newest schema")
