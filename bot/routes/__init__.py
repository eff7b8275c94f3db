"""From what was said to the handler that acts on it: one module for each who speaks."""
from dataclasses import replace
from datetime import UTC, datetime

from bot import context
from bot.commands import read_command
from bot.routes import complaint, practice, relay, student_proof
from bot.routes.application import name_and_phone
from bot.routes.base import Turn
from bot.routes.events import on_event, on_location
from bot.routes.kitchen import as_merchant
from bot.routes.rider import as_rider, is_riding
from bot.routes.student import as_student
from bot.routes.words import on_command
from bot.wire import Heard
from config.texts import Reply
from handlers import customer, dialogue, rider
from handlers import order as ordering
from handlers.speaker import Speaker
from models.base import Session
from models.rules.order_state import UNPAID, OrderState

__all__ = ["answer"]

_WHERE_ASKED = frozenset({"ask_room", "ask_address"})
_ON_QUOTE = frozenset({"confirm_order", "pay"})


def answer(session: Session, speaker: Speaker, heard: Heard, *, now: datetime) -> Reply | None:
    """The reply to a message or event; None: nothing is said."""
    if heard.kind == "event" and heard.event != "CLICK":
        return on_event(session, speaker, heard, now=now)
    turn = Turn(session, speaker, _words_of(heard), heard.tap_id, now,
                datetime.fromtimestamp(heard.created_at, UTC))
    if heard.kind == "location":
        return on_location(turn, heard)
    if heard.kind == "image" and (reply := rider.photo_taken(
            session, speaker, rider.Photo(heard.media_id), now=now)):
        return reply
    if heard.kind == "image" and (reply := student_proof.pictured(turn, heard.media_id)
                                  or complaint.pictured(turn, heard.media_id)):
        return reply
    if not turn.text:
        return Reply("talk.words_only")
    if words := dialogue.numbered(speaker.person, turn.text):
        turn = replace(turn, text=words)
    if reply := practice.said(turn) or relay.heard(turn):
        return reply
    command = read_command(turn.text)
    reply = on_command(turn, command) if command else None
    if reply:
        dialogue.understood(speaker.person)
    return reply or _sentence(turn)


def _words_of(heard: Heard) -> str:
    """What was typed or spoken; a menu's key says what its words would."""
    match heard.kind:
        case "event":
            return heard.event_key.strip()
        case "text":
            return heard.text.strip()
        case _:
            return heard.recognition.strip()


def _sentence(turn: Turn) -> Reply | None:
    """Understand it with the hat on that the speaker most likely wears."""
    if (home := customer.room_and_name(turn.text)) and (reply := _room_said(turn, *home)):
        return reply
    if reply := student_proof.answered(turn) or complaint.answered(turn):
        return reply
    if turn.pending.get("pending") == "ask_rider" and (reply := name_and_phone(turn)):
        return reply
    if is_riding(turn.speaker) and (reply := as_rider(turn)):
        return reply
    if turn.speaker.shop_ids and (reply := as_merchant(turn)):
        return reply
    return as_student(turn, context.focus_of(turn.session, turn.speaker, now=turn.now))


def _room_said(turn: Turn, room: str, name: str | None) -> Reply | None:
    """「412 林」 where the building is known, and a number can mean nothing else."""
    pending = turn.pending.get("pending")
    focus = context.focus_of(turn.session, turn.speaker, now=turn.now)
    if focus and OrderState(focus.state) in UNPAID and focus.place_id and (
            pending in _WHERE_ASKED or (pending in _ON_QUOTE and name is None)):
        cmd = ordering.ModifyOrder(focus.id, room=room)
        return ordering.modify_order(turn.session, turn.speaker, cmd, now=turn.now)
    if turn.speaker.person.place_id is None or pending not in _WHERE_ASKED:
        return None
    cmd_ = customer.RememberHome(None, room, name)
    return customer.remember_home(turn.session, turn.speaker, cmd_, now=turn.now)
