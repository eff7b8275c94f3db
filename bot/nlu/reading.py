"""A text cut into cells: names, amounts, moments, codes, and the words between them.

Every candidate is weighed and the best cover of the text wins. Kinds of cells:

    D dish   S shop   P place   O option   E carrier   Q quantity   N number   T moment
    C order code   G group code   A mixed code   R room such as 7B   K pickup code   M money
    X phone   w words   ? unknown
"""
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from bot.nlu.lexicon import Lexicon
from bot.nlu.mending import DEEDS, mended
from bot.nlu.patterns import PATTERNS
from bot.nlu.text import plain
from bot.nlu.words import FOLDER

_P: Final = PATTERNS["reading"]

LONGEST_MENDED: Final = 160   # longer is pasted, not typed: no slips are looked for
LONGEST_SAID: Final = 400   # more is a paste of stations' messages: no amounts, no times

_PHONE: Final = re.compile(r"(?<!\d)1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)")
_DASHED: Final = re.compile(
    r"(?<![\da-z-])(?:[a-z]{0,2}\d{1,3}(?:-[a-z]?\d{1,2}){1,2}-\d{3,6}|[a-z]{1,2}\d{0,2}-\d{1,6}"
    r"|[a-z]{0,2}\d{1,3}-\d{1,3}-\d{1,3}|\d{1,3}-[a-z]?\d{4,6})(?![\d-])")
_PIN: Final = _P["pin"]
_GROUP: Final = re.compile(r"(?<![a-z\d])g\d{1,4}(?![a-z\d])")
_ORDER: Final = re.compile(r"(?<![a-z\d-])[a-fh-z]\d{1,4}(?![a-z\d-])")
_MIXED: Final = re.compile(r"(?<![a-z\d])(?=[a-z\d]*[a-z])(?=[a-z\d]*\d)[a-z\d]{3,8}(?![a-z\d])")
_SHORT: Final = re.compile(r"(?<![a-z\d-])\d{1,4}[a-f](?![a-z\d])")


class Cell(NamedTuple):
    """A piece of the text. `value` depends on the kind; `sure` is False for guesses."""

    start: int
    end: int
    kind: str
    value: Any
    score: float
    sure: bool = True


@dataclass(slots=True)
class Reading:
    """One message as the rules see it."""

    text: str
    cells: list[Cell]
    cues: dict[str, list[tuple[int, int]]]
    residue: str                     # characters nothing explains
    lexicon: Lexicon
    said: str = ""                   # the message as it came
    notes: list[str] = field(default_factory=list)

    def has(self, *classes: str) -> bool:
        """Whether a phrase of any of the classes is there."""
        cues = self.cues
        return any(name in cues for name in classes)

    def of(self, kind: str) -> list[Cell]:
        """The cells of one kind, in order."""
        return [cell for cell in self.cells if cell.kind == kind]

    def any(self, kinds: str) -> bool:
        """Whether a cell of any of the kinds is there."""
        return any(cell.kind in kinds for cell in self.cells)

    def before(self, cell: Cell) -> str:
        """The text before a cell."""
        return self.text[:cell.start]

    def after(self, cell: Cell) -> str:
        """The text after a cell."""
        return self.text[cell.end:]


def read(text: str, lexicon: Lexicon) -> Reading:
    """Cut a message into cells."""
    flat = plain(text, lexicon.words.traditional, lexicon.dialect)
    if len(flat) > LONGEST_MENDED and not (_DASHED.search(flat) or _PIN.search(flat)):
        return _unread(flat, lexicon, text)
    found = lexicon.trie.occurrences(flat)
    spans = list(_spans(flat, found, lexicon))
    cells = _without_stray(flat, _without_floors(flat, _best_cover(flat, spans)), lexicon)
    cells = mended(flat, cells, lexicon)
    cues, covered = _cues(flat, found, cells, lexicon)
    residue = "".join(char for char, known in zip(flat, covered, strict=True)
                      if not known and (char.isalnum()))
    return Reading(flat, cells, cues, residue, lexicon, text)


def _unread(flat: str, lexicon: Lexicon, text: str) -> Reading:
    """A long text without a pickup code asks for nothing that we do."""
    whole = Cell(0, len(flat), "?", None, 0)
    residue = "".join(char for char in flat if char.isalnum())
    return Reading(flat, [whole], {}, residue, lexicon, text)


def _spans(text: str, found: list[Any], lexicon: Lexicon) -> Iterator[Cell]:
    yield from _named(text, found)
    yield from _codes(text, found)
    yield from _composed(text, found, lexicon)
    if len(text) > LONGEST_SAID:
        return
    yield from _counted(text, lexicon)
    for moment in lexicon.clock.moments(text):
        size = moment.end - moment.start
        yield Cell(moment.start, moment.end, "T", moment, 10 * size + 1)
    yield from _floors(text, found)
    yield from _buildings(text)
    yield from _hours(text)
    if len(text) <= LONGEST_MENDED:
        yield from heard_alike(text, lexicon)


UNKNOWN_PLACE: Final = frozenset({"place.unknown"})


def _buildings(text: str) -> Iterator[Cell]:
    """`四号宿舍楼`: a building by its number, no amount of anything. A place that the campus does
    have weighs more."""
    for match in _P["building"].finditer(text):
        yield Cell(match.start(), match.end(), "w", UNKNOWN_PLACE, 9 * len(match[0]) - 3)


def _hours(text: str) -> Iterator[Cell]:
    """`25点送`: an hour that no clock has, no amount of anything."""
    for match in _P["hour"].finditer(text):
        yield Cell(match.start(), match.end(), "w", frozenset(), 8 * len(match[0]))


def heard_alike(text: str, lexicon: Lexicon) -> Iterator[Cell]:
    """Names of three characters and more with one character that only sounds right."""
    heard = lexicon.sounds.heard
    syllables = [heard.get(char, char) for char in text]
    size, root = len(text), lexicon.heard.root
    for start in range(size):
        node = root.get(syllables[start])
        stop = start + 1
        while node is not None:
            if stop - start > 2 and 0 in node:
                said = text[start:stop]
                for form, (kind, value) in node[0]:
                    if sum(map(str.__ne__, said, form)) == 1 and not said.startswith(DEEDS):
                        held = (value[0], ()) if kind == "D" else value[0] if kind == "P" else value
                        yield Cell(start, stop, kind, held, 9 * (stop - start) - 5, False)
            if stop == size:
                break
            node = node.get(syllables[stop])
            stop += 1


def _named(text: str, found: list[Any]) -> Iterator[Cell]:
    """Names and words of the trie. A dish that is also a shop gets both readings at once."""
    size = len(text)
    for start, end, entries in found:
        length = end - start
        kinds = {kind: value for kind, value in entries if kind != "w"}
        for kind, value in kinds.items():
            if kind in "PQ" and not _whole_number(text, start, end, size):
                continue
            if text[start].isascii() and text[start].isalpha() and not _whole_word(
                    text, start, end, size):
                continue
            if kind == "D":
                yield Cell(start, end, "D", (value[0], kinds.get("S", ())),
                           10 * length - (3 if value[1] else 4), value[1])
            elif kind == "S":
                if "D" not in kinds:
                    yield Cell(start, end, "S", value, 10 * length - 3)
            elif kind == "O":
                yield Cell(start, end, "O", value[0], 10 * length - (6 if length == 1 else 3))
            elif kind == "P":
                yield Cell(start, end, "P", value[0], 10 * length - (3 if value[1] else 4),
                           value[1])
            elif kind == "E":
                yield Cell(start, end, "E", value, 10 * length - 3)
            elif kind == "Q":
                yield Cell(start, end, "Q", value, 8 * length - 2)
        if length > 1 or not kinds:
            yield from (Cell(start, end, "w", value,
                             (10 if "place.tail" in value and length > 1 else 6) * length - 3)
                        for kind, value in entries if kind == "w")


def _whole_word(text: str, start: int, end: int, size: int) -> bool:
    """Latin letters are matched as whole runs only."""
    left = start == 0 or not (text[start - 1].isascii() and text[start - 1].isalpha())
    right = end == size or not (text[end].isascii() and text[end].isalpha()) or not (
        text[end - 1].isascii() and text[end - 1].isalpha())
    return left and right


def _whole_number(text: str, start: int, end: int, size: int) -> bool:
    """A name that begins or ends in digits does not cut a number in two, rooms excepted."""
    if text[start].isdigit() and start and (text[start - 1].isdigit() or text[start - 1] in ".-:"):
        return False
    if text[end - 1].isdigit() and end < size and text[end].isdigit():
        run = re.match(r"\d+", text[end:])
        return run is not None and 3 <= len(run[0]) <= 4 and text[start] not in "0123456789"
    return True


def _codes(text: str, found: list[Any]) -> Iterator[Cell]:
    named = {(start, end) for start, end, entries in found
             if any(kind == "P" for kind, _ in entries)}
    for match in _PHONE.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        yield Cell(match.start(), match.end(), "X", digits, 12 * len(match[0]))
    for match in _DASHED.finditer(text):
        if (match.start(), match.start() + match[0].rfind("-")) in named:
            continue  # B3-412: a room in B3
        yield Cell(match.start(), match.end(), "K", match[0], 11 * len(match[0]))
    for match in _PIN.finditer(text):
        yield Cell(match.start(1), match.end(1), "K", match[1], 11 * len(match[1]))
    for match in _GROUP.finditer(text):
        yield Cell(match.start(), match.end(), "G", match[0].upper(), 10 * len(match[0]))
    for match in _ORDER.finditer(text):
        yield Cell(match.start(), match.end(), "C", match[0].upper(), 6.5 * len(match[0]))
    for match in _SHORT.finditer(text):
        yield Cell(match.start(), match.end(), "R", match[0].upper(), 6 * len(match[0]))
    for match in _MIXED.finditer(text):
        yield Cell(match.start(), match.end(), "A", match[0].upper(), 6 * len(match[0]))


def _counted(text: str, lexicon: Lexicon) -> Iterator[Cell]:
    numerals = lexicon.numerals
    for match in numerals.counted.finditer(text):
        number = match["number"] or match["times"] or match["after"]
        value = numerals.value(number)
        if value is not None and 0 < value < 1000 and value * 2 == int(value * 2):
            yield Cell(match.start(), match.end(), "Q", value, 8 * len(match[0]) - 2)
    for match in numerals.bare.finditer(text):
        end = match.end()
        for start in range(match.start(), end if end - match.start() < 8 else match.start() + 1):
            if start == match.start() or not text[start].isascii():
                yield Cell(start, end, "N", text[start:end], 5 * (end - start) - 2)
    yield from _money(text, lexicon)


_MONEY: Final = _P["money"]


def _money(text: str, lexicon: Lexicon) -> Iterator[Cell]:
    for match in _MONEY.finditer(text):
        bounded = bool(match["before"] in _BOUND or match["after"] in _BOUND)
        if not match["unit"] and not bounded:
            continue
        if match["before"] == "在" and not match["after"]:
            continue
        if _P["together"].match(text, match.start("number")):
            continue
        value = lexicon.numerals.value(match["number"])
        if value is None:
            continue
        start = match.start() if match["before"] in _BOUND else match.start("number")
        end = match.start() + len(match[0].rstrip())
        fen = round(value * 100) + _fraction(match["half"], lexicon)
        yield Cell(start, end, "M", (fen, bounded), 10 * (end - start) - 3)


_BOUND: Final = frozenset(tomllib.loads((FOLDER / "items.toml").read_text("utf-8"))["bounds"])


def _fraction(half: str | None, lexicon: Lexicon) -> int:
    if not half:
        return 0
    return 50 if half == "半" else 10 * int(lexicon.numerals.value(half.removesuffix("毛")) or 0)


def _composed(text: str, found: list[Any], lexicon: Lexicon) -> Iterator[Cell]:
    """Composed options, unless a longer name begins inside and goes on (不要|蛋炒饭)."""
    names = [(start, end) for start, end, entries in found
             if any(kind == "D" for kind, _ in entries)]
    for start, end, ids in lexicon.options.composed(text, lexicon.dish_names):
        if not any(start < left < end < right for left, right in names):
            yield Cell(start, end, "O", ids, 9.5 * (end - start) - 3)


def _best_cover(text: str, spans: list[Cell]) -> list[Cell]:
    """The non-overlapping choice of the greatest weight; what remains is unknown."""
    size = len(text)
    starting: list[list[Cell]] = [[] for _ in range(size)]
    for span in spans:
        starting[span.start].append(span)
    best = [0.0] * (size + 1)
    choice: list[Cell | None] = [None] * size
    for start in range(size - 1, -1, -1):
        top, chosen = best[start + 1], None
        for span in starting[start]:
            score = span.score + best[span.end]
            if score > top:
                top, chosen = score, span
        best[start], choice[start] = top, chosen
    return _walk(size, choice)


_FLOOR: Final = _P["floor"]
_WING: Final = re.compile(r"[a-z]座?")  # of the building just named
_GENERAL: Final = frozenset(word for words in tomllib.loads(
    (FOLDER / "places.toml").read_text("utf-8"))["nouns"].values() for word in words)


def _floors(text: str, found: list[Any]) -> Iterator[Cell]:
    """`计科楼二楼`: a numbered 楼 right behind a place is a floor of it, no amount of anything."""
    ends = {end for _, end, entries in found if any(kind == "P" for kind, _ in entries)}
    for match in _FLOOR.finditer(text):
        if match.start() in ends:
            size = match.end() - match.start()
            yield Cell(match.start(), match.end(), "w", frozenset({"place.tail"}), 9 * size)



def _without_floors(text: str, cells: list[Cell]) -> list[Cell]:
    """`图书馆三楼`: right behind a place a numbered 楼 is a floor of it, no other building; so is
    a general word (兔喜驿站, where another 驿站 is called just that)."""
    kept: list[Cell] = []
    for cell in cells:
        if cell.kind == "P" and not cell.sure and kept and kept[-1].kind == "P" and \
                kept[-1].end == cell.start and (
                    _FLOOR.fullmatch(text[cell.start:cell.end])
                    or text[cell.start:cell.end] in _GENERAL
                    or _WING.fullmatch(text[cell.start:cell.end])):
            cell = cell._replace(kind="w", value=frozenset({"place.tail"}))
        kept.append(cell)
    return kept


_BESIDE: Final = frozenset("DQO")
_MEASURES: Final = frozenset("份碗瓶杯个盒串根支桶把包块片条只袋罐听")


def _without_stray(text: str, cells: list[Cell], lexicon: Lexicon) -> list[Cell]:
    """A dish called by one character (饭, 水) counts beside amounts and other dishes only, and not
    as the end of one: 黄焖鸡饭."""
    kept = []
    for at, cell in enumerate(cells):
        if cell.kind == "D" and cell.end - cell.start == 1 and (
                _ends_it(text, cells, at, lexicon) or not _held_up(text, cells, at)):
            cell = cell._replace(kind="w", value=frozenset(), score=3)
        kept.append(cell)
    return kept


def _ends_it(text: str, cells: list[Cell], at: int, lexicon: Lexicon) -> bool:
    before, end = cells[at - 1] if at else None, text[cells[at].start]
    return before is not None and before.kind == "D" and before.end == cells[at].start and any(
        name.endswith(end) for dish in before.value[0] for name in lexicon.dishes[dish].names)


def _held_up(text: str, cells: list[Cell], at: int) -> bool:
    before = cells[at - 1] if at else None
    after = cells[at + 1] if at + 1 < len(cells) else None
    if before is not None and (before.kind in "DQ" or text[before.end - 1] in _MEASURES):
        return True
    if after is not None and after.kind in "QO":
        return True
    return (before is None or not text[before.start].isalnum() or _steers(before)) and (
        after is None or not text[after.start].isalnum() or after.kind == "D" or _steers(after))


def _steers(cell: Cell) -> bool:
    return cell.kind == "w" and bool(cell.value & _STEERING)


_STEERING: Final = frozenset({"marks.join", "marks.remove", "marks.more", "marks.replace",
                              "merchant.soldout", "merchant.restock"})


def _walk(size: int, choice: list[Cell | None]) -> list[Cell]:
    cells, at = [], 0
    unknown = -1
    while at < size:
        span = choice[at]
        if span is None:
            unknown = at if unknown < 0 else unknown
            at += 1
            continue
        if unknown >= 0:
            cells.append(Cell(unknown, at, "?", None, 0))
            unknown = -1
        cells.append(span)
        at = span.end
    if unknown >= 0:
        cells.append(Cell(unknown, size, "?", None, 0))
    return cells


def _cues(text: str, found: list[Any], cells: list[Cell], lexicon: Lexicon
          ) -> tuple[dict[str, list[tuple[int, int]]], list[bool]]:
    """Classes of phrases outside names, and which characters something explains."""
    size = len(text)
    taken = [False] * size
    covered = [False] * size
    for cell in cells:
        if cell.kind != "?":
            for at in range(cell.start, cell.end):
                covered[at] = True
                taken[at] = cell.kind in _NAMES
    cues: dict[str, list[tuple[int, int]]] = {}
    halves = lexicon.halves
    for start, end, entries in found:
        if taken[start] or taken[end - 1]:
            continue
        classes = next((value for kind, value in entries if kind == "w"), None)
        if classes is None:
            continue
        if text[start].isascii() and text[start].isalpha() and not _whole_word(
                text, start, end, size):
            continue
        for name in classes:
            cues.setdefault(name, []).append((start, end))
        if end - start > 1 or classes:
            covered[start:end] = [True] * (end - start)
        word = text[start:end]
        if word in halves:
            for second, name in halves[word]:
                at = text.find(second, end, end + 14)
                if at >= 0:
                    cues.setdefault(name, []).append((start, at + len(second)))
    return cues, covered


_NAMES: Final = frozenset("DSPOEXKCG")
