"""Single values in a message: places and rooms, moments, money, codes, phones."""
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from bot.nlu.reading import Cell, Reading

_FROM_BEFORE: Final = re.compile(r"(?:从|去|在|忘|落|丢|忘在|落在|丢在|放在|到)(?:了|我|的)?$")
_TO_BEFORE: Final = re.compile(
    r"(?:送到|送至|送去|送回|送|带到|捎到|捎回|拿到|拿回|拿去|搬到|搬回|寄到|寄去|寄往|运到|带去|带回|给到|至|发到|改到|换到|"
    r"换成|改成|到|往|放|放到|我在|住|住在|地址|地址是|改为|回)(?:了|我们|我|的|是|:|\s)*$")
_FROM_AFTER: Final = re.compile(
    r"^(?:(?:外面|对面|旁边|门口|里面|那边|附近)?的[^,。]{1,8}\s?(?:帮|求|带|捎|给我))|^(?:的|那边|那里|那儿|这边|里|里面|前台|门口|楼下|大厅|宿管|那)*(?:有|取|拿|买|帮我|帮|打印|复印|排|领|的.{1,6}"
    r"(?:送|捎|拿|带|搬|寄)|送到|送|寄到|拿到|带到|捎到|到|搬到|忘|落)")
_ROOM_TAIL: Final = re.compile(r"^(?:\s|的|,|-|楼|楼下|室|寝室|宿舍|房间|房|单元|门口)*$")


def places(reading: Reading, errand: bool) -> tuple[Cell | None, Cell | None]:
    """(where from, where to) among the places said; the last of each wins."""
    cells = reading.of("P")
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
    if _TO_BEFORE.search(before) and not (
            re.search(r"(?:到|至|已到|已至|去)(?:了|达)?$", before) and (
                station or re.match(r"^(?:取|拿|买|打印|领|帮)", after))
            and not re.search(r"(?:送|带|捎|拿|搬|寄|运)(?:到|至|回)$", before)):
        return "to"
    if _FROM_BEFORE.search(before) or _FROM_AFTER.match(after):
        return "from"
    return "from" if station else ""


_CARRY: Final = re.compile(r"(?:送|带|捎|拿|搬)(?:到|至|去|给|回|往)?(?:我|我们)?$")
_AWAY: Final = re.compile(r"从.{2,14}(?:到|去|往|回|至)$")


def kind_of(reading: Reading, cell: Cell) -> str:
    """The kind of the place a cell most likely means."""
    return str(reading.lexicon.places[cell.value[0]].get("kind", ""))


def _hints_shop(reading: Reading, cell: Cell) -> bool:
    """`二食堂黄焖鸡`: where the shop stands, not where to deliver."""
    standing = {shop.place_id for shop in reading.lexicon.shops.values()}
    if not standing.intersection(cell.value):
        return False
    if re.search(r"(?:送到|送|到|在|至|我在|给)$", reading.text[:cell.start]):
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
    if cell.kind in "CAR" and 2 <= len(said) <= 6:
        return said.upper()
    match = re.match(r"\d{1,4}[a-z]", said)
    return match[0].upper() if match else None


_ROOM_SAID: Final = re.compile(r"(?<![\d-])([a-z]?\d{2,4}[a-z]?|[零一二三四五六七八九幺]{3,4})(?:室|寝|房|号房|宿舍|号寝)")


def _room_said(reading: Reading) -> str | None:
    match = _ROOM_SAID.search(reading.text)
    if not match:
        return None
    number = reading.lexicon.numerals.spelled(match[1])
    return number or match[1].upper()


def phone(reading: Reading) -> str | None:
    """The last phone number."""
    cells = reading.of("X")
    return str(cells[-1].value) if cells else None


def moment(reading: Reading, now: datetime) -> str | None:
    """The last moment said, as ISO minutes."""
    cells = reading.of("T")
    if not cells:
        return None
    local = now.astimezone(reading.lexicon.tz)
    chosen = cells[-1].value
    if chosen.kind == "clock" and chosen.day is None and chosen.weekday is None and len(cells) > 1:
        chosen = cells[-1].value
    return str(chosen.at(local).isoformat(timespec="minutes"))


_TIP_NEAR: Final = re.compile(r"小费|跑腿费|打赏|赏|酬|辛苦费|给骑手|给跑腿|多给|红包|感谢费|报酬|加急费|好处|悬赏|加钱")


def money(reading: Reading, errand: bool) -> tuple[int | None, int | None]:
    """(budget, tip) in fen."""
    budget = tip = None
    for cell in reading.of("M"):
        fen, bounded = cell.value
        around = reading.text[max(0, cell.start - 8):cell.end + 6]
        if bounded and not _TIP_NEAR.search(around):
            budget = fen
        elif _TIP_NEAR.search(around) or errand:
            tip = fen
    for cell in reading.of("N"):
        if tip is None and (
                re.search(r"(?:小费|跑腿费|打赏|辛苦费)(?:给|加|是|:|\s)*$", reading.text[:cell.start])
                or (errand and re.search(r"(?:给|出|加|付)$", reading.text[:cell.start])
                and re.match(r"\s*(?:$|[,.。!?~]|跑|辛苦)", reading.text[cell.end:]))):
            value = reading.lexicon.numerals.value(cell.value)
            tip = round(value * 100) if value else None
    return budget, tip


_LAST: Final = re.compile(
    r"上一?单|刚才那?一?[单个份]|刚刚那?一?单|上个?订单|最近[那一]?单|前面那单|上次|上回|昨天|昨晚|前天|老样子|刚下的|刚点的单|"
    r"刚刚下的|刚刚点的|之前那|照旧|老规矩|和之前一样|跟之前一样|之前点的|刚才的单|刚才点的|早上那单|中午那单|晚上那单|"
    r"lyz|老三样|刚下单的")
_REF_BEFORE: Final = re.compile(r"(?:单号|订单号|订单|取消|催|催催|催一下|支付|付款|付|接单|接|抢单|抢|拒单|拒|不接|退款|退|查|查一下|查下|"
                                r"确认|编号|尾号|单|号|取到|到店|重新下|改送|再来|继续)(?:是|:|一下|下|\s|#)*$")
_REF_AFTER: Final = re.compile(
    r"^(?:\s|号|#)*(?:那?一?[个]?(?:订)?单|到哪|到店|到商家|送到|送达|取到|取餐|取了|拿到|好了|做好|出餐|没收到|地址|现在|怎么|啥|什么|"
    r"还没|已|缺|退|催|取消|到了|到楼下|完成|洒|少|坏|凉|餐|我接|接|拒|电话|联系|客户|顾客|人|打不通|可以|多久|几点|支付|付|再|马上|在做|"
    r"打包|没|不|放|给|搞定|签收|送|的|商家|店|$)")


def order_ref(reading: Reading, context: Mapping[str, Any], role: str) -> str | None:
    """The order code as typed, or "last"."""
    known = {str(ref).upper() for ref in _known_refs(context)}
    codes = [cell for cell in reading.cells if cell.kind in ("C", "A")]
    for cell in codes:
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
    if len(said) == 4 and cell.start == 0 and re.match(
            r"\s?(?![\s\d]|块|元|室|寝|号楼|栋|幢|个|份|张|页|年|天|米)", reading.text[cell.end:]):
        return True
    return bool(_REF_BEFORE.search(reading.text[:cell.start])
                or _REF_AFTER.match(reading.text[cell.end:]))


_GROUP_NEAR: Final = re.compile(r"拼|团|锁|退出|加入|参加|进|join|quit")


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
            if said.isdigit() and 3 <= len(said) <= 6 and re.search(
                    r"(?:拼单|团|码|号|加入|退出|参加|进)(?:是|:|\s)*$", reading.text[:cell.start]):
                return said
    return None


_REASON_ORDER: Final = ("foreign_object", "hygiene", "not_received", "spilled", "wrong_item",
                        "missing", "overcharge", "attitude", "cold", "damaged", "bad_taste",
                        "late", "mistake", "sold_out", "changed_mind")


def reason(reading: Reading, allowed: tuple[str, ...] = _REASON_ORDER,
           section: str = "reasons") -> str | None:
    """The first cause named, by precedence."""
    return next((code for code in allowed if f"{section}.{code}" in reading.cues), None)


_CARRIER_SIZE: Final = (("large", re.compile(r"大件|大快递|大包裹|大箱|大的快递|大号件|大型|超大件|好大一箱|大包|很重|很沉|挺沉")),
                        ("small", re.compile(r"小件|小快递|小包裹|小的快递|小盒子|小包|小东西")),
                        ("medium", re.compile(r"中件|中等件|中号|中快递|中包裹|中等大小")))


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
            and re.search(r"(?:和|跟|与|、|,|还有|以及|\s)\s?$", reading.text[:cell.start])]
    for cell in reading.cells:
        said = reading.text[cell.start:cell.end]
        after_carrier = any(0 <= cell.start - carrier.end <= 6 for carrier in reading.of("E"))
        if cell.kind in ("N", "A", "C") and said.isascii() and (asked or after_carrier):
            if len(said) >= (3 if asked else 4):
                codes.append(cell)
    return codes


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
