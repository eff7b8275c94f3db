"""What `doctor` says: one finding each. No secret, openid or telephone number is in one."""
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

Level = Literal["ok", "warn", "FAIL"]

_IDENTITIES: Final = re.compile(
    r"(?<![A-Za-z0-9])o[A-Za-z0-9_-]{27}(?![A-Za-z0-9_-])|(?<![0-9])1[3-9][0-9]{9}(?![0-9])")


@dataclass(frozen=True, slots=True)
class Finding:
    """`todo`: what sets it right."""

    level: Level
    about: str
    says: str
    todo: str = ""


def ok(about: str, says: str) -> Finding:
    return Finding("ok", about, says)


def warn(about: str, says: str, todo: str = "") -> Finding:
    return Finding("warn", about, says, todo)


def fail(about: str, says: str, todo: str = "") -> Finding:
    return Finding("FAIL", about, says, todo)


def hushed(text_: str) -> str:
    return _IDENTITIES.sub("•••", text_)[:200]


def span(length: timedelta) -> str:
    minutes = int(length.total_seconds()) // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
