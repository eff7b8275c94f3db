"""What is to be left out of a dish and no option of it says, for the kitchen's note: 不要姜."""
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bot.nlu.reading import Cell, Reading
from bot.nlu.words import FOLDER

_LISTS: Final = tomllib.loads((FOLDER / "wishes.toml").read_text("utf-8"))


def _one_of(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_THING: Final = re.compile(_one_of(_LISTS["things"]))
_PART_OF_A_DISH: Final = frozenset(_LISTS["part_of_a_dish"])
_SEVERAL: Final = rf"(?P<things>(?:{_THING.pattern})(?:[和跟与、,及 ]?(?:{_THING.pattern}))*)"
_LEFT_OUT: Final = (
    re.compile(rf"(?:{_one_of(_LISTS['none'])})(?:一点|任何|太多)?{_SEVERAL}"),
    re.compile(rf"{_SEVERAL}(?:我|都|也|就|全)?(?:{_one_of(_LISTS['none_after'])})"))
# What names of dishes end in.
DISH_ENDS: Final = ("粉面饭粥汤茶奶鸡鸭鱼虾肉堡煲卷饼包饺锅串烫拌"
                    "糕薯条排翅腿肠蛋豆果瓜莓橙啡铁式冰丝片")
_CALLED: Final = rf"[\u4e00-\u9fff]{{1,5}}?[{DISH_ENDS}](?![\u4e00-\u9fff]?[{DISH_ENDS}])"
_MAKES_WAY: Final = re.compile(
    rf"(?P<what>(?![这那哪]){_CALLED})(?:不要了?|去掉|不吃了)?[,， ]?"
    r"(?:就|都|给我|帮我)?(?=[换改])")
_PORTION: Final = re.compile(
    rf"[一两二三俩仨\d](?:个|份|碗|杯|瓶|盒|笼|串|只|盘|块)(?P<what>{_CALLED})")
_BEFORE: Final = re.compile(r"[\u4e00-\u9fff]{2,3}")
_AFTER: Final = re.compile(rf"[\u4e00-\u9fff]?[{DISH_ENDS}]")
_ALLERGY: Final = re.compile(r"(?:我|她|他|室友)?对?(?P<thing>[\u4e00-\u9fff]{1,4}?)类?过敏")


def unmet(reading: Reading, items: Iterable[Mapping[str, Any]]) -> str | None:
    """The wishes, as a note, that the options of `items` leave open; None: there are none."""
    items = list(items)
    met = {option for item in items for option in item.get("options") or ()}
    ordered = {str(item["dish_id"]) for item in items}
    left_out = dict.fromkeys(
        thing for form in _LEFT_OUT for match in form.finditer(reading.text)
        for thing in _THING.findall(match["things"])
        if not _is_dish(reading, match, thing, ordered)
        and not met & set(reading.lexicon.options.things.get(("none", thing), ())))
    allergies = [f"{match['thing']}过敏" for match in _ALLERGY.finditer(reading.text)]
    wishes = ["不要" + "、".join(left_out)] if left_out else []
    return "；".join([*wishes, *allergies]) or None


def not_on_menu(reading: Reading) -> tuple[str, ...]:
    """一份酸辣粉, where no dish is called so: the names, as they were said."""
    return tuple(match["what"] for match in _PORTION.finditer(reading.text)
                 if not _is_known(reading, match.start("what"), match.end("what")))


def taken_for(reading: Reading) -> tuple[tuple[str, str], ...]:
    """番茄鸡蛋面, read as 番茄鸡蛋: the name as it was said, and the dish of which it is a part.
    Only where what stands beside the part is explained by nothing."""
    found = []
    for at, cell in enumerate(reading.cells):
        if cell.kind != "D":
            continue
        before = _beside(reading, at - 1, _BEFORE)
        after = None if cell.sure else _beside(reading, at + 1, _AFTER)
        if before or after:
            said = reading.text[(before or cell).start:(after or cell).end]
            found.append((said, str(cell.value[0][0])))
    return tuple(found)


def _beside(reading: Reading, at: int, part: re.Pattern[str]) -> Cell | None:
    cell = reading.cells[at] if 0 <= at < len(reading.cells) else None
    is_part = cell and cell.kind == "?" and part.fullmatch(reading.text[cell.start:cell.end])
    return cell if is_part else None


def _is_known(reading: Reading, start: int, end: int) -> bool:
    """Whether what stands there is a name of this campus, or a part of one."""
    return any(cell.kind in "DSPO" and cell.start < end and start < cell.end
               for cell in reading.cells)


def names_other_dish(reading: Reading, before: int) -> bool:
    """酸辣粉换成…: what is to make way has a name, and it is no dish of this campus."""
    return any(match.end() <= before + 1 and not _is_known(reading, *match.span("what"))
               for match in _MAKES_WAY.finditer(reading.text))


def _is_dish(reading: Reading, match: "re.Match[str]", thing: str, ordered: set[str]) -> bool:
    """不要酸菜, where 酸菜 is on a menu; not 黄焖鸡不要米饭, where no 米饭 is ordered or goes."""
    at = match.start("things") + match["things"].index(thing)
    cell = next((cell for cell in reading.cells if cell.kind == "D"
                 and cell.start <= at < cell.end), None)
    if cell is None:
        return thing in reading.lexicon.dish_names
    is_whole = reading.text[cell.start:cell.end] == thing
    return not (is_whole and thing in _PART_OF_A_DISH) or bool(ordered & set(cell.value[0]))
