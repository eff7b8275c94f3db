"""The cells of a message as beads on a string: all that the items' grammar needs of them."""
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from bot.nlu.patterns import PATTERNS
from bot.nlu.reading import Cell, Reading
from bot.nlu.words import FOLDER

_P: Final = PATTERNS["reading"]
_HARD: Final = frozenset(",;。.!?、~")
_SOFT: Final = frozenset(" ()[]\"'+&")


@dataclass(slots=True)
class Bead:
    """A cell, reduced to what the items' grammar needs."""

    kind: str
    start: int
    end: int
    value: Any = None
    sure: bool = True
    added: bool = False      # an option said as 加…


_ROLE_OF_CUE: Final = (
    ("marks.correct", "correct"), ("marks.replace", "replace"), ("marks.one_of", "oneof"),
    ("marks.remove", "remove"), ("marks.each", "each"), ("marks.all", "all"),
    ("marks.more", "more"), ("marks.less", "less"), ("marks.which", "which"),
    ("marks.join", "join"))
STEER: Final = tomllib.loads((FOLDER / "items.toml").read_text("utf-8"))
AFTER_ONLY: Final = frozenset(STEER["after_only"])
SLIPS: Final = frozenset(STEER["slips"])


def strung(reading: Reading) -> list[Bead]:
    """The beads, those that only look like something made plain words."""
    beads = _taken_back(_too_many(_per_person(_beads_of(reading), reading), reading))
    return _as_shops(_dropped(beads, reading), reading)


def _beads_of(reading: Reading) -> list[Bead]:
    """The cells as beads; words that steer nothing become `word` or, if punctuation, `stop`.

    一大杯 is an amount and a size.
    """
    beads: list[Bead] = []
    sizes = reading.lexicon.options.phrases
    for cell in reading.cells:
        said = reading.text[cell.start:cell.end]
        if cell.kind == "Q" and len(said) > 2 and said[-2:] in sizes and said[-2] in "大中小":
            beads.append(Bead("Q", cell.start, cell.end - 2, cell.value))
            beads.append(Bead("O", cell.end - 2, cell.end, (sizes[said[-2:]],)))
            continue
        if cell.kind == "?" and beads and beads[-1].kind == "Q" and (ids := _size(said, sizes)):
            beads.append(Bead("O", cell.start, cell.end, (ids,)))  # 一个大一个小
            continue
        beads.append(_bead(cell, said, reading))
        if cell.kind == "M" and len(beads) > 1 and beads[-2].kind == "D" and _is_pieces(said):
            beads[-1] = Bead("Q", cell.start, cell.end, cell.value[0] / 100)
    return beads


def _size(said: str, phrases: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    if said not in ("大", "中", "小"):
        return ()
    return tuple({one: None for unit in STEER["sized"] for one in phrases.get(said + unit, ())})


def _is_pieces(said: str) -> bool:
    """`糕两块`: pieces, unless it is many."""
    return len(said) == 2 and said[1] == "块" and said[0] in "一两二三四五12345"


def _bead(cell: Cell, said: str, reading: Reading) -> Bead:
    if cell.kind == "w":
        if said in _HARD:
            return Bead("stop", cell.start, cell.end)
        if (said in _SOFT and "marks.join" not in cell.value) or said == " ":
            return Bead("space", cell.start, cell.end)
        for name, role in _ROLE_OF_CUE:
            if name in cell.value:
                return Bead(role, cell.start, cell.end, said)
        return Bead("word", cell.start, cell.end, said)
    if cell.kind == "N":
        value = reading.lexicon.numerals.value(cell.value)
        if value and 0 < value <= 99 and value == int(value):
            return Bead("Q", cell.start, cell.end, value, False)
        return Bead("word", cell.start, cell.end, said)
    return Bead(cell.kind, cell.start, cell.end, cell.value, cell.sure, said.startswith("加"))


def _dropped(beads: list[Bead], reading: Reading) -> list[Bead]:
    """Leave out one-character options that only look like ones."""
    kept = []
    for at, bead in enumerate(beads):
        if bead.kind == "O" and bead.end - bead.start == 1 and not _supported(beads, at):
            kept.append(Bead("word", bead.start, bead.end, reading.text[bead.start:bead.end]))
        else:
            kept.append(bead)
    return kept


def _too_many(beads: list[Bead], reading: Reading) -> list[Bead]:
    """`三个太多了 两个`: the last amount counts."""
    amounts = [bead for bead in beads if bead.kind == "Q"]
    for before, after in pairwise(amounts):
        if _P["too_many"].fullmatch(reading.text[before.end:after.start]):
            for bead in amounts:
                if bead.end <= before.end and bead.value == before.value:
                    bead.value = after.value
            after.kind = "word"
    return beads


def _taken_back(beads: list[Bead]) -> list[Bead]:
    """`两份不三份面`: the last amount counts; `不要加蛋`, `不是加饭是加蛋`: an option refused."""
    for at, bead in enumerate(beads[1:-1], 1):
        after, before = beads[at + 1], beads[at - 1]
        slip = bead.kind == "correct" or (bead.kind in ("word", "remove") and bead.value in SLIPS)
        if slip and before.kind == after.kind == "Q":
            before.kind = "word"
    for before, bead in pairwise(beads):
        refused = before.value in ("不是", "不", "别") or (
            before.kind == "remove" and before.value not in AFTER_ONLY)
        beside = before.kind == "remove" and before.end == bead.start
        added_not = bead.kind == "O" and refused and (bead.added or beside)
        if added_not or (before.kind == "O" and before.added and bead.kind == "remove"):
            before.kind = bead.kind = "word"
    return beads


def _per_person(beads: list[Bead], reading: Reading) -> list[Bead]:
    """`四个人一人一碗`: people are no amount, and what each of them wants is wanted as often."""
    match = _P["people"].search(reading.text)
    if match is None:
        return beads
    people = float(reading.lexicon.numerals.value(match["number"]) or 1) if match["number"] \
        else 3.0 if "仨" in match[0] else 2.0
    is_one = sum(bead.kind == "D" for bead in beads) == 1
    kept: list[Bead] = []
    for_each = False  # 每人一杯美式一个可颂
    for bead in beads:
        if bead.kind == "Q" and match.start() <= bead.start < match.end():
            bead = Bead("word", bead.start, bead.end, reading.text[bead.start:bead.end])
        elif bead.kind == "Q" and kept and (for_each or kept[-1].value in _PER_PERSON or (
                kept[-1].kind == "each" and is_one)):
            bead.value *= people
            for_each = for_each or kept[-1].value in _PER_PERSON
        elif bead.kind in ("stop", "space", "more"):
            for_each = False
        kept.append(bead)
    return kept


def _as_shops(beads: list[Bead], reading: Reading) -> list[Bead]:
    """A dish's name that is a shop's too, before 那家 or 店, is the shop; `老王烤冷面来俩`: a
    shop's name that ends in a dish of its own, and nothing else to be counted, is that dish."""
    kept: list[Bead] = []
    if not any(bead.kind == "D" for bead in beads) and any(
            bead.kind == "Q" and bead.sure for bead in beads):
        beads = [_own_dish(bead, reading) for bead in beads]
    for at, bead in enumerate(beads):
        after = beads[at + 1] if at + 1 < len(beads) else None
        if bead.kind == "D" and bead.value[1] and after is not None and reading.text[
                after.start:after.end].startswith(_SHOP_TAILS):
            kept.append(Bead("S", bead.start, bead.end, bead.value[1]))
        else:
            kept.append(bead)
    return kept


def _own_dish(bead: Bead, reading: Reading) -> Bead:
    if bead.kind != "S":
        return bead
    said, dishes = reading.text[bead.start:bead.end], reading.lexicon.dishes
    fits = tuple(key for key, dish in dishes.items() if dish.shop_id in bead.value and any(
        len(name) >= 2 and said != name and said.endswith(name) for name in dish.names))
    return Bead("D", bead.start, bead.end, (fits, tuple(bead.value))) if len(fits) == 1 else bead


_SHOP_TAILS: Final = tuple(STEER["shop_tails"])


def _supported(beads: list[Bead], at: int) -> bool:
    """An option of one character (热, 冰) counts beside dishes, amounts and options, or alone."""
    before = beads[at - 1] if at else None
    after = beads[at + 1] if at + 1 < len(beads) else None
    if after is not None and after.kind == "D":
        return True
    return (before is None or before.kind in _FRAME) and (
        after is None or after.kind in _AHEAD or after.value in ("的", "吧", "点"))


_PER_PERSON: Final = frozenset(STEER["per_person"])
_FRAME: Final = frozenset({"D", "O", "Q", "stop", "space", "all", "replace", "join"})
_AHEAD: Final = frozenset({"D", "O", "Q", "stop", "space"})
