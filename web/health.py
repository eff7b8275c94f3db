"""For machines: /healthz, /readyz and /metrics (docs/health.md).

Numbers on /metrics are of two kinds. Counters and timings are this web process's own and say so
in their label `process`; the next scrape may meet its twin, whose series are others. What is
true of the whole service (orders, debts, messages) is asked of the database at each scrape, so
that every process tells the same.
"""
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from datetime import datetime, timedelta
from functools import cache
from hmac import compare_digest
from typing import Any, Final

from flask import Blueprint, Response, g, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine, NullPool, create_engine, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from config import settings
from config.metrics import REQUEST_SECONDS
from config.settings import is_loopback
from gateways.shared_value import open_redis
from models.base import Session, Sessions, utcnow
from models.inbox import Inbox
from models.order import Order
from models.outbox import Outbox

PATIENCE_S: Final = 1.0
A_DAY: Final = timedelta(days=1)
NEWEST: Final = 50_000  # rows: a scrape costs the same however large the tables grow
FORWARDED: Final = ("Forwarded", "X-Forwarded-For", "X-Real-Ip")

blueprint = Blueprint("health", __name__)
_asking_database = ThreadPoolExecutor(1, thread_name_prefix="readyz-database")
_asking_redis = ThreadPoolExecutor(1, thread_name_prefix="readyz-redis")


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process answers. Asks nobody else: WeChat's webhook must not fall with a database."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 when the database answers within a second. Redis is reported, but not needed."""
    database = _asking_database.submit(_ask_database)
    redis = _asking_redis.submit(_ask_redis)
    deadline = time.monotonic() + PATIENCE_S
    ready, has_redis = _said_yes(database, deadline), _said_yes(redis, deadline)
    told = jsonify(ready=ready, database="ok" if ready else "unreachable",
                   redis="ok" if has_redis else "unreachable")
    return told, 200 if ready else 503


def _ask_database() -> None:
    """On a connection of its own: one from the pool may have been silent for minutes."""
    with _database(settings.load().database_url).connect() as connection:
        connection.execute(text("SELECT 1"))


@cache
def _database(url: str) -> Engine:
    return create_engine(url, poolclass=NullPool, connect_args={
        "connect_timeout": 2, "tcp_user_timeout": 2000, "options": "-c statement_timeout=1000"})


def _ask_redis() -> None:
    _redis(settings.load().redis_url).ping()


@cache
def _redis(url: str) -> Any:
    return open_redis(url)


def _said_yes(asked: "Future[None]", deadline: float) -> bool:
    try:
        asked.result(max(0.0, deadline - time.monotonic()))
    except TooSlow:
        asked.cancel()  # if it has not begun, it need not: the next one asks again
        return False
    except Exception:  # whatever it was, the answer is no
        return False
    return True


# --- /metrics -------------------------------------------------------------------------------

@blueprint.get("/metrics")
def metrics() -> Response:
    if not _may_read():
        return Response("not for you\n", 403, mimetype="text/plain")
    shown = CollectorRegistry(auto_describe=False)
    shown.register(_Ours())
    shown.register(_Service())
    return Response(generate_latest(shown), content_type=CONTENT_TYPE_LATEST)


def _may_read() -> bool:
    """Whoever brings METRICS_TOKEN; where none is set, this machine alone, through no proxy."""
    if token := settings.load().metrics_token:
        given = request.headers.get("Authorization", "")
        return compare_digest(given.encode(), f"Bearer {token}".encode())
    through_proxy = any(name in request.headers for name in FORWARDED)
    return is_loopback(request.remote_addr or "") and not through_proxy


@blueprint.before_app_request
def _start() -> None:
    g.began_at = time.perf_counter()


@blueprint.after_app_request
def _note(response: Response) -> Response:
    if began_at := g.pop("began_at", None):
        REQUEST_SECONDS.labels(request.endpoint or "unknown", f"{response.status_code // 100}xx"
                               ).observe(time.perf_counter() - began_at)
    return response


class _Ours(Collector):
    """What config/metrics.py counts in this process."""

    def collect(self) -> Iterable[Metric]:
        for family in REGISTRY.collect():
            for i, sample in enumerate(family.samples):
                family.samples[i] = sample._replace(
                    labels={**sample.labels, "process": str(os.getpid())})
            yield family


class _Service(Collector):
    """What is true of the whole service, from the database."""

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("paotang_database_up", "Whether the database answered this scrape")
        try:
            with Sessions() as session:
                found = list(_service(session, utcnow()))
        except SQLAlchemyError:
            found = []
        up.add_metric([], 1.0 if found else 0.0)
        return [up, *found]


def _service(session: Session, now: datetime) -> Iterator[Metric]:
    session.execute(text("SET LOCAL statement_timeout = '2s'"))
    yield from _debts(session, now)
    yield _orders(session, now)
    yield _settled(session, now)
    waiting = select(func.count(), func.min(Inbox.heard_at)).where(Inbox.answered_at.is_(None))
    count, oldest = session.execute(waiting).one()
    yield _gauge("paotang_inbox_unanswered", "Messages that have had no turn yet", count)
    yield _gauge("paotang_inbox_oldest_seconds", "How long the oldest of them waits",
                 _age_s(oldest, now))


def _debts(session: Session, now: datetime) -> Iterator[Metric]:
    owed = GaugeMetricFamily("paotang_outbox", "Debts not settled", labels=["kind"])
    due = select(Outbox.kind, func.count(), func.min(Outbox.due_at)).where(
        Outbox.settled_at.is_(None)).group_by(Outbox.kind)
    oldest = now
    for kind, count, due_at in session.execute(due):
        owed.add_metric([kind], count)
        oldest = min(oldest, due_at)
    yield owed
    yield _gauge("paotang_outbox_overdue_seconds", "How long the oldest debt has been due",
                 _age_s(oldest, now))
    dead = select(func.count()).select_from(Outbox).where(
        Outbox.outcome.like("dead%"), Outbox.settled_at > now - 7 * A_DAY)
    yield _gauge("paotang_outbox_dead", "Dead letters of the last 7 days", session.scalar(dead))


def _orders(session: Session, now: datetime) -> Metric:
    family = GaugeMetricFamily(
        "paotang_orders", f"Orders made in the last day (of the newest {NEWEST})",
        labels=["state"])
    newest = select(Order.state, Order.created_at).order_by(Order.id.desc()).limit(
        NEWEST).subquery()
    for state, count in session.execute(select(newest.c.state, func.count()).where(
            newest.c.created_at > now - A_DAY).group_by(newest.c.state)):
        family.add_metric([state], count)
    return family


def _settled(session: Session, now: datetime) -> Metric:
    """Outcomes begin with a word: delivered, dropped, dead …"""
    family = GaugeMetricFamily(
        "paotang_outbox_settled", f"Debts settled in the last day (of the newest {NEWEST})",
        labels=["kind", "outcome"])
    newest = select(Outbox.kind, Outbox.outcome, Outbox.settled_at).order_by(
        Outbox.id.desc()).limit(NEWEST).subquery()
    word = func.substring(newest.c.outcome, "^[a-z]+")
    for kind, outcome, count in session.execute(select(newest.c.kind, word, func.count()).where(
            newest.c.settled_at > now - A_DAY).group_by(newest.c.kind, word)):
        family.add_metric([kind, outcome or "other"], count)
    return family


def _gauge(name: str, what: str, value: float | None) -> Metric:
    return GaugeMetricFamily(name, what, value=float(value or 0))


def _age_s(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
