"""Single values in a message: places and rooms, moments, money, codes, phones."""
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from bot.nlu.patterns import PATTERNS
from bot.nlu.reading import Cell, Reading

_P: Final = PATTERNS["slots"]

_FROM_BEFORE: Final = _P["from_before"]
_TO_BEFORE: Final = _P["to_before"]
_FROM_AFTER: Final = _P["from_after"]
_NOT_THERE: Final = _P["not_there"]
_ROOM_TAIL: Final = _P["room_tail"]


def places(reading: Reading, errand: bool) -> tuple[Cell | None, Cell | None]:
    """(where from, where to) among the places said; the last of each wins."""
    cells = reading.of("P")
    cells = [cell for cell in cells
             if not _NOT_THERE.search(reading.text[:cell.start])] or cells
    if not cells:
        return None, None
    if not errand:
        goals = [cell for cell in cells if not _hints_shop(reading, cell)]
        return None, (goals[-1] if goals else None)
    if reading.said.startswith("【"):
        cells = [cell for cell in cells if kind_of(reading, cell) == "station"
                 or _CARRY.search(reading.text[:cell.start])] or cells
        if len(cells) == 1 and not _CARRY.search(reading.text[:cells[0].start]):
            return cells[0], None
    roles = [_role(reading, cell) for cell in cells]
    source = next((cell for cell, role in zip(cells, roles, strict=True) if role == "from"), None)
    goal = next((cell for cell, role in reversed(list(zip(cells, roles, strict=True)))
                 if role == "to"), None)
    open_ = [cell for cell, role in zip(cells, roles, strict=True) if role == ""]
    if source is None and goal is not None and open_:
        source = open_[0]
    elif source is not None and goal is None and open_:
        goal = open_[-1]
    elif source is None and goal is None and open_:
        source, goal = _unmarked(reading, open_)
    return source, goal


def _unmarked(reading: Reading, cells: list[Cell]) -> tuple[Cell | None, Cell | None]:
    if len(cells) > 1:
        return cells[0], cells[-1]
    kind = kind_of(reading, cells[0])
    if kind in ("station", "print", "hospital", "canteen", "mall", "shop", "store", "market"):
        return cells[0], None
    return None, cells[0]


def _role(reading: Reading, cell: Cell) -> str:
    before = reading.text[max(0, cell.start - 6):cell.start]
    after = reading.text[cell.end:cell.end + 12]
    station = kind_of(reading, cell) == "station"
    if _AWAY.search(reading.text[:cell.start]):
        return "to"
    if station and reading.said.startswith("【"):
        return "from"
    if _TO_BEFORE.search(before) and not (
            _P["role_dao"].search(before) and (
                station or _P["role_qu"].match(after))
            and not _P["role_song"].search(before)):
        return "to"
    if _FROM_BEFORE.search(before) or _FROM_AFTER.match(after):
        return "from"
    return "from" if station else ""


_CARRY: Final = _P["carry"]
_AWAY: Final = _P["away"]


def kind_of(reading: Reading, cell: Cell) -> str:
    """The kind of the place a cell most likely means."""
    return str(reading.lexicon.places[cell.value[0]].get("kind", ""))


def _hints_shop(reading: Reading, cell: Cell) -> bool:
    """`二食堂黄焖鸡`: where the shop stands, not where to deliver."""
    standing = {shop.place_id for shop in reading.lexicon.shops.values()}
    if not standing.intersection(cell.value):
        return False
    if _P["hints_shop_songdao"].search(reading.text[:cell.start]):
        return False
    after = next((other for other in reading.cells if other.start >= cell.end
                  and reading.text[other.start:other.end] not in (
                      "的", "那家", "里", "里面", "那边", "楼下", "窗口", "那个")), None)
    if after is None or after.kind not in ("D", "S"):
        return False
    shops = _shops_of(reading, after)
    return any(reading.lexicon.shops[shop].place_id in cell.value for shop in shops)


def _shops_of(reading: Reading, cell: Cell) -> set[str]:
    if cell.kind == "S":
        return set(cell.value)
    return {reading.lexicon.dishes[dish].shop_id for dish in cell.value[0]}


def room(reading: Reading, place: Cell | None, pending: bool = False) -> str | None:
    """The room after a place, or alone when an address was asked for."""
    if place is not None:
        found = _room_after(reading, place)
        if found:
            return found
    if place is None and pending:
        for cell in reading.cells:
            value = _room_value(reading, cell)
            if value:
                return value
    return _room_said(reading)


def _room_after(reading: Reading, place: Cell) -> str | None:
    for cell in reading.cells:
        if cell.start < place.end:
            continue
        gap = reading.text[place.end:cell.start]
        if len(gap) > 8 or not _ROOM_TAIL.match(gap):
            return None
        value = _room_value(reading, cell)
        if value:
            return value
        if cell.kind not in ("w", "?"):
            return None
    return None


def _room_value(reading: Reading, cell: Cell) -> str | None:
    said = reading.text[cell.start:cell.end]
    if cell.kind == "N":
        number = reading.lexicon.numerals.spelled(said)
        return number if number and 2 < len(number) <= 4 else None
    if cell.kind == "w" and said.isdigit() and len(said) == 3:  # 110, also a number to call
        return said
    if cell.kind in "CAR" and 2 <= len(said) <= 6:
        return said.upper()
    match = re.match(r"\d{1,4}[a-z]", said)
    return match[0].upper() if match else None


_ROOM_SAID: Final = _P["room_said"]


def _room_said(reading: Reading) -> str | None:
    match = _ROOM_SAID.search(reading.text)
    if not match:
        return None
    said = match[1] or match[2]
    return reading.lexicon.numerals.spelled(said) or said.upper()


def phone(reading: Reading) -> str | None:
    """The last phone number."""
    cells = reading.of("X")
    return str(cells[-1].value) if cells else None


def _day_said(reading: Reading, before: int) -> int | None:
    """`明天早餐…七点半`: the day ahead named somewhere before."""
    days = reading.lexicon.clock.days
    found = [(reading.text.rfind(word, 0, before), day) for word, day in days.items()
             if len(word) > 1 and day > 0]
    at, day = max(found, default=(-1, 0))
    return day if at >= 0 else None


def moment(reading: Reading, now: datetime) -> str | None:
    """The last moment said, as ISO minutes."""
    cells = reading.of("T")
    if not cells:
        return None
    local = now.astimezone(reading.lexicon.tz)
    chosen = cells[-1].value
    if chosen.kind in ("clock", "period") and chosen.day is None and chosen.weekday is None:
        chosen = replace(chosen, day=_day_said(reading, cells[-1].start))
    return str(chosen.at(local).isoformat(timespec="minutes"))


_TIP_NEAR: Final = _P["tip_near"]


def money(reading: Reading, errand: bool) -> tuple[int | None, int | None]:
    """(budget, tip) in fen."""
    budget = tip = None
    for cell in reading.of("M"):
        fen, bounded = cell.value
        around = reading.text[max(0, cell.start - 8):cell.end + (0 if bounded else 6)]
        if bounded and not _TIP_NEAR.search(around):
            budget = fen
        elif _TIP_NEAR.search(around) or errand:
            tip = fen
    for cell in reading.of("N"):
        if tip is None and (
                _P["money_xiaofei"].search(reading.text[:cell.start])
                or (errand and _P["money_gei"].search(reading.text[:cell.start])
                and _P["money_pao"].match(reading.text[cell.end:]))):
            value = reading.lexicon.numerals.value(cell.value)
            tip = round(value * 100) if value else None
    return budget, tip


_LAST: Final = _P["last"]
_REF_BEFORE: Final = _P["ref_before"]
_REF_AFTER: Final = _P["ref_after"]


def order_ref(reading: Reading, context: Mapping[str, Any], role: str) -> str | None:
    """The order code as typed, or "last"."""
    known = {str(ref).upper() for ref in _known_refs(context)}
    codes = [cell for cell in reading.cells if cell.kind in ("C", "A")]
    meant = [cell for cell in codes if not reading.text[:cell.start].rstrip().endswith("不是")]
    for cell in meant or codes:
        if cell.kind == "C" or str(cell.value) in known:
            return str(cell.value)
    for cell in reading.of("N"):
        said = reading.text[cell.start:cell.end]
        if said.isdigit() and (said in known or _is_ref(reading, cell, role)):
            return said
    return "last" if _LAST.search(reading.text) else None


def _known_refs(context: Mapping[str, Any]) -> list[Any]:
    rows = [context.get("order"), context.get("offer"), *(context.get("jobs") or ()),
            *(context.get("orders") or ())]
    return [row.get("order_ref") for row in rows if isinstance(row, Mapping)
            and row.get("order_ref")]


def _is_ref(reading: Reading, cell: Cell, role: str) -> bool:
    said = reading.text[cell.start:cell.end]
    if not 3 <= len(said) <= 8 or (len(said) == 3 and role == "student"
                                   and not _REF_BEFORE.search(reading.text[:cell.start])):
        return False
    if reading.of("P") and len(said) <= 4 and reading.of("P")[-1].end <= cell.start and \
            _ROOM_TAIL.match(reading.text[reading.of("P")[-1].end:cell.start]):
        return False
    if len(said) == 4 and cell.start == 0 and _P["is_ref_kuai"].match(reading.text[cell.end:]):
        return True
    return bool(_REF_BEFORE.search(reading.text[:cell.start])
                or _REF_AFTER.match(reading.text[cell.end:]))


_GROUP_NEAR: Final = _P["group_near"]


def group_code(reading: Reading, context: Mapping[str, Any]) -> str | None:
    """G5, or a mix of letters and digits beside 拼单 or 团."""
    for cell in reading.of("G"):
        return str(cell.value)
    own = str((context.get("group") or {}).get("code") or "").upper()
    for cell in reading.cells:
        if cell.kind in ("A", "C"):
            code = str(cell.value)
            if code == own or cell.kind == "A" or _GROUP_NEAR.search(reading.text):
                return code
    if _GROUP_NEAR.search(reading.text):
        for cell in reading.of("N"):
            said = reading.text[cell.start:cell.end]
            if said.isdigit() and 3 <= len(said) <= 6 and _P["group_code_pindan"].search(
                    reading.text[:cell.start]):
                return said
    return None


_REASON_ORDER: Final = ("foreign_object", "hygiene", "not_received", "spilled", "wrong_item",
                        "missing", "overcharge", "attitude", "cold", "damaged", "bad_taste",
                        "late", "mistake", "sold_out", "changed_mind")


def reason(reading: Reading, allowed: tuple[str, ...] = _REASON_ORDER,
           section: str = "reasons") -> str | None:
    """The first cause named, by precedence."""
    return next((code for code in allowed if f"{section}.{code}" in reading.cues), None)


_CARRIER_SIZE: Final = (("large", _P["carrier_size"]),
                        ("small", _P["carrier_size_xiaojian"]),
                        ("medium", _P["carrier_size_zhongjian"]))


def parcels(reading: Reading, asked: bool = False) -> list[dict[str, str]]:
    """Carriers, pickup codes and sizes, one dictionary a parcel."""
    marks = [(cell.start, cell.kind, str(cell.value)) for cell in reading.of("E")]
    codes = [(cell.start, "K", str(cell.value).upper()) for cell in _codes(reading, asked)]
    found = _paired(sorted(marks + codes))
    sizes = [(match.start(), size) for size, pattern in _CARRIER_SIZE
             for match in pattern.finditer(reading.text)]
    for _, size in sorted(sizes)[:1]:
        found = found or [{}]
        for parcel in found[-1:] if len(found) > 1 else found:
            parcel["size"] = size
    return [parcel for parcel in found if parcel]


def _codes(reading: Reading, asked: bool) -> list[Cell]:
    codes = reading.of("K")
    if codes:
        return codes + [cell for cell in reading.of("N") if any(
            cell.end - cell.start == code.end - code.start > 3 for code in codes)
            and _P["codes_he"].search(reading.text[:cell.start])] + [
                cell for cell in reading.of("A") if _is_mixed_code(reading, cell, codes)]
    for cell in reading.cells:
        said = reading.text[cell.start:cell.end]
        after_carrier = any(0 <= cell.start - carrier.end <= 6 for carrier in reading.of("E"))
        if cell.kind in ("N", "A", "C") and said.isascii() and (
                asked or after_carrier) and len(said) >= (3 if asked else 4):
            codes.append(cell)
    return codes


def _is_mixed_code(reading: Reading, cell: Cell, codes: list[Cell]) -> bool:
    """YD3345 和 6-6-0911: letters and digits, told in one breath with another code."""
    said = reading.text[cell.start:cell.end]
    joined = reading.text[cell.end:].lstrip()[:1], reading.text[:cell.start].rstrip()[-1:]
    return len(said) >= 5 and any(char.isdigit() for char in said) and any(
        char in "和跟、,，;；还" for char in joined if char)


def _paired(marks: list[tuple[int, str, str]]) -> list[dict[str, str]]:
    codes = [mark for mark in marks if mark[1] == "K"]
    if not codes:
        return [{"carrier": name} for name in dict.fromkeys(name for _, _, name in marks)]
    carriers = [mark for mark in marks if mark[1] == "E"]
    leading = bool(carriers) and carriers[0][0] < codes[0][0]
    found = []
    for at, _, code in codes:
        parcel = {"pickup_code": code}
        near = [name for place, _, name in carriers if (place < at if leading else place > at)]
        if near:
            parcel["carrier"] = near[-1] if leading else near[0]
        elif len(codes) == 1 and carriers:
            parcel["carrier"] = carriers[0][2]
        found.append(parcel)
    return list({parcel["pickup_code"]: parcel for parcel in found}.values())
