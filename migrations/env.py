"""Alembic's way in: `cli.migrate` gives the URL, or a connection that is already open."""
from alembic import context
from sqlalchemy import NullPool, create_engine

import models
from models.base import Base

__all__ = ["models"]


def migrate(connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True,
                      transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    url = context.config.get_main_option("sqlalchemy.url")
    with create_engine(url, poolclass=NullPool).connect() as opened:
        migrate(opened)
