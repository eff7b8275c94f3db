"""Official accounts as the webhook needs them, kept in memory for a few seconds."""
import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from config import settings
from config.settings import ConfigurationError
from handlers.sos import guards
from models.base import Sessions
from models.campus import Account

KEPT_S = 15.0
PATIENCE_S = 1.0
_APP_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Door:
    """What it takes to read an account's pushes."""

    app_id: str
    original_id: str | None
    token: str = field(repr=False)
    aes_key: str | None = field(repr=False)
    previous_aes_key: str | None = field(repr=False)


_READERS = 4
_readers = ThreadPoolExecutor(_READERS, thread_name_prefix="accounts")
_READING: set["Future[Door | None]"] = set()
_DOORS: dict[str, tuple[float, Door]] = {}


def account_of(app_id: str) -> Door | None:
    """The account, read again every 15 s; the last one known while the database is away, and at
    worst the default one as the environment has it. A call for help must not wait for it."""
    if not _APP_ID.fullmatch(app_id):
        return None
    kept_at, door = _DOORS.get(app_id, (0.0, None))
    if door is not None and time.monotonic() - kept_at < KEPT_S:
        return door
    try:
        door = _read_in_time(app_id)
    except (OperationalError, TooSlow):
        door = door or _from_settings(app_id)
        if door is None:
            raise
    if door is None:
        _DOORS.pop(app_id, None)
    else:
        _DOORS[app_id] = (time.monotonic(), door)
    return door


def _read_in_time(app_id: str) -> Door | None:
    """Where the database hangs it hangs a thread of ours, and nobody's answer."""
    if len(_READING) >= _READERS:
        raise TooSlow
    future = _readers.submit(_read, app_id)
    _READING.add(future)
    future.add_done_callback(_READING.discard)
    return future.result(PATIENCE_S)


def _from_settings(app_id: str) -> Door | None:
    try:
        account = settings.load().wechat_account
    except ConfigurationError:
        return None
    if account.app_id != app_id:
        return None
    return Door(app_id, None, account.token, account.aes_key, None)


def _read(app_id: str) -> Door | None:
    with Sessions() as session:
        session.execute(text("SET LOCAL statement_timeout = '2500ms'"))
        row = session.get(Account, app_id)
        guards.refresh(session)  # known before the database is gone
        return Door(row.app_id, row.original_id, row.token, row.aes_key,
                    row.previous_aes_key) if row else None


def forget() -> None:
    """Read every account anew at its next push."""
    _DOORS.clear()
