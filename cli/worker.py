"""`worker`: RQ's SimpleWorker, one process per queue.

One queue each, since only then does RQ keep a job that was popped by a worker which then died;
short TTLs, since an idle worker looks after abandoned jobs only between two waits.
"""
import logging
import os
import signal
import time
from importlib import import_module
from types import FrameType
from typing import TYPE_CHECKING

import click

from cli import embedded
from cli.base import MISUSED, command, give_up
from cli.processes import Process, ours, run_all
from config import settings

if TYPE_CHECKING:
    from redis import Redis

QUEUES = ("turns", "push", "money", "dispatch")
WORKER_TTL_S = 30  # it waits TTL - 15 s for a job before it looks up
MAINTENANCE_S = 10
RETRY_S = 2.0  # Redis is away: how long until the next look
SPREAD_S = 5  # how long a new campus's first dispatch round may wait to be found

log = logging.getLogger("paotang.worker")


@command("worker")
@click.argument("queues", metavar="[QUEUE]...", nargs=-1)
def worker(queues: tuple[str, ...]) -> None:
    """Work on RQ's queues: turns, push, money, dispatch (all, if none is named)."""
    if unknown := [queue for queue in queues if queue not in QUEUES]:
        give_up(f"no such queue: {unknown[0]} (there are {', '.join(QUEUES)})", MISUSED)
    embedded.apply(os.environ)
    given = settings.load()
    wanted = queues or QUEUES
    if len(wanted) > 1:
        raise SystemExit(run_all([Process(queue, ours("worker", queue)) for queue in wanted]))
    _ = given.database_url  # jobs need it: say so now, not at the first one
    work(wanted[0], given.redis_url)


def work(queue: str, redis_url: str) -> None:
    """Until SIGTERM or Ctrl-C. A Redis that is away, or comes back empty, is waited for."""
    from redis import Redis

    from config.logging import configure

    import_module("workers.jobs")  # loaded before the first job, not by it
    configure()
    logging.getLogger("rq.worker").setLevel(logging.WARNING)  # ten lines before its first job
    log.info("working on %s", queue)
    connection = Redis.from_url(redis_url, health_check_interval=15)
    while wait_for(connection) and not _work_once(queue, connection):
        connection.connection_pool.disconnect()
        time.sleep(RETRY_S)


def wait_for(connection: "Redis") -> bool:
    """True once Redis answers; False if told to stop before that."""
    from redis.exceptions import RedisError

    told: list[int] = []
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda number, _: told.append(number))
    waiting = False
    while not told:
        try:
            connection.ping()
            return True
        except RedisError as error:
            if not waiting:
                log.warning("Redis is away (%s); waiting for it", error)
            waiting = True
            time.sleep(RETRY_S)
    return False


def _work_once(queue: str, connection: "Redis") -> bool:
    """Work until told to stop (True), or until RQ gives up on its connection (False)."""
    from redis.exceptions import RedisError
    from rq import SimpleWorker
    from rq.worker import DequeueStrategy

    from workers.rounds import queues_of

    class Worker(SimpleWorker):
        max_connection_wait_time = RETRY_S  # RQ would wait up to a minute for Redis
        told_to_stop = False

        def run_maintenance_tasks(self) -> None:
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
            self.queues = queues_of(queue, connection)
            self._ordered_queues = self.queues[:]

        def request_stop(self, signum: int, frame: FrameType | None) -> None:
            self.told_to_stop = True
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    rq_worker = None
    try:
        spread = queue == "dispatch"
        rq_worker = Worker(queues_of(queue, connection), connection=connection,
                           worker_ttl=15 + SPREAD_S if spread else WORKER_TTL_S,
                           maintenance_interval=SPREAD_S if spread else MAINTENANCE_S,
                           log_job_description=False)
        rq_worker.work(logging_level=None, dequeue_strategy=DequeueStrategy.ROUND_ROBIN)
    except RedisError as error:
        log.warning("lost Redis (%s); starting over", error)
    return rq_worker is not None and rq_worker.told_to_stop
