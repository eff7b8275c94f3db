"""A simulated WeChat on a real port, and an account's server that somebody else's library runs."""
import threading
from collections.abc import Iterator

import pytest
from wechatpayv3 import WeChatPay
from werkzeug.serving import BaseWSGIServer

from simulator import app as simulator_app
from simulator.credentials import Credentials, ensure
from simulator.state import Knobs, Phone
from simulator.world import World
from tests.simulator.clients import Api, wechatpayv3_client
from tests.simulator.receiver import Receiver


@pytest.fixture(scope="session")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return ensure(tmp_path_factory.mktemp("simulator"))


@pytest.fixture(scope="session")
def server(credentials: Credentials) -> Iterator[BaseWSGIServer]:
    """One server for all tests: building the routes takes longer than most of them."""
    server = simulator_app.make(World(credentials))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def world(credentials: Credentials, server: BaseWSGIServer) -> Iterator[World]:
    """A world of its own for each test, served, whose waits are short."""
    knobs = Knobs(retry_pause_s=0.0, template_report_s=0.0, refund_takes_s=0.0, notify_scale=0.001)
    world = World(credentials, knobs=knobs)
    world.base_url = f"http://127.0.0.1:{server.server_port}"
    server.app.config["WORLD"] = world  # type: ignore[attr-defined]
    yield world
    world.close()


@pytest.fixture
def lin(world: World) -> Phone:
    return world.add_phone("小林", "student")


@pytest.fixture
def api(world: World) -> Api:
    """api.weixin.qq.com, called without a library, with a stable token."""
    return Api(world)


@pytest.fixture
def receiver(world: World) -> Iterator[Receiver]:
    """The account's server, by wechatpy; `receiver.answer` says what it replies."""
    with Receiver(world.credentials).running() as receiver:
        world.webhook = receiver.url
        yield receiver


@pytest.fixture
def merchant(world: World, receiver: Receiver) -> WeChatPay:
    """wechatpayv3 in public-key mode, whose notices the receiver hears."""
    return wechatpayv3_client(world, receiver.notify_url)
