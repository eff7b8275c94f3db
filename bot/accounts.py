"""Official accounts as the webhook needs them, kept in memory for a few seconds."""
import re
import time
from dataclasses import dataclass, field

from sqlalchemy.exc import OperationalError

from models.base import Sessions
from models.campus import Account

KEPT_S = 15.0
_APP_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Door:
    """What it takes to read an account's pushes."""

    app_id: str
    original_id: str | None
    token: str = field(repr=False)
    aes_key: str | None = field(repr=False)
    previous_aes_key: str | None = field(repr=False)


_DOORS: dict[str, tuple[float, Door]] = {}


def account_of(app_id: str) -> Door | None:
    """The account, read again every 15 s; the last one known while the database is away."""
    if not _APP_ID.fullmatch(app_id):
        return None
    kept_at, door = _DOORS.get(app_id, (0.0, None))
    if door is not None and time.monotonic() - kept_at < KEPT_S:
        return door
    try:
        door = _read(app_id)
    except OperationalError:
        if door is None:
            raise
        return door
    if door is None:
        _DOORS.pop(app_id, None)
    else:
        _DOORS[app_id] = (time.monotonic(), door)
    return door


def _read(app_id: str) -> Door | None:
    with Sessions() as session:
        row = session.get(Account, app_id)
        return Door(row.app_id, row.original_id, row.token, row.aes_key,
                    row.previous_aes_key) if row else None


def forget() -> None:
    """Read every account anew at its next push."""
    _DOORS.clear()
