"""A whole Paotang on a stage: real Postgres, Redis, RQ and HTTP, the simulator as WeChat."""
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import requests
from redis import Redis
from rq import Queue, SimpleWorker
from sqlalchemy import Engine, text
from werkzeug.serving import BaseWSGIServer, make_server

from bot import accounts, refusals
from config import settings
from handlers.campus import ensure_account, load_campus
from handlers.sos import guards
from models.base import Base, Clock, Sessions, utcnow
from simulator import webview
from simulator.credentials import openid_for
from simulator.world import World
from tests.support.simulator import credentials
from web import gateways as pages
from web.sos import Ringer
from workers import clock, doors
from workers.rounds import queues_of

QUEUES = ("turns", "push", "money", "dispatch")
CAMPUS_ZONE = timezone(timedelta(hours=8))
APPEND_ONLY = ("ledger_entries", "ledger_groups")


@dataclass
class Stage:
    """`world`: WeChat and the phones. `base_url`: our own web process."""

    world: World
    base_url: str
    redis: Redis
    ringer: Ringer
    seen: dict[str, int] = field(default_factory=dict)  # phone name → last event looked at

    def openid(self, name: str) -> str:
        return openid_for(credentials().app_id, name)

    def load(self, campus: dict[str, Any]) -> None:
        """Let the account serve this campus, from now on and from this version of it."""
        now = utcnow()
        with Sessions.begin() as session:
            ensure_account(session, settings.load().wechat_account)
            load_campus(session, campus, app_id=credentials().app_id, now=now)
        accounts.forget()
        guards.forget()

    def add(self, name: str, role: str = "other", followed: bool = True) -> None:
        self.world.add_phone(name, role, followed=followed)

    def says(self, name: str, words: str, tap: str | None = None, times: int = 1) -> str | None:
        return self.world.say(name, words, tap, times=times)

    def pump(self, rounds: int = 6) -> None:
        """Let clock, relay and workers do all that is due. A failed job fails the test."""
        clock.sweep(now=utcnow())
        for _ in range(rounds):
            clock.beat(self.redis, now=utcnow())
            done = sum(self._work(queue.name) for name in QUEUES
                       for queue in queues_of(name, self.redis))
            self.world.settle()
            if not done:
                return

    def ring(self) -> None:
        """Let the web process place the calls that are due."""
        self.ringer.settle()
        self.world.settle()

    def _work(self, name: str) -> int:
        queue = Queue(name, connection=self.redis)
        waiting = len(queue)
        if waiting:
            SimpleWorker([queue], connection=self.redis).work(burst=True, logging_level="ERROR")
        failed = queue.failed_job_registry.get_job_ids()
        assert not failed, queue.fetch_job(failed[0]).latest_result().exc_string
        return waiting

    def lose_redis(self) -> None:
        """Everything that is due goes to Redis, which then loses it all; its leases run out."""
        clock.beat(self.redis, now=utcnow())
        self.redis.flushall()
        self.pass_time(seconds=31)

    def pass_time(self, **span: float) -> None:
        """So much later, for us and for WeChat."""
        Clock.ahead += timedelta(**span)
        self.world.advance(timedelta(**span).total_seconds())

    def wait_until(self, hour: int, minute: int) -> None:
        """The next time that the campus's clocks (+08:00) show this."""
        now = utcnow().astimezone(CAMPUS_ZONE)
        then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        self.pass_time(seconds=((then - now) % timedelta(days=1)).total_seconds())

    def news(self, name: str) -> list[dict[str, Any]]:
        """What this phone has heard since it was last looked at."""
        events = self.world.events(self.seen.get(name, 0), name)
        self.seen[name] = self.world.last_seq
        return [event for event in events if event["type"] != "said"]

    def pay(self, name: str, url: str) -> str:
        """Open a pay link on a phone, tap the button and confirm; the page's err_msg."""
        return self.confirm(name, self.open_sheet(name, url))

    def open_sheet(self, name: str, url: str) -> dict[str, str]:
        """Open a pay link on a phone and tap the button; what the page hands to WeChat."""
        page = self.world.open(name, url)
        shown = requests.get(page, timeout=10)
        shown.raise_for_status()
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(page))
        path = urlsplit(shown.url).path
        asked = requests.post(f"{origin}{path}/prepay", timeout=10, headers={
            "Origin": origin, "Sec-Fetch-Site": "same-origin"})
        asked.raise_for_status()
        return dict(asked.json())

    def share_phone(self, one: str, other: str) -> None:
        """Both open pages in one browser, as two accounts on one phone do."""
        browsers = [webview._browser(self.world, self.world.phone(name)) for name in (one, other)]
        browsers[1].jar = browsers[0].jar

    def confirm(self, name: str, signed: dict[str, str]) -> str:
        """Pay on a sheet that is open; what the page hears."""
        prepay_id = signed["package"].removeprefix("prepay_id=")
        return str(self.world.pay(name, prepay_id, signed)["err_msg"])


@contextmanager
def served(app: Any) -> Iterator[BaseWSGIServer]:
    """A WSGI app on a free port, in a thread."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def empty(engine: Engine) -> None:
    """An empty database. Not rolled back: workers open their own transactions. Not truncated:
    deleting a few rows is many times quicker, the ledger's own refusal set aside meanwhile."""
    with engine.begin() as connection:
        for table in APPEND_ONLY:
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
        for table in APPEND_ONLY:
            connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
        for serial in ("order_code_serial", "refund_code_serial", "group_code_serial"):
            connection.execute(text(f"ALTER SEQUENCE {serial} RESTART"))


def forget_everything(*caches: Callable[..., Any]) -> None:
    """What a process keeps for its life, but a test only for its own."""
    Clock.ahead = timedelta()
    settings.load.cache_clear()
    accounts.forget()
    refusals.forget()
    guards.forget()
    for cached in (doors.open_redis, doors._wechat, pages._counter, *caches):
        cached.cache_clear()  # type: ignore[attr-defined]
