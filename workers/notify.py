"""Tell people things: by template message, or in the chat while WeChat's window is open.

At least once: a crash between sending and noting it sends again. Templates carry a
client_msg_id, so WeChat drops the second one of ten minutes.
"""
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import structlog

from config.metrics import NOTICES
from config.notices import NoticeError, Template, template_for
from config.texts import from_json, say
from gateways.errors import Refused, Unreachable
from gateways.wechat import WeChat
from models.base import Session, Sessions
from models.order import Order
from models.outbox import Outbox
from models.person import Person
from workers.doors import wechat_of

log = structlog.get_logger(__name__)

HELD_BACK = timedelta(minutes=1)
KEPT_IN_RESERVE = 2  # for notices that must arrive
OUT_OF_WINDOW = {"45015", "45047", "48002", "43004"}

Channel = Literal["template", "chat"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one notice, with all that is needed outside the transaction."""

    wechat: WeChat
    openid: str
    channel: Channel
    text: str | None
    template: Template | None
    url: str | None
    client_msg_id: str


def deliver(outbox_id: int, *, now: datetime) -> None:
    """Two short transactions with the network between them."""
    with Sessions.begin() as session:
        attempt = _begin(session, outbox_id, now)
    if attempt is None:
        return
    try:
        _send(attempt)
        outcome = f"delivered by {attempt.channel}"
    except Unreachable as error:
        _left(outbox_id, str(error), now)
        return
    except Refused as refusal:
        outcome = f"refused: {refusal.code}"
    NOTICES.labels(attempt.channel, outcome.partition(":")[0].split()[0]).inc()
    with Sessions.begin() as session:
        person = _person_of(session, outbox_id)
        debt = session.get_one(Outbox, outbox_id, with_for_update=True)
        if debt.settled_at is None:
            _note(debt, person, attempt, outcome, now)


def _begin(session: Session, outbox_id: int, now: datetime) -> Attempt | None:
    """Choose the channel and count the attempt; None when there is nothing (more) to send."""
    person = _person_of(session, outbox_id)
    debt = session.get_one(Outbox, outbox_id, with_for_update=True, populate_existing=True)
    if debt.settled_at is not None:
        return None
    good_until = debt.payload["good_until"]
    if good_until and datetime.fromisoformat(good_until) < now:
        debt.settle("dropped: no longer worth saying", now)
        return None
    if person.quiet_until and now < person.quiet_until:
        debt.due_at = now + HELD_BACK  # they hide, and a buzz would give them away
        return None
    if not _still_true(session, debt):
        debt.settle("dropped: no longer true", now)
        return None
    words = json.loads(debt.words or "{}")
    channel = _channel(debt.payload, words, person, now)
    if channel is None:
        debt.settle("dropped: no room in WeChat's window", now)
        return None
    debt.begin_attempt(now)
    if channel == "chat":
        person.spend()
    try:
        template = template_for(debt.payload["template"], words["facts"]) \
            if channel == "template" else None
    except NoticeError as error:
        log.error("notice.unfit", outbox=outbox_id, why=str(error))
        debt.settle(f"dead: {error}", now)
        return None
    return Attempt(wechat_of(session, person.app_id), person.openid, channel,
                   say(from_json(words["chat"])) if channel == "chat" else None, template,
                   debt.payload["url"], f"paotang-{debt.id}")


def _person_of(session: Session, outbox_id: int) -> Person:
    """Whom it is for, locked before the debt is."""
    person_id = session.get_one(Outbox, outbox_id).payload["person_id"]
    return session.get_one(Person, person_id, with_for_update={"of": Person, "key_share": True},
                           populate_existing=True)


def _still_true(session: Session, debt: Outbox) -> bool:
    """Whether the order still stands as this says; read, not locked."""
    states, revision = debt.payload.get("only_while"), debt.payload.get("revision")
    if debt.order_id is None or not (states or revision):
        return True
    order = session.get_one(Order, debt.order_id)
    return (not states or order.state in states) and revision in (None, order.revision)


def _channel(payload: dict[str, Any], words: dict[str, Any], person: Person,
             now: datetime) -> Channel | None:
    """Template or chat: what the notice prefers, if it can go; what gives way, if not."""
    has_template = bool(payload["template"]) and person.is_following \
        and not payload.get("no_template")
    room = person.messages_left(now)
    if not payload["template"]:
        room -= KEPT_IN_RESERVE
    may_chat = bool(words.get("chat")) and room > 0 and not payload.get("no_chat")
    order: tuple[tuple[Channel, bool], ...] = (("template", has_template), ("chat", may_chat))
    if payload["prefer"] == "chat":
        order = order[::-1]
    return next((channel for channel, possible in order if possible), None)


def _send(attempt: Attempt) -> None:
    if attempt.channel == "chat":
        attempt.wechat.send_text(attempt.openid, attempt.text or "")
    elif attempt.template:
        attempt.wechat.send_template(attempt.openid, attempt.template.template_id,
                                     attempt.template.data, url=attempt.url,
                                     client_msg_id=attempt.client_msg_id)


def _note(debt: Outbox, person: Person, attempt: Attempt, outcome: str, now: datetime) -> None:
    """Settled; or, refused on one channel while another is left, due again at once."""
    if not outcome.startswith("refused"):
        debt.settle(outcome, now)
        return
    log.warning("notice.refused", outbox=debt.id, channel=attempt.channel, outcome=outcome)
    _learn(person, outcome.partition(": ")[2])
    closed = "no_chat" if attempt.channel == "chat" else "no_template"
    other = debt.payload["template"] if attempt.channel == "chat" else "chat"
    if other and not debt.payload.get("no_chat") and not debt.payload.get("no_template"):
        debt.payload = {**debt.payload, closed: outcome}
        debt.due_at = now
        return
    dropped = outcome.partition(": ")[2] in OUT_OF_WINDOW
    debt.settle(f"{'dropped' if dropped else 'dead'}: {outcome}", now)


def _learn(person: Person, code: str) -> None:
    """What a refusal tells of the next message: it need not be refused as well."""
    if code in ("45015", "45047"):
        person.close_windows()
    elif code in ("43004", "40003"):
        person.close_windows()
        person.is_following = False


def _left(outbox_id: int, why: str, now: datetime) -> None:
    log.warning("notice.left", outbox=outbox_id, why=why)
    with Sessions.begin() as session:
        debt = session.get_one(Outbox, outbox_id, with_for_update=True)
        if debt.settled_at is None:
            debt.give_up_if_hopeless(why, now)
