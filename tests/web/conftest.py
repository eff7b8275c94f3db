from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from models.base import Sessions, connect
from tests.support.payment import House, empty
from tests.support.payment import house as running_house


@pytest.fixture(scope="module")
def bare(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url, pool_size=12)
    empty(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def house(bare: Engine) -> Iterator[House]:
    Sessions.configure(bind=bare)
    with running_house() as house:
        yield house
    empty(bare)
