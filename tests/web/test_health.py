"""/healthz, /readyz and /metrics, with a database and a Redis that are there, away, or silent."""
import socket
import time
from datetime import timedelta

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine

from config import settings
from models.base import Sessions, utcnow
from models.campus import Account, Campus
from models.inbox import Inbox
from models.order import Order, place_order
from models.outbox import Outbox, owe
from models.person import Person
from models.rules.order_state import OrderEvent
from models.shop import Shop
from web.health import blueprint


@pytest.fixture
def client(database, redis_url, monkeypatch):
    monkeypatch.delenv("METRICS_TOKEN", raising=False)
    settings.load.cache_clear()
    app = Flask("health")
    app.register_blueprint(blueprint)
    yield app.test_client()
    settings.load.cache_clear()


@pytest.fixture
def configured(monkeypatch):
    def set_(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        settings.load.cache_clear()
    yield set_
    settings.load.cache_clear()


@pytest.fixture
def silence():
    """An address where connections are taken, and nothing is ever said."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(16)
        yield f"127.0.0.1:{server.getsockname()[1]}"


def scrape(client, **headers):
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    return {(sample.name, *sorted(value for name, value in sample.labels.items()
                                  if name != "process")): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples}


def test_all_is_well(client):
    ready = client.get("/readyz")

    assert (client.get("/healthz").text, ready.status_code) == ("ok\n", 200)
    assert ready.json == {"ready": True, "database": "ok", "redis": "ok"}


def test_without_redis_the_service_is_ready_and_says_so(client, configured):
    configured(REDIS_URL="redis://127.0.0.1:1")

    ready = client.get("/readyz")

    assert ready.status_code == 200
    assert ready.json == {"ready": True, "database": "ok", "redis": "unreachable"}


@pytest.mark.parametrize("where", ["away", "silent"])
def test_without_a_database_it_is_alive_but_not_ready_and_says_so_within_a_second(
        client, configured, silence, where):
    address = "127.0.0.1:1" if where == "away" else silence
    configured(DATABASE_URL=f"postgresql://x:y@{address}/z")

    for _ in range(3):  # a check that hangs does not make the next one hang longer
        began_at = time.monotonic()
        ready = client.get("/readyz")
        assert time.monotonic() - began_at < 1.5
        assert ready.status_code == 503
        assert ready.json == {"ready": False, "database": "unreachable", "redis": "ok"}
    assert client.get("/healthz").status_code == 200


def test_metrics_of_a_service_without_its_database_are_few_but_there(client, engine):
    lost = create_engine("postgresql+psycopg://x:y@127.0.0.1:1/z")
    Sessions.configure(bind=lost)
    try:
        assert scrape(client)["paotang_database_up",] == 0
    finally:
        Sessions.configure(bind=engine)


def test_metrics_tell_what_is_owed_waits_and_was_ordered(client, database):
    now = utcnow()
    with database.begin() as session:
        campus = Campus(name="c", tz="+08:00", file={}, loaded_at=now)
        session.add_all([campus, Account(app_id="wx", secret="s", token="t")])
        session.flush()
        shop = Shop(campus_id=campus.id, key="s", name="s")
        person = Person(app_id="wx", openid="o1", created_at=now)
        session.add_all([shop, person])
        session.flush()
        for age in (timedelta(hours=1), timedelta(hours=2), timedelta(days=2)):
            order = place_order(session, Order(
                campus_id=campus.id, shop_id=shop.id, buyer_id=person.id, lines=[],
                created_at=now - age))
        order.apply(session, OrderEvent.CANCELLED, now=now)
        owe(session, "notice", key="late", payload={}, now=now - timedelta(seconds=90))
        owe(session, "refund.ask", key="early", payload={}, now=now,
            due_at=now + timedelta(days=1))
        for key, outcome in (("a", "delivered by chat"), ("b", "dead: 45015")):
            session.add(Outbox(key=key, kind="notice", payload={}, created_at=now, due_at=now,
                               settled_at=now, outcome=outcome))
        session.add(Inbox(app_id="wx", key="1", person_id=person.id, body="{}",
                          heard_at=now - timedelta(seconds=30)))

    told = scrape(client)

    assert told["paotang_database_up",] == 1
    assert told["paotang_orders", "draft"] == 2
    assert ("paotang_orders", "cancelled") not in told  # it was made two days ago
    assert (told["paotang_outbox", "notice"], told["paotang_outbox", "refund.ask"]) == (1, 1)
    assert 90 <= told["paotang_outbox_overdue_seconds",] < 100
    assert told["paotang_outbox_dead",] == 1
    assert told["paotang_outbox_settled", "delivered", "notice"] == 1
    assert told["paotang_inbox_unanswered",] == 1
    assert 30 <= told["paotang_inbox_oldest_seconds",] < 40


def test_metrics_of_the_process_say_whose_they_are(client):
    before = scrape(client).get(("paotang_request_seconds_count", "2xx", "health.healthz"), 0)

    client.get("/healthz")

    assert scrape(client)["paotang_request_seconds_count", "2xx", "health.healthz"] == before + 1
    lines = [line for line in client.get("/metrics").text.splitlines()
             if line.startswith("paotang_request_seconds_count")]
    assert lines
    assert all('process="' in line for line in lines)


@pytest.mark.parametrize("headers", [
    {"X-Forwarded-For": "203.0.113.7"}, {"Forwarded": "for=203.0.113.7"}])
def test_without_a_token_only_this_machine_may_read_metrics(client, headers):
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", headers=headers).status_code == 403
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.7"}).status_code == 403
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": ""}).status_code == 403


def test_with_a_token_whoever_brings_it_may_read_metrics(client, configured):
    configured(METRICS_TOKEN="a long token")

    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 403
    answer = client.get("/metrics", headers={"Authorization": "Bearer a long token"},
                        environ_base={"REMOTE_ADDR": "203.0.113.7"})
    assert answer.status_code == 200
