"""Ten faults, planted one at a time: `doctor` names each of them and says what to mend."""
import os
import subprocess
import sys
import sysconfig
from datetime import timedelta

import psycopg
import pytest

from bot import refusals
from cli import pushes
from config import settings
from config.settings import ROOT
from models.base import Clock, Sessions, utcnow
from models.campus import Account
from models.outbox import Outbox, owe
from tests.cli.conftest import eventually
from tests.cli.test_doctor import a_campus, findings, found, processes, run
from tests.support.simulator import credentials

NOWHERE = "127.0.0.1:1"
OTHER_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def pushed(stage):
    """小林 says something; whatever came of it."""
    stage.add("小林", "student")
    stage.world.knobs.deliveries = 1
    stage.says("小林", "在吗")


def wrong_token_in_env(stage, monkeypatch):
    monkeypatch.setenv("WECHAT_TOKEN", "another")


def wrong_aes_key_in_env(stage, monkeypatch):
    monkeypatch.setenv("WECHAT_AES_KEY", OTHER_KEY)


def wrong_token_at_wechat(stage, monkeypatch):
    stage.world.accounts[credentials().app_id].token = "another"
    pushed(stage)


def wrong_aes_key_at_wechat(stage, monkeypatch):
    stage.world.accounts[credentials().app_id].aes_key = OTHER_KEY
    pushed(stage)


def expired_secret(stage, monkeypatch):
    """Reset in the console: the one we have is no longer good."""
    stage.world.accounts[credentials().app_id].secret = "a new one"


def unreachable_database(stage, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:hush@{NOWHERE}/d")


def missing_redis(stage, monkeypatch):
    monkeypatch.setenv("REDIS_URL", f"redis://:hush@{NOWHERE}/0")


def clock_six_minutes_ahead(stage, monkeypatch):
    Clock.ahead = timedelta(minutes=6)


def clock_six_minutes_behind(stage, monkeypatch):
    Clock.ahead = -timedelta(minutes=6)


def old_outbox(stage, monkeypatch):
    with Sessions.begin() as session:
        owe(session, "notice", key="n:1", payload={}, now=utcnow() - timedelta(seconds=125))


def dead_letters(stage, monkeypatch):
    now = utcnow()
    with Sessions.begin() as session:
        for number, kind in enumerate(("refund.ask", "notice")):
            session.add(Outbox(key=f"k{number}", kind=kind, payload={}, created_at=now,
                               due_at=now, settled_at=now, outcome="dead: abnormal"))


def missing_template(stage, monkeypatch):
    account = stage.world.accounts[credentials().app_id]
    account.templates = [t for t in account.templates if t["template_id"] != "arrived"]


@pytest.mark.parametrize(("plant", "says", "todo"), [
    (wrong_token_in_env, "pushes to {app}: web refuses what these settings seal: wrong signature",
     "make WECHAT_TOKEN the token of the account's 服务器配置"),
    (wrong_aes_key_in_env, "pushes to {app}: web refuses what these settings seal: cannot be "
     "decrypted", "make WECHAT_AES_KEY the account's EncodingAESKey"),
    (wrong_token_at_wechat, "pushes of {app}: the last one, 0 min ago, was refused: "
     "wrong signature", "make WECHAT_TOKEN the token of the account's 服务器配置"),
    (wrong_aes_key_at_wechat, "pushes of {app}: the last one, 0 min ago, was refused: cannot be "
     "decrypted", "make WECHAT_AES_KEY the account's EncodingAESKey"),
    (expired_secret, "WeChat {app}: ", "check WECHAT_APP_SECRET: it was reset"),
    (unreachable_database, "database: ", "start PostgreSQL, or correct DATABASE_URL"),
    (missing_redis, "redis: ConnectionError", "start Redis, or correct REDIS_URL"),
    (clock_six_minutes_ahead, "clock against WeChat: ours is 3", "set the clocks by NTP"),
    (clock_six_minutes_behind, "clock against the database: ours is 36", "set the clocks by NTP"),
    (old_outbox, "outbox: 1 overdue, the oldest for 2 min", "are the clock and the workers"),
    (dead_letters, "dead letter: refund.ask k0: dead: abnormal", "the log says why; mend that"),
    (missing_template, "WeChat {app} templates: it has none for arrived",
     "add them in the account"),
])
def test_a_planted_fault_is_named(stage, monkeypatch, plant, says, todo):
    says = says.replace("{app}", credentials().app_id)
    stage.load(a_campus())
    with processes(stage):
        plant(stage, monkeypatch)
        settings.load.cache_clear()
        told = run()

    assert told.exit_code == 1
    assert found(told, "FAIL", says), told.output
    lines = told.stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("FAIL") and says in line)
    assert todo in lines[at + 1], told.output
    for secret in ("hush", credentials().secret, credentials().token, credentials().aes_key):
        assert secret not in told.output


def test_a_dead_clock_process(stage):
    stage.load(a_campus())
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(
        [str(ROOT), sysconfig.get_path("purelib")])}
    clock = subprocess.Popen([sys.executable, "-P", "-m", "cli", "clock"], cwd=ROOT, env=environ,
                             stderr=subprocess.DEVNULL)
    url = settings.load().database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as asking:
        def leads():
            return asking.execute("SELECT 1 FROM pg_locks l JOIN pg_database d "
                                  "ON d.oid = l.database WHERE l.locktype = 'advisory' "
                                  "AND l.granted AND d.datname = current_database()").fetchone()
        try:
            assert eventually(leads)
            assert found(run(), "ok", "clock: one process leads")
        finally:
            clock.kill()
            clock.wait()
        assert eventually(lambda: not leads())

    told = run()
    assert found(told, "FAIL", "clock: no clock process leads")
    assert "→ start ./paotang clock" in told.stdout


def test_a_forged_push_after_good_ones_is_a_warning_and_forgotten_with_the_next(stage):
    stage.load(a_campus())
    pushed(stage)
    stage.world.faults.add("push/text", forge=True)
    stage.says("小林", "在吗")
    assert [f.level for f in pushes.refusals(now=utcnow())] == ["warn"]

    stage.pass_time(seconds=1)
    stage.says("小林", "在吗")
    assert list(pushes.refusals(now=utcnow())) == []


def test_what_doctor_itself_sends_is_no_evidence(stage, monkeypatch):
    stage.load(a_campus())
    monkeypatch.setenv("WECHAT_TOKEN", "another")
    settings.load.cache_clear()
    assert pushes.probe(settings.load().wechat_account, stage.base_url, utcnow()).level == "FAIL"
    assert list(pushes.refusals(now=utcnow())) == []


def test_a_forger_makes_us_write_once(stage):
    stage.load(a_campus())
    stage.world.knobs.deliveries = 1
    stage.add("小林", "student")
    stage.world.faults.add("push/text", times=None, forge=True)
    stage.says("小林", "一")
    with Sessions() as session:
        first = session.get_one(Account, credentials().app_id).refused_at
    stage.pass_time(seconds=5)
    stage.says("小林", "二")
    with Sessions() as session:
        assert session.get_one(Account, credentials().app_id).refused_at == first
    refusals.forget()
    stage.says("小林", "三")
    with Sessions() as session:
        assert session.get_one(Account, credentials().app_id).refused_at > first


def test_a_service_in_plaintext_opens_what_doctor_sends(stage, monkeypatch):
    monkeypatch.delenv("WECHAT_AES_KEY")
    settings.load.cache_clear()
    stage.load(a_campus())

    assert pushes.probe(settings.load().wechat_account, stage.base_url, utcnow()).level == "ok"
    assert not any("pushes" in line for level, line in findings(run()) if level == "FAIL")
