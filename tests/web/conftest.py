from collections.abc import Iterator

import pytest
from redis import Redis
from sqlalchemy.orm import sessionmaker

from tests.support.payment import House, fresh
from tests.support.payment import house as running_house


@pytest.fixture(scope="module")
def same_house(redis_url: str) -> Iterator[House]:
    """One for many tests: building its applications takes longer than most of them."""
    with running_house() as house:
        yield house


@pytest.fixture
def house(same_house: House, database: sessionmaker, redis_url: str) -> House:
    Redis.from_url(redis_url).flushall()  # nobody has tried too many wrong links yet
    fresh(same_house.world)
    return same_house
