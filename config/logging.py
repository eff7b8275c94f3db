"""One line per event on stderr: JSON, or readable where a person watches.

Nothing personal leaves in clear. Values under telling names (openid, phone, room, pin, token, …)
become a keyed hash, the same for the same person, so that lines can still be put together; what
people wrote becomes its length; and openids, phone numbers, pickup codes, link tokens and query
secrets are taken out of any other text, tracebacks included.
"""
import dataclasses
import hashlib
import hmac
import json
import logging
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, time
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor

from config.settings import ConfigurationError, load

HASH_LENGTH: Final = 10
MAX_DEPTH: Final = 6
HIDDEN: Final = "<hidden>"

_WHO = (r"open_?id|union_?id|payer|phone|mobile|room|address|pin|to_?user(?:_?name)?"
        r"|from_?user(?:_?name)?|student_(?:no|number)|real_name|nickname"
        r"|(?:pickup|hand_?over|oauth|sms|verify)_codes?")
_SECRET = (r"token|secret|password|passwd|ticket|signature|pay_?sign|authorization|cookie"
           r"|(?:aes|private|secret|api_v3|session)_key")
_PERSONAL_NAME: Final = re.compile(
    rf"(?:.*_)?(?:{_WHO}|{_SECRET})(?:e?s|_given|_told|_hash)?|code_.*", re.IGNORECASE)
_SAID_NAME: Final = re.compile(
    r"(?:.*_)?(?:text|content|said|words|body|reply|remark|recognition|label|raw)", re.IGNORECASE)
_WHERE_NAME: Final = re.compile(r"(?:.*_)?(?:lat|lng|lon|latitude|longitude)", re.IGNORECASE)

_OPENID: Final = re.compile(r"(?<![A-Za-z0-9])o[A-Za-z0-9_-]{27}(?![A-Za-z0-9_-])")
_PHONE: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:\+?86[- ]?)?1[3-9][0-9](?:[- ]?[0-9]{4}){2}(?![0-9A-Za-z])")
_PICKUP_CODE: Final = re.compile(r"(?<![0-9-])[0-9]{1,2}-[0-9]{1,2}-[0-9]{3,5}(?![0-9])")
_LONG_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{80,}")
# name=value anywhere, 'name': value as Python and JSON write it, and the tails of addresses.
_NAMED: Final = re.compile(
    rf"(?P<head>\b(?:\w+_)?(?:{_WHO}|{_SECRET})=|"
    rf"[\"'](?:\w+_)?(?:{_WHO}|{_SECRET})[\"']\s*:\s*|"
    r"[?&](?:code|state|k|echostr)=|"
    r"/(?:p|t|g|m|r|e|ops)/(?=[A-Za-z0-9_-]{16}))"
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s,;&?#/)}\]\"']+)", re.IGNORECASE)
# What the database says of a row: SQLAlchemy's parameters, PostgreSQL's failing row.
_PARAMETERS: Final = re.compile(r"\[parameters: .*?(?=\]\n\(Background|\Z)", re.DOTALL)
_DETAIL: Final = re.compile(r"DETAIL: .*")

Hash = Callable[[str], str]


def configure(*, secret_key: str | None = None, level: int = logging.INFO,
              stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's events to stderr, one line each.

    `secret_key` keys the hashes (SECRET_KEY by default). May be called again.
    """
    stream = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars, structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level, structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer()]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared,
                    structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger, cache_logger_on_first_use=False)
    handler = _Handler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.TimeStamper("iso", utc=True, key="at"),
                    structlog.processors.format_exc_info,
                    hiding(secret_key or _secret_key()),
                    _readable() if stream.isatty() else _json_line]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def hiding(secret_key: str) -> Processor:
    """The processor that takes out of an event whatever is personal."""
    hash_ = _hash_with(secret_key)

    def hide(_: Any, __: str, event: EventDict) -> EventDict:
        return {_masked(str(name), hash_): _hidden(str(name), value, hash_, 0)
                for name, value in event.items()}
    return hide


class _Handler(logging.StreamHandler[TextIO]):
    """When a line cannot be made, says so without quoting it, as the standard one would."""

    def handleError(self, record: logging.LogRecord) -> None:
        kind = sys.exc_info()[0]
        with suppress(OSError, ValueError):  # nobody is left to tell
            self.stream.write(json.dumps({
                "event": "log.failed", "level": "error", "logger": record.name,
                "why": kind.__name__ if kind else ""}) + self.terminator)


def _secret_key() -> str:
    try:
        return load().secret_key
    except (ConfigurationError, OSError):
        return secrets.token_hex(16)  # lines of this process can still be put together


def _hash_with(secret_key: str) -> Hash:
    key = hashlib.sha256(b"log:" + secret_key.encode()).digest()

    def hash_(value: str) -> str:
        told = value.encode("utf-8", "surrogatepass")
        return "#" + hmac.new(key, told, hashlib.sha256).hexdigest()[:HASH_LENGTH]
    return hash_


def _hidden(name: str, value: Any, hash_: Hash, depth: int) -> Any:
    if value is None or isinstance(value, bool) or value == "":
        return value
    if depth > MAX_DEPTH:
        return HIDDEN
    if isinstance(value, Mapping):
        return {_masked(str(k), hash_): _hidden(_under(name, str(k)), v, hash_, depth + 1)
                for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_hidden(name, each, hash_, depth + 1) for each in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return _hidden(name, fields, hash_, depth)
    return _hidden_leaf(name, value, hash_)


def _under(outer: str, inner: str) -> str:
    """Inside something personal everything is."""
    return outer if _PERSONAL_NAME.fullmatch(outer) or _SAID_NAME.fullmatch(outer) else inner


def _hidden_leaf(name: str, value: Any, hash_: Hash) -> Any:
    name = name.replace("-", "_")
    if _PERSONAL_NAME.fullmatch(name):
        return hash_(_shown(value))
    if _WHERE_NAME.fullmatch(name):
        return HIDDEN
    if _SAID_NAME.fullmatch(name):
        return f"<{len(_shown(value))} characters>"
    if isinstance(value, int | float):
        text = str(value)
        return hash_(text) if _PHONE.fullmatch(text) else value
    return _masked(_shown(value), hash_)


def _shown(value: Any) -> str:
    match value:
        case str():
            return value
        case bytes() | bytearray() | memoryview():
            return f"<{len(value)} bytes>"
        case date() | time():  # a datetime is a date
            return value.isoformat()
        case BaseException():
            return f"{type(value).__name__}: {value}"
        case _:
            return str(value) if isinstance(value, int | float) else repr(value)


def _masked(text: str, hash_: Hash) -> str:
    """`text` without anything that looks personal."""
    text = _PARAMETERS.sub(f"[parameters: {HIDDEN}", text)
    text = _DETAIL.sub(f"DETAIL: {HIDDEN}", text)
    text = _NAMED.sub(lambda m: m["head"] + hash_(m["value"].strip("\"'")), text)
    for pattern in (_OPENID, _PHONE, _PICKUP_CODE, _LONG_SECRET):
        text = pattern.sub(lambda m: hash_(m[0]), text)
    return text


def _json_line(_: Any, __: str, event: EventDict) -> str:
    first = {name: event.pop(name) for name in ("at", "level", "event", "logger")
             if name in event}
    return json.dumps({**first, **event}, ensure_ascii=False, default=str)


def _readable() -> Processor:
    return structlog.dev.ConsoleRenderer(
        timestamp_key="at", exception_formatter=structlog.dev.plain_traceback)
