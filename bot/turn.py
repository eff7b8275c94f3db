"""One message, one transaction, one reply."""
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from math import ceil

from bot import routes
from bot.commands import read_command
from bot.wire import Heard
from config.texts import Reply, say
from handlers import dialogue
from handlers.notice import Notice, tell
from handlers.speaker import Speaker
from models.base import Session
from models.campus import Campus
from models.inbox import Inbox
from models.person import Person
from models.rider import Rider
from models.shop import ShopOwner

MOST_A_MINUTE = 20
A_MINUTE = timedelta(minutes=1)
# A call for help never comes here: see bot/sos.py.
_NEVER_LIMITED = frozenset({"confirm", "group_pay"})
# What riders and cooks report of their work comes in bursts after a tunnel, or at a full counter.
_RIDING = frozenset({"pin", "take", "decline", "at_shop", "picked_up", "arrived"})
_COOKING = frozenset({"take", "reject", "cooked"})


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
    row, person = _locked(session, inbox_id)
    if row.answered_at is not None:
        return row.answer or ""
    if Inbox.earlier_waiting(session, row):
        raise OutOfTurn(inbox_id)
    reply = _reply(session, person, row, now=now)
    text = say(reply) if reply else ""
    if Inbox.settle_in_time(session, row.id, text, now):
        return text
    session.refresh(row)  # we were slow: a twin has given WeChat `success` meanwhile, for us too
    _speak_up(session, row, reply, now)
    return ""


def take_late_turn(session: Session, inbox_id: int, *, now: datetime) -> None:
    """As take_turn, for a worker: WeChat was told `success`, so the answer is a notice."""
    row, person = _locked(session, inbox_id)
    if row.answered_at is None:
        _speak_up(session, row, _reply(session, person, row, now=now), now)


def apologise_late(session: Session, inbox_id: int, *, now: datetime) -> None:
    row, _ = _locked(session, inbox_id)
    if row.answered_at is None:
        _speak_up(session, row, Reply("talk.sorry"), now)


def _speak_up(session: Session, row: Inbox, reply: Reply | None, now: datetime) -> None:
    row.settle("", now)
    if reply and reply.key != "talk.hushed":
        tell(session, Notice(row.person_id, f"turn:{row.id}", chat=reply), now=now)


def _locked(session: Session, inbox_id: int) -> tuple[Inbox, Person]:
    person = Person.lock_speaker(session, inbox_id)
    return session.get_one(Inbox, inbox_id, populate_existing=True), person


def _reply(session: Session, person: Person, row: Inbox, *, now: datetime) -> Reply | None:
    heard = Heard(**json.loads(row.body or "{}"))
    campus = Campus.of_account(session, heard.app_id)
    if campus is None:
        return Reply("talk.no_campus")
    _note_contact(person, heard, row.heard_at)
    if wait := _too_many(session, person, heard, row):
        row.is_event = True
        return wait if wait.key != "talk.hushed" else None
    reply = routes.answer(session, Speaker(session, person, campus), heard, now=now)
    session.flush()
    return reply


def _note_contact(person: Person, heard: Heard, heard_at: datetime) -> None:
    """What WeChat allows us to write to them from now on."""
    at = min(heard_at, datetime.fromtimestamp(heard.created_at, UTC))
    if heard.kind == "event":
        person.note_event(heard.event, at)
    else:
        person.note_message(at)
        person.forget_at = None  # they are back before their last order ended


def _too_many(session: Session, person: Person, heard: Heard, row: Inbox) -> Reply | None:
    """One polite line for the first message over the limit; silence for those that follow."""
    if row.is_event:
        return None
    since = row.heard_at - A_MINUTE
    with session.no_autoflush:  # what was noted of the person goes out with the turn's changes
        said = row.said_until_now(session, since=since, most=MOST_A_MINUTE + 1)
    if len(said) <= MOST_A_MINUTE or _is_urgent(session, person, heard.text):
        return None
    if dialogue.hushed_since(person, since):
        return Reply("talk.hushed")
    dialogue.hush(person, now=row.heard_at)
    # Once all but 19 of these are a minute old, the next one is the twentieth.
    free_at = said[MOST_A_MINUTE - 1] + A_MINUTE
    wait_s = max(1, ceil((free_at - row.heard_at).total_seconds()))
    return Reply("talk.too_many", {"seconds": wait_s})


def _is_urgent(session: Session, person: Person, text: str) -> bool:
    """The way to a payment; a step of the work, or a code at a door, from whose work it is."""
    command = read_command(text)
    if command is None:
        return False
    if command.name in _RIDING and Rider.of_person(session, person.id):
        return True
    if command.name in _COOKING and ShopOwner.shop_ids_of(session, person.id):
        return True
    return command.name in _NEVER_LIMITED
