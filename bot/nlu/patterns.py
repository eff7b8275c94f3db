"""The rules' regular expressions, from config/lexicon/patterns.toml; compiled when first imported,
so that no message pays for it."""
import re
import tomllib
from collections.abc import Mapping
from typing import Final

from bot.nlu.words import FOLDER


def patterns_from(text: str) -> dict[str, dict[str, re.Pattern[str]]]:
    """Section → name → expression. Raises ValueError naming the one that is none."""
    found: dict[str, dict[str, re.Pattern[str]]] = {}
    for section, lines in tomllib.loads(text).items():
        for name, line in lines.items():
            try:
                found.setdefault(section, {})[name] = re.compile(line)
            except re.error as error:
                raise ValueError(f"patterns.toml: {section}.{name}: {error}") from error
    return found


PATTERNS: Final[Mapping[str, Mapping[str, re.Pattern[str]]]] = patterns_from(
    (FOLDER / "patterns.toml").read_text("utf-8"))
