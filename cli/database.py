"""One transaction for a command, on whichever database there is."""
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli import embedded
from cli.base import give_up
from config import settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

BEHIND = {"42P01", "42703"}  # PostgreSQL: undefined_table, undefined_column


@contextmanager
def transaction() -> "Iterator[Session]":
    """A session that commits at the end. The embedded servers are started when there is no other.

    Ends the command with one line when the database lacks the newest schema.
    """
    embedded.apply(os.environ)
    given = settings.load()
    _ = given.database_url, given.secret_key  # named here, not from within a statement

    from sqlalchemy.exc import ProgrammingError

    from models.base import Sessions, connect

    connect(given.database_url, pool_size=1)
    try:
        with Sessions.begin() as session:
            yield session
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) not in BEHIND:
            raise
        give_up("the database is not at the newest schema: run `./paotang migrate`")
