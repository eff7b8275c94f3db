"""Second look at what no name explained: homophones, pinyin and its initials, parts of names."""
import re
import tomllib
from typing import Any, Final

from bot.nlu.lexicon import Lexicon
from bot.nlu.words import FOLDER

# What begins like a place and is a deed: 打印实训报告 is no 打印室 misspelt.
DEEDS: Final = tuple(tomllib.loads((FOLDER / "items.toml").read_text("utf-8"))["deeds"])
_LATIN: Final = re.compile(r"[a-z]{2,}")


def mended(text: str, cells: list[Any], lexicon: Lexicon) -> list[Any]:
    """The cells, with guesses in place of unknown stretches where one is good enough."""
    from bot.nlu.reading import LONGEST_MENDED, Cell
    if len(text) > LONGEST_MENDED:
        return cells
    fresh: list[Any] = []
    for cell in cells:
        fresh.append(cell)
    guesses = _by_sound(text, cells, lexicon) + _by_spelling(text, cells, lexicon)
    guesses += _joined(_by_part(text, cells, lexicon, guesses))
    for start, end, kind, value in guesses:
        kept = [cell for cell in fresh if cell.end <= start or cell.start >= end]
        cut = [cell for cell in fresh if cell.start < end and cell.end > start]
        for cell in cut:
            if cell.start < start:
                kept.append(Cell(cell.start, start, "?", None, 0))
            if cell.end > end:
                kept.append(Cell(end, cell.end, "?", None, 0))
        kept.append(Cell(start, end, kind, value, 0, False))
        fresh = sorted(kept)
    return fresh


_FIRM: Final = frozenset("DSPOEXKCTMQ")


def _open(text: str, cells: list[Any]) -> list[bool]:
    """Where a guess may lie: outside names and amounts."""
    free = [True] * len(text)
    for cell in cells:
        if cell.kind in _FIRM and not (cell.kind == "D" and cell.end - cell.start == 1):
            free[cell.start:cell.end] = [False] * (cell.end - cell.start)
    return free


def _by_sound(text: str, cells: list[Any], lexicon: Lexicon) -> list[tuple[int, int, str, Any]]:
    """Homophones of names, at least one character right, the longest first."""
    free = _open(text, cells)
    heard = lexicon.sounds.heard
    syllables = [heard.get(char, char) for char in text]
    found: list[tuple[int, int, str, Any]] = []
    start, size = 0, len(text)
    while start < size:
        best = None
        node = lexicon.heard.root.get(syllables[start]) if free[start] else None
        stop = start + 1
        while node is not None:
            for form, (kind, value) in node.get(0, ()):
                if _alike(text[start:stop], form) and not text.startswith(DEEDS, start) and not (
                        best and best[1] == stop and best[2] == "D"):
                    best = (start, stop, kind, value)
            if stop == size or not free[stop]:
                break
            node = node.get(syllables[stop])
            stop += 1
        if best:
            kind, value = best[2], best[3]
            found.append((best[0], best[1], kind,
                          (value[0], ()) if kind == "D" else value[0] if kind == "P" else value))
            start = best[1]
        else:
            start += 1
    return found


def _alike(said: str, form: str) -> bool:
    same = sum(a == b for a, b in zip(said, form, strict=True))
    return same < len(form) and same >= max(1, len(form) - 2) and (len(form) > 2 or same == 1)


def _by_spelling(text: str, cells: list[Any], lexicon: Lexicon
                 ) -> list[tuple[int, int, str, Any]]:
    found = []
    free = _open(text, cells)
    for match in _LATIN.finditer(text):
        if text[match.start() - 1:match.start()].isdigit() and text[match.end():][:1].isdigit():
            continue  # 7XM2 is a code
        if all(free[match.start():match.end()]):
            entries = lexicon.spelled.get(match[0], ())
            ids = sorted({dish for kind, value in entries if kind == "D" for dish in value[0]})
            if ids:
                found.append((match.start(), match.end(), "D", (tuple(ids), ())))
                continue
            shops = sorted({shop for kind, value in entries if kind == "S" for shop in value})
            if shops:
                found.append((match.start(), match.end(), "S", tuple(shops)))
    return found


def _by_part(text: str, cells: list[Any], lexicon: Lexicon,
             guesses: list[tuple[int, int, str, Any]]) -> list[tuple[int, int, str, Any]]:
    """Pieces of dishes' names (鸡腿, 排骨) where nothing else explains the characters."""
    found = []
    taken = [(start, end) for start, end, _, _ in guesses]
    open_ = [False] * (len(text) + 1)
    unknown = [False] * (len(text) + 1)
    for cell in cells:
        if cell.kind == "?" or (cell.kind in ("w", "N") and cell.end - cell.start == 1):
            for at in range(cell.start, cell.end):
                open_[at] = True
                unknown[at] = cell.kind == "?"
    for start, end in taken:
        open_[start:end] = [False] * (end - start)
    at = 0
    while at < len(text) - 1:
        end = _longest_part(text, at, open_, lexicon)
        if end and any(unknown[at:end]):
            if dishes := _of_kind(text[end:end + 1], lexicon.cores[text[at:end]], lexicon):
                found.append((at, end, "D", (dishes, ())))
            at = end
        else:
            at += 1
    return found


_KINDS: Final = frozenset("粉面饭粥汤茶饼饺糕")


def _of_kind(follows: str, ids: tuple[str, ...], lexicon: Lexicon) -> tuple[str, ...]:
    """酸辣|粉 is no 酸辣土豆丝: the kind that is said behind a part is the dish's own."""
    if follows not in _KINDS:
        return ids
    return tuple(dish for dish in ids
                 if any(follows in name for name in lexicon.dishes[dish].names))


def _joined(parts: list[tuple[int, int, str, Any]]) -> list[tuple[int, int, str, Any]]:
    """`牛肉|水饺`: two parts side by side that one dish holds are that dish."""
    joined: list[tuple[int, int, str, Any]] = []
    for start, end, kind, value in parts:
        both = set(joined[-1][3][0]) & set(value[0]) if joined and joined[-1][1] == start else set()
        if both:
            joined[-1] = (joined[-1][0], end, kind, (tuple(sorted(both)), ()))
        else:
            joined.append((start, end, kind, value))
    return joined


def _longest_part(text: str, at: int, open_: list[bool], lexicon: Lexicon) -> int:
    stop = at
    while stop < len(text) and stop < at + 6 and open_[stop]:
        stop += 1
    return next((end for end in range(stop, at + 1, -1) if text[at:end] in lexicon.cores), 0)
