"""A person for whoever asks for one: those on duty hear what was said, and answer in the chat."""
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select

from config.texts import Reply, text_of
from handlers.duty import on_duty
from handlers.notice import Notice, tell
from handlers.speaker import Speaker
from models.base import Session
from models.human_call import HumanCall
from models.inbox import Inbox
from models.order import Order

SAME_CALL: Final = timedelta(minutes=10)
LATELY: Final = timedelta(minutes=30)
MOST_SAID: Final = 3


def call_human(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    """Tell the people on duty, with the last things that were said; once for ten minutes."""
    phone = str(speaker.campus.emergency.get("phone") or "110")
    people = [i for i in on_duty(session, speaker.campus) if i != speaker.person.id]
    if not people:
        return Reply("human.phone", {"phone": phone})
    last = HumanCall.last_of(session, speaker.person.id)
    if last and last.answered_at is None and now - last.created_at < SAME_CALL:
        return Reply("human.called_before", {"at": speaker.clock(last.created_at), "phone": phone})
    call = HumanCall(campus_id=speaker.campus.id, person_id=speaker.person.id, created_at=now)
    session.add(call)
    session.flush()
    for person_id in people:
        tell(session, _call(session, speaker, call, person_id, now=now), now=now)
    return Reply("human.called", {"phone": phone})


def _call(session: Session, speaker: Speaker, call: HumanCall, to_id: int, *,
          now: datetime) -> Notice:
    live = Order.live_of(session, speaker.person.id)
    facts = {"code": str(call.id), "reason": text_of(Reply("human.wanted")),
             "eta": speaker.clock(now), "hint": text_of(Reply("human.look_in_chat", {
                 "number": call.id}))}
    return Notice(to_id, f"human:{call.id}", template="delayed", facts=facts, prefer="chat",
                  chat=Reply("human.call", {
                      "number": call.id, "orders": " ".join(order.code for order in live[-3:]),
                      "said": [Reply("human.said", {"words": words})
                               for words in _said_lately(session, speaker, now=now)]}))


def _said_lately(session: Session, speaker: Speaker, *, now: datetime) -> list[str]:
    """The person's own last words, the oldest first."""
    query = select(Inbox).where(
        Inbox.person_id == speaker.person.id, Inbox.heard_at > now - LATELY,
        Inbox.body.is_not(None), ~Inbox.is_event).order_by(Inbox.id.desc()).limit(MOST_SAID)
    bodies = [json.loads(row.body or "{}") for row in session.scalars(query)]
    return [words for body in reversed(bodies) if (words := _words(body))]


def _words(body: Mapping[str, Any]) -> str:
    return " ".join(str(body.get("text") or body.get("recognition") or "").split())


@dataclass(frozen=True, slots=True)
class AnswerCall:
    """`number`: of the call; `words`: what is to be said."""

    number: int
    words: str


def answer_call(session: Session, speaker: Speaker, cmd: AnswerCall, *, now: datetime) -> Reply:
    """Pass on what somebody on duty says to the person who asked."""
    if speaker.person.id not in on_duty(session, speaker.campus):
        return Reply("human.not_on_duty")
    call = session.get(HumanCall, cmd.number)
    if call is None or call.campus_id != speaker.campus.id:
        return Reply("human.no_such_call", {"number": cmd.number})
    if call.answered_at is None:
        call.answered_at, call.answered_by_id = now, speaker.person.id
    tell(session, Notice(call.person_id, f"human:{call.id}:{now.isoformat()}",
                         chat=Reply("human.answer", {"words": cmd.words})), now=now)
    return Reply("human.passed_on", {"number": call.id})
