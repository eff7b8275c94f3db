"""Real PostgreSQL and Redis for the tests: fixtures for tests/conftest.py.

A database per xdist worker, cloned from a template which the first worker migrates; its name is
the run's own, so that runs at the same time never meet. A Redis per worker. DATABASE_URL, if set,
says on which server the databases are made; the database it names is not touched.
"""
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from cli import embedded, migrate
from cli.embedded import ServersFailed
from config import settings
from config.settings import VAR, ConfigurationError

RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)[:12]
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw")
PREFIX = "paotang_test_"
ALIVE, MAKING = 1_347_374_150, 1_347_374_151  # advisory locks, with the run's name: any two numbers


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """URL of the server's own database, to make others from. Holds the run's databases alive."""
    url = settings.environment().get("DATABASE_URL", "").strip() or embedded.ensure(
        VAR, want_postgres=True, want_redis=False, instance="test", durable=False).database_url
    assert url
    with psycopg.connect(_libpq(url), autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock_shared(%s, hashtext(%s))", [ALIVE, RUN])
        yield url


@pytest.fixture(scope="session")
def database_url(database_server: str) -> Iterator[str]:
    """A migrated, empty database of this worker's own; DATABASE_URL of this process, too."""
    name, template = f"{PREFIX}{RUN}_{WORKER}", f"{PREFIX}{RUN}_template"
    with psycopg.connect(_libpq(database_server), autocommit=True) as admin:
        with _making(admin):
            _drop_what_dead_runs_left(admin)
            if not _databases(admin, template):
                _create(admin, template)
                migrate.upgrade(named(database_server, template))
            _create(admin, name, template)
        yield from _as_environment("DATABASE_URL", named(database_server, name))
        with _making(admin):
            _drop(admin, name)
            if _databases(admin, f"{PREFIX}{RUN}_") == [template]:
                _drop(admin, template)


@pytest.fixture
def empty_database_url(database_server: str) -> Iterator[str]:
    """A database without a schema: for tests of the migrations themselves."""
    name = f"{PREFIX}{RUN}_{WORKER}_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(_libpq(database_server), autocommit=True) as admin:
        _create(admin, name)
        yield named(database_server, name)
        _drop(admin, name)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis that nobody else uses: flush it as you like. REDIS_URL of this process, too."""
    instance = f"test-redis-{RUN}-{WORKER}"
    try:
        VAR.mkdir(exist_ok=True)
        embedded.discard(VAR, "test-redis-*")
        url = embedded.ensure(VAR, want_postgres=False, want_redis=True, instance=instance,
                              durable=False).redis_url
    except (ServersFailed, ConfigurationError):
        if not (url := settings.environment().get("REDIS_URL")):
            raise
    assert url
    yield from _as_environment("REDIS_URL", url)
    embedded.release(instance)
    embedded.discard(VAR, instance)


def named(server_url: str, database: str) -> str:
    """The URL of another database on that server, as SQLAlchemy reads it."""
    head, mark, query = server_url.partition("?")
    scheme, _, rest = head.rpartition("/")[0].partition("://")
    return f"{scheme.partition('+')[0]}+psycopg://{rest}/{database}{mark}{query}"


def _libpq(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}://{rest}"


def _as_environment(name: str, value: str) -> Iterator[str]:
    """So that whatever reads the settings meets the tests' server, and no other."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(name, value)
        settings.load.cache_clear()
        yield value
    settings.load.cache_clear()


@contextmanager
def _making(admin: psycopg.Connection) -> Iterator[None]:
    admin.execute("SELECT pg_advisory_lock(%s)", [MAKING])
    try:
        yield
    finally:
        admin.execute("SELECT pg_advisory_unlock(%s)", [MAKING])


def _create(admin: psycopg.Connection, name: str, template: str = "template1") -> None:
    admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
        sql.Identifier(name), sql.Identifier(template)))


def _drop(admin: psycopg.Connection, name: str) -> None:
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _databases(admin: psycopg.Connection, start: str) -> list[str]:
    rows = admin.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY 1", [start])
    return [name for (name,) in rows]


def _drop_what_dead_runs_left(admin: psycopg.Connection) -> None:
    """A run that was killed holds its lock no more."""
    for name in _databases(admin, PREFIX):
        run = name.removeprefix(PREFIX).partition("_")[0]
        dead = admin.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [ALIVE, run])
        if run != RUN and dead.fetchone() == (True,):
            _drop(admin, name)
            admin.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [ALIVE, run])
