"""The lists in config/lexicon, read once: plain data an operator can edit."""
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parents[2] / "config" / "lexicon"

Lists = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Words:
    """Everything the understanding knows about Chinese that is not a rule.

    `cues` maps a class (`cancel`, `rider.accept`, …) to its phrases; the other members carry the
    tables of the file they are named for.
    """

    cues: Lists
    digits: Mapping[str, int]
    scales: Mapping[str, int]
    quantities: Mapping[str, float]
    measures: tuple[str, ...]
    dishes: Mapping[str, Any]
    options: Mapping[str, Any]
    places: Mapping[str, Any]
    times: Mapping[str, Any]
    synonyms: tuple[tuple[str, ...], ...]
    shapes: tuple[str, ...]
    traditional: Mapping[int, str]
    dialect: Mapping[str, str]
    pinyin: Mapping[str, str]


def words_from(folder: Path) -> Words:
    """Read a folder of lists. Raises ValueError naming the file that is not as it should be."""
    numerals = _toml(folder / "numerals.toml")
    return Words(
        cues=_flat(_toml(folder / "cues.toml")),
        digits=numerals["digits"], scales=numerals["scales"],
        quantities=numerals["quantities"], measures=tuple(numerals["measures"]["words"]),
        dishes=_toml(folder / "dishes.toml"), options=_toml(folder / "options.toml"),
        places=_toml(folder / "places.toml"),
        times=_toml(folder / "times.toml"),
        synonyms=tuple(tuple(line.split()) for line in _lines(folder / "synonyms.txt")),
        shapes=tuple(_lines(folder / "shapes.txt")),
        traditional={ord(pair[0]): pair[1] for line in _lines(folder / "traditional.txt")
                     for pair in line.split() if len(pair) == 2 and pair[0] != pair[1]},
        dialect=dict(line.split() for line in _lines(folder / "dialect.txt")),
        pinyin={char: line.split()[0] for line in _lines(folder / "pinyin.txt")
                for char in line.split()[1]},
    )


@lru_cache(maxsize=1)
def shipped_words() -> Words:
    """The lists as they lie in config/lexicon."""
    return words_from(FOLDER)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path.name}: {error}") from error


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: {error}") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _flat(tables: Mapping[str, Mapping[str, list[str]]]) -> Lists:
    """`[cancel] words, how` → `cancel`, `cancel.how`."""
    return {section if key == "words" else f"{section}.{key}": tuple(dict.fromkeys(phrases))
            for section, lists in tables.items() for key, phrases in lists.items()}
