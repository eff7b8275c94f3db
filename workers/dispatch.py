"""A dispatch round: rows to arrays, solve, and offers written only where nothing has moved."""
import logging
from datetime import datetime
from time import monotonic

import structlog
from sqlalchemy import text

from config.metrics import DISPATCH_SECONDS
from dispatch.patience import Deadline
from dispatch.solve import LIVE, solve
from handlers.dispatch import apply_plan, snapshot
from models.base import Session, Sessions
from models.locks import DISPATCH_LOCK

log = structlog.get_logger(__name__)


def tick(campus_id: int, *, now: datetime) -> int:
    """How many offers were made. Killed anywhere, it leaves nothing half-assigned.

    One round of a campus at a time, from its first look to its last word; no row is locked
    while the plan is made.
    """
    with Sessions() as guard:
        if not _is_alone(guard, campus_id):
            return 0
        return _round(campus_id, now=now)


def _round(campus_id: int, *, now: datetime) -> int:
    with Sessions.begin() as session:
        asked = snapshot(session, campus_id, now=now)
    if asked is None:
        return 0
    deadline = Deadline(monotonic)
    deadline.begin()
    with DISPATCH_SECONDS.time():
        plan = solve(asked.problem, seed=campus_id, params=LIVE, hurry=deadline)
    if deadline.met:
        log.warning("dispatch.cut_short", campus=campus_id, orders=len(asked.problem.order_ids))
    with Sessions.begin() as session:
        made = apply_plan(session, asked, plan, now=now)
    log.log(logging.INFO if made else logging.DEBUG, "dispatch.round", campus=campus_id,
            orders=len(asked.problem.order_ids), riders=len(asked.problem.rider_ids), offers=made)
    return made


def _is_alone(session: Session, campus_id: int) -> bool:
    return bool(session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock, :campus)"),
                               {"lock": DISPATCH_LOCK, "campus": campus_id}))
