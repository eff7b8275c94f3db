"""Places the calls of the journal's alarms, from the web process itself: no queue, no worker.

A beat looks at every alarm of the journal: calls that are due are noted in it, and each note is
sent by a thread of its own, claimed so that no other process sends it too. Sent twice after a
crash at worst; never unsent while a web process lives. The loop starts with the first alarm and
ends when nothing is open.
"""
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from config.notices import NoticeError, template_for
from config.texts import Reply, from_json, say, to_json
from gateways.errors import Refused, Unreachable
from handlers.sos import guards, journal, record, wording
from handlers.sos.guards import Guard
from models.alarm import AlarmRecord
from models.base import Sessions, utcnow
from models.campus import zone_of
from models.rules.alarm import HONEST_AFTER, LASTS, Alarm, Facts, Note
from web import gateways

BEAT_S: Final = 1.0
ALL_TOLD_AFTER: Final = timedelta(seconds=5)  # who was called at once is named in one message
CLAIM_LASTS: Final = timedelta(seconds=10)  # longer than a call to WeChat may take
FIRST_LOOK_S: Final = 0.7  # what the database knows of who calls is waited for so long
RECORD_EVERY_S: Final = 2.0
SIGHT_LASTS_S: Final = 5.0
AFTERWARDS: Final = timedelta(minutes=10)  # what was decided last is still to be said and kept

log = structlog.get_logger(__name__)


class Ringer:
    """One a process. Safe for threads."""

    def __init__(self, now: Callable[[], datetime] = utcnow) -> None:
        self._now = now
        self._senders = ThreadPoolExecutor(6, thread_name_prefix="sos-send")
        self._recorder = ThreadPoolExecutor(1, thread_name_prefix="sos-record")
        self._recording: dict[str, tuple[float, Future[None]]] = {}
        self._sending: set[Future[None]] = set()
        self._beating = threading.Lock()
        self._wake = threading.Event()
        self._loop: threading.Thread | None = None
        self._starting = threading.Lock()
        self._recorded: dict[str, Facts] = {}
        self._is_closed = False
        self._saw_at = -SIGHT_LASTS_S  # when the database last told us of WeChat's windows

    def poke(self) -> None:
        """Something is new in the journal."""
        self._wake.set()
        with self._starting:
            if self._is_closed:
                return
            if self._loop is None or not self._loop.is_alive():
                self._loop = threading.Thread(target=self._run, name="sos", daemon=True)
                self._loop.start()

    def settle(self) -> None:
        """Do all that is due now, and come back when it is done: for tests."""
        before: list[Facts] | None = None
        while (facts := [alarm.facts for alarm in journal.alarms()]) != before:
            before = facts
            self._recording.clear()
            self.beat()
            wait({*self._sending, *(future for _, future in self._recording.values())}, 15)

    def close(self) -> None:
        """Stop watching; what was begun is finished first."""
        self._is_closed = True
        self._wake.set()
        if loop := self._loop:
            loop.join(15)
        self._senders.shutdown()
        self._recorder.shutdown()

    def recover(self) -> None:
        """At boot: go on with what another process, or the one before, has left."""
        if journal.alarms():
            journal.forget_old(now=self._now(), is_recorded=_is_recorded)
            self.poke()

    def beat(self) -> bool:
        """Begin what is due; whether there is anything left to watch."""
        with self._beating:
            now = self._now()
            watched = [alarm for alarm in journal.alarms() if self._is_watched(alarm, now)]
            for alarm in watched:
                try:
                    self._attend(alarm, now)
                except Exception:  # one alarm's trouble must not silence the others
                    log.exception("sos.beat_failed", alarm=alarm.ref)
            self._sending = {future for future in self._sending if not future.done()}
            return bool(watched)

    def _is_watched(self, alarm: Alarm, now: datetime) -> bool:
        return (now - alarm.raised_at < LASTS + AFTERWARDS
                or self._recorded.get(alarm.uid) != alarm.facts)

    def _run(self) -> None:
        while not self._is_closed:
            self._wake.clear()
            if not self._beat_anyway():
                with self._starting:
                    if not self._wake.is_set():
                        self._loop = None
                        return
            self._wake.wait(BEAT_S)

    def _beat_anyway(self) -> bool:
        """A disk that fails for a moment must not end the watch over an open alarm."""
        try:
            return self.beat()
        except Exception:
            log.exception("sos.watch_failed")
            return True

    def _attend(self, alarm: Alarm, now: datetime) -> None:
        known = self._record_soon(alarm)
        if now - alarm.raised_at > LASTS + AFTERWARDS:
            return
        if known and not alarm.about and not alarm.reached():
            wait([known], FIRST_LOOK_S)
        guard = guards.guard_of(alarm.app_id)
        alarm = journal.change(alarm, lambda newest: _with_calls(newest, guard, now))
        for note in alarm.notes():
            if note.to == alarm.openid and alarm.is_silent(now):
                continue
            if journal.claim(alarm, note.id, now=now, lasts=CLAIM_LASTS):
                self._sending.add(self._senders.submit(self._send, alarm, guard, note))

    def _send(self, alarm: Alarm, guard: Guard, note: Note) -> None:
        """Say it; whatever WeChat answers becomes a fact of the alarm."""
        try:
            by = _sent_by(alarm, guard, note, may_chat=self._may_chat(alarm, guard, note))
            outcome = {"sent": self._now().isoformat(), "by": by}
        except Unreachable as error:
            log.warning("sos.unreachable", alarm=alarm.ref, why=str(error))
            return  # the claim runs out, and it is tried again
        except Refused as refusal:
            log.warning("sos.refused", alarm=alarm.ref, ring=note.is_ring, code=refusal.code)
            outcome = {"failed": str(refusal.code)}
        except Exception:
            log.exception("sos.send_failed", alarm=alarm.ref)
            return
        journal.change(alarm, lambda newest: newest.with_(notes={note.id: outcome}))
        self._wake.set()

    def _may_chat(self, alarm: Alarm, guard: Guard, note: Note) -> bool:
        """Whether WeChat might take a chat message. Where the database is away, it is tried."""
        return (time.monotonic() - self._saw_at > SIGHT_LASTS_S or note.to in alarm.seen
                or guard.may_chat(note.to, self._now()))

    def _record_soon(self, alarm: Alarm) -> "Future[None] | None":
        """Bring the alarm into the database, if it is not being brought there already."""
        last = self._recording.get(alarm.uid)
        if last and (not last[1].done() or time.monotonic() - last[0] < RECORD_EVERY_S):
            return None
        future = self._recorder.submit(self._record, alarm)
        self._recording[alarm.uid] = time.monotonic(), future
        return future

    def _record(self, alarm: Alarm) -> None:
        try:
            alarm = journal.by_uid(alarm.uid) or alarm
            with Sessions.begin() as session:
                session.execute(text("SET LOCAL lock_timeout = '2s'"))
                known = record.bring_in(session, alarm, now=self._now())
                guards.refresh(session)
            self._saw_at = time.monotonic()
        except SQLAlchemyError as error:
            log.warning("sos.not_recorded", alarm=alarm.ref, why=type(error).__name__)
            return
        self._recorded[alarm.uid] = journal.change(
            alarm, lambda newest: newest.with_(**known.facts)).facts


def _with_calls(alarm: Alarm, guard: Guard, now: datetime) -> Alarm:
    """The alarm with what should be said by now."""
    call = to_json(wording.call(alarm, guard, now=now))
    for id_, openid in alarm.rings_due(list(guard.on_duty), now):
        alarm = alarm.noting(id_, openid, call, now=now)
    if alarm.is_silent(now) or not alarm.is_open(now) or not guard.on_duty:
        return alarm
    if alarm.seen:
        return alarm
    if alarm.reached() and (now - alarm.raised_at > ALL_TOLD_AFTER
                            or not any(note.is_ring for note in alarm.notes())):
        return alarm.noting("rung", alarm.openid, to_json(wording.standing(alarm, guard)), now=now)
    if not alarm.reached() and now - alarm.raised_at > HONEST_AFTER:
        return alarm.noting("not_rung", alarm.openid, to_json(Reply(
            "sos.not_rung", {"phone": wording.phone(guard)})), now=now)
    return alarm


def _sent_by(alarm: Alarm, guard: Guard, note: Note, *, may_chat: bool) -> str:
    """Send it: a call as a template and in the chat, anything else in the chat. By what it went.

    Raises Refused only where nothing went, Unreachable where another try may still do.
    """
    wechat = gateways.wechat_as(alarm.app_id, guard.secret)
    words = say(from_json(note.words))
    if not note.is_ring:
        wechat.send_text(note.to, words)
        return "chat"
    try:
        template = template_for("sos", wording.sos_facts(alarm, zone_of(guard.tz)))
        wechat.send_template(note.to, template.template_id, template.data,
                             client_msg_id=f"{alarm.uid}-{note.id.rpartition(':')[2]}")
        by = "template"
    except (Refused, NoticeError) as error:
        log.warning("sos.no_template", alarm=alarm.ref, why=type(error).__name__)
        by = ""
    if by and not may_chat:
        return by
    try:
        wechat.send_text(note.to, words)
    except (Refused, Unreachable):
        if not by:
            raise
        return by
    return "chat"


def _is_recorded(alarm: Alarm) -> bool:
    try:
        with Sessions() as session:
            row: Any = session.get(AlarmRecord, alarm.uid)
            return row is not None and row.facts == alarm.facts
    except SQLAlchemyError:
        return False
