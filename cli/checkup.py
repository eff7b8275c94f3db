"""What `doctor` looks at. Each check yields findings; none of them changes anything, and no
secret, openid or telephone number is in a finding.
"""
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.fernet import InvalidToken
from redis import Redis
from redis.exceptions import RedisError
from rq import Worker
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cli import menu, migrate, pushes
from cli.findings import Finding, fail, hushed, ok, span, warn
from cli.worker import QUEUES
from config import notices
from config.settings import ConfigurationError, Settings, WeChatAccount, is_loopback
from gateways.errors import GatewayError, Refused, Unreachable
from gateways.transport import Transport
from gateways.wechat import WeChat
from gateways.wxpay import WxPay
from models.base import Session, Sessions, connect
from models.campus import Account, Campus
from models.inbox import Inbox
from models.locks import CLOCK_LOCK
from models.outbox import Outbox

SKEW_BAD_S: Final = 60.0  # WeChat Pay and our webhook refuse five minutes
SKEW_ODD_S: Final = 3.0
OVERDUE: Final = timedelta(minutes=1)
MOST_LETTERS: Final = 20
LETTERS_OF: Final = timedelta(days=7)
ABOUT_MONEY: Final = ("payment.", "refund.")
NO_SUCH_ORDER: Final = "ORDER_NOT_EXIST"
ADVICE: Final = {
    40001: "check WECHAT_APP_SECRET", 40013: "check WECHAT_APP_ID",
    40125: "check WECHAT_APP_SECRET: it was reset, or copied wrong",
    40243: "the account's AppSecret is frozen: thaw it in the console (开发接口管理)",
    40164: "add this server's address to the account's IP whitelist",
    "SIGN_ERROR": "check WECHAT_PAY_PRIVATE_KEY and WECHAT_PAY_CERT_SERIAL",
    "NO_AUTH": "check WECHAT_PAY_MCH_ID and its products",
}

_PASSWORD: Final = re.compile(r"(://[^:/@]*):[^@]*@")


def examine(given: Settings, *, now: Callable[[], datetime]) -> Iterator[Finding]:
    """Everything, in an order in which each finding may explain those after it."""
    yield from configuration(given)
    engine = None
    for told, found in _database(given):
        engine = found
        yield told
    yield from _redis(given)
    if engine is not None:
        yield from _clock_process(engine)
        yield _skew("clock against the database", _database_time(engine), now)
        yield from _accounts_can_be_read(engine)
    yield from wechat(given, engine, now)
    yield from wxpay(given)
    yield from _web(given)
    for account in _known_accounts(given, engine):
        if finding := pushes.probe(account, given.public_url, now()):
            yield finding
    if engine is not None:
        yield from pushes.refusals(now=now())
        yield from backlog(now=now())


# --- configuration --------------------------------------------------------------------------

def configuration(given: Settings) -> Iterator[Finding]:
    """Every variable of contract §2, read as the service reads it."""
    for name, check in (
            ("PUBLIC_URL", _public_url), ("SECRET_KEY", _secret_key), ("BIND", _bind),
            ("WEB_WORKERS", lambda it: ok("WEB_WORKERS", str(it.web_workers))),
            ("WECHAT_APP_ID", _account), ("WECHAT_TEMPLATES", _templates),
            ("WECHAT_PAY_MCH_ID", _pay)):
        try:
            yield check(given)
        except ConfigurationError as error:
            about, says = _split(str(error), name)
            yield fail(about, says, "set it in .env")
        except ValueError as error:
            yield fail(name, str(error), "set it right in .env")


def _split(message: str, name: str) -> tuple[str, str]:
    """The variable that a message begins with (`name` where it does not), and the rest."""
    match = re.match(r"([A-Z][A-Z_0-9]+):? ", message)
    return (match[1], message[match.end():]) if match else (name, message)


def _public_url(given: Settings) -> Finding:
    parts = urlsplit(given.public_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return fail("PUBLIC_URL", f"{given.public_url!r} is no address",
                    "it must look like https://example.org")
    if parts.scheme == "http" and not is_loopback(parts.hostname) \
            and parts.hostname != "localhost":
        return warn("PUBLIC_URL", given.public_url, "WeChat's pages and payments want https")
    return ok("PUBLIC_URL", given.public_url)


def _secret_key(given: Settings) -> Finding:
    if len(given.secret_key) < 32:
        return warn("SECRET_KEY", f"only {len(given.secret_key)} characters",
                    "32 random ones or more are safe (a new key cannot open what the old sealed)")
    made = "" if given.environ.get("SECRET_KEY", "").strip() else ", made in var/secret_key"
    return ok("SECRET_KEY", f"{len(given.secret_key)} characters{made}")


def _bind(given: Settings) -> Finding:
    host, port = given.bind
    return ok("BIND", f"{host}:{port}")


def _account(given: Settings) -> Finding:
    account = given.wechat_account
    if account.aes_key is None:
        if not given.wechat_allow_plaintext:
            return fail("WECHAT_AES_KEY", "not set: every push is refused",
                        "set the account's EncodingAESKey and choose encrypted mode")
        return warn("WECHAT_AES_KEY", "not set: pushes come in plaintext, signed by nothing but "
                                      "a token", "set the account's EncodingAESKey")
    if not re.fullmatch(r"[A-Za-z0-9+/]{43}", account.aes_key):
        return fail("WECHAT_AES_KEY", "is not 43 letters and digits",
                    "copy the EncodingAESKey again")
    return ok("WECHAT_APP_ID", f"{account.app_id}, encrypted pushes")


def _templates(given: Settings) -> Finding:
    known = notices.customised(notices.standard(), given.wechat_templates)
    mapped = [n for n in known.values() if n.template_id != n.kind]
    if not mapped and urlsplit(given.wechat_api_base).hostname == "api.weixin.qq.com":
        return warn("WECHAT_TEMPLATES", "not set: no real account has templates of these names",
                    "map each notice kind to a template id")
    return ok("WECHAT_TEMPLATES", f"{len(mapped)} of {len(known)} kinds mapped")


def _pay(given: Settings) -> Finding:
    pay = given.pay
    WxPay(pay, api_base=given.wechat_pay_api_base)  # raises for keys that cannot be read
    mode = "public key" if pay.public_key_id else "platform certificates"
    return ok("WECHAT_PAY_MCH_ID", f"{pay.mch_id}, keys readable, {mode}")


# --- our own servers and processes ----------------------------------------------------------

def _database(given: Settings) -> Iterator[tuple[Finding, Engine | None]]:
    """Findings, and with the last one the engine if its schema can be worked with."""
    try:
        url = given.database_url
        engine = connect(url, pool_size=1)
        with engine.connect() as connection:
            version = connection.scalar(text("SHOW server_version"))
            found, head = migrate.revision(connection), migrate.head(url)
    except ConfigurationError as error:
        yield fail("DATABASE_URL", str(error), "set it in .env"), None
    except (SQLAlchemyError, ImportError, ValueError) as error:
        yield fail("database", f"{_shown_url(url)}: {_reason(error)}",
                   "start PostgreSQL, or correct DATABASE_URL"), None
    else:
        yield ok("database", f"PostgreSQL {version} at {_shown_url(url)}"), None
        if found == head:
            yield ok("schema", f"revision {head}"), engine
        else:
            yield fail("schema", f"at {found or 'none'}, the newest is {head}",
                       "run ./paotang migrate"), None


def _shown_url(url: str) -> str:
    return _PASSWORD.sub(r"\1:•••@", url).partition("?")[0]


def _reason(error: Exception) -> str:
    """The first line of what went wrong. A URL that cannot be read is not quoted: it may hold a
    password."""
    if isinstance(error, DBAPIError):
        return str(error.orig).strip().splitlines()[0]
    return type(error).__name__


def _redis(given: Settings) -> Iterator[Finding]:
    try:
        url = given.redis_url
        with Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as redis:
            redis.ping()
            listening = {name for worker in Worker.all(connection=redis)
                         for name in worker.queue_names()}
    except ConfigurationError as error:
        yield fail("REDIS_URL", str(error), "set it in .env")
    except ValueError:  # its message may quote a password
        yield fail("REDIS_URL", "is no address of a Redis", "redis://127.0.0.1:6379/0 is one")
    except (RedisError, OSError) as error:
        yield fail("redis", type(error).__name__, "start Redis, or correct REDIS_URL")
    else:
        yield ok("redis", f"answers at {_shown_url(url)}")
        if missing := [queue for queue in QUEUES if queue not in listening]:
            yield fail("workers", f"nobody listens on {', '.join(missing)}",
                       "start ./paotang worker")
        else:
            yield ok("workers", f"listen on {', '.join(QUEUES)}")


def _clock_process(engine: Engine) -> Iterator[Finding]:
    held = text("SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
                "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
                "AND d.datname = current_database() AND l.classid = :high AND l.objid = :low")
    with engine.connect() as connection:
        leading = connection.scalar(held, {"high": CLOCK_LOCK >> 32,
                                           "low": CLOCK_LOCK & 0xFFFFFFFF})
    if leading:
        yield ok("clock", "one process leads")
    else:
        yield fail("clock", "no clock process leads: nothing that is owed goes out",
                   "start ./paotang clock")


def _database_time(engine: Engine) -> Callable[[], datetime]:
    def ask() -> datetime:
        with engine.connect() as connection:
            told: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            return told
    return ask


def _skew(about: str, ask: Callable[[], datetime | None], now: Callable[[], datetime],
          resolution_s: float = 0.0) -> Finding:
    """How far the neighbour's clock is from ours, read half-way through the asking."""
    before = now()
    try:
        theirs = ask()
    except (GatewayError, SQLAlchemyError) as error:
        return warn(about, f"cannot be told: {type(error).__name__}")
    if theirs is None:
        return warn(about, "it does not say what time it is")
    middle = before + (now() - before) / 2
    off_s = (middle - theirs).total_seconds()
    off_s = max(0.0, abs(off_s) - resolution_s) * (1 if off_s > 0 else -1)
    says = f"ours is {abs(off_s):.1f} s {'ahead' if off_s > 0 else 'behind'}"
    if abs(off_s) > SKEW_BAD_S:
        return fail(about, says, "set the clocks by NTP: signatures are refused after 5 minutes")
    if abs(off_s) > SKEW_ODD_S:
        return warn(about, says, "set the clocks by NTP")
    return ok(about, says)


def _accounts_can_be_read(engine: Engine) -> Iterator[Finding]:
    with Sessions() as session:
        try:
            accounts = session.scalars(select(Account).order_by(Account.app_id)).all()
        except InvalidToken:
            yield fail("SECRET_KEY", "is not the one that sealed this database",
                       "bring back the old key")
            return
        campuses = {c.id: c.name for c in session.scalars(select(Campus))}
    if not accounts:
        yield warn("campus", "none is loaded", "run ./paotang campus load FILE")
    for account in accounts:
        name = campuses.get(account.campus_id or 0)
        if name is None:
            yield warn("campus", f"{account.app_id} serves none", "run ./paotang campus load FILE")
        else:
            yield ok("campus", f"{account.app_id} serves {name}")


# --- the neighbours -------------------------------------------------------------------------

def wechat(given: Settings, engine: Engine | None,
           now: Callable[[], datetime]) -> Iterator[Finding]:
    """WeChat's clock, and for each account a token and its templates."""
    base = given.wechat_api_base
    yield _skew("clock against WeChat", lambda: _date_of(base), now, resolution_s=1.0)
    for account in _known_accounts(given, engine):
        yield from _account_works(account, base, given)


def _date_of(base: str) -> datetime | None:
    date = Transport(base).send("GET", "/").headers.get("Date", "")
    with suppress(ValueError, TypeError):
        return parsedate_to_datetime(date).astimezone(UTC)
    return None


def _known_accounts(given: Settings, engine: Engine | None) -> list[WeChatAccount]:
    """The default account, as configured, then those that campus files brought."""
    known: dict[str, WeChatAccount] = {}
    with suppress(ConfigurationError):
        default = given.wechat_account
        known[default.app_id] = default
    if engine is not None:
        with Sessions() as session, suppress(InvalidToken):
            for row in session.scalars(select(Account).order_by(Account.app_id)):
                known.setdefault(row.app_id, WeChatAccount(
                    row.app_id, row.secret, row.token, row.aes_key))
    return list(known.values())


def _account_works(account: WeChatAccount, base: str, given: Settings) -> Iterator[Finding]:
    about = f"WeChat {account.app_id}"
    calls = WeChat(account.app_id, account.secret, api_base=base)
    try:
        there = calls.template_ids()
    except (Unreachable, Refused) as error:
        yield fail(about, hushed(str(error)),
                   ADVICE.get(error.code or "", "is WECHAT_API_BASE right, and reachable?"))
        return
    yield ok(about, "gives a token")
    yield from _menus(calls, about)
    try:
        wanted = notices.customised(notices.standard(), given.wechat_templates)
    except ConfigurationError:
        return  # named above
    missing = [kind for kind, notice in wanted.items() if notice.template_id not in there]
    if missing:
        yield fail(f"{about} templates", f"it has none for {', '.join(missing)}",
                   "add them in the account, and their ids to WECHAT_TEMPLATES")
    else:
        yield ok(f"{about} templates", f"all {len(wanted)} are there")


def _menus(wechat: WeChat, about: str) -> Iterator[Finding]:
    """Whether the account shows the menus of this version."""
    try:
        current = menu.is_current(wechat.menus(), wechat.tags())
    except (Unreachable, Refused) as error:
        yield warn(f"{about} menus", hushed(str(error)))
        return
    if current:
        yield ok(f"{about} menus", "published, one for each role")
    else:
        yield warn(f"{about} menus", "not those of this version", "run ./paotang menu publish")


def wxpay(given: Settings) -> Iterator[Finding]:
    """A signed question after an order that never was: "no such order" is the right answer."""
    about = "WeChat Pay"
    try:
        pay = WxPay(given.pay, api_base=given.wechat_pay_api_base)
    except ConfigurationError:
        return  # named above
    try:
        if not given.pay.public_key_id:
            until = pay.fetch_certificates()
            yield ok(about, f"its platform certificate is good until {until:%Y-%m-%d}")
        pay.query(f"DOCTOR{datetime.now(UTC):%y%m%d%H%M%S}")
    except Refused as refusal:
        if refusal.code == NO_SUCH_ORDER:
            yield ok(about, "takes our signature")
        else:
            yield fail(about, hushed(str(refusal)),
                       ADVICE.get(refusal.code, "check the WECHAT_PAY_… variables"))
    except Unreachable as error:
        yield fail(about, hushed(str(error)),
                   "is WECHAT_PAY_API_BASE right, and reachable? is the public key WeChat Pay's?")
    else:
        yield warn(about, "knows an order that we never placed")


def _web(given: Settings) -> Iterator[Finding]:
    try:
        answer = Transport(given.public_url).send("GET", "/readyz")
    except Unreachable as error:
        yield warn("web", f"{given.public_url} does not answer from here: {error}",
                   "start ./paotang web, or look at PUBLIC_URL and the proxy before it")
        return
    if answer.status == 200:
        yield ok("web", f"ready at {given.public_url}")
    else:
        yield fail("web", f"{given.public_url}/readyz says {answer.status}",
                   "its log says why")


# --- what is left undone --------------------------------------------------------------------

def backlog(*, now: datetime) -> Iterator[Finding]:
    """Debts and messages that wait for too long, and dead letters."""
    with Sessions() as session:
        yield _overdue(session, now)
        yield from _retrying(session)
        yield from _dead_letters(session, now)
        yield _unanswered(session, now)


def _overdue(session: Session, now: datetime) -> Finding:
    waiting = (Outbox.settled_at.is_(None), Outbox.due_at < now - OVERDUE)
    count, oldest = session.execute(
        select(func.count(), func.min(Outbox.due_at)).where(*waiting)).one()
    if not count:
        return ok("outbox", "nothing is overdue")
    return fail("outbox", f"{count} overdue, the oldest for {span(now - oldest)}",
                "are the clock and the workers running?")


def _retrying(session: Session) -> Iterator[Finding]:
    query = select(Outbox.kind, func.count(), func.max(Outbox.attempts)).where(
        Outbox.settled_at.is_(None), Outbox.attempts >= 3, Outbox.kind != "payment.check")
    for kind, count, most in session.execute(query.group_by(Outbox.kind).order_by(Outbox.kind)):
        yield warn("outbox", f"{count} × {kind} tried again and again (up to {most} times)",
                   "the log says what the neighbour answers")


def _dead_letters(session: Session, now: datetime) -> Iterator[Finding]:
    """Those of the last days, newest first. Where money is stuck it is a failure."""
    dead = (Outbox.outcome.like("dead%"), Outbox.settled_at > now - LETTERS_OF)
    query = select(Outbox).where(*dead).order_by(Outbox.settled_at.desc(), Outbox.id.desc())
    for letter in session.scalars(query.limit(MOST_LETTERS)):
        finding: Any = fail if letter.kind.startswith(ABOUT_MONEY) else warn
        yield finding("dead letter", f"{letter.kind} {letter.key}: {hushed(letter.outcome or '')}",
                      f"./paotang orders show '#{letter.order_id}'" if letter.order_id
                      else "the log says why; mend that, for it is not tried again")
    count = session.scalar(select(func.count()).select_from(Outbox).where(*dead)) or 0
    if count > MOST_LETTERS:
        yield warn("dead letters", f"and {count - MOST_LETTERS} more of the last 7 days")
    elif not count:
        yield ok("dead letters", "none in 7 days")


def _unanswered(session: Session, now: datetime) -> Finding:
    waiting = (Inbox.answered_at.is_(None), Inbox.heard_at < now - OVERDUE)
    count, oldest = session.execute(
        select(func.count(), func.min(Inbox.heard_at)).where(*waiting)).one()
    if not count:
        return ok("inbox", "everybody has been answered")
    return fail("inbox", f"{count} unanswered, the oldest for {span(now - oldest)}",
                "are the clock and a worker on “turns” running?")
