"""A menu as a cook types it: names and prices out of a sentence or a whole list. Pure."""
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from bot.nlu.words import FOLDER

LONGEST_NAME: Final = 20
MOST_LINES: Final = 60
LONGEST: Final = 2000


@dataclass(frozen=True, slots=True)
class MenuLine:
    """One dish. `prices`: size → fen, "" for a dish without sizes; empty: off the menu.
    `is_new`: the cook called it so."""

    name: str
    prices: tuple[tuple[str, int], ...]
    is_new: bool = False


def read_menu(text: str, *, is_asked: bool = False) -> list[MenuLine]:
    """The dishes and prices of a text about the menu; empty when it is about something else.

    `is_asked`: the menu was asked for just now, so that a single bare line counts, too.
    """
    words = _words()
    if len(text) > LONGEST or (not is_asked and re.search(words["ordering"], text)):
        return []
    lines = [line for part in re.split(r"[\n,，;；。]+", text) for line in _lines(part)]
    has_cue = is_asked or any(cue in text for cue in words["cues"])
    return lines[:MOST_LINES] if has_cue or len(lines) > 1 else []


def _lines(part: str) -> Iterator[MenuLine]:
    """The dishes in a stretch without commas: a name, then its price or its sizes' prices."""
    start, name, is_new = 0, "", False
    prices: list[tuple[str, int]] = []
    for match in _price().finditer(part):
        between = part[start:match.start()]
        if called := _name(between):
            if prices:
                yield MenuLine(name, _one_each(prices), is_new)
            name, prices = called, []
            is_new = any(word in between for word in _words()["new"])
        prices.append((match["size"] or "", _fen(match)))
        start = match.end()
    if prices and name:
        yield MenuLine(name, _one_each(prices), is_new)
    elif not prices and (dropped := _dropped(part)):
        yield MenuLine(dropped, ())


def _one_each(prices: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """The last price of each size."""
    return tuple(dict(prices).items())


def _dropped(part: str) -> str:
    word = next((gone for gone in _words()["gone"] if gone in part), None)
    return _name(part.replace(word, "")) if word else ""


def _name(text: str) -> str:
    """The dish's name without the words around it; "" when nothing of a name is left."""
    words = _words()
    text = re.sub(r"^\d{1,2}[.、)）:：\s]+(?=\D)", "", text.strip())  # 1. as lists have it
    text = _balanced(text.strip(" \t　:：-—=·.[]【】「」“”\"'/|"))
    again = True
    while again:
        again = False
        for word in words["before"]:
            if text.startswith(word) and len(text) > len(word):
                text, again = text[len(word):].strip(" \t　:：、"), True
                break
        for word in words["after"]:
            if text.endswith(word) and len(text) > len(word):
                text, again = text[:-len(word)].strip(" \t　:：、"), True
                break
    is_only_words = text in words["before"] or text in words["after"] or text in words["cues"]
    return "" if is_only_words or len(text) > LONGEST_NAME else text


def _balanced(text: str) -> str:
    """Without a bracket that has lost its other half."""
    text = text.replace("（", "(").replace("）", ")")
    return text if text.count("(") == text.count(")") else text.strip("() ")


def _fen(match: re.Match[str]) -> int:
    yuan, _, part = match["yuan"].partition(".")
    part = part or match["jiao"] or ""
    return int(yuan) * 100 + int(part.ljust(2, "0") or 0)


@cache
def _price() -> "re.Pattern[str]":
    words = _words()
    sizes = "|".join(sorted(words["sizes"], key=len, reverse=True))
    tails = "|".join(words["size_tails"])
    return re.compile(
        rf"(?:[(（]?(?P<size>{sizes})(?:{tails})?[)）]?[:：\s]*)?[¥￥]?"
        rf"(?<![\d.])(?P<yuan>\d{{1,4}}(?:\.\d{{1,2}})?)(?![\d.])\s*"
        rf"(?:元|块(?P<jiao>\d)?(?:钱)?|(?!{words['units']}))(?:/份|每份|一份)?[)）/]?")


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "menu.toml").read_text("utf-8"))
