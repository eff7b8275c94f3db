"""Fixtures for the whole suite. The servers are real (tests/support/servers.py)."""
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from redis import Redis
from sqlalchemy import Engine

from config import settings
from models.base import Sessions, connect
from tests.support.browser import chromium  # noqa: F401
from tests.support.servers import (  # noqa: F401
    database_server,
    database_url,
    empty_database_url,
    redis_url,
)
from tests.support.simulator import credentials, running_simulator
from tests.support.stage import Stage, empty, forget_everything, served
from tests.support.transcript import Chat

# A test's verdict must not depend on how busy the machine is.
hypothesis.settings.register_profile("paotang", deadline=None)
hypothesis.settings.load_profile("paotang")

CAMPUS = settings.ROOT / "config" / "campuses" / "demo.json"


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:  # noqa: F811
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def database(engine: Engine) -> Any:
    """`Sessions` on an empty database."""
    empty(engine)
    Sessions.configure(bind=engine)
    return Sessions


@pytest.fixture
def stage(database: Any, engine: Engine, redis_url: str,  # noqa: F811
          monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stage]:
    """The service and WeChat, without a campus."""
    monkeypatch.setattr(settings, "VAR", tmp_path)
    redis = Redis.from_url(redis_url)
    redis.flushall()
    with running_simulator(wire_follows_world=True) as world:
        port = int(world.base_url.rpartition(":")[2])
        for name, value in credentials().environ(port).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SECRET_KEY", "a secret of the tests, and long enough")
        forget_everything()
        from wsgi import create_app

        app = create_app()
        with served(app) as server:
            base_url = f"http://127.0.0.1:{server.server_port}"
            monkeypatch.setenv("PUBLIC_URL", base_url)
            forget_everything()
            world.webhook = base_url + "/wechat/{app_id}"
            yield Stage(world, base_url, redis, app.extensions["sos"])
            app.extensions["sos"].close()
            world.settle()  # what WeChat still tells us must not reach the next test
    redis.close()
    forget_everything()


@pytest.fixture
def demo_campus(stage: Stage) -> dict[str, Any]:
    """A campus file whose shops are all 阿香's and whose one rider is 阿哲."""
    campus: dict[str, Any] = json.loads(CAMPUS.read_text("utf-8"))
    del campus["points"]  # they would be in every sum: tests/transcripts/test_points.py
    for shop in campus["shops"]:
        shop["owners"] = [stage.openid("阿香")]
    campus["riders"] = [{"openid": stage.openid("阿哲"), "name": "阿哲", "phone": "13800000001"}]
    return campus


@pytest.fixture
def chat(stage: Stage, demo_campus: dict[str, Any]) -> Chat:
    """A campus with 小林 (student), 阿香 (owns all shops) and 阿哲 (rider)."""
    for name, role in (("小林", "student"), ("阿香", "merchant"), ("阿哲", "rider")):
        stage.add(name, role)
    stage.load(demo_campus)
    return Chat(stage)
