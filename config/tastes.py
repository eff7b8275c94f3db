"""Words for what one feels like, and the dishes that are so: lexicon/tastes.toml."""
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Taste:
    """`name`: as it is said of a dish, 辣."""

    name: str
    said: tuple[str, ...]
    dish: tuple[str, ...]
    never: tuple[str, ...]

    def suits(self, dish_name: str) -> bool:
        return any(part in dish_name for part in self.dish) and \
            not any(part in dish_name for part in self.never)


def _read(path: Path) -> tuple[Taste, ...]:
    return tuple(Taste(taste["name"], tuple(taste["said"]), tuple(taste["dish"]),
                       tuple(taste.get("not", ())))
                 for taste in tomllib.loads(path.read_text("utf-8")).values())


TASTES: Final = _read(Path(__file__).parent / "lexicon" / "tastes.toml")


def taste_in(text: str) -> Taste | None:
    """The taste that is asked for in these words, if any."""
    return next((taste for taste in TASTES if any(said in text for said in taste.said)), None)
