"""A message as it was typed → the plain form that everything else reads."""
import re
import unicodedata
from collections.abc import Mapping
from typing import Final

MAX_CHARS: Final = 400  # a paste of several parcel messages; nobody orders lunch in more

# Emoji that say something; every other one is a pause.
_SPEAKING: Final = "👌👍✅❌⭐🌟🆗💯🙅"
_JOINERS = re.compile("[\u200b-\u200f\u2060\ufeff\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff\u200d]")
_PICTURES = re.compile(
    "[\u2190-\u21ff\u2300-\u2bff\u2600-\u27bf\u3297\u3299\U0001f000-\U0001faff"
    "\ue000-\uf8ff\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SPACES = re.compile(r"\s+")
_STRETCHED = re.compile(r"([!?。,;~、…])\1+")


class Dialect:
    """Replaces words of dialects by their form everywhere else."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = dict(words)
        longest = sorted(map(re.escape, words), key=len, reverse=True)
        self._known = re.compile("|".join(longest) or r"(?!)")

    def plain(self, text: str) -> str:
        """`唔要辣` → `不要辣`."""
        return self._known.sub(self._one, text)

    def _one(self, match: "re.Match[str]") -> str:
        return self._words[match[0]]


def plain(text: str, traditional: Mapping[int, str], dialect: Dialect | None = None) -> str:
    """Lower case, half width, simplified, one space at a time, no decoration; at most MAX_CHARS.

    Digits in circles and key caps become digits; stars, ticks and thumbs stay, as they answer.
    """
    text = text[:MAX_CHARS * 2]
    text = _JOINERS.sub("", text)
    text = unicodedata.normalize("NFKC", text).lower().translate(traditional)
    if not text.isascii():
        text = _PICTURES.sub(_pause, text)
        if dialect is not None:
            text = dialect.plain(text)
    text = text.translate(_PUNCTUATION)
    return _SPACES.sub(" ", _STRETCHED.sub(r"\1", text)).strip()[:MAX_CHARS]


def _pause(match: "re.Match[str]") -> str:
    kept = "".join(char for char in match[0] if char in _SPEAKING)
    return kept or " "


_PUNCTUATION = str.maketrans({
    "，": ",", "！": "!", "？": "?", "；": ";", "：": ":", "（": "(", "）": ")", "「": "\"",
    "」": "\"", "『": "\"", "』": "\"", "“": "\"", "”": "\"", "‘": "'", "’": "'", "～": "~",
    "〜": "~", "—": "-", "–": "-", "−": "-", "‐": "-", "－": "-", "×": "x", "✕": "x", "﹒": ".",
    "︰": ":", "𝒐": "o"})
