"""Numbers as people write them: 12, 十二, 三零四, 俩, 半打."""
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.nlu.words import Words


@dataclass(frozen=True, slots=True)
class Numerals:
    """Readers of numbers, made from the lists."""

    digits: Mapping[str, int]
    scales: Mapping[str, int]
    pattern: str                # one number, as a regular expression without groups
    counted: re.Pattern[str]    # a number and its measure word
    bare: re.Pattern[str]       # a number

    def value(self, text: str) -> float | None:
        """`十二` → 12, `一百二十` → 120, `1.5` → 1.5, `三零四` → 304; None if it is no number."""
        if text.isascii():
            try:
                number = float(text)
            except ValueError:
                return None
            return int(number) if number == int(number) else number
        if not any(char in self.scales for char in text):
            spelled = self.spelled(text)
            return int(spelled) if spelled else None
        return self._scaled(text)

    def spelled(self, text: str) -> str | None:
        """Digit by digit: `三零四` → `304`, `幺2` → `12`; None when some character is no digit."""
        found = []
        for char in text:
            digit = self.digits.get(char)
            if digit is None and not (char.isascii() and char.isdigit()):
                return None
            found.append(char if digit is None else str(digit))
        return "".join(found) or None

    def _scaled(self, text: str) -> int | None:
        total, digit, scale = 0, 0, 1
        for char in text:
            if char in self.scales:
                scale = self.scales[char]
                total += (digit or 1) * scale
                digit = 0
            elif char in self.digits:
                digit = self.digits[char]
                if digit == 0:
                    scale = 10
            else:
                return None
        return total + digit * (scale // 10 if scale > 10 else 1)


def numerals_from(words: Words) -> Numerals:
    """Build the readers; slow parts once."""
    chinese = "".join(words.digits) + "".join(words.scales)
    number = rf"(?:\d+(?:\.\d+)?|[{chinese}]+)"
    measure = "|".join(sorted(map(re.escape, words.measures), key=len, reverse=True))
    # 218 两份: a room, and two of something; 三两 is a weight.
    measure = re.sub(r"(^|\|)两(?=\||$)", lambda cut: f"{cut[1]}两(?!{measure})", measure)
    return Numerals(
        digits=dict(words.digits), scales=dict(words.scales), pattern=number,
        counted=re.compile(rf"(?:(?P<number>{number})\s?(?P<measure>{measure})"
                           r"(?!人(?!份)|月|小时|钟|学期|星期|多月|名额)"
                           rf"|[x*]\s?(?P<times>\d+)|(?P<after>\d+)\s?[x*](?!\d))"),
        bare=re.compile(rf"\d+(?:\.\d+)?|[{chinese}]+"))
