"""Whom to call, known without asking the database: in memory from boot, and in a sealed file."""
import json
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final

import structlog
from cryptography.fernet import InvalidToken
from sqlalchemy import select

from config import settings
from config.settings import ConfigurationError
from handlers.sos.journal import directory
from models.base import Session, Sessions
from models.campus import Account, Campus
from models.person import Person
from models.sealed import seal, unseal

KEPT_S: Final = 15.0
PATIENCE_S: Final = 0.5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Guard:
    """What it takes to call for help on one account's campus. `on_duty`: openid → name, in the
    order in which they are called. `tz`: the campus's, as Campus keeps it. `windows`: openid →
    until when WeChat lets us write in the chat; None: not known."""

    app_id: str
    secret: str = field(repr=False)
    tz: str = "+08:00"
    phone: str = ""
    on_duty: Mapping[str, str] = field(default_factory=dict)
    windows: Mapping[str, str] | None = None

    def may_chat(self, openid: str, now: datetime) -> bool:
        if self.windows is None:
            return True
        until = self.windows.get(openid)
        return until is not None and datetime.fromisoformat(until) > now


_KNOWN: dict[str, Guard] = {}
_read_at = 0.0
_reader = ThreadPoolExecutor(1, thread_name_prefix="sos-guards")
_reading: "Future[None] | None" = None


def guard_of(app_id: str) -> Guard:
    """The newest that half a second can tell; else the last one known; else the bare account."""
    if time.monotonic() - _read_at > KEPT_S:
        _read_soon()
    if app_id not in _KNOWN:
        _KNOWN.update({each.app_id: each for each in _kept() if each.app_id not in _KNOWN})
    return _KNOWN.get(app_id) or _bare(app_id)


def refresh(session: Session) -> None:
    """Read every account's guard, and keep them for a day without a database."""
    global _read_at
    query = select(Account, Campus).join(Campus, Campus.id == Account.campus_id)
    _KNOWN.clear()
    _KNOWN.update({account.app_id: _guard(session, account, campus)
                   for account, campus in session.execute(query)})
    _read_at = time.monotonic()
    _keep()


def forget() -> None:
    """Read anew when next asked."""
    global _read_at
    _KNOWN.clear()
    _read_at = 0.0


def _guard(session: Session, account: Account, campus: Campus) -> Guard:
    named = campus.emergency.get("on_duty") or campus.file.get("operators") or []
    on_duty = {str(each["openid"]): str(each["name"]) for each in named}
    people = session.scalars(select(Person).filter_by(app_id=account.app_id).where(
        Person.openid.in_(on_duty)))
    return Guard(account.app_id, account.secret, campus.tz,
                 str(campus.emergency.get("phone") or ""), on_duty,
                 {person.openid: until.isoformat() for person in people
                  if (until := person.window_until)})


def _read_soon() -> None:
    """One reading at a time: where the database hangs, it hangs one thread and nobody's answer."""
    global _reading, _read_at
    _read_at = time.monotonic()  # tried, whatever comes of it
    if _reading is None or _reading.done():
        _reading = _reader.submit(_read)
    try:
        _reading.result(PATIENCE_S)
    except Exception as error:  # whatever it is, help is called with what is known
        log.warning("sos.guards_not_read", why=type(error).__name__)


def _read() -> None:
    with Sessions() as session:
        refresh(session)


def _bare(app_id: str) -> Guard:
    """An account that nothing is known of: its secret may at least be in the environment."""
    try:
        account = settings.load().wechat_account
    except ConfigurationError:
        return Guard(app_id, "")
    return Guard(app_id, account.secret if account.app_id == app_id else "")


def _keep() -> None:
    told = json.dumps([asdict(each) for each in _KNOWN.values()], ensure_ascii=False)
    path = directory() / "guards"
    try:
        if path.exists() and unseal(path.read_bytes()) == told:
            return
    except (InvalidToken, OSError):
        pass
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_bytes(seal(told))
        new.chmod(0o600)
        new.replace(path)
    except OSError as error:  # a full disk must not stop the boot
        log.error("sos.guards_not_kept", why=type(error).__name__)


def _kept() -> list[Guard]:
    try:
        told = json.loads(unseal((directory() / "guards").read_bytes()))
        return [Guard(**each) for each in told]
    except (OSError, InvalidToken, ValueError, TypeError):
        return []
