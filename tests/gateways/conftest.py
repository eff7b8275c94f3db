from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gateways.wechat import WeChat
from simulator.world import World
from tests.support.simulator import running_simulator


@pytest.fixture
def world() -> Iterator[World]:
    with running_simulator() as world:
        yield world


@pytest.fixture
def wechat(world: World) -> WeChat:
    """Without Redis, and on the simulated clock."""
    return client(world)


def client(world: World, **more) -> WeChat:
    """Another process's client of the same account."""
    account = world.credentials
    return WeChat(account.app_id, account.secret, api_base=world.base_url,
                  now=lambda: datetime.fromtimestamp(world.now(), UTC), **more)
