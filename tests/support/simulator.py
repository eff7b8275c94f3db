"""WeChat and WeChat Pay for the tests: the simulator, served on a free port."""
import atexit
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from config.settings import PaySettings, Settings
from simulator import app as simulator_app
from simulator.credentials import Credentials, ensure
from simulator.state import Knobs
from simulator.world import World


@cache
def credentials() -> Credentials:
    """One account, one merchant number and their keys, for all worlds of this process."""
    directory = Path(tempfile.mkdtemp(prefix="paotang-simulator-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return ensure(directory)


@contextmanager
def running_simulator(webhook: str = "", **knobs: Any) -> Iterator[World]:
    """A fresh world, served; its address is `world.base_url`. Its waits are short.

    `webhook` is where it pushes to ({app_id} is filled in); it may be set later as
    `world.webhook`. Any knob of simulator.state.Knobs can be given.
    """
    quick: dict[str, Any] = {"retry_pause_s": 0.0, "template_report_s": 0.0,
                             "refund_takes_s": 0.0, "notify_scale": 0.001}
    world = World(credentials(), webhook, knobs=Knobs(**{**quick, **knobs}))
    server = simulator_app.make(world)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield world
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        world.close()


def settings_for(world: World, **more: str) -> Settings:
    """The settings of a Paotang whose WeChat is that world."""
    port = int(world.base_url.rpartition(":")[2])
    return Settings({**credentials().environ(port), **more})


def pay_settings(world: World) -> PaySettings:
    return settings_for(world).pay
