"""Words that mean one thing only: what taps send, and what riders and cooks type all day.

Read before understanding, so that they work the same for everybody, at any moment (contract §7).
The words themselves are in config/lexicon/commands.toml.
"""
import re
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config import settings

LONGEST: Final = 60
_CODE: Final = r"(?P<code>[a-z]\\d{1,4})"
_GROUP: Final = r"(?P<code>g\\d{1,4})"
_TIME: Final = r"(?P<rest>\\d{2}:\\d{2})"
_NOISE: Final = re.compile(r"[\s，。！!,.~～]+")


def _compiled(path: Path) -> list[tuple[str, re.Pattern[str]]]:
    words = tomllib.loads(path.read_text("utf-8"))
    return [(name, re.compile(_spelt_out(form), re.IGNORECASE))
            for name, forms in words.items() for form in forms]


def _spelt_out(form: str) -> str:
    for short, long in (("CODE", _CODE), ("GROUP", _GROUP), ("TIME", _TIME)):
        form = re.sub(short, long, form)
    return form


_FORMS: Final = _compiled(settings.ROOT / "config" / "lexicon" / "commands.toml")


@dataclass(frozen=True, slots=True)
class Command:
    """`code`: an order's code in upper case, or None; `rest`: what stands behind it."""

    name: str
    code: str | None = None
    rest: str = ""


def read_command(text: str) -> Command | None:
    """The command that this text is, as a whole; None: it must be understood as a sentence."""
    words = _NOISE.sub("", unicodedata.normalize("NFKC", text[:4 * LONGEST]))
    if len(words) > LONGEST:
        return None
    for name, form in _FORMS:
        if match := form.fullmatch(words):
            named = match.groupdict()
            code = named.get("code")
            return Command(name, code.upper() if code else None, named.get("rest") or "")
    return None
