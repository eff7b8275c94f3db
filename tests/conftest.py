"""Fixtures for the whole suite. The servers are real (tests/support/servers.py)."""
from tests.support.servers import (  # noqa: F401
    database_server,
    database_url,
    empty_database_url,
    redis_url,
)
