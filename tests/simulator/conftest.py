"""A simulated WeChat on a real port, and an account's server that somebody else's library runs."""
from collections.abc import Iterator

import pytest

from simulator import app as simulator_app
from simulator.credentials import Credentials, ensure
from simulator.state import Knobs
from simulator.world import World
from tests.simulator.receiver import Receiver


@pytest.fixture(scope="session")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return ensure(tmp_path_factory.mktemp("simulator"))


@pytest.fixture
def world(credentials: Credentials) -> Iterator[World]:
    """A world of its own for each test, served, whose waits are short."""
    knobs = Knobs(retry_pause_s=0.0, template_report_s=0.0, refund_takes_s=0.0, notify_scale=0.001)
    world = World(credentials, knobs=knobs)
    with simulator_app.running(world):
        yield world
    world.close()


@pytest.fixture
def base(world: World) -> str:
    return world.base_url


@pytest.fixture
def receiver(world: World) -> Iterator[Receiver]:
    """The account's server, by wechatpy; `receiver.answer` says what it replies."""
    with Receiver(world.credentials).running() as receiver:
        world.webhook = receiver.url
        yield receiver
