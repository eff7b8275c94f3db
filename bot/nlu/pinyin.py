"""How characters sound: homophones, whole pinyin and its initials."""
from collections.abc import Mapping
from typing import Final

# Pairs that southern accents and input methods do not tell apart.
_FOLDS: Final = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ang", "an"), ("eng", "en"), ("ing", "in"))


def fold(syllable: str) -> str:
    """`sheng` → `sen`: syllables that sound alike to someone become one."""
    for written, heard in _FOLDS:
        syllable = syllable.replace(written, heard)
    return syllable


class Sounds:
    """Readings of characters, from the list."""

    def __init__(self, readings: Mapping[str, str]) -> None:
        self.readings = dict(readings)
        self.heard = {char: fold(syllable) for char, syllable in readings.items()}

    def of(self, text: str) -> tuple[str, ...]:
        """One folded syllable a character; a character without a reading stands for itself."""
        heard = self.heard
        return tuple([heard.get(char, char) for char in text])

    def spelled(self, text: str) -> str | None:
        """`黄焖鸡` → `huangmenji`; None when a character has no reading."""
        syllables = [self.readings.get(char) for char in text]
        return None if None in syllables else "".join(syllables)  # type: ignore[arg-type]

    def initials(self, text: str) -> str | None:
        """`黄焖鸡` → `hmj`; None when a character has no reading."""
        syllables = [self.readings.get(char, "") for char in text]
        return None if "" in syllables else "".join(syllable[0] for syllable in syllables)
