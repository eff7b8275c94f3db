"""Notices that go as template messages: which template, and values that WeChat will take.

WeChat refuses a value that does not fit its key's type with 47003, so every value is made to fit,
or refused here, before it is sent. The limits are those of the template message page.
"""
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import cache
from pathlib import Path
from typing import Any, Final

from config.settings import ConfigurationError, load

MAX_THING: Final = 20
NOTHING: Final = "-"  # WeChat refuses an empty thing
_FREE_TEXT: Final = ("thing", "const", "phrase", "name")

_INNER_SPACE: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_TEMPLATE_KEY: Final = re.compile(r"([a-z]+(?:_[a-z]+)*)([0-9]{1,2})")
_CLOCK: Final = r"(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d(?::\d\d)?)"
_TIME: Final = re.compile(rf"{_CLOCK}(?:~{_CLOCK})?", re.ASCII)


class NoticeError(Exception):
    """A notice cannot be put into its template. The message names kind and field."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One kind of notice. `keys` maps the template's keys, in order, to names of facts."""

    kind: str
    template_id: str
    keys: Mapping[str, str]
    heard_by: str


@dataclass(frozen=True, slots=True)
class Template:
    """Ready for gateways.wechat.WeChat.send_template: `data` maps keys to values that fit."""

    template_id: str
    data: Mapping[str, str]


Notices = Mapping[str, Notice]


def template_for(kind: str, facts: Mapping[str, str], *,
                 notices: Notices | None = None) -> Template:
    """The template message that tells `facts`. Facts that the template has no room for stay out.

    Raises NoticeError: unknown kind, missing fact, or one that cannot be made to fit.
    """
    notice = (notices or installed()).get(kind)
    if notice is None:
        raise NoticeError(f"no notice is called {kind!r}")
    return Template(notice.template_id, {
        key: _fitted(kind, name, key, facts) for key, name in notice.keys.items()})


def fit(key: str, value: str) -> str:
    """`value` as WeChat takes it under `key` (`thing2`, `time5`, …). Raises NoticeError.

    Words of advertising are left out, for WeChat blocks them. Only a thing is cut short, ending
    in …: half a code or half a sum would be a lie.
    """
    fits = _FITS.get(key.rstrip("0123456789"))
    if fits is None:
        raise NoticeError(f"{key}: unknown type")
    plain = _INNER_SPACE.sub(" ", value).strip()
    if key.startswith(_FREE_TEXT):
        plain = _unadorned(plain)
    fitting = fits(plain)
    if fitting is None:
        raise NoticeError(f"{key}: {_shape(value)} does not fit")
    return fitting


@cache
def marketing_words() -> "re.Pattern[str]":
    """What WeChat takes for advertising; the longest words first."""
    table = tomllib.loads((Path(__file__).parent / "lexicon" / "marketing.toml").read_text("utf-8"))
    return re.compile("|".join(sorted(map(re.escape, table["words"]), key=len, reverse=True)))


def _unadorned(text: str) -> str:
    while marketing_words().search(text):  # what is left may make such a word anew
        text = marketing_words().sub("", text).strip()
    return text


@cache
def installed() -> Notices:
    """The notices of this installation, WECHAT_TEMPLATES applied. Raises ConfigurationError."""
    return customised(standard(), load().wechat_templates)


@cache
def standard() -> Notices:
    """What config/notices.toml says."""
    tables = tomllib.loads((Path(__file__).parent / "notices.toml").read_text("utf-8"))
    return {kind: Notice(kind, kind, {
        f"{type_}{position}": name
        for position, (name, type_) in enumerate(table["data"].items(), 1)}, table["heard_by"])
        for kind, table in tables.items()}


def customised(notices: Notices, templates: str | None) -> Notices:
    """`notices` with a real account's template ids and keys (contract §2, WECHAT_TEMPLATES).

    `templates` is a JSON object or the path of a JSON file. Raises ConfigurationError.
    """
    if not templates:
        return notices
    changed = {kind: _customised(notices, kind, table)
               for kind, table in _json_object(templates).items()}
    return {**notices, **changed}


def _json_object(templates: str) -> dict[str, Any]:
    text = templates
    if not templates.lstrip().startswith("{"):
        try:
            text = Path(templates).read_text("utf-8")
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"WECHAT_TEMPLATES: cannot read {templates}") from error
    try:
        told = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"WECHAT_TEMPLATES is not JSON: {error}") from error
    if not isinstance(told, dict):
        raise ConfigurationError("WECHAT_TEMPLATES must be a JSON object")
    return told


def _customised(notices: Notices, kind: str, table: Any) -> Notice:
    notice = notices.get(kind)
    if notice is None:
        raise _wrong(kind, f"no such notice; there are {', '.join(notices)}")
    if not isinstance(table, dict) or set(table) - {"id", "data"}:
        raise _wrong(kind, 'must look like {"id": …, "data": {…}}')
    template_id = table.get("id", notice.template_id)
    if not isinstance(template_id, str) or not template_id:
        raise _wrong(f"{kind}.id", "must be a template id")
    return Notice(kind, template_id, _keys(notice, table.get("data")), notice.heard_by)


def _keys(notice: Notice, data: Any) -> Mapping[str, str]:
    if data is None:
        return notice.keys
    if not isinstance(data, dict) or not data:
        raise _wrong(f"{notice.kind}.data", 'must look like {"thing1": "items", …}')
    names = set(notice.keys.values())
    for key, name in data.items():
        shape = _TEMPLATE_KEY.fullmatch(key)
        if shape is None or shape[1] not in _FITS:
            raise _wrong(f"{notice.kind}.data.{key}",
                         f"must be a type and a number; types are {', '.join(_FITS)}")
        if not isinstance(name, str) or name not in names:
            raise _wrong(f"{notice.kind}.data.{key}",
                         f"must be one of {', '.join(sorted(names))}")
    return data


def _wrong(where: str, what: str) -> ConfigurationError:
    return ConfigurationError(f"WECHAT_TEMPLATES: {where} {what}")


def _fitted(kind: str, name: str, key: str, facts: Mapping[str, str]) -> str:
    if name not in facts:
        raise NoticeError(f"{kind}: {name} is missing")
    try:
        return fit(key, facts[name])
    except NoticeError as error:
        raise NoticeError(f"{kind}: {name} as {error}") from None


def _shape(value: str) -> str:
    """What may be told of a value in a log: it may be a code that nobody else should see."""
    return f"a value of {len(value)} characters"


def _thing(value: str) -> str:
    """≤ 20 characters. Counted as UTF-16 does, which is never less than anyone else's count."""
    if _utf16(value) <= MAX_THING:
        return value or NOTHING
    kept, room = "", MAX_THING - 1
    for char in value:
        room -= _utf16(char)
        if room < 0:
            break
        kept += char
    return kept.rstrip() + "…"


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _time(value: str) -> str | None:
    """HH:MM[:SS], dated or not, or a range of two with ~."""
    match = _TIME.fullmatch(value)
    if match is None:
        return None
    try:
        for day, clock in (match.group(1, 2), match.group(3, 4)):
            _ = day and date.fromisoformat(day), clock and time.fromisoformat(clock)
    except ValueError:
        return None
    return value


def _matching(pattern: str) -> Callable[[str], str | None]:
    allowed = re.compile(pattern)
    return lambda value: value if allowed.fullmatch(value) else None


_FITS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "thing": _thing,
    "character_string": _matching(r"[!-~](?:[ -~]{0,30}[!-~])?"),
    "amount": _matching(r"[¥￥$]?[0-9]{1,10}(?:\.[0-9]{1,2})?元?"),
    "time": _time,
    "date": _time,
    "const": _matching(r".{0,20}"),
    "phrase": _matching(r".{1,5}"),
    "name": _matching(r".{1,10}|[ -~]{1,20}"),
    "phone_number": _matching(r"[0-9+() -]{1,17}"),
    "car_number": _matching(r".{1,8}"),
    "number": _matching(r"-?[0-9]{1,24}(?:\.[0-9]{1,6})?"),
    "letter": _matching(r"[A-Za-z]{1,32}"),
    "symbol": _matching(r"[!-/:-@\[-`{-~]{1,5}"),
}
