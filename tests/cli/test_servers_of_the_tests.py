"""What every other test stands on: a database and a Redis of its own."""
import psycopg
from redis import Redis
from sqlalchemy import create_engine, inspect

from config import settings
from tests.support import servers


def test_the_database_is_migrated_and_is_this_workers_own(database_url):
    engine = create_engine(database_url)
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
    engine.dispose()

    assert "alembic_version" in tables
    assert servers.RUN in database_url
    assert settings.load().database_url == database_url


def test_redis_is_this_workers_own(redis_url):
    with Redis.from_url(redis_url) as redis:
        assert redis.ping()
    assert servers.RUN in redis_url
    assert settings.load().redis_url == redis_url


def test_what_a_killed_run_left_is_dropped(database_server):
    # given a database of a run whose processes are gone, and one of a run that lives
    dead, alive = f"{servers.PREFIX}dead0000_gw0", f"{servers.PREFIX}live0000_gw0"
    url = servers._libpq(database_server)
    with psycopg.connect(url, autocommit=True) as admin, psycopg.connect(url) as other:
        for name in (dead, alive):
            servers._create(admin, name)
        other.execute("SELECT pg_advisory_lock_shared(%s, hashtext('live0000'))", [servers.ALIVE])

        # when another run begins
        servers._drop_what_dead_runs_left(admin)

        # then
        found = servers._databases(admin, servers.PREFIX)
        servers._drop(admin, alive)
    assert dead not in found
    assert alive in found
