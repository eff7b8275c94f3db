"""The schema's way up, down and up again, and that the models ask for nothing else."""
import os
import subprocess

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import NullPool, create_engine, inspect

import models
from cli import migrate
from cli.embedded import python_path
from cli.processes import ours
from models.base import Base

assert models  # its tables are now in Base.metadata


def test_up_down_up_and_no_drift_from_the_models(empty_database_url):
    config = migrate.config(empty_database_url)
    engine = create_engine(empty_database_url, poolclass=NullPool)

    migrate.upgrade(empty_database_url)
    command.downgrade(config, "base")
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]

    migrate.upgrade(empty_database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_two_that_migrate_at_once_do_not_meet(empty_database_url):
    environ = {**os.environ, "PYTHONPATH": python_path(), "DATABASE_URL": empty_database_url,
               "REDIS_URL": "redis://127.0.0.1:1"}
    together = [subprocess.Popen(ours("migrate"), env=environ) for _ in range(2)]
    assert [one.wait(60) for one in together] == [0, 0]
