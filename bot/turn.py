"""One message, one transaction, one reply."""
import json
from dataclasses import asdict
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select

from bot import routes
from bot.wire import Heard
from config.texts import Reply, say
from handlers.speaker import Speaker
from models.base import Session
from models.campus import Campus
from models.inbox import Inbox
from models.person import Person

MOST_A_MINUTE = 20
_NEVER_LIMITED = frozenset({"sos", "pin"})

log = structlog.get_logger(__name__)


class OutOfTurn(Exception):
    """Something this person said before has had no turn yet."""


def write_down(heard: Heard) -> str:
    """A message as the inbox keeps it."""
    return json.dumps(asdict(heard), ensure_ascii=False)


def take_turn(session: Session, inbox_id: int, *, now: datetime) -> str:
    """Answer one message from the inbox; the caller commits. A twin hears the same answer.

    Locks the person first, so one person's messages take turns, in the order they came in.
    Raises OutOfTurn, changing nothing, when an earlier one is still waiting.
    """
    row = session.get_one(Inbox, inbox_id)
    person_id = row.person_id
    app_id, openid = session.execute(
        select(Person.app_id, Person.openid).filter_by(id=person_id)).one()
    person = Person.lock(session, app_id, openid, now=now)
    session.refresh(row)
    if row.answered_at is not None:
        return row.answer or ""
    if Inbox.earlier_waiting(session, row):
        raise OutOfTurn(inbox_id)
    text = _words(session, person, Heard(**json.loads(row.body or "{}")), now=now)
    row.settle(text, now)
    return text


def _words(session: Session, person: Person, heard: Heard, *, now: datetime) -> str:
    campus = Campus.of_account(session, heard.app_id)
    if campus is None:
        return say(Reply("talk.no_campus"))
    _note_contact(person, heard, now)
    if wait := _too_many(session, person, heard, now=now):
        return say(wait) if wait.key != "talk.hushed" else ""
    reply = routes.answer(session, Speaker(session, person, campus), heard, now=now)
    session.flush()
    return say(reply) if reply else ""


def _note_contact(person: Person, heard: Heard, now: datetime) -> None:
    """A message opens WeChat's 48-hour window anew; events such as VIEW do not."""
    if heard.kind != "event":
        person.spoke_at, person.service_sent = now, 0
        person.is_following = True


def _too_many(session: Session, person: Person, heard: Heard, *, now: datetime) -> Reply | None:
    """One polite line for the first message over the limit; silence for those that follow."""
    if heard.kind == "event" or _is_urgent(heard.text):
        return None
    since = now - timedelta(minutes=1)
    count, first = session.execute(select(func.count(), func.min(Inbox.heard_at)).where(
        Inbox.person_id == person.id, Inbox.heard_at > since)).one()
    if count <= MOST_A_MINUTE:
        return None
    if count > MOST_A_MINUTE + 1:
        return Reply("talk.hushed")
    wait_s = max(1, int((first + timedelta(minutes=1) - now).total_seconds()))
    return Reply("talk.too_many", {"seconds": wait_s})


def _is_urgent(text: str) -> bool:
    command = routes.read_command(text)
    return command is not None and command.name in _NEVER_LIMITED
