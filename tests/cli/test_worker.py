"""`worker`, as a process, on a Redis that comes late, falls, and comes back."""
import os
import signal
import subprocess

import pytest
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.job import JobStatus

from cli.embedded import python_path
from cli.processes import ours
from tests.cli.conftest import eventually, processes


@pytest.fixture
def worker(users):
    """On the queue `push`. Redis is not there yet, but its address is known."""
    user, urls = users.ready("r")
    user.communicate()
    started = subprocess.Popen(
        ours("worker", "push"), stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": python_path(), "REDIS_URL": urls["redis_url"],
             "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"})
    yield started, urls["redis_url"]
    started.kill()
    started.communicate()


def works(redis_url: str, queue: str = "push") -> bool:
    """Whether a job given now is done."""
    try:
        with Redis.from_url(redis_url) as redis:
            job = Queue(queue, connection=redis).enqueue("operator.add", 40, 2)
            return eventually(lambda: job.get_status() == JobStatus.FINISHED, within_s=20)
    except RedisError:
        return False


def test_a_worker_waits_for_redis_and_outlives_its_fall(worker, users):
    started, url = worker
    lines = (line for line in started.stderr)
    assert any("Redis is away" in line for line in lines)

    users.ready("r")
    assert eventually(lambda: works(url), within_s=60)

    for process in processes(users.var):
        if "valkey-server" in " ".join(process.cmdline()):
            process.kill()
    assert eventually(lambda: works(url), within_s=60)

    started.send_signal(signal.SIGTERM)
    assert started.wait(20) == 0


def test_the_dispatch_worker_finds_the_queue_of_a_campus_that_is_new(users):
    _, urls = users.ready("r")
    started = subprocess.Popen(
        ours("worker", "dispatch"), env={
            **os.environ, "PYTHONPATH": python_path(), "REDIS_URL": urls["redis_url"],
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"})
    try:
        assert works(urls["redis_url"], "dispatch")
        assert works(urls["redis_url"], "dispatch-7")
        assert works(urls["redis_url"], "dispatch-8")
    finally:
        started.terminate()
        assert started.wait(20) == 0


def test_a_queue_that_does_not_exist_is_refused():
    tried = subprocess.run(ours("worker", "trunk"), capture_output=True, text=True, check=False,
                           env={**os.environ, "PYTHONPATH": python_path()})
    assert tried.returncode == 2
    assert "trunk" in tried.stderr
    assert "turns, push, money, dispatch" in tried.stderr
