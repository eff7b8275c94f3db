"""Dispatch rounds: one at a time for each campus, and whole or not at all."""
import os
import signal
import subprocess
import sys
import threading

import pytest
from redis import Redis
from rq import Queue
from sqlalchemy import func, select, text, update

from cli.embedded import python_path
from models.base import Sessions, utcnow
from models.campus import Campus
from models.locks import DISPATCH_LOCK
from models.outbox import Outbox
from models.rider import Offer, Rider
from tests.transcripts.test_riding import cooking
from workers import clock, dispatch
from workers.dispatch import tick
from workers.rounds import ask_for_round, queues_of

DIES = """
import os, signal, workers.dispatch
from models.base import connect, utcnow
connect(os.environ["DATABASE_URL"])
apply = workers.dispatch.apply_plan
def half(*given, **more):
    assert apply(*given, **more) == 1
    os.kill(os.getpid(), signal.SIGKILL)
workers.dispatch.apply_plan = half
workers.dispatch.tick(int(os.environ["CAMPUS"]), now=utcnow())
"""


@pytest.fixture
def waiting(chat):
    """One order on the stove and one rider on duty, whom nobody has asked yet."""
    chat.play(cooking("小林", "$c") + "阿哲  上线")
    return chat


def campus_id():
    with Sessions() as session:
        return session.scalars(select(Campus.id)).one()


def left():
    with Sessions() as session:
        offers = session.scalar(select(func.count()).select_from(Offer))
        notices = session.scalar(select(func.count()).select_from(Outbox).where(
            Outbox.key.like("%offer:%")))
        return offers, notices


def test_a_round_that_is_killed_leaves_nothing_half_assigned(waiting, engine):
    url = engine.url.render_as_string(hide_password=False)
    died = subprocess.run([sys.executable, "-c", DIES], check=False, env={
        **os.environ, "DATABASE_URL": url, "CAMPUS": str(campus_id()),
        "PYTHONPATH": python_path()})
    assert died.returncode == -signal.SIGKILL
    assert left() == (0, 0)
    assert tick(campus_id(), now=utcnow()) == 1
    offers, notices = left()
    assert offers == 1
    assert notices >= 1


def test_a_campus_has_one_round_at_a_time_from_its_first_look(waiting):
    with Sessions() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(:lock, :campus)"),
                      {"lock": DISPATCH_LOCK, "campus": campus_id()})
        assert tick(campus_id(), now=utcnow()) == 0
        assert left() == (0, 0)
    assert tick(campus_id(), now=utcnow()) == 1


def test_who_goes_off_duty_while_a_round_thinks_is_offered_nothing(waiting, monkeypatch):
    """The plan is made from a look that is old by the time the offers are written."""
    plan = dispatch.solve

    def slow(*told, **more):
        planned = plan(*told, **more)
        with Sessions.begin() as session:
            session.execute(update(Rider).values(is_on_duty=False))
        return planned

    monkeypatch.setattr(dispatch, "solve", slow)
    tick(campus_id(), now=utcnow())
    assert left() == (0, 0)


def test_rounds_that_race_make_one_offer(waiting):
    barrier, made = threading.Barrier(4), []

    def race():
        barrier.wait()
        made.append(tick(campus_id(), now=utcnow()))
    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(made) == 1
    assert left()[0] == 1


def test_each_campus_has_its_own_queue_and_never_two_rounds_in_it(redis_url):
    redis = Redis.from_url(redis_url)
    redis.flushall()
    assert [ask_for_round(redis, campus, now=utcnow()) for campus in (7, 8, 7)] == [
        True, True, False]
    assert [q.name for q in queues_of("dispatch", redis)] == [
        "dispatch", "dispatch-7", "dispatch-8"]
    assert [q.name for q in queues_of("push", redis)] == ["push"]
    redis.flushall()


def test_the_clock_asks_for_a_round_where_an_order_waits(waiting):
    redis = waiting.stage.redis
    clock.beat(redis, now=utcnow())
    clock.beat(redis, now=utcnow())
    assert len(Queue(f"dispatch-{campus_id()}", connection=redis)) == 1
