"""Names of places, composed: 东区12号楼 is also 12栋, 东十二, 12#, 东12号."""
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_CHINESE: Final = "零一二三四五六七八九"
_NUMBER: Final = r"\d{1,2}|[一二三四五六七八九]?十[一二三四五六七八九]?|[一二三四五六七八九]"


@dataclass(frozen=True, slots=True)
class Name:
    """One way to say a place; `sure` when the campus itself lists it."""

    text: str
    sure: bool


def spoken(number: int) -> str:
    """12 → 十二."""
    tens, ones = divmod(number, 10)
    if tens == 0:
        return _CHINESE[ones]
    return ("" if tens == 1 else _CHINESE[tens]) + "十" + (_CHINESE[ones] if ones else "")


def counted(text: str) -> int:
    """十二 → 12, 12 → 12."""
    if text.isdigit():
        return int(text)
    tens, ten, ones = text.partition("十")
    if not ten:
        return _CHINESE.index(text)
    return (_CHINESE.index(tens) if tens else 1) * 10 + (_CHINESE.index(ones) if ones else 0)


class Naming:
    """The grammar of places' names, from the lists."""

    def __init__(self, lists: Mapping[str, Any]) -> None:
        self.units: list[str] = lists["units"]["building"]
        self.said: list[str] = lists["units"]["spoken"]
        self.endings: list[str] = lists["areas"]["endings"]
        self.teaching: list[str] = lists["teaching"]["kinds"]
        self.canteen: list[str] = lists["canteen"]["kinds"]
        self.prefixes: list[str] = lists["prefixes"]["words"]
        self.nouns: Mapping[str, list[str]] = lists["nouns"]
        self.shortened: Mapping[str, str] = lists["shortened"]
        self.gates: list[str] = lists["gates"]["words"]
        units = "|".join(sorted(map(re.escape, self.units), key=len, reverse=True))
        self._building = re.compile(
            rf"(?P<area>.*?)第?(?P<number>{_NUMBER}|[a-z]\d{{0,2}})(?P<unit>{units})?")
        kinds = "|".join(self.teaching + self.canteen)
        self._numbered = re.compile(
            rf"(?P<area>.*?)(?:第?(?P<number>{_NUMBER})号?(?P<kind>{kinds})楼?"
            rf"|(?P<kind2>{kinds})(?P<number2>{_NUMBER})(?:号楼|楼|号)?)")

        self._lodging = re.compile(
            rf"第?(?P<number>{_NUMBER})号?(?:学生)?(?:公寓|宿舍)楼?")

    def variants(self, name: str, kind: str) -> Iterator[str]:
        """Other ways to say `name` (lower case), itself left out."""
        yield from self._numbered_forms(name)
        match = self._building.fullmatch(name)
        if match and not self._numbered.fullmatch(name):
            yield from self._building_forms(match, kind)
        yield from self._gate_forms(name)
        yield from self._canteen_forms(name)
        yield from self._library_forms(name)
        yield from self._lodging_forms(name)
        for prefix in self.prefixes:
            if name.startswith(prefix) and len(name) - len(prefix) >= 2:
                yield name[len(prefix):]
        if name.endswith("楼") and not name.endswith(("大楼", "号楼")) and len(name) > 2:
            yield name[:-1] + "大楼"
        if name.endswith("大楼"):
            yield name[:-2] + "楼"

    def _building_forms(self, match: re.Match[str], kind: str) -> Iterator[str]:
        area, raw, unit = match["area"], match["number"], match["unit"] or ""
        numbers = self._number_forms(raw)
        for short in self._areas(area):
            for number in numbers:
                if short:
                    yield short + number
                if short or (kind in ("dorm", "dormitory", "") and not raw[0].isalpha()) or (
                        unit and raw[0].isalpha()):
                    yield from (short + number + said for said in self.said)
                elif raw[0].isalpha() and len(raw) > 1:
                    yield number

    def _number_forms(self, raw: str) -> list[str]:
        if raw[0].isascii() and raw[0].isalpha():
            return [raw]
        number = counted(raw)
        return [str(number), spoken(number)]

    def _areas(self, area: str) -> list[str]:
        """东区 → 东区, 东, nothing; 竹园 → 竹园, 竹, nothing."""
        forms = {area, ""}
        for ending in self.endings:
            if area.endswith(ending) and len(area) > len(ending):
                forms.add(area[:-len(ending)])
                break
        for prefix in self.prefixes:
            if area.startswith(prefix):
                forms.add(area[len(prefix):])
        forms.update(short + form[len(long):] for long, short in self.shortened.items()
                     for form in tuple(forms) if form.startswith(long))
        return sorted(forms)

    def _numbered_forms(self, name: str) -> Iterator[str]:
        match = self._numbered.fullmatch(name)
        if not match:
            return
        kind = match["kind"] or match["kind2"]
        number = counted(match["number"] or match["number2"])
        teaching = kind in self.teaching
        nouns = ["教学楼", "教", "教楼"] if teaching else ["食堂", "餐厅", "饭堂", "食", "餐"]
        for area in self._areas(match["area"]):
            for form in (str(number), spoken(number)):
                for noun in nouns:
                    yield f"{area}{form}{noun}"
                    yield f"{area}{form}号{noun}"
                    yield f"{area}第{form}{noun}"
                yield from ((f"{area}教{form}", f"{area}教{form}楼", f"{area}教学{form}楼",
                             f"{area}教学楼{form}", f"{area}教学{form}号楼") if teaching
                            else (f"{area}食堂{form}", f"{area}食堂{form}号"))

    def _canteen_forms(self, name: str) -> Iterator[str]:
        """学苑餐厅 is 学苑食堂 too, and 学苑."""
        kind = next((kind for kind in self.canteen if name.endswith(kind)), "")
        stem = name[:-len(kind)] if kind else ""
        if len(kind) > 1 and len(stem) > 1 and not re.fullmatch(rf"第?(?:{_NUMBER})", stem):
            yield from (stem + other for other in self.canteen if len(other) > 1)
            yield stem

    def _library_forms(self, name: str) -> Iterator[str]:
        """文科图书馆: 文图, 文科馆."""
        stem = name.removesuffix("图书馆")
        if stem != name and len(stem) > 1:
            yield from (stem[0] + "图", stem + "馆", stem + "图")

    def _lodging_forms(self, name: str) -> Iterator[str]:
        """第六学生公寓: 六公寓, 6号公寓, 六号学生公寓."""
        match = self._lodging.fullmatch(name)
        if not match:
            return
        for number in self._number_forms(match["number"]):
            for before in ("", "第"):
                for unit in ("", "号"):
                    for kind in ("学生公寓", "学生宿舍", "公寓", "宿舍", "公寓楼", "宿舍楼"):
                        yield before + number + unit + kind

    def _gate_forms(self, name: str) -> Iterator[str]:
        stem = re.sub(r"(?:大门|校门|侧门|门)$", "", name)
        if stem != name and len(stem) > 1:
            yield from (stem + "门口", stem + "门", stem + "大门")
        match = re.fullmatch(r"(?:学校|校)?([东南西北正后侧前]|[东西][南北])(?:大|侧|校)?门", name)
        if match:
            side = match[1]
            yield from (f"{side}门", f"{side}大门", f"学校{side}门", f"校{side}门", f"{side}校门",
                        f"{side}门口", f"{side}门外", f"{side}门门口")


def names_of(places: list[Mapping[str, Any]], naming: Naming) -> dict[str, dict[str, bool]]:
    """Text → place ids that it may mean → whether the campus itself says so.

    A composed form that some place's own name or alias already is, or that two places would
    share with one of them listing it, means the listing one only.
    """
    listed: dict[str, dict[str, bool]] = {}
    composed: dict[str, dict[str, bool]] = {}
    for place in places:
        own = [str(name).lower() for name in (place["name"], *place.get("aliases", ()))]
        for name in own:
            listed.setdefault(name, {})[str(place["id"])] = True
        for name in own:
            for form in naming.variants(name, str(place.get("kind", ""))):
                composed.setdefault(form, {})[str(place["id"])] = False
    _add_nouns(places, naming, composed)
    _add_endings(places, composed)
    return {**{form: ids for form, ids in composed.items() if form and form not in listed},
            **listed}


def _add_nouns(places: list[Mapping[str, Any]], naming: Naming,
               composed: dict[str, dict[str, bool]]) -> None:
    """A general noun (驿站, 图书馆) means the only place whose names hold one of its kind."""
    for words in naming.nouns.values():
        holders = [place for place in places
                   if any(word in str(name).lower() for word in words
                          for name in (place["name"], *place.get("aliases", ())))]
        if holders:
            for word in words:
                exact = [place for place in holders if word in str(place["name"])] or holders
                for place in exact:
                    composed.setdefault(word, {})[str(place["id"])] = False


def _add_endings(places: list[Mapping[str, Any]], composed: dict[str, dict[str, bool]]) -> None:
    """The end of a long name (实验楼 of 计算机学院实验楼) means its only bearer."""
    bearers: dict[str, set[str]] = {}
    for place in places:
        name = str(place["name"]).lower()
        for size in range(3, len(name)):
            bearers.setdefault(name[-size:], set()).add(str(place["id"]))
    every = [str(place["name"]).lower() for place in places]
    for ending, ids in bearers.items():
        if len(ids) == 1 and sum(ending in name for name in every) == 1 and not re.match(
                r"[\d号一二三四五六七八九十#]", ending):
            composed.setdefault(ending, {}).setdefault(next(iter(ids)), False)
