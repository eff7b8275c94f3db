"""JSON that remembers where everything stood, so that a mistake can be named with its line.

The standard library's reader forgets positions, keeps the last of two equal keys and takes NaN.
"""
import json
import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

Path = tuple[str | int, ...]  # ("shops", 3, "name")

DEEPEST: Final = 40
LONGEST_NUMBER: Final = 20  # characters; whole numbers must fit a bigint column

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?(?![\w.])", re.ASCII)
_WORD = re.compile(r"-?\w+|.", re.DOTALL)
_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_NOT_NUMBERS: Final = frozenset({"NaN", "Infinity", "-Infinity"})


class NotJson(Exception):
    """The text breaks JSON's grammar. The message says where (line and column) and how."""


@dataclass(slots=True)
class Document:
    """What was read. `flaws`: (path, offset, message) of what is grammatical but not acceptable:
    a key twice, NaN, a number out of all measure, half a character."""

    text: str
    value: Any = None
    flaws: list[tuple[Path, int, str]] = field(default_factory=list)
    offsets: dict[int, dict[str | int, int]] = field(default_factory=dict)  # by id of container
    _line_starts: list[int] = field(default_factory=list)

    def line_of(self, path: Path) -> int:
        """The line (from 1) of the value at `path`, or of what stands nearest above it."""
        value, offset = self.value, 0
        for step in path:
            spots = self.offsets.get(id(value), {})
            if step not in spots:
                break
            offset, value = spots[step], value[step]
        return self.line_at(offset)

    def line_at(self, offset: int) -> int:
        if not self._line_starts:
            self._line_starts = [0, *(m.end() for m in re.finditer("\n", self.text))]
        return bisect_right(self._line_starts, offset)

    def column_at(self, offset: int) -> int:
        return offset - self.text.rfind("\n", 0, offset)


def parse(text: str) -> Document:
    """Read one JSON value. Raises NotJson on the first break of the grammar."""
    reader = _Reader(Document(text))
    start = reader.skip(0)
    reader.document.value, end = reader.value(start, ())
    if (end := reader.skip(end)) < len(text):
        reader.stop(end, "there is more text after the end")
    return reader.document


class _Reader:
    """Recursive descent over one text. Every method takes an offset and gives the one behind."""

    def __init__(self, document: Document) -> None:
        self.document, self.text = document, document.text

    def skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def stop(self, at: int, why: str) -> NoReturn:
        line, column = self.document.line_at(at), self.document.column_at(at)
        raise NotJson(f"line {line}, column {column}: {why}")

    def value(self, at: int, path: Path) -> tuple[Any, int]:
        if len(path) > DEEPEST:
            self.stop(at, f"nested deeper than {DEEPEST} levels")
        match self.text[at:at + 1]:
            case '"':
                return self.string(at, path)
            case "{":
                return self.members(at, path)
            case "[":
                return self.elements(at, path)
            case "":
                self.stop(at, "the file ends too early: something is not closed")
        if match := _NUMBER.match(self.text, at):
            return self.number(match, path), match.end()
        return self.word(at, path)

    def string(self, at: int, path: Path) -> tuple[str, int]:
        match = _STRING.match(self.text, at)
        if match is None:
            self.stop(at, "this text is not closed, or holds a line break or tab as such")
        try:
            value: str = json.loads(match[0])
        except ValueError:
            self.stop(at, 'a \\ in this text is followed by something unknown')
        if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
            self.flaw(path, at, "holds half a character or a zero character")
        return value, match.end()

    def number(self, match: re.Match[str], path: Path) -> int | float:
        if len(match[0]) > LONGEST_NUMBER:
            self.flaw(path, match.start(), f"a number of {len(match[0])} characters is too long")
            return 0
        value = float(match[0]) if match[1] or match[2] else int(match[0])
        if abs(value) >= 2**63:
            self.flaw(path, match.start(), f"the number {match[0]} is too large")
            return 0
        return value

    def word(self, at: int, path: Path) -> tuple[Any, int]:
        match = _WORD.match(self.text, at)
        word = match[0] if match else ""
        if word in _NOT_NUMBERS:
            self.flaw(path, at, f"{word} is not a number here")
            return 0, at + len(word)
        if word not in _CONSTANTS:
            self.stop(at, f"expected a value, found {word[:20]!r}")
        return _CONSTANTS[word], at + len(word)

    def members(self, at: int, path: Path) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        spots: dict[str | int, int] = {}
        self.document.offsets[id(found)] = spots

        def member(at: int) -> int:
            if self.text[at:at + 1] != '"':
                self.stop(at, 'expected a name in "double quotes"')
            key, end = self.string(at, path)
            if key in found:
                self.flaw((*path, key), at, "stands here twice")
            end = self.skip(end)
            if self.text[end:end + 1] != ":":
                self.stop(end, f"expected a colon after {key[:40]!r}")
            start = self.skip(end + 1)
            value, end = self.value(start, (*path, key))
            found[key], spots[key] = value, start
            return end

        end = self.series(at + 1, "}", member)
        return found, end

    def elements(self, at: int, path: Path) -> tuple[list[Any], int]:
        found: list[Any] = []
        spots: dict[str | int, int] = {}
        self.document.offsets[id(found)] = spots

        def element(at: int) -> int:
            spots[len(found)] = at
            value, end = self.value(at, (*path, len(found)))
            found.append(value)
            return end

        end = self.series(at + 1, "]", element)
        return found, end

    def series(self, at: int, closing: str, one: Callable[[int], int]) -> int:
        """Items between commas up to `closing`; gives the offset behind it."""
        at = self.skip(at)
        if self.text[at:at + 1] == closing:
            return at + 1
        while True:
            at = self.skip(one(at))
            mark = self.text[at:at + 1]
            if mark == closing:
                return at + 1
            if mark != ",":
                self.stop(at, f"expected a comma or {closing}" if mark else
                          f"the file ends too early: a {closing} is missing")
            at = self.skip(at + 1)
            if self.text[at:at + 1] == closing:
                self.stop(at, f"a comma stands before {closing}: take it away")

    def flaw(self, path: Path, at: int, why: str) -> None:
        self.document.flaws.append((path, at, why))
