"""Dispatch rounds in RQ: a queue for each campus, and at most one round of it waiting.

A round that is lost with its worker is no loss: the clock asks for the next within a second.
"""
from datetime import datetime

from redis import Redis
from rq import Queue

JOB_TIMEOUT_S = 30


def ask_for_round(redis: Redis, campus_id: int, *, now: datetime) -> bool:
    """Enqueue a round; False where one of this campus waits already."""
    queue = Queue(f"dispatch-{campus_id}", connection=redis)
    if len(queue):
        return False
    queue.enqueue("workers.jobs.dispatch", campus_id, job_timeout=JOB_TIMEOUT_S, result_ttl=0,
                  job_id=f"dispatch-{campus_id}-{now.timestamp():.0f}")
    return True


def queues_of(name: str, redis: Redis) -> list[Queue]:
    """What the worker of this name listens on: `dispatch` stands for every campus's own queue."""
    named = [Queue(name, connection=redis)]
    if name != "dispatch":
        return named
    every = [queue for queue in Queue.all(connection=redis) if queue.name.startswith("dispatch-")]
    return named + sorted(every, key=lambda queue: queue.name)
