"""`doctor` finds what is wrong, says what to do, and tells no secret."""
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from click.testing import CliRunner
from rq import Worker

from cli import checkup
from cli.doctor import doctor
from cli.menu import publish_all
from cli.worker import QUEUES
from config import settings
from models.base import utcnow
from models.locks import CLOCK_LOCK
from models.outbox import Outbox, owe
from models.turn import keep
from tests.support.scripted import says, scripted
from tests.support.simulator import credentials


def run():
    return CliRunner().invoke(doctor, [])


def findings(told):
    """(level, the rest of the line)"""
    return [(line[:6].strip(), line[6:]) for line in told.stdout.splitlines()
            if line[:4] in ("ok  ", "warn", "FAIL")]


def found(told, level, *words):
    lines = [line for its, line in findings(told) if its == level]
    return any(all(word in line for word in words) for line in lines)


@contextmanager
def processes(stage):
    """A clock that leads, and workers on every queue."""
    workers = [Worker([queue], connection=stage.redis) for queue in QUEUES]
    for worker in workers:
        worker.register_birth()
    url = settings.load().database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as clock:
        clock.execute("SELECT pg_advisory_lock(%s)", [CLOCK_LOCK])
        yield
    for worker in workers:
        worker.register_death()


def test_a_whole_service_is_fine(chat):
    publish_all(None)
    chat.stage.pump()
    with processes(chat.stage):
        told = run()

    assert told.exit_code == 0, told.output
    assert {level for level, _ in findings(told)} == {"ok"}, told.output
    for about in ("PUBLIC_URL", "SECRET_KEY", "BIND", "WEB_WORKERS", "WECHAT_APP_ID",
                  "WECHAT_TEMPLATES", "WECHAT_PAY_MCH_ID", "database", "schema", "redis",
                  "workers", "clock", "clock against the database", "clock against WeChat",
                  "campus", "WeChat Pay", "web", f"pushes to {credentials().app_id}", "outbox",
                  "dead letters", "inbox"):
        assert found(told, "ok", f"{about}: "), f"{about}\n{told.stdout}"
    known = credentials()
    for secret in (known.secret, known.token, known.aes_key, known.api_v3_key,
                   "secret of the tests"):
        assert secret not in told.output


def test_what_does_not_run_and_what_is_left_undone_is_named(stage):
    now = utcnow()
    with psycopg.connect(settings.load().database_url.replace("+psycopg", "")) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [CLOCK_LOCK + 1])  # somebody else's lock
        stage.load(a_campus())
        from models.base import Sessions
        with Sessions.begin() as session:
            keep(session, app_id=credentials().app_id, openid="o" + "x" * 27, key="1", body="{}",
                 is_event=False, now=now - timedelta(minutes=7))
            owe(session, "notice", key="n:1", payload={}, now=now - timedelta(hours=3))
            for key, kind, outcome in (
                    ("n:2", "notice", f"dead: 43004 to o{'x' * 27}"),
                    ("refund.ask:9", "refund.ask", "dead: abnormal"),
                    ("old", "notice", "dead: long ago")):
                at = now - timedelta(days=8 if key == "old" else 0)
                session.add(Outbox(key=key, kind=kind, payload={}, created_at=at, due_at=at,
                                   settled_at=at, outcome=outcome))

        told = run()

    assert told.exit_code == 1
    assert found(told, "FAIL", "workers: nobody listens on turns, push, money, dispatch")
    assert found(told, "FAIL", "clock: no clock process leads")
    assert found(told, "FAIL", "outbox: 1 overdue, the oldest for 3 h")
    assert found(told, "FAIL", "inbox: 1 unanswered, the oldest for 7 min")
    assert found(told, "FAIL", "dead letter: refund.ask refund.ask:9: dead: abnormal")
    assert found(told, "warn", "dead letter: notice n:2: dead: 43004 to •••")
    assert "long ago" not in told.stdout
    assert "→ start ./paotang worker" in told.stdout


def a_campus():
    return {"campus": "小", "shops": [], "places": []}


def test_the_first_missing_variable_is_named(stage, monkeypatch):
    monkeypatch.delenv("WECHAT_APP_SECRET")
    monkeypatch.delenv("WECHAT_TOKEN")
    monkeypatch.delenv("WECHAT_PAY_MCH_ID")
    monkeypatch.setenv("BIND", "nowhere")

    told = run()

    assert told.exit_code == 1
    assert found(told, "FAIL", "WECHAT_APP_SECRET: is not set")
    assert found(told, "FAIL", "WECHAT_PAY_MCH_ID: is not set")
    assert found(told, "FAIL", "BIND: must look like")
    assert "WECHAT_TOKEN" not in told.stdout


@pytest.mark.parametrize(("name", "value", "level", "words"), [
    ("WECHAT_APP_SECRET", "wrong", "FAIL", ("WeChat wx", "40125")),
    ("WECHAT_AES_KEY", "short", "FAIL", ("WECHAT_AES_KEY", "is not 43")),
    ("WECHAT_PAY_CERT_SERIAL", "00FF", "FAIL", ("WeChat Pay", "SIGN_ERROR")),
    ("WECHAT_PAY_API_V3_KEY", "short", "FAIL", ("WECHAT_PAY_API_V3_KEY", "32")),
    ("WECHAT_PAY_PRIVATE_KEY", "/nowhere.pem", "FAIL", ("WECHAT_PAY_PRIVATE_KEY", "cannot read")),
    ("WECHAT_PAY_PUBLIC_KEY_ID", "PUB_KEY_ID_OTHER", "FAIL", ("WeChat Pay",)),
    ("WECHAT_PAY_API_BASE", "http://127.0.0.1:1", "FAIL", ("WeChat Pay", "ConnectionError")),
    ("WECHAT_API_BASE", "http://127.0.0.1:1", "FAIL", ("WeChat wx", "ConnectionError")),
    ("WECHAT_TEMPLATES", '{"paid": {"id": "mine"}}', "FAIL", ("it has none for paid",)),
    ("WECHAT_TEMPLATES", "{", "FAIL", ("WECHAT_TEMPLATES", "is not JSON")),
    ("PUBLIC_URL", "http://paotang.example:1", "warn", ("PUBLIC_URL",)),
    ("PUBLIC_URL", "paotang.example", "FAIL", ("PUBLIC_URL", "is no address")),
    ("SECRET_KEY", "another key, and one that is long enough", "FAIL", ("SECRET_KEY", "sealed")),
    ("REDIS_URL", "nonsense:hush@x", "FAIL", ("REDIS_URL", "is no address")),
    ("DATABASE_URL", "postgresql://u:hush@127.0.0.1:1/d", "FAIL", ("database", "refused")),
    ("DATABASE_URL", "oracle://u:hush@127.0.0.1:1/d", "FAIL", ("database",)),
])
def test_one_wrong_setting_is_found(stage, monkeypatch, name, value, level, words):
    stage.load(a_campus())
    monkeypatch.setenv(name, value)

    told = run()

    assert found(told, level, *words), told.output
    assert "hush" not in told.output
    assert "Traceback" not in told.output


def test_a_database_behind_is_to_be_migrated(stage, empty_database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", empty_database_url)

    told = run()

    assert found(told, "FAIL", "schema: at none, the newest is ")
    assert "→ run ./paotang migrate" in told.stdout


@pytest.mark.parametrize(("off_s", "level"), [(0, "ok"), (20, "warn"), (-400, "FAIL")])
def test_a_clock_that_is_off_is_noticed(off_s, level):
    date = (utcnow() + timedelta(seconds=off_s)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    with scripted(says(b"{}")) as wechat:
        # http.server sends a Date of its own, so ours comes from the same place by another road
        finding = checkup._skew("clock", lambda: checkup.parsedate_to_datetime(date), utcnow, 1.0)
        there = checkup._date_of(wechat.base)

    assert finding.level == level
    assert abs((utcnow() - there).total_seconds()) < 5
