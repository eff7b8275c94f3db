"""Short words for dishes: what is held (汤 for the 酸辣汤 of the order), what a shop is known for,
what a measure word lets expect (来碗面)."""
from collections.abc import Mapping
from typing import Any, Final

from bot.nlu.lexicon import Lexicon
from bot.nlu.reading import Cell, Reading

_MEASURES: Final = frozenset("份碗瓶杯个盒串根支桶把包块片条只袋罐听锅煲屉笼盘")
_LOOSE: Final = frozenset("w?")


def with_short_names(reading: Reading, context: Mapping[str, Any]) -> Reading:
    """The reading, with dishes in place of words that can only mean them."""
    held = _held_nouns(reading.lexicon, context)
    cells = [_known_for(reading, at) for at in range(len(reading.cells))]
    cells = [_held(cell, reading.text, held) for cell in cells]
    reading.cells = [_measured(reading, cells, at) for at in range(len(cells))]
    return reading


def _dish(cell: Cell, ids: tuple[str, ...]) -> Cell:
    return cell._replace(kind="D", value=(ids, ()), sure=False)


def _held_nouns(lexicon: Lexicon, context: Mapping[str, Any]) -> dict[str, str]:
    """The ends of names that one line only of the draft, else of the order, has."""
    lines = (context.get("draft") or context.get("order") or {}).get("items") or ()
    ids = [line["dish_id"] for line in lines if line.get("dish_id") in lexicon.dishes]
    ends: dict[str, set[str]] = {}
    for dish in ids:
        for name in lexicon.dishes[dish].names:
            for size in (1, 2, 3):
                if len(name) >= size and not name.isascii():
                    ends.setdefault(name[-size:], set()).add(dish)
    return {end: next(iter(dishes)) for end, dishes in ends.items()
            if len(dishes) == 1 and end not in _MEASURES}


def _held(cell: Cell, text: str, nouns: Mapping[str, str]) -> Cell:
    dish = nouns.get(text[cell.start:cell.end]) if nouns and cell.kind in _LOOSE else None
    return _dish(cell, (dish,)) if dish else cell


def _known_for(reading: Reading, at: int) -> Cell:
    """`三碗牛大`: a shop's name beside an amount or an option is the dish it is called after."""
    cell = reading.cells[at]
    if cell.kind != "S":
        return cell
    before = reading.cells[at - 1].kind if at else ""
    after = reading.cells[at + 1].kind if at + 1 < len(reading.cells) else ""
    if before != "Q" and after not in ("Q", "O"):
        return cell
    said = reading.text[cell.start:cell.end]
    ids = tuple(dish.id for shop in cell.value for dish in reading.lexicon.menu(shop)
                if any(said in name for name in dish.names)
                or said in (reading.lexicon.sounds.initials(name) for name in dish.names))
    return _dish(cell, ids) if 0 < len(ids) <= 4 else cell


def _measured(reading: Reading, cells: list[Cell], at: int) -> Cell:
    """`来碗面`, `来瓶水`: the dishes that end so, if they are few."""
    cell = cells[at]
    if cell.kind not in _LOOSE or at == 0:
        return cell
    before = cells[at - 1]
    if before.kind != "Q" and reading.text[before.end - 1] not in _MEASURES:
        return cell
    ids = reading.lexicon.endings.get(reading.text[cell.start:cell.end])
    return _dish(cell, ids) if ids else cell
