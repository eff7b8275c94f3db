"""Options of dishes: which words mean them, and how 不要/少/多 and a thing compose."""
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.nlu.words import Words

_JOINT: Final = r"(?:和|跟|与|、|,| |还有|以及|也|或)?"


@dataclass(frozen=True, slots=True)
class OptionWords:
    """The words for a campus's options.

    `phrases` maps a phrase to the option ids it may mean; `things` maps (polarity, thing) to
    them; `without` and `with_` find composed phrases in a text.
    """

    phrases: Mapping[str, tuple[str, ...]]
    things: Mapping[tuple[str, str], tuple[str, ...]]
    groups: Mapping[str, str]
    finders: tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...]

    def composed(self, text: str, names: frozenset[str]
                 ) -> list[tuple[int, int, tuple[tuple[str, ...], ...]]]:
        """(start, end, one tuple of alternatives a thing) of phrases such as 葱姜蒜都不要.

        A thing added that is itself a dish (`names`) is that dish, not an option.
        """
        found = []
        for polarity, finder, thing in self.finders:
            for match in finder.finditer(text):
                said = thing.findall(match["things"])
                if polarity == "more" and match.start("things") > match.start() and any(
                        len(one) > 1 and one in names for one in said):
                    continue
                ids = [self.things[polarity, one] for one in said
                       if (polarity, one) in self.things]
                if ids:
                    found.append((match.start(), match.end(), tuple(ids)))
                if len(said) > 1 and match.end() == match.end("things"):   # the first alone, too
                    end = match.start("things") + len(said[0])
                    found.append((match.start(), end, tuple(ids[:1])))
        return found


def option_words(options: Iterable[Mapping[str, Any]], words: Words) -> OptionWords:
    """Words of the campus's options, with the concepts' and the composed ones added."""
    phrases: dict[str, list[str]] = {}
    things: dict[tuple[str, str], list[str]] = {}
    groups: dict[str, str] = {}
    listed: set[str] = set()
    rows = list(options)
    for row in rows:
        names = _spoken(row)
        groups[str(row["id"])] = str(row.get("group") or row["id"])
        for name in names:
            phrases.setdefault(name, []).append(str(row["id"]))
            listed.add(name)
        for polarity, thing in _composed_of(names, words):
            _put(things, (polarity, thing), str(row["id"]))
    _add_concepts(rows, words, phrases, listed)
    _add_other_words(things, words)
    _add_families(rows, things, words, phrases)
    for name in [name for name in phrases if len(name) > 1 and not name.endswith("的")]:
        phrases.setdefault(name + "的", phrases[name])
    return OptionWords({name: tuple(dict.fromkeys(ids)) for name, ids in phrases.items()},
                       {key: tuple(dict.fromkeys(ids)) for key, ids in things.items()}, groups,
                       tuple(_finders(things, words)))


def _spoken(row: Mapping[str, Any]) -> list[str]:
    """The option's names, and 瘦点 for 瘦一点, 瘦的 for 要瘦的."""
    names = [str(name).lower() for name in (row["name"], *row.get("aliases", ()))]
    names += [name.replace("一点", "点") for name in names if name.endswith("一点")]
    names += [name[1:] for name in names if name.startswith("要") and len(name) > 2]
    return list(dict.fromkeys(names))


def _put(things: dict[tuple[str, str], list[str]], key: tuple[str, str], option: str) -> None:
    if option not in things.setdefault(key, []):
        things[key].append(option)


def _add_concepts(rows: list[Mapping[str, Any]], words: Words, phrases: dict[str, list[str]],
                  listed: set[str]) -> None:
    for synonyms in words.options["concepts"].values():
        known = set(synonyms)
        for row in sorted(rows, key=lambda row: str(row["name"]).lower() != synonyms[0]):
            names = {str(name).lower() for name in (row["name"], *row.get("aliases", ()))}
            if str(row["name"]).lower() in known or len(names & known) >= 2:
                for synonym in synonyms:
                    if synonym not in listed and synonym.removesuffix("的") not in listed:
                        phrases.setdefault(synonym, []).append(str(row["id"]))


def _composed_of(names: list[str], words: Words) -> list[tuple[str, str]]:
    """(polarity, thing) read from an option's own names: 免香菜 → (none, 香菜)."""
    found = []
    polarity = words.options["polarity"]
    for name in names:
        for key in ("none", "more"):
            for lead in sorted(polarity[key], key=len, reverse=True):
                rest = name.removeprefix(lead)
                if rest != name and rest and not re.fullmatch(r"[辣冰糖热温甜的放加要]+.*", rest):
                    found.append((key, rest))
                    break
    return found


def _add_other_words(things: dict[tuple[str, str], list[str]], words: Words) -> None:
    for thing, others in words.options["things"].items():
        for polarity in ("none", "more"):
            family = (thing, *others)
            holders = [ids for name in family if (ids := things.get((polarity, name)))]
            for name in family:
                if holders and (polarity, name) not in things:
                    things[polarity, name] = list(holders[0])


def _add_families(rows: list[Mapping[str, Any]], things: dict[tuple[str, str], list[str]],
                  words: Words, phrases: dict[str, list[str]]) -> None:
    """加蛋 is also 加荷包蛋 where a dish takes only that."""
    for thing, others in words.options["things"].items():
        for polarity in ("none", "more"):
            ids = list(dict.fromkeys(
                option for name in (thing, *others) for option in things.get((polarity, name), ())))
            for name in (thing, *others):
                if (polarity, name) in things:
                    own = things[polarity, name]
                    things[polarity, name] = [*own, *(one for one in ids if one not in own)]
            for row in rows:
                if str(row["id"]) in ids:
                    for name in _spoken(row):
                        phrases[name] += [one for one in ids if one not in phrases[name]]


def _finders(things: Mapping[tuple[str, str], list[str]], words: Words) -> list[Any]:
    found = []
    for polarity in ("none", "more"):
        names = sorted({name for key, name in things if key == polarity}, key=len, reverse=True)
        if not names:
            continue
        one = "|".join(map(re.escape, names))
        several = rf"(?P<things>(?:{one})(?:{_JOINT}(?:{one}))*)"
        lists = words.options["polarity"]
        before = "|".join(sorted(map(re.escape, lists[polarity]), key=len, reverse=True))
        after = "|".join(sorted(map(re.escape, lists[polarity + "_after"]), key=len, reverse=True))
        thing = re.compile(one)
        found.append((polarity, re.compile(
            rf"(?:{before})(?:一点|点|任何|太多|些|[一两俩]?[个份片块根颗点])?{several}"), thing))
        found.append((polarity, re.compile(
            rf"{several}(?:我|就|也|一律|统统|全|请)?(?:都|全都|全部)?(?:{after})"), thing))
    return found
