"""Whether a campus file (docs/campus-file.md) makes sense. Pure: text in, data or problems out.

A bad file is refused whole; every problem is named with its path and line:

    shops[3].dishes[2].price_fen (line 214): must be a whole number from 0 to 10000000, not "12"
"""
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from zoneinfo import available_timezones

from models.rules.hours import WEEKDAYS
from models.rules.json_lines import Document, NotJson, Path, parse

MOST_PROBLEMS: Final = 20
MOST_BYTES: Final = 32 * 1024 * 1024
MOST_FEN: Final = 10_000_000
ODD_BUT_FINE: Final = dict.fromkeys(map(ord, "\u200d\u3000\xa0"))  # joined emoji, wide spaces
SECRET_FIELDS: Final = frozenset({"account", "openid", "owners", "phone"})  # never repeated back


class CampusFileError(Exception):
    """The file is refused. `problems`: one line each, at most MOST_PROBLEMS and a count."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class CampusFile:
    """A file that passed. `data` has every optional list and object filled in (see
    `with_defaults`); `warnings` names what was not understood and is ignored."""

    data: dict[str, Any]
    warnings: tuple[str, ...] = ()


def read(raw: bytes) -> CampusFile:
    """A campus file's bytes. Raises CampusFileError naming paths and lines."""
    if len(raw) > MOST_BYTES:
        raise CampusFileError([f"the file is larger than {MOST_BYTES // 1024 // 1024} MB"])
    text = _text_of(raw)
    return _without_complaint(text) or _line_by_line(text)


def _without_complaint(text: str) -> CampusFile | None:
    """The quick way, for a file that there is nothing to say about; None for any other."""
    try:
        file = check(json.loads(text, object_pairs_hook=_no_twins, parse_constant=int))
    except (ValueError, RecursionError, CampusFileError):
        return None
    return None if file.warnings else file


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _line_by_line(text: str) -> CampusFile:
    try:
        document = parse(text)
    except NotJson as error:
        raise CampusFileError([f"not JSON: {error}"]) from None
    report = _Report(document)
    for path, offset, why in document.flaws:
        report.problems.append(f"{_show_path(path)} (line {document.line_at(offset)}): {why}")
    return _examined(document.value, report)


def check(data: Any) -> CampusFile:
    """The same for data that is already read: problems are named without lines."""
    return _examined(data, _Report(None))


def _text_of(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CampusFileError([f"line {line}: not UTF-8; save the file as UTF-8"]) from None
    if not text.strip():
        raise CampusFileError(["the file is empty"])
    return text


def _examined(data: Any, report: "_Report") -> CampusFile:
    CAMPUS_FILE(report, (), data)
    if isinstance(data, Mapping):
        _check_ids(report, data)
        _check_references(report, data)
        _check_geography(report, data)
        for name in ("shops", "places"):
            if data.get(name) == []:
                report.warn((name,), "empty: nobody can order yet")
    if report.problems:
        raise CampusFileError(report.listed(report.problems))
    return CampusFile(with_defaults(data), tuple(report.listed(report.warnings)))


@dataclass(slots=True)
class _Report:
    document: Document | None
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def refuse(self, path: Path, must: str, value: Any) -> None:
        if self.document and any(path == flawed for flawed, _, _ in self.document.flaws):
            return  # named already
        shown = "" if SECRET_FIELDS.intersection(map(str, path)) else f", not {_show(value)}"
        self.problems.append(f"{self.place(path)}: must be {must}{shown}")

    def object_to(self, path: Path, why: str) -> None:
        self.problems.append(f"{self.place(path)}: {why}")

    def warn(self, path: Path, why: str) -> None:
        self.warnings.append(f"{self.place(path)}: {why}")

    def place(self, path: Path) -> str:
        if self.document is None:
            return _show_path(path)
        return f"{_show_path(path)} (line {self.document.line_of(path)})"

    @staticmethod
    def listed(lines: list[str]) -> Iterator[str]:
        yield from lines[:MOST_PROBLEMS]
        if len(lines) > MOST_PROBLEMS:
            yield f"… and {len(lines) - MOST_PROBLEMS} more"


def _show_path(path: Path) -> str:
    shown = ""
    for step in path:
        if isinstance(step, int):
            shown += f"[{step}]"
        elif re.fullmatch(r"[^\W\d]\w{0,60}", step):
            shown += f".{step}" if shown else step
        else:
            shown += f"[{_show(step)}]"
    return shown or "the file"


def _show(value: Any) -> str:
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return "a list"
    is_plain = not isinstance(value, str) or value.isprintable()
    shown = json.dumps(value, ensure_ascii=not is_plain, default=str)
    return shown if len(shown) <= 40 else f"{shown[:39]}…"


# --- rules for one value -------------------------------------------------------------------

Rule = Callable[[_Report, Path, Any], None]


def _text(longest: int = 100, pattern: str | None = None, must: str = "") -> Rule:
    """Text on one line, not blank, neither beginning nor ending with a space."""
    wanted = must or f"text on one line (at most {longest} characters)"
    shape = re.compile(pattern, re.ASCII).fullmatch if pattern else bool

    def rule(report: _Report, path: Path, value: Any) -> None:
        fits = (isinstance(value, str) and len(value) <= longest and shape(value)
                and (value.isprintable() or value.translate(ODD_BUT_FINE).isprintable())
                and value == value.strip())
        if not fits:
            report.refuse(path, wanted, value)
    return rule


def _whole(low: int, high: int) -> Rule:
    def rule(report: _Report, path: Path, value: Any) -> None:
        if type(value) is not int or not low <= value <= high:
            report.refuse(path, f"a whole number from {low} to {high}", value)
    return rule


def _number(low: float, high: float, *, above: bool = False) -> Rule:
    """A number from `low` to `high`; `above`: low itself does not count."""
    wanted = f"a number {'above' if above else 'from'} {low:g} {'up ' if above else ''}to {high:g}"

    def rule(report: _Report, path: Path, value: Any) -> None:
        fits = (type(value) in (int, float) and math.isfinite(value)
                and (low < value if above else low <= value) and value <= high)
        if not fits:
            report.refuse(path, wanted, value)
    return rule


def _one_of(*allowed: Any) -> Rule:
    wanted = "one of " + ", ".join(map(_show, allowed)) if len(allowed) > 1 else _show(allowed[0])

    def rule(report: _Report, path: Path, value: Any) -> None:
        if not any(type(value) is type(one) and value == one for one in allowed):
            report.refuse(path, wanted, value)
    return rule


def _list_of(rule: Rule, *, at_least: int = 0) -> Rule:
    def list_rule(report: _Report, path: Path, value: Any) -> None:
        if not isinstance(value, list):
            return report.refuse(path, "a list", value)
        if len(value) < at_least:
            report.object_to(path, "must not be empty")
        for position, item in enumerate(value):
            rule(report, (*path, position), item)
        return None
    return list_rule


def _map_of(key_rule: Rule, rule: Rule) -> Rule:
    def map_rule(report: _Report, path: Path, value: Any) -> None:
        if not isinstance(value, Mapping):
            return report.refuse(path, "an object", value)
        for key, item in value.items():
            key_rule(report, (*path, key), key)
            rule(report, (*path, key), item)
        return None
    return map_rule


def _object(required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None) -> Rule:
    """An object with these fields. null in an optional field counts as left out."""
    known = {**required, **(optional or {})}

    def object_rule(report: _Report, path: Path, value: Any) -> None:
        if not isinstance(value, Mapping):
            return report.refuse(path, "an object", value)
        for name in required:
            if name not in value:
                report.object_to(path, f"“{name}” is missing")
        for name, item in value.items():
            if name not in known:
                report.warn((*path, name), "not known here, ignored")
            elif item is not None or name in required:
                known[name](report, (*path, name), item)
        return None
    return object_rule


def _time_zone(report: _Report, path: Path, value: Any) -> None:
    offset = isinstance(value, str) and re.fullmatch(r"[+-](0\d|1[0-4]):[0-5]\d", value)
    if not offset and not (isinstance(value, str) and value in available_timezones()):
        report.refuse(path, 'an offset such as "+08:00" or a zone such as "Asia/Shanghai"', value)


def _date(report: _Report, path: Path, value: Any) -> None:
    try:
        fits = isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        fits = False
    if not fits:
        report.refuse(path, "a day such as 2026-09-01", value)


def _span(end: Rule) -> Rule:
    """[from, until], two times."""
    def rule(report: _Report, path: Path, value: Any) -> None:
        if not isinstance(value, list) or len(value) != 2:
            return report.refuse(path, 'two times such as ["10:00", "21:30"]', value)
        TIME(report, (*path, 0), value[0])
        end(report, (*path, 1), value[1])
        return None
    return rule


def _period(report: _Report, path: Path, value: Any) -> None:
    before = len(report.problems)
    _span(TIME)(report, path, value)
    if len(report.problems) == before and value[0] >= value[1]:
        report.object_to(path, f"ends ({value[1]}) before it begins ({value[0]})")


def _hours(report: _Report, path: Path, value: Any) -> None:
    """[["10:00","21:30"],…] every day, or the same per weekday; a day left out is a day off."""
    spans = _list_of(_span(CLOSING_TIME))
    if not isinstance(value, list | Mapping):
        report.refuse(path, 'a list of [from, until], or these by "mon" … "sun"', value)
    elif not value:
        report.object_to(path, "must not be empty; leave it out for always open")
    elif isinstance(value, list):
        spans(report, path, value)
    else:
        _map_of(_one_of(*WEEKDAYS), spans)(report, path, value)


def _zone(report: _Report, path: Path, value: Any) -> None:
    """A GeoJSON Polygon, or a Feature that holds one."""
    if isinstance(value, Mapping) and value.get("type") == "Feature":
        path, value = (*path, "geometry"), value.get("geometry")
    before = len(report.problems)
    _object({"type": _one_of("Polygon"), "coordinates": _list_of(
        _list_of(_position), at_least=1)})(report, path, value)
    if len(report.problems) > before:
        return
    for number, ring in enumerate(value["coordinates"]):
        if len(ring) < 4 or ring[0] != ring[-1]:
            report.object_to((*path, "coordinates", number),
                             "must have four points or more, the last equal to the first")


def _position(report: _Report, path: Path, value: Any) -> None:
    if not isinstance(value, list) or len(value) < 2:
        return report.refuse(path, "[lng, lat]", value)
    LNG(report, (*path, 0), value[0])
    LAT(report, (*path, 1), value[1])
    return None


def _campaign(report: _Report, path: Path, value: Any) -> None:
    kind = value.get("kind") if isinstance(value, Mapping) else None
    if not isinstance(kind, str) or kind not in CAMPAIGNS:
        return _object({"kind": _one_of(*CAMPAIGNS)})(report, path, value)
    required, optional = CAMPAIGNS[kind]
    _object({"kind": ID, **required}, {**optional, **ANY_CAMPAIGN})(report, path, value)
    if kind == "weekday" and not {"free_delivery", "off_fen", "percent_off"} & value.keys():
        report.object_to(path, "needs one of free_delivery, off_fen, percent_off")
    return None


# --- what a campus file holds ---------------------------------------------------------------

ID = _text(60, r"[^\s\u3000\xa0/?#&%]+", "a short name without spaces or / ? # & %")
NAME = _text()
NAMES = _list_of(NAME)
IDS = _list_of(ID)
OPENID = _text(64, r"[A-Za-z0-9_-]+", "an openid (letters, digits, - and _)")
PHONE = _text(24, r"\+?[0-9][0-9 -]+", "a telephone number as text")
FEN = _whole(0, MOST_FEN)
SOME_FEN = _whole(1, MOST_FEN)
PERCENT = _whole(1, 99)
LAT = _number(-90, 90)
LNG = _number(-180, 180)
TIME = _text(5, r"([01]\d|2[0-3]):[0-5]\d", "a time such as 08:05")
CLOSING_TIME = _text(5, r"([01]\d|2[0-3]):[0-5]\d|24:00", "a time such as 21:30, or 24:00")
PERSON = _object({"openid": OPENID}, {"name": NAME, "phone": PHONE})

DISH = _object(
    {"id": ID, "name": NAME, "price_fen": FEN},
    {"aliases": NAMES, "options": IDS, "option_fen": _map_of(ID, FEN), "packing_fen": FEN,
     "stock": _whole(0, 1_000_000), "category": NAME})
SHOP = _object(
    {"id": ID, "name": NAME, "dishes": _list_of(DISH)},
    {"aliases": NAMES, "place_id": ID, "prep_minutes": _whole(0, 240),
     "owners": _list_of(OPENID), "min_order_fen": FEN, "hours": _hours,
     "slot_cap": _whole(1, 1000), "packing_fen": FEN})
PLACE = _object(
    {"id": ID, "name": NAME},
    {"kind": NAME, "aliases": NAMES, "lat": LAT, "lng": LNG, "rules": _object({}, {
        "enter": _one_of("anyone", "residents", "women", "men", "nobody"),
        "until": TIME, "drop_point": NAME, "extra_fen": FEN})})
OPTION = _object({"id": ID, "name": NAME}, {"aliases": NAMES, "group": ID, "price_fen": FEN})
PATH = _object({"from": ID, "to": ID, "metres": _number(0, 100_000, above=True)},
               {"one_way": _one_of(True, False), "open": _span(TIME)})
ACCOUNT = _object(
    {"app_id": _text(64, r"[A-Za-z0-9_-]+", "an app id (letters, digits, - and _)"),
     "secret": NAME, "token": NAME},
    {"aes_key": _text(43, r"[A-Za-z0-9+/]{43}", "WeChat's 43 characters (EncodingAESKey)")})

ANY_CAMPAIGN: Final[Mapping[str, Rule]] = {
    "name": NAME, "from": _date, "until": _date, "shops": IDS, "alone": _one_of(True, False)}
CAMPAIGNS: Final[Mapping[str, tuple[Mapping[str, Rule], Mapping[str, Rule]]]] = {
    "first_order": ({"off_fen": SOME_FEN}, {"threshold_fen": FEN, "days": _whole(1, 365)}),
    "threshold": ({"threshold_fen": SOME_FEN, "off_fen": SOME_FEN}, {}),
    "student": ({"percent_off": PERCENT}, {"threshold_fen": FEN, "most_off_fen": SOME_FEN}),
    "weekday": ({"weekdays": _list_of(_one_of(*WEEKDAYS), at_least=1)}, {
        "free_delivery": _one_of(True), "off_fen": SOME_FEN, "percent_off": PERCENT,
        "threshold_fen": FEN}),
    "building": ({"people": _whole(2, 10_000)}, {}),
}

CAMPUS_FILE = _object(
    {"campus": NAME, "shops": _list_of(SHOP), "places": _list_of(PLACE)},
    {"tz": _time_zone, "options": _list_of(OPTION), "carriers": NAMES,
     "class_periods": _map_of(_text(3, r"[1-9]\d?", "a number as text"), _period),
     "named_times": _map_of(NAME, TIME), "paths": _list_of(PATH), "zone": _zone,
     "riders": _list_of(PERSON), "operators": _list_of(PERSON),
     "emergency": _object({}, {"phone": PHONE, "on_duty": _list_of(PERSON)}),
     "fees": _object({}, {"delivery_base_fen": FEN, "per_100m_fen": FEN,
                          "errand_base_fen": FEN, "errand_medium_fen": FEN,
                          "errand_large_fen": FEN, "surge_cap_fen": FEN,
                          "times": _list_of(_object({"from": TIME, "until": CLOSING_TIME,
                                                     "extra_fen": FEN})),
                          "commission_percent": _whole(0, 30)}),
     "campaigns": _list_of(_campaign), "account": ACCOUNT,
     "points": _object({}, {"percent_back": _whole(1, 20), "most_percent": _whole(1, 100)}),
     "referral": _object({"off_fen": SOME_FEN}, {
         "threshold_fen": FEN, "days": _whole(1, 365), "most": _whole(1, 1000)})})


# --- what must agree between the parts ------------------------------------------------------

def _items(data: Any, name: str, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """(path, item) of the list in field `name`; nothing where there is none."""
    items = data.get(name) if isinstance(data, Mapping) else None
    for position, item in enumerate(items if isinstance(items, list) else ()):
        yield (*at, name, position), item


def _dishes(data: Any) -> Iterator[tuple[Path, Any]]:
    for path, shop in _items(data, "shops"):
        yield from _items(shop, "dishes", path)


def _ids_of(items: Iterable[tuple[Path, Any]], field: str = "id") -> Iterator[tuple[Path, str]]:
    for path, item in items:
        if isinstance(item, Mapping) and isinstance(item.get(field), str):
            yield (*path, field), item[field]


def _keys_of(data: Any, name: str, at: Path) -> Iterator[tuple[Path, Any]]:
    """(path, key) of the object in field `name`; nothing where there is none."""
    found = data.get(name) if isinstance(data, Mapping) else None
    for key in found if isinstance(found, Mapping) else ():
        yield (*at, name, key), key


def _check_ids(report: _Report, data: Mapping[str, Any]) -> None:
    for name in ("shops", "places", "options"):
        _no_two_alike(report, _ids_of(_items(data, name)))
    _no_two_alike(report, _ids_of(_dishes(data)))
    for name in ("riders", "operators"):
        _no_two_alike(report, _ids_of(_items(data, name), "openid"))
    for path, shop in _items(data, "shops"):
        _no_two_alike(report, _items(shop, "owners", path))


def _no_two_alike(report: _Report, ids: Iterable[tuple[Path, Any]]) -> None:
    seen: dict[str, Path] = {}
    for path, value in ids:
        if not isinstance(value, str):
            continue
        if (first := seen.setdefault(value, path)) is not path:
            report.object_to(path, f"the same as {report.place(first)}")


def _check_references(report: _Report, data: Mapping[str, Any]) -> None:
    places = {value for _, value in _ids_of(_items(data, "places"))}
    options = {value for _, value in _ids_of(_items(data, "options"))}
    shops = {value for _, value in _ids_of(_items(data, "shops"))}
    _must_exist(report, _ids_of(_items(data, "shops"), "place_id"), places, "place")
    for end in ("from", "to"):
        _must_exist(report, _ids_of(_items(data, "paths"), end), places, "place")
    for path, dish in _dishes(data):
        _must_exist(report, _items(dish, "options", path), options, "option")
        _must_exist(report, _keys_of(dish, "option_fen", path), options, "option")
    for path, campaign in _items(data, "campaigns"):
        _must_exist(report, _items(campaign, "shops", path), shops, "shop")


def _check_geography(report: _Report, data: Mapping[str, Any]) -> None:
    for path, place in _items(data, "places"):
        if isinstance(place, Mapping) and (place.get("lat") is None) != (place.get("lng") is None):
            report.object_to(path, "has only one of lat and lng")
    seen: dict[frozenset[str], tuple[Path, Any]] = {}
    for path, way in _items(data, "paths"):
        if not isinstance(way, Mapping):
            continue
        ends = frozenset(str(way.get(end)) for end in ("from", "to"))
        first, metres = seen.setdefault(ends, (path, way.get("metres")))
        if way.get("from") == way.get("to"):
            report.object_to(path, "leads back to where it begins")
        elif metres != way.get("metres"):
            report.warn(path, f"the same way as {report.place(first)}; the shorter one counts")


def _must_exist(report: _Report, used: Iterable[tuple[Path, Any]], known: set[str],
                what: str) -> None:
    for path, value in used:
        if isinstance(value, str) and value not in known:
            report.object_to(path, f"there is no {what} {_show(value)}")


# --- defaults -------------------------------------------------------------------------------

def with_defaults(data: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a checked file in which readers find every optional list and object."""
    filled = {name: value for name, value in data.items() if value is not None}
    for name in ("options", "carriers", "paths", "riders", "operators", "campaigns"):
        filled.setdefault(name, [])
    for name in ("class_periods", "named_times", "fees", "emergency"):
        filled.setdefault(name, {})
    filled.setdefault("tz", "+08:00")
    filled["shops"] = [_filled(shop, owners=[]) | {
        "dishes": [_filled(dish, options=[]) for dish in shop["dishes"]]}
        for shop in data["shops"]]
    filled["places"] = [_filled(place, kind="other", rules={}) for place in data["places"]]
    filled["options"] = [_filled(option, group=None, price_fen=0) for option in filled["options"]]
    if filled.get("zone", {}).get("type") == "Feature":
        filled["zone"] = filled["zone"]["geometry"]
    return filled


def _filled(item: Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
    given = {name: value for name, value in item.items() if value is not None}
    return {"aliases": [], **defaults, **given}
