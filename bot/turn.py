"""One message, one transaction, one reply."""
import json
from dataclasses import fields
from datetime import UTC, datetime
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
from models.turn import A_MINUTE, Standing, speaker_of, standing_of

MOST_A_MINUTE = 20
# A call for help never comes here: see bot/sos.py.
_NEVER_LIMITED = frozenset({"confirm", "group_pay"})
# What riders and cooks report of their work comes in bursts after a tunnel, or at a full counter.
_RIDING = frozenset({"pin", "take", "decline", "at_shop", "picked_up", "arrived"})
_COOKING = frozenset({"take", "reject", "cooked"})


class OutOfTurn(Exception):
    """Something this person said before has had no turn yet."""


def write_down(heard: Heard) -> str:
    """A message as the inbox keeps it."""
    return json.dumps({each.name: getattr(heard, each.name) for each in fields(heard)},
                      ensure_ascii=False)


def take_turn(session: Session, inbox_id: int, *, now: datetime) -> str:
    """Answer one message from the inbox; the caller commits. A twin hears the same answer.

    Locks the person first, so one person's messages take turns, in the order they came in.
    Raises OutOfTurn, changing nothing, when an earlier one is still waiting.
    """
    stands, person, campus = _locked(session, inbox_id)
    row = stands.row
    if row.answered_at is not None:
        return row.answer or ""
    if stands.is_early:
        raise OutOfTurn(inbox_id)
    reply = _reply(session, person, campus, stands, now=now)
    text = say(reply) if reply else ""
    if Inbox.settle_in_time(session, row.id, text, now):
        return text
    session.refresh(row)  # we were slow: a twin has given WeChat `success` meanwhile, for us too
    _speak_up(session, row, reply, now)
    return ""


def take_late_turn(session: Session, inbox_id: int, *, now: datetime) -> None:
    """As take_turn, for a worker: WeChat was told `success`, so the answer is a notice."""
    stands, person, campus = _locked(session, inbox_id)
    if stands.row.answered_at is None:
        _speak_up(session, stands.row, _reply(session, person, campus, stands, now=now), now)


def apologise_late(session: Session, inbox_id: int, *, now: datetime) -> None:
    row = _locked(session, inbox_id)[0].row
    if row.answered_at is None:
        _speak_up(session, row, Reply("talk.sorry"), now)


def _speak_up(session: Session, row: Inbox, reply: Reply | None, now: datetime) -> None:
    row.settle("", now)
    if reply and reply.key != "talk.hushed":
        tell(session, Notice(row.person_id, f"turn:{row.id}", chat=reply), now=now)


def _locked(session: Session, inbox_id: int) -> tuple[Standing, Person, Campus | None]:
    person, campus = speaker_of(session, inbox_id)
    return standing_of(session, inbox_id, most=MOST_A_MINUTE + 1), person, campus


def _reply(session: Session, person: Person, campus: Campus | None, stands: Standing, *,
           now: datetime) -> Reply | None:
    row = stands.row
    heard = Heard(**json.loads(row.body or "{}"))
    if campus is None:
        return Reply("talk.no_campus")
    _note_contact(person, heard, row.heard_at)
    if wait := _too_many(person, heard, stands):
        row.is_event = True
        return wait if wait.key != "talk.hushed" else None
    speaker = Speaker.with_hats(session, person, campus, shop_ids=stands.shop_ids,
                                rides=stands.rides, has_groups=stands.has_groups)
    reply = routes.answer(session, speaker, heard, now=now)
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


def _too_many(person: Person, heard: Heard, stands: Standing) -> Reply | None:
    """One polite line for the first message over the limit; silence for those that follow."""
    row, said = stands.row, stands.said
    if row.is_event or len(said) <= MOST_A_MINUTE or _is_urgent(heard.text, stands):
        return None
    if dialogue.hushed_since(person, row.heard_at - A_MINUTE):
        return Reply("talk.hushed")
    dialogue.hush(person, now=row.heard_at)
    # Once all but 19 of these are a minute old, the next one is the twentieth.
    free_at = said[MOST_A_MINUTE - 1] + A_MINUTE
    wait_s = max(1, ceil((free_at - row.heard_at).total_seconds()))
    return Reply("talk.too_many", {"seconds": wait_s})


def _is_urgent(text: str, stands: Standing) -> bool:
    """The way to a payment; a step of the work, or a code at a door, from whose work it is."""
    command = read_command(text)
    if command is None:
        return False
    return command.name in _NEVER_LIMITED or (stands.rides and command.name in _RIDING) or (
        bool(stands.shop_ids) and command.name in _COOKING)
