"""Moments in a message: clock times, spans from now, class periods, the campus's named times.

Finding needs no clock; `Moment.at(now)` resolves, never into the past.
"""
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from bot.nlu.numerals import Numerals, numerals_from
from bot.nlu.words import Words

_TAIL: Final = r"(?:(?:之前|以前|前|左右|之后|以后|后|钟|整|准时|的时候)*)"
_WEEK: Final = {char: day for day, chars in enumerate(
    ("一1", "二2", "三3", "四4", "五5", "六6", "日天7")) for char in chars}


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment as it was said. `kind`: clock, span, period, named or part."""

    start: int
    end: int
    kind: str
    day: int | None = None          # days from today
    weekday: tuple[int, int] | None = None  # (weeks ahead: 0 coming, 1 next calendar week; day)
    window: tuple[int, int] | None = None   # hours between which the hour lies
    hour: int = 0
    minute: int = 0
    exact: bool = False             # the hour is of a 24-hour clock
    span: timedelta = timedelta()
    points: tuple[str, ...] = field(default=())  # HH:MM of a period or a named time

    def at(self, now: datetime) -> datetime:
        """The moment meant, in `now`'s own zone, to the minute."""
        now = now.replace(second=0, microsecond=0)
        if self.kind == "span":
            return now + self.span
        if self.weekday is not None:
            days = _days_to(now, *self.weekday)
            time = self._on(now, days)
            return time if time > now or self.weekday[0] else self._on(now, days + 7)
        if self.day is not None:
            return self._on(now, self.day)
        return self._next(now)

    def _next(self, now: datetime) -> datetime:
        times = [_moved(now, day, hour, self.minute)
                 for day in (0, 1) for hour in self._hours()]
        return min((time for time in times if time > now), default=times[-1])

    def _on(self, now: datetime, day: int) -> datetime:
        hours = self._hours()
        if self.window is None and not self.exact and self.kind == "clock":
            if day > 0:
                hours = [self.hour + 12 if self.hour < 6 else self.hour]
            else:
                later = [hour for hour in hours if _moved(now, 0, hour, self.minute) > now]
                hours = later or [24 if self.hour in (0, 12) else self.hour]
        return _moved(now, day, hours[0], self.minute)

    def _hours(self) -> list[int]:
        """The hours of the day (24 and more: past midnight) this may mean."""
        hour = self.hour
        if self.exact:
            return [hour]
        if self.window is None:
            return [hour % 12, hour % 12 + 12]
        low, high = self.window
        turns = sorted({hour, hour + 12, hour + 24, hour % 12 + 24, hour % 12})
        return [turn for turn in turns if low <= turn < high] or [hour]


def _moved(now: datetime, day: int, hour: int, minute: int) -> datetime:
    midnight = now.replace(hour=0, minute=0)
    return midnight + timedelta(days=day, hours=hour, minutes=minute)


def _days_to(now: datetime, weeks: int, weekday: int) -> int:
    if weeks == 0:
        return (weekday - now.weekday()) % 7
    return weekday - now.weekday() + 7 * weeks


def zone_of(name: str) -> tzinfo:
    """`+08:00` or `Asia/Shanghai`. Raises ValueError."""
    match = re.fullmatch(r"([+-])(\d\d):?(\d\d)", name)
    if not match:
        return ZoneInfo(name)
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(offset if match[1] == "+" else -offset)


class Clock:
    """Finds the moments in a text; knows one campus's class periods and named times."""

    def __init__(self, words: Words, periods: Mapping[str, Any],
                 named: Mapping[str, str]) -> None:
        self.numerals: Numerals = numerals_from(words)
        self.days: Mapping[str, int] = words.times["days"]
        self.parts: Mapping[str, list[int]] = words.times["parts"]
        self.alone: Mapping[str, str] = words.times["alone"]
        self.periods = {int(number): (str(span[0]), str(span[1]))
                        for number, span in periods.items()}
        self.named: dict[str, str] = {**words.times["named"], **_ended(named), **named}
        self._clock = re.compile(_clock_pattern(self.days, self.parts, self.alone, self.named))
        self._span = re.compile(_span_pattern(self.numerals.pattern))

    def moments(self, text: str) -> list[Moment]:
        """Every moment said in `text`, in its order."""
        found = [moment for match in self._span.finditer(text)
                 if (moment := self._spanned(match)) is not None]
        found += [moment for match in self._clock.finditer(text)
                  if (moment := self._read(match, text)) is not None]
        return sorted(found, key=lambda moment: moment.start)

    def _spanned(self, match: re.Match[str]) -> Moment | None:
        value = self.numerals.value
        minutes = 0.0
        if match["quarters"]:
            minutes = 15 * (value(match["quarters"]) or 0)
        elif match["fives"]:   # Cantonese: what the long hand points at
            minutes = 5 * (value(match["fives"]) or 0)
        elif match["minutes"]:
            minutes = value(match["minutes"]) or 0
        else:
            hours = 0.5 if match["hours"] == "半" else value(match["hours"]) or 0
            minutes = 60 * hours + (30 if match["half"] or match["half2"] else 0)
            minutes += value(match["rest"]) or 0 if match["rest"] else 0
        if not (match["lead"] or match["trail"]) or not 0 < minutes < 60 * 24 * 8:
            return None
        return Moment(match.start(), match.end(), "span", span=timedelta(minutes=minutes))

    def _read(self, match: re.Match[str], text: str) -> Moment | None:
        day, weekday = self._day(match)
        start, end = match.span()
        part = match["part"]
        window = tuple(self.parts[part]) if part else None
        if match["named"]:
            return self._point(start, end, self.named[match["named"]], day, weekday, "named")
        if match["class_"] or match["class2"]:
            return self._period(match, day, weekday)
        if match["alone"]:
            return self._point(start, end, self.alone[match["alone"]], day, weekday, "part")
        if not (match["hour"] or match["hour2"] or match["hour3"]):
            return None
        return self._clocked(match, text, day, weekday, window)

    def _clocked(self, match: re.Match[str], text: str, day: int | None,
                 weekday: tuple[int, int] | None, window: Any) -> Moment | None:
        value = self.numerals.value
        raw = match["hour"] or match["hour2"] or match["hour3"]
        hour = int(value(raw) or 0)
        minute = self._minute(match)
        if hour > 24 or minute is None or (raw == "一" and self._a_little(match, text)):
            return None
        written = raw.isascii() and (len(raw) == 2 and raw[0] == "0")
        exact = (hour > 12 or written or hour == 0) and window is None
        if window is not None and hour > 12:
            exact, window = True, None
        return Moment(match.start(), match.end(), "clock", day=day, weekday=weekday,
                      window=window, hour=hour, minute=minute, exact=exact)

    def _a_little(self, match: re.Match[str], text: str) -> bool:
        """`快一点`, `一点点辣`: not one o'clock."""
        if match["part"] or match["half"] or match["minute"] or match["quarter"]:
            return False
        after = text[match.end():match.end() + 1]
        said = text[match.start():match.end()]
        if said.strip() == text.strip(" 吧呀啊.。!"):
            return False
        if re.search(r"[软硬快慢多少大小热冷辣淡咸甜早晚脆嫩熟好稍]$", text[:match.start()]):
            return True
        return not (said.endswith(("前", "后", "钟", "整", "左右")) or after in ("送", "到", "截"))

    def _minute(self, match: re.Match[str]) -> int | None:
        value = self.numerals.value
        if match["hour2"] or match["hour3"]:
            return int(match["minute2"] or match["minute3"])
        if match["half"]:
            return 30
        if match["quarter"]:
            return int(15 * (value(match["quarter"]) or 0))
        if match["minute"]:
            minute = int(value(match["minute"]) or 0)
            return minute if minute < 60 else None
        return 0

    def _day(self, match: re.Match[str]) -> tuple[int | None, tuple[int, int] | None]:
        if match["week"]:
            weeks = match["week"].count("下")
            return None, (weeks, _WEEK[match["weekday"]])
        return (self.days[match["day"]] if match["day"] else None), None

    def _point(self, start: int, end: int, point: str, day: int | None,
               weekday: tuple[int, int] | None, kind: str) -> Moment:
        hour, minute = (int(part) for part in point.split(":"))
        return Moment(start, end, kind, day=day, weekday=weekday, hour=hour, minute=minute,
                      exact=True, points=(point,))

    def _period(self, match: re.Match[str], day: int | None,
                weekday: tuple[int, int] | None) -> Moment | None:
        said = match["class_"] or match["class2"]
        if match["class2"] and not any(match[key] for key in ("nth", "before", "ending")):
            return None    # 电池2节, 两节课
        number = self._last_period(said)
        if number is not None and (part := match["half_day"] or match["half_day2"]):
            number = self._of_part(number, part)
        span = self.periods.get(number) if number is not None else None
        if span is None:
            return None
        ends = bool(match["down"]) or not match["before"]
        return self._point(match.start(), match.end(), span[1] if ends else span[0], day, weekday,
                           "period")

    def _of_part(self, number: int, part: str) -> int:
        """下午第二节: the second of those that begin in the afternoon, unless the second does."""
        first, last = self.parts[part]
        there = [period for period, (begins, _) in sorted(self.periods.items())
                 if first <= int(begins[:2]) < last]
        return there[number - 1] if number not in there and number <= len(there) else number

    def _last_period(self, said: str) -> int | None:
        """`三四` → 4, `3、4` → 4, `十一` → 11, `11` → 11."""
        pieces = re.split(r"[、,和到\-]", said)
        number = self.numerals.value(pieces[-1])
        if number is None or int(number) in self.periods:
            return None if number is None else int(number)
        last = self.numerals.value(pieces[-1][-1])
        return None if last is None else int(last)


def _ended(named: Mapping[str, str]) -> dict[str, str]:
    """晚自习下课 is 下了晚自习, 下晚自习 and 晚自习结束 too."""
    stems = {name.removesuffix("下课"): point for name, point in named.items()
             if name.endswith("下课") and len(name) > 2}
    return {form: point for stem, point in stems.items()
            for form in (f"下了{stem}", f"下{stem}", f"下完{stem}", f"{stem}结束", f"{stem}下了",
                         f"{stem}完", f"{stem}放学", f"上完{stem}")}


def _span_pattern(number: str) -> str:
    return (
        r"(?P<lead>(?:再过|再等|过|等|再)(?=.{1,8}))?"
        rf"(?:(?P<quarters>[一二两三123])刻钟|(?P<minutes>{number}|半)(?:分钟|分(?!之)|min(?:utes?)?)(?![糖甜])"
        rf"|(?P<fives>{number})个字(?=之后|以后|后)|(?P<hours>半|{number})\s?个?(?P<half>半)?(?:小时|钟头|个钟(?!头)|个点(?!心)|h(?![a-z]))(?P<half2>半)?"
        rf"(?:(?:零|又)?(?P<rest>{number})分钟?)?)"
        r"(?P<trail>之内|以内|内|之后|以后|后|过后|再送|再来|再配送|然后送)?")


def _clock_pattern(days: Mapping[str, Any], parts: Mapping[str, Any], alone: Mapping[str, Any],
                   named: Mapping[str, Any]) -> str:
    hour = r"二十[一二三四]?|十[一二三四五六七八九]?|[零一二两三四五六七八九]|2[0-4]|1\d|0?\d"
    minute = r"[二三四五]?十[一二三四五六七八九]?|[零〇0]?[一二三四五六七八九]|[0-5]?\d"
    number = r"(?:\d{1,2}|十[一二三]?|[一二三四五六七八九]{1,2})"
    several = rf"{number}(?:[、,和到\-]{number})*"
    return (
        rf"(?P<day>{_any(days)})?的?"
        r"(?P<week>(?:下下|下|这|本)?个?(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天]|[1-7](?!\d)))?的?\s?"
        rf"(?:(?P<alone>{_any(alone)}){_TAIL}(?!\s?[\d一二两三四五六七八九十]{{1,2}}[点:时])"
        rf"|(?P<part>{_any(parts)})?的?\s?"
        rf"(?:(?<![\d:.])(?P<hour2>[01]?\d|2[0-4]):(?P<minute2>[0-5]\d)(?![\d:])"
        rf"|(?<![\d:.¥])(?P<hour3>[7-9]|1\d|2[0-2])[.](?P<minute3>[0-5][05])(?=$|[\s,。送到之前左]|分)"
        rf"|(?<![\d.])(?P<hour>{hour})(?:点钟?|时(?!候|间))(?:(?P<half>半)|(?P<quarter>[一三123])刻|(?:过)?(?P<minute>{minute})分?(?![份个杯碗瓶块元元钱折楼栋\d以内]))?)"
        rf"{_TAIL}"
        rf"|(?P<down>下了?(?:课)?|上完|上了)(?P<half_day2>{_any(parts)})?的?第?(?P<class_>{several})节(?:大?课)?(?:下课)?(?:之后|以后|后|了)?"
        rf"|(?P<half_day>{_any(parts)})?的?(?P<nth>第)?(?P<class2>{several})节(?P<lesson>大?课)?(?P<before>之前|以前|前|开始前|上课前|开始|上课)?(?P<ending>(?:下课|下了|结束|完)?(?:之后|以后|后)?)"
        rf"|(?P<named>{_any(named)}){_TAIL})")


def _any(words: Mapping[str, Any]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True)) or r"(?!)"


__all__ = ["Clock", "Moment", "zone_of"]
