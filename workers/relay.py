"""Carry due debts from Postgres to RQ. Safe to run many: SKIP LOCKED shares the rows out."""
from collections import defaultdict
from datetime import datetime, timedelta

from redis import Redis
from rq import Queue
from sqlalchemy import select

from models.base import Session
from models.outbox import Outbox
from workers.jobs import PAYERS

LEASE = timedelta(seconds=30)  # a job that Redis lost is due again after it
BATCH = 200


def relay(session: Session, redis: Redis, *, now: datetime) -> int:
    """Enqueue every debt that is due, and lease it so that no other relay takes it; how many."""
    due = select(Outbox).where(Outbox.settled_at.is_(None), Outbox.due_at <= now)
    due = due.order_by(Outbox.due_at, Outbox.id).limit(BATCH).with_for_update(skip_locked=True)
    debts = session.scalars(due).all()
    jobs = defaultdict(list)
    for debt in debts:
        debt.due_at = now + LEASE
        queue, _, _ = PAYERS[debt.kind]
        jobs[queue].append(Queue.prepare_data(
            "workers.jobs.deliver", (debt.id,), timeout=60, result_ttl=0, failure_ttl=86_400,
            job_id=f"outbox-{debt.id}-{now.timestamp():.0f}"))
    for name, datas in jobs.items():
        Queue(name, connection=redis).enqueue_many(datas)
    return len(debts)
