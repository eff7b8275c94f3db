"""Moments in three public sets of time expressions (Recognizers-Text, Duckling, JioNLP), of the
kinds that occur on campuses. The sets are not part of this repository; a folder of them is given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bot.nlu.lexicon import Lexicon
from bot.nlu.reading import read
from bot.nlu.slots import moment

KINDS: Final = (
    "clock times with or without a part of the day or a day ahead (今晚8点, 大后天上午10点), "
    "weekdays ahead with a time, spans from now (一刻钟后); left out: dates with a month or year, "
    "holidays, the past, intervals, seconds, English am and pm")
_ELSEWHERE: Final = re.compile(
    r"(?i)[ap]\.?m\b|年|月|[号號日]|除夕|农历|節|节|昨|去|上[个周月星礼一二兩两三]|前|多钟|许|秒|现在|踏|晏晝|过去|每|從前|事$"
    r"|^\d\d(?:\d\d)?-|:\d\d:\d\d|^35:37|[点點].個?字")
_FORMS: Final = "{:%Y-%m-%dT%H:%M}"


@dataclass(frozen=True, slots=True)
class Case:
    """A text, the moment it was said, and the minutes that would be right."""

    text: str
    said: datetime
    right: frozenset[str]


def cases(folder: Path) -> dict[str, list[Case]]:
    """Set → its cases of our kinds; a set whose file is not there is left out."""
    readers = {"Recognizers-Text": ("recognizers_text_zh.jsonl", _recognizers),
               "Duckling": ("duckling_zh.jsonl", _duckling),
               "JioNLP": ("jionlp_time_tests.jsonl", _jionlp)}
    return {name: [case for row in _rows(folder / file) for case in reader(row)
                   if not _ELSEWHERE.search(case.text) and _is_ahead(case)]
            for name, (file, reader) in readers.items() if (folder / file).exists()}


def is_right(case: Case, lexicon: Lexicon) -> bool:
    """Whether the moment is found and is the one meant."""
    found = moment(read(case.text, lexicon), case.said.replace(tzinfo=lexicon.tz))
    return found is not None and found[:16] in case.right


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _is_ahead(case: Case) -> bool:
    return any(right >= _FORMS.format(case.said) for right in case.right)


def _recognizers(row: dict[str, Any]) -> Iterator[Case]:
    kinds = [one.get("TypeName") for one in row["results"]]
    if row["spec"] != "DateTimeModel" or kinds not in (["datetimeV2.datetime"],
                                                       ["datetimeV2.time"]):
        return
    said = datetime.fromisoformat(row["ref"])
    values = [one["value"] for one in row["results"][0]["Resolution"]["values"]]
    if kinds == ["datetimeV2.time"]:    # of any day
        days = [f"{said:%Y-%m-}{day:02d}" for day in (said.day, said.day + 1)]
        values = [f"{day} {value}" for day in days for value in values]
    yield Case(row["text"], said, frozenset(value[:16].replace(" ", "T") for value in values))


_DUCKLING_NOW: Final = datetime.fromisoformat("2013-02-12T04:30")
_POINT: Final = re.compile(r"\((\d+), (\d+), (\d+), (\d+), (\d+), \d+\)")


def _duckling(row: dict[str, Any]) -> Iterator[Case]:
    gold = row["gold_hs"]
    if row["kind"] != "time" or not re.search(r"\) (?:Minute|Hour)$", gold):
        return
    if gold.startswith("datetimeInterval"):
        return
    if match := _POINT.search(gold):
        year, month, day, hour, minute = map(int, match.groups())
        right = f"{year}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}"
        yield Case(row["text"], _DUCKLING_NOW, frozenset({right}))


_JIONLP_NOW: Final = {"_ts_1": datetime.fromisoformat("2021-06-14T01:06")}


def _jionlp(row: dict[str, Any]) -> Iterator[Case]:
    gold, said = row["gold"], _JIONLP_NOW.get(row["ref"])
    if said is None or not isinstance(gold, dict) or gold.get("type") != "time_point":
        return
    first, last = gold["time"]
    if first[:13] == last[:13]:
        yield Case(row["text"], said, frozenset({first[:16].replace(" ", "T")}))
