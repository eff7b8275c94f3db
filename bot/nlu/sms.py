"""What stations write: 【菜鸟驿站】…请20:30前凭10-2-7507取件, one or several pasted at once.

Understanding finds codes, carriers and places in each; this finds what only such messages say.
"""
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from functools import cache
from typing import Any, Final

from bot.nlu.words import FOLDER

MOST_MESSAGES: Final = 10
_HEAD, _TAIL = "【", "】"


@dataclass(frozen=True, slots=True)
class Piece:
    """One station's message, or what the student says around it (`is_sms` False)."""

    text: str
    is_sms: bool
    until: time | None = None
    shelf: str | None = None
    has_goal: bool = True  # a place in it may be the one to deliver to

    @property
    def body(self) -> str:
        """The text without its sender."""
        return self.text.partition(_TAIL)[2] if self.is_sms else self.text


def pieces(text: str) -> list[Piece]:
    """The text cut at 【; at most MOST_MESSAGES pieces, the rest stays in the last."""
    cut = [part for part in re.split(f"(?={_HEAD})", text, maxsplit=MOST_MESSAGES)
           if part.strip()]
    return [_piece(part.strip()) for part in cut]


def _piece(text: str) -> Piece:
    is_sms = text.startswith(_HEAD)
    return Piece(text, is_sms, _until(text) if is_sms else None, _shelf(text),
                 not is_sms or bool(re.search(_words()["goal"], text)))


def is_deadline(text: str) -> bool:
    """Whether a moment in the text is the latest one: 20:30前."""
    return _words()["before"] in text


def is_tip(text: str) -> bool:
    """Whether money in the text comes on top of the fee."""
    return bool(re.search(_words()["tip"], text))


def amount_fen(text: str) -> int | None:
    """The one amount of money in the text, 18.5 or 18块5; None when there is none, or several."""
    found = list(re.finditer(_words()["amount"], text))
    if len(found) != 1:
        return None
    yuan, _, part = found[0]["yuan"].partition(".")
    part = part or found[0]["jiao"] or ""
    return int(yuan) * 100 + int(part.ljust(2, "0") or 0)


def _until(text: str) -> time | None:
    match = next(_matches("until", text), None)
    if match is None:
        return None
    hour = int(match["hour"])
    return time(23, 59) if hour == 24 else time(hour, int(match["minute"] or 0))


def _shelf(text: str) -> str | None:
    match = next(_matches("shelf", text), None)
    return match["shelf"] if match else None


def _matches(name: str, text: str) -> Iterator[re.Match[str]]:
    return (match for form in _words()[name] if (match := re.search(form, text)))


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "parcels.toml").read_text("utf-8"))
