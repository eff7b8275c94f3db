"""Alarms as sealed files in var/sos: written before an answer is given, shared by the processes.

Every change happens under the file's lock and is on the disk before `change` returns. A file is
taken away a day after the database has what it says.
"""
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from cryptography.fernet import InvalidToken

from config import settings
from models.rules.alarm import Alarm
from models.sealed import seal, unseal

KEPT_FOR: Final = timedelta(days=1)
_SUFFIX: Final = ".alarm"

log = structlog.get_logger(__name__)
_READ: dict[Path, tuple[int, Alarm]] = {}  # what a file said when it was last looked at


def directory() -> Path:
    return settings.VAR / "sos"


def alarms() -> list[Alarm]:
    """Every alarm in the journal, the newest first."""
    found = []
    with suppress(FileNotFoundError):
        for entry in os.scandir(directory()):
            if entry.name.endswith(_SUFFIX) and (alarm := _looked_at(entry)):
                found.append(alarm)
    return sorted(found, key=lambda alarm: alarm.raised_at, reverse=True)


def by_uid(uid: str) -> Alarm | None:
    return next((alarm for alarm in alarms() if alarm.uid == uid), None)


def raise_alarm(*, app_id: str, openid: str, words: str, now: datetime) -> Alarm:
    """A new alarm, on the disk."""
    taken = {alarm.ref for alarm in alarms()}
    ref = next(ref for ref in iter(_a_ref, None) if ref not in taken)
    alarm = Alarm.raised(secrets.token_hex(8), ref, app_id=app_id, openid=openid, words=words,
                         now=now)
    with _locked(alarm.uid):
        _write(alarm)
    return alarm


def change(alarm: Alarm, act: Callable[[Alarm], Alarm]) -> Alarm:
    """What `act` makes of the newest state of this alarm, kept."""
    with _locked(alarm.uid):
        newest = _read(_path(alarm.uid)) or alarm
        changed = act(newest)
        if changed.facts != newest.facts or not _path(alarm.uid).exists():
            _write(changed)
        return changed


def claim(alarm: Alarm, task: str, *, now: datetime, lasts: timedelta) -> bool:
    """Whether this process may do `task` now; a claim that died with its process runs out."""
    with _locked(alarm.uid) as lock:
        claims: dict[str, str] = json.loads(lock.read() or b"{}")
        if task in claims and now - datetime.fromisoformat(claims[task]) < lasts:
            return False
        claims[task] = now.isoformat()
        lock.seek(0)
        lock.truncate()
        lock.write(json.dumps(claims).encode())
        return True


def forget_old(*, now: datetime, is_recorded: Callable[[Alarm], bool]) -> None:
    """Take away the files of alarms that are a day old and in the database."""
    for alarm in alarms():
        if now - alarm.raised_at > KEPT_FOR and is_recorded(alarm):
            for path in (_path(alarm.uid), _lock_path(alarm.uid)):
                path.unlink(missing_ok=True)


def _a_ref() -> str:
    return f"SOS-{secrets.randbelow(9000) + 1000}"


def _path(uid: str) -> Path:
    return directory() / f"{uid}{_SUFFIX}"


def _lock_path(uid: str) -> Path:
    return directory() / f"{uid}.lock"


@contextmanager
def _locked(uid: str) -> Iterator[Any]:
    directory().mkdir(parents=True, exist_ok=True)
    with open(_lock_path(uid), "a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        yield lock


def _write(alarm: Alarm) -> None:
    path = _path(alarm.uid)
    new = path.with_suffix(".new")
    with open(new, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(seal(json.dumps(alarm.facts, ensure_ascii=False)))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _read(path: Path) -> Alarm | None:
    try:
        return Alarm(json.loads(unseal(path.read_bytes())))
    except FileNotFoundError:
        return None
    except (InvalidToken, ValueError):  # another secret key's, or a disk's fault: not our alarm
        log.error("sos.unreadable", file=path.name)
        return None


def _looked_at(entry: "os.DirEntry[str]") -> Alarm | None:
    path, changed_at = Path(entry.path), 0
    with suppress(FileNotFoundError):
        changed_at = entry.stat().st_mtime_ns
    known = _READ.get(path)
    if known and known[0] == changed_at:
        return known[1]
    alarm = _read(path)
    if alarm:
        _READ[path] = changed_at, alarm
    return alarm
