"""Calls for help, answered before and without understanding, database, Redis or workers.

A message is matched against a few plain words (config/lexicon/sos.toml). What it raises, confirms
or takes back is a file on the disk (handlers/sos/journal.py) before the answer goes out; the calls
themselves are placed by the web process (web/sos.py), which wsgi.py makes known here. Nothing in
this module waits for a neighbour.
"""
import re
import tomllib
import unicodedata
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from bot.commands import read_command
from bot.wire import Heard
from config import settings
from config.texts import Reply, say, to_json
from handlers.sos import guards, journal, record, wording
from models.base import Sessions
from models.rules.alarm import LASTS, LISTENED_FOR, Alarm

LONGEST: Final = 400
_NOISE: Final = re.compile(r"[\s，。！!,.~～？?、；;：:…]+")
_WORDS: Final[dict[str, list[str]]] = tomllib.loads(
    (settings.ROOT / "config" / "lexicon" / "sos.toml").read_text("utf-8"))
_SEEN: Final = [re.compile(form) for form in _WORDS.pop("seen")]
_FORMS: Final = {name: re.compile("|".join(f"(?:{form})" for form in forms))
                 for name, forms in _WORDS.items()}
_REF: Final = re.compile(r"sos-?(\d{4})")

log = structlog.get_logger(__name__)
_poke: Callable[[], None] = lambda: None  # noqa: E731


def call_through(poke: Callable[[], None]) -> None:
    """`poke` wakes whoever places the calls of the journal's alarms."""
    global _poke
    _poke = poke


def answer(heard: Heard, *, now: datetime) -> str | None:
    """What is said to this push if it is about a call for help; None: it goes its usual way.

    Never raises: a fault here must not cost anybody their order, nor the call its answer.
    """
    try:
        reply = _answer(heard, now)
    except Exception:
        log.exception("sos.failed")
        return say(_no_journal(heard)) if is_call(_text_of(heard)) else None
    return reply if reply is None or isinstance(reply, str) else say(reply)


def is_call(text: str) -> bool:
    return _calls(_plain(text))


def _answer(heard: Heard, now: datetime) -> Reply | str | None:
    words = _plain(_text_of(heard))
    alarms = [alarm for alarm in journal.alarms() if alarm.app_id == heard.app_id]
    for alarm in alarms:
        if (said := alarm.answer_to(heard.key)) is not None:
            return said
    mine = next((alarm for alarm in alarms if alarm.openid == heard.openid
                 and now - alarm.raised_at < LASTS), None)
    if reply := _on_duty(alarms, heard, words, now):
        return reply
    if _REF.search(words):
        return None  # somebody else's number: no call of theirs
    if mine and mine.is_open(now) and (said_ := _meanwhile(mine, heard, words, now)) is not None:
        return said_
    if _calls(words):
        return _raise(heard, now)
    if _FORMS["cry"].search(words):
        return Reply("sos.no_joke")
    if _FORMS["praise"].fullmatch(words):
        return Reply("sos.praise")
    if mine and _FORMS["fine"].fullmatch(words):
        return Reply("sos.fine_alone")
    return None


def _text_of(heard: Heard) -> str:
    if heard.kind == "event":
        return heard.event_key if heard.event == "CLICK" else ""
    return heard.text if heard.kind == "text" else heard.recognition


def _plain(text: str) -> str:
    return _NOISE.sub("", unicodedata.normalize("NFKC", text[:LONGEST]).lower())


def _calls(words: str) -> bool:
    if not words:
        return False
    if _FORMS["whole"].fullmatch(words) or _FORMS["danger"].search(words):
        return True
    return bool(_FORMS["cry"].search(words)) and not _FORMS["joke"].search(words)


# --- who calls ------------------------------------------------------------------------------

def _raise(heard: Heard, now: datetime) -> Reply | str:
    guard = guards.guard_of(heard.app_id)
    alarm = journal.raise_alarm(app_id=heard.app_id, openid=heard.openid,
                                words=_text_of(heard).strip()[:wording.MOST_WORDS], now=now)
    log.warning("sos.raised", alarm=alarm.ref)
    return _said(alarm, heard, Reply("sos.raised" if guard.on_duty else "sos.nobody",
                                     {"phone": wording.phone(guard)}))


def _meanwhile(alarm: Alarm, heard: Heard, words: str, now: datetime) -> Reply | str | None:
    """What is said while their own call is open; None: not about it."""
    guard, silent = guards.guard_of(alarm.app_id), alarm.is_silent(now)
    if _FORMS["fine"].fullmatch(words):
        told = _to_reached(alarm, "fine", Reply("sos.told_fine", {"ref": alarm.ref}), now)
        return _said(told.with_(over_at=now.isoformat(), over_by=heard.openid), heard, Reply(
            "sos.fine" if guard.on_duty else "sos.fine_alone"))
    if heard.latitude is not None and heard.longitude is not None:
        return _position(alarm, heard, now, silent=silent)
    if not words and not heard.media_id:
        return None
    if _FORMS["silent"].fullmatch(words) and not silent:
        quiet = alarm.with_(silent_at=now.isoformat())
        return _said(_to_reached(quiet, "silent", Reply("sos.told_silent", {"ref": alarm.ref}),
                                 now), heard, Reply("sos.silent"))
    if _calls(words) or silent:
        return _said(_passing(alarm, heard, now), heard, "" if silent else Reply("sos.again", {
            "phone": wording.phone(guard), "standing": wording.standing(alarm, guard)}))
    if guard.on_duty and heard.kind == "text" and now - alarm.raised_at < LISTENED_FOR \
            and not read_command(heard.text):
        return _said(_passing(alarm, heard, now), heard, Reply("sos.passed_on"))
    return None


def _position(alarm: Alarm, heard: Heard, now: datetime, *, silent: bool) -> Reply | str | None:
    """Where they are: a pin they sent, or what their phone tells by itself."""
    where = f"{heard.latitude:.5f},{heard.longitude:.5f} {heard.label}".strip()
    located = alarm.with_(positions={now.isoformat(): where})
    if heard.kind == "event":
        _said(located, heard, "")
        return None
    told = Reply("sos.told_position", {"ref": alarm.ref, "where": where})
    return _said(_to_reached(located, f"position:{heard.key}", told, now), heard,
                 "" if silent else Reply("sos.passed_on"))


def _passing(alarm: Alarm, heard: Heard, now: datetime) -> Alarm:
    words = _text_of(heard).strip()[:wording.MOST_WORDS]
    if not words:
        return alarm
    return _to_reached(alarm, f"words:{heard.key}", Reply(
        "sos.told_words", {"ref": alarm.ref, "words": words}), now)


def _to_reached(alarm: Alarm, id_: str, reply: Reply, now: datetime) -> Alarm:
    """Tell everybody on duty who has been called, or who answered."""
    for openid in sorted({*alarm.reached(), *alarm.seen}):
        alarm = alarm.noting(f"{id_}:{openid}", openid, to_json(reply), now=now)
    return alarm


def _said(alarm: Alarm, heard: Heard, reply: Reply | str) -> str:
    """Keep what is new of the alarm, and the answer; then let the calls be placed."""
    text = say(reply) if isinstance(reply, Reply) else reply
    answered = alarm.with_(answers={heard.key: text})
    kept = journal.change(alarm, lambda newest: newest.with_(**answered.facts))
    _poke()
    return kept.answer_to(heard.key) or text


def _no_journal(heard: Heard) -> Reply:
    """Not even the disk works, say: nobody can be called, and nothing else is claimed."""
    return Reply("sos.nobody", {"phone": wording.phone(guards.guard_of(heard.app_id))})


# --- who is called --------------------------------------------------------------------------

def _on_duty(alarms: list[Alarm], heard: Heard, words: str, now: datetime) -> str | Reply | None:
    """收到 and 处理完了, from those who have been called; None: neither of these."""
    seen = next(filter(None, (form.fullmatch(words) for form in _SEEN)), None)
    done = _FORMS["done"].fullmatch(words)
    match = seen or done
    if match is None:
        return None
    asked = _asked(alarms, heard, match["ref"], now)
    if not asked:
        return None
    if len(asked) > 1:
        guard = guards.guard_of(heard.app_id)
        return Reply("sos.which", {"taps": [Reply("sos.which_tap", {
            "ref": alarm.ref, "at": wording.clock(alarm.raised_at, guard)})
            for alarm in asked[:4]]})
    return _close(asked[0], heard, now) if done else _confirm(asked[0], heard, now)


def _asked(alarms: list[Alarm], heard: Heard, ref: str | None, now: datetime) -> list[Alarm]:
    """The alarms that this speaker may answer and means."""
    guard = guards.guard_of(heard.app_id)
    may = [alarm for alarm in alarms if now - alarm.raised_at < LASTS and (
        heard.openid in guard.on_duty or _was_called(alarm, heard.openid))]
    if ref is None:
        return [alarm for alarm in may if alarm.is_open(now) and heard.openid not in alarm.seen
                and _was_called(alarm, heard.openid)]
    number = _REF.fullmatch(ref)
    wanted = f"SOS-{number[1]}" if number else ""
    if found := [alarm for alarm in may if alarm.ref == wanted]:
        return found[:1]
    return _from_elsewhere(heard, wanted, now) if heard.openid in guard.on_duty else []


def _was_called(alarm: Alarm, openid: str) -> bool:
    return any(note["to"] == openid for id_, note in (alarm.facts.get("notes") or {}).items()
               if id_.startswith("ring:"))


def _from_elsewhere(heard: Heard, ref: str, now: datetime) -> list[Alarm]:
    """An alarm that another machine heard: the database has it, if there is one."""
    with Sessions() as session:
        alarm = record.by_ref(session, heard.app_id, ref, since=now - LASTS)
    return [alarm] if alarm else []


def _confirm(alarm: Alarm, heard: Heard, now: datetime) -> str:
    guard = guards.guard_of(alarm.app_id)
    if alarm.is_over:
        return _said(alarm, heard, Reply("sos.is_over", {"ref": alarm.ref}))
    seen = alarm.with_(seen={heard.openid: now.isoformat()})
    facts = {"name": wording.name_of(heard.openid, guard), "at": wording.clock(now, guard)}
    if not alarm.is_silent(now):
        seen = seen.noting(f"seen:{heard.openid}", alarm.openid,
                           to_json(Reply("sos.seen", facts)), now=now)
    for other in seen.reached():
        if other != heard.openid:
            seen = seen.noting(f"seen:{heard.openid}:{other}", other, to_json(
                Reply("sos.told_seen", {"ref": alarm.ref, **facts})), now=now)
    called = wording.call(alarm, guard, now=now).params
    return _said(seen, heard, Reply("sos.taken", {"ref": alarm.ref, **{
        name: called[name] for name in ("who", "position", "silent")}}))


def _close(alarm: Alarm, heard: Heard, now: datetime) -> str:
    over = alarm.with_(over_at=now.isoformat(), over_by=heard.openid,
                       seen={heard.openid: now.isoformat()})
    return _said(over, heard, Reply("sos.closed", {"ref": alarm.ref}))

