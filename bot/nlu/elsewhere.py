"""送到四号宿舍楼, where the campus has no such building: the place, as it was said."""
from collections.abc import Iterator
from typing import Final

from bot.nlu.patterns import PATTERNS
from bot.nlu.reading import UNKNOWN_PLACE, Reading

_P: Final = PATTERNS["elsewhere"]
_KNOWN: Final = frozenset("PSDTMXK")


def unknown_place(reading: Reading) -> str | None:
    """A building by its number, or what something is to be brought to; None: there is none."""
    return next(_named(reading), None)


def _named(reading: Reading) -> Iterator[str]:
    is_alone = not reading.any("P")
    for cell in reading.of("w"):
        if cell.value >= UNKNOWN_PLACE and (is_alone or _P["to"].search(reading.before(cell))):
            yield reading.text[cell.start:cell.end]
    for match in _P["goal"].finditer(reading.text):
        start, end = match.span("what")
        said = match["what"]
        if not _P["no_place"].match(said) and not any(
                cell.kind in _KNOWN and cell.start < end and start < cell.end
                for cell in reading.cells):
            yield said
