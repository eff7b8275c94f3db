"""Pushes that were refused for what settings may be at fault for, kept for `doctor` to read."""
import time
from contextlib import suppress
from datetime import datetime
from typing import Final

from sqlalchemy import text, update
from sqlalchemy.exc import SQLAlchemyError

from bot.wire import BadPush
from models.base import Sessions
from models.campus import Account

SIGNATURE: Final = "wrong signature"
DECRYPTION: Final = "cannot be decrypted for this app id"
AGE: Final = "not of these five minutes"
TELLING: Final = frozenset({SIGNATURE, DECRYPTION, AGE})
PROBE: Final = "doctor"  # the nonce of doctor's own pushes, which are no evidence
APART_S: Final = 10.0  # a forger must not make us write at every push

_NOTED: dict[tuple[str, str], float] = {}


def note(app_id: str, bad: BadPush, nonce: str | None, *, now: datetime) -> None:
    """Write down why this account's last push was refused, at most every ten seconds."""
    if bad.why not in TELLING or nonce == PROBE:
        return
    key = (app_id, bad.why)
    if time.monotonic() - _NOTED.get(key, -APART_S) < APART_S:
        return
    _NOTED[key] = time.monotonic()
    with suppress(SQLAlchemyError), Sessions.begin() as session:
        session.execute(text("SET LOCAL lock_timeout = '200ms'"))
        session.execute(text("SET LOCAL statement_timeout = '500ms'"))
        session.execute(update(Account).where(Account.app_id == app_id).values(
            refused_at=now, refused_why=bad.why))


def forget() -> None:
    """Note the next of every kind at once."""
    _NOTED.clear()
