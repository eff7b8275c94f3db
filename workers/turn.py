"""Late turns: what the webhook could not answer in time is answered by a message of its own."""
from datetime import datetime

import structlog
from sqlalchemy import Select, select

from bot.turn import apologise_late, take_late_turn
from models.base import Sessions
from models.inbox import Inbox
from models.outbox import Outbox

log = structlog.get_logger(__name__)


def take(outbox_id: int, *, now: datetime) -> None:
    """Take this turn, and before it every earlier one of the same person that still waits."""
    with Sessions.begin() as session:
        debt = Outbox.take_up(session, outbox_id, now)
        if debt is None:
            return
        debt.give_up_if_hopeless("no turn could be taken", now)
        waiting = _waiting(debt.payload["inbox_id"])
        inbox_ids = list(session.scalars(waiting))
    for inbox_id in inbox_ids:
        _take_one(inbox_id, now=now)
    with Sessions.begin() as session:
        debt = session.get_one(Outbox, outbox_id, with_for_update=True)
        if debt.settled_at is None:
            debt.settle("delivered", now)


def _waiting(inbox_id: int) -> "Select[int]":
    """This message and the earlier ones of the same person that had no turn yet, in order."""
    person = select(Inbox.person_id).filter_by(id=inbox_id).scalar_subquery()
    return select(Inbox.id).where(Inbox.person_id == person, Inbox.id <= inbox_id,
                                  Inbox.answered_at.is_(None)).order_by(Inbox.id)


def _take_one(inbox_id: int, *, now: datetime) -> None:
    try:
        with Sessions.begin() as session:
            take_late_turn(session, inbox_id, now=now)
    except Exception:
        log.exception("turn.failed", inbox=inbox_id)
        with Sessions.begin() as session:
            apologise_late(session, inbox_id, now=now)
