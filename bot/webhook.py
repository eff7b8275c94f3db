"""WeChat's door: handshake and pushes, answered within its five seconds."""
import secrets
from datetime import datetime
from threading import Semaphore

import structlog
from flask import Blueprint, Response, request
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from bot import refusals, sos
from bot.accounts import account_of
from bot.turn import OutOfTurn, take_turn, write_down
from bot.wire import MAX_BODY_BYTES, BadPush, Heard, answer, echo, open_push
from config import settings
from config.metrics import TURN_SECONDS
from config.texts import Reply, say
from models.base import Session, Sessions, is_brief, utcnow
from models.inbox import Inbox
from models.outbox import owe
from models.turn import keep

log = structlog.get_logger(__name__)
blueprint = Blueprint("wechat", __name__)

TURN_WAIT_S = 2.0
LOCK_WAIT, LONGEST_STATEMENT = "1s", "2500ms"
PATIENCE = f"-c lock_timeout={LOCK_WAIT} -c statement_timeout={LONGEST_STATEMENT}"
_PATIENCE = text(f"SELECT set_config('lock_timeout', '{LOCK_WAIT}', true), "
                 f"set_config('statement_timeout', '{LONGEST_STATEMENT}', true)")


class Turns:
    """How many of a process's turns may be under way: one, in a web process (wsgi.create_web).

    Side by side they fight over the interpreter, and all take longer: docs/performance.md. Pages
    and calls for help do not wait here.
    """

    free = Semaphore(32)


@blueprint.get("/wechat/<app_id>")
def handshake(app_id: str) -> Response:
    account = account_of(app_id)
    if account is None:
        return Response("unknown account", 404)
    try:
        return Response(echo(account, request.args), mimetype="text/plain")
    except BadPush as bad:
        return _refused(bad)


@blueprint.post("/wechat/<app_id>")
def push(app_id: str) -> Response:
    account = account_of(app_id)
    if account is None:
        return Response("unknown account", 404)
    now = utcnow()
    body = request.get_data(cache=False) if (request.content_length or 0) <= MAX_BODY_BYTES \
        else b" " * (MAX_BODY_BYTES + 1)
    try:
        heard, channel = open_push(account, request.args, body, now=now,
                                   allow_plaintext=settings.load().wechat_allow_plaintext)
    except BadPush as bad:
        refusals.note(app_id, bad, request.args.get("nonce"), now=now)
        return _refused(bad)
    with TURN_SECONDS.time():
        if (said := sos.answer(heard, now=now)) is None:
            said = reply_to(heard, now=now)
    return Response(answer(account, channel, heard, said, now=now, nonce=secrets.token_hex(8)),
                    mimetype="application/xml")


def reply_to(heard: Heard, *, now: datetime) -> str:
    """What is said to this push; "" when a worker will answer later, or nothing need be said.

    The message is committed before its turn begins: whatever happens then, it is not lost.
    """
    is_free = Turns.free.acquire(timeout=TURN_WAIT_S)
    try:
        return _heard(heard, is_free=is_free, now=now)
    finally:
        if is_free:
            Turns.free.release()


def _heard(heard: Heard, *, is_free: bool, now: datetime) -> str:
    try:
        inbox_id, answer = _kept(heard, now=now)
    except DBAPIError as lost:
        if not lost.connection_invalidated:
            raise
        inbox_id, answer = _kept(heard, now=now)  # PostgreSQL was started anew: a fresh pool
    if answer is not None:
        return answer
    if not is_free:
        log.info("turn.late", inbox=inbox_id, why="busy")
        return leave_to_worker(inbox_id, now=now)
    try:
        with Sessions.begin() as session:
            _be_brief(session)
            return take_turn(session, inbox_id, now=now)
    except (OperationalError, OutOfTurn) as slow:
        log.info("turn.late", inbox=inbox_id, why=type(slow).__name__)
        return leave_to_worker(inbox_id, now=now)
    except Exception:
        log.exception("turn.failed", inbox=inbox_id)
        return apologise(inbox_id, now=now)


def _kept(heard: Heard, *, now: datetime) -> tuple[int, str | None]:
    """The message's row; and what its twin was answered, unless that one waits as well."""
    with Sessions.begin() as session:
        _be_brief(session)
        inbox_id = keep(session, app_id=heard.app_id, openid=heard.openid, key=heard.key,
                        body=write_down(heard), now=now,
                        is_event=heard.kind == "event" and heard.event != "CLICK")
        if inbox_id is not None:
            return inbox_id, None
        twin = Inbox.by_key(session, heard.app_id, heard.key)
        is_over = twin.answered_at is not None or twin.is_late
        return twin.id, (twin.answer or "") if is_over else None


def leave_to_worker(inbox_id: int, *, now: datetime) -> str:
    """`success` becomes the stored answer; a worker takes the turn and speaks up later."""
    with Sessions.begin() as session:
        row = session.get_one(Inbox, inbox_id, with_for_update=True)
        if row.answered_at is not None:
            return row.answer or ""
        row.is_late = True
        owe(session, "turn", key=f"turn:{inbox_id}", payload={"inbox_id": inbox_id}, now=now)
    return ""


def apologise(inbox_id: int, *, now: datetime) -> str:
    """Our own mistake: nothing was changed, and a repeat must not try it again."""
    sorry = say(Reply("talk.sorry"))
    with Sessions.begin() as session:
        row = session.get_one(Inbox, inbox_id, with_for_update=True)
        if row.answered_at is None:
            row.settle(sorry, now)
        return row.answer or ""


def _be_brief(session: Session) -> None:
    """WeChat waits five seconds. A web process's connections are brief by themselves."""
    if not is_brief(session):
        session.execute(_PATIENCE)


def _refused(bad: BadPush) -> Response:
    log.warning("push.refused", status=bad.status, why=bad.why)
    return Response(bad.why.split(":")[0][:80], bad.status, mimetype="text/plain")
