"""Everything a campus has a name for, ready to be found in a text. Built once per menu version."""
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bot.nlu.numerals import Numerals, numerals_from
from bot.nlu.options import OptionWords, option_words
from bot.nlu.pinyin import Sounds
from bot.nlu.places import Naming, names_of
from bot.nlu.text import Dialect
from bot.nlu.times import Clock, zone_of
from bot.nlu.trie import Trie
from bot.nlu.words import Words, shipped_words

_DISHLIKE: Final = re.compile(r"[0-9a-z一-鿿]+")

# A word of the trie: (kind, value). Kinds are those of reading.py.
Entry = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Dish:
    """A dish of one shop."""

    id: str
    name: str
    shop_id: str
    options: frozenset[str]
    price_fen: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop and where it stands."""

    id: str
    name: str
    place_id: str | None
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """One campus's names and the lists' words. Never changed after building."""

    campus: Mapping[str, Any]
    words: Words
    numerals: Numerals
    clock: Clock
    sounds: Sounds
    options: OptionWords
    dishes: Mapping[str, Dish]
    shops: Mapping[str, Shop]
    places: Mapping[str, Mapping[str, Any]]
    trie: Trie
    heard: Trie                       # names by sound, a syllable a step
    spelled: Mapping[str, tuple[Entry, ...]]   # pinyin and initials
    cores: Mapping[str, tuple[str, ...]]       # parts of dish names → dish ids
    halves: Mapping[str, tuple[tuple[str, str], ...]]  # 甲 of 甲…乙 → (乙, class)
    dialect: Dialect
    endings: Mapping[str, tuple[str, ...]]     # 面 → the dishes that end so, if few
    dish_names: frozenset[str] = frozenset()
    tz: Any = field(default=None)

    def menu(self, shop_id: str) -> list[Dish]:
        """The dishes of one shop."""
        return [dish for dish in self.dishes.values() if dish.shop_id == shop_id]


def lexicon_from(campus: Mapping[str, Any], words: Words | None = None) -> Lexicon:
    """Build a campus's lexicon from its file (contract §4). Raises ValueError naming the place.

    Ten shops take a few milliseconds, five hundred well under a second.
    """
    words = words or shipped_words()
    shops, dishes = _catalogue(campus)
    places = [_checked(place, f"places[{row}]") for row, place in _rows(campus, "places")]
    sounds = Sounds(words.pinyin)
    options = option_words([_checked(option, f"options[{row}]")
                            for row, option in _rows(campus, "options")], words)
    trie, heard = Trie(), Trie()
    spelled: dict[str, list[Entry]] = {}
    halves = _add_cues(trie, words)
    naming = Naming(words.places)
    cores = _add_dishes(dishes, words, trie, heard, sounds, spelled)
    _add_shops(shops, trie, heard, sounds, spelled)
    _add_places(names_of(places, naming), trie, heard, sounds)
    _add_tails(trie, words)
    for phrase, ids in options.phrases.items():
        trie.add(phrase, ("O", ((ids,), False)))
    _add_things(options, dishes, trie)
    for carrier in campus.get("carriers", ()):
        _add_carrier(trie, str(carrier))
    for quantity, number in words.quantities.items():
        trie.add(quantity, ("Q", number))
    return Lexicon(
        campus=campus, words=words, numerals=numerals_from(words),
        clock=Clock(words, campus.get("class_periods") or {}, campus.get("named_times") or {}),
        sounds=sounds, options=options, dishes=dishes, shops=shops,
        places={str(place["id"]): place for place in places}, trie=trie, heard=heard,
        spelled={key: tuple(entries) for key, entries in spelled.items()},
        cores={part: tuple(sorted(ids)) for part, ids in cores.items()}, halves=halves,
        dialect=Dialect(words.dialect), endings=_endings(dishes, words),
        dish_names=frozenset(name for dish in dishes.values() for name in dish.names),
        tz=_zone(campus))


MOST_ALIKE: Final = 12


def _endings(dishes: Mapping[str, Dish], words: Words) -> dict[str, tuple[str, ...]]:
    ends: dict[str, list[str]] = {}
    for dish in dishes.values():
        for end in words.dishes["short"]:
            if any(name.endswith(end) for name in dish.names):
                ends.setdefault(end, []).append(dish.id)
    return {end: tuple(ids) for end, ids in ends.items() if len(ids) <= MOST_ALIKE}


def _zone(campus: Mapping[str, Any]) -> Any:
    try:
        return zone_of(str(campus.get("tz") or "+08:00"))
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(f"tz: {campus.get('tz')!r} is no time zone") from error


def _rows(campus: Mapping[str, Any], key: str) -> Iterable[tuple[int, Any]]:
    rows = campus.get(key) or []
    if not isinstance(rows, list):
        raise ValueError(f"{key}: a list is expected")
    return enumerate(rows)


def _checked(row: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        raise ValueError(f"{where}: an object is expected")
    for key in ("id", "name"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise ValueError(f"{where}.{key}: a text is expected")
    aliases = row.get("aliases") or []
    if not isinstance(aliases, list) or not all(isinstance(name, str) for name in aliases):
        raise ValueError(f"{where}.aliases: a list of texts is expected")
    return row


def _catalogue(campus: Mapping[str, Any]) -> tuple[dict[str, Shop], dict[str, Dish]]:
    shops: dict[str, Shop] = {}
    dishes: dict[str, Dish] = {}
    for row, shop in _rows(campus, "shops"):
        where = f"shops[{row}]"
        _checked(shop, where)
        names = _names(shop)
        shops[shop["id"]] = Shop(shop["id"], shop["name"], shop.get("place_id"), names)
        for number, dish in _rows(shop, "dishes"):
            _checked(dish, f"{where}.dishes[{number}]")
            dishes[dish["id"]] = _dish(dish, shop["id"])
    return shops, dishes


def _dish(dish: Mapping[str, Any], shop_id: str) -> Dish:
    return Dish(dish["id"], dish["name"], shop_id, frozenset(dish.get("options") or ()),
                int(dish.get("price_fen") or 0), _names(dish))


def _names(row: Mapping[str, Any]) -> tuple[str, ...]:
    names = (row["name"], *(row.get("aliases") or ()))
    names += tuple(form for name in names for form in _sized(str(name)))
    return tuple(dict.fromkeys(_flat(str(name)) for name in names if str(name).strip()))


def _sized(name: str) -> Iterator[str]:
    """薯条(大): 大薯条, 大份薯条, 薯条大份, 薯条大的."""
    match = re.fullmatch(r"(.+)[(（]([大中小])[份杯号碗]?[)）]", name.strip())
    if match:
        what, size = match.groups()
        yield from (size + what, f"{size}份{what}", f"{what}{size}份", f"{what}{size}的")


def _flat(name: str) -> str:
    """Lower case, half width, brackets and spaces gone: as a text is read."""
    return re.sub(r"\s+|[()（）\[\]【】]", "", name.lower())


def _add_cues(trie: Trie, words: Words) -> dict[str, tuple[tuple[str, str], ...]]:
    """All phrases of one spelling become one entry: ("w", their classes)."""
    classes: dict[str, list[str]] = {}
    halves: dict[str, list[tuple[str, str]]] = {}
    for name, phrases in words.cues.items():
        for phrase in phrases:
            first, gap, second = phrase.lower().partition("…")
            if gap and second:
                halves.setdefault(first, []).append((second, name))
                classes.setdefault(first, [])
            else:
                classes.setdefault(phrase.lower(), []).append(name)
    for phrase, names in classes.items():
        trie.add(phrase, ("w", frozenset(names)))
    return {first: tuple(seconds) for first, seconds in halves.items()}


def _variants(name: str, words: Words) -> Iterator[str]:
    """Other words for a dish: synonyms exchanged, praise and endings left out."""
    bases = [name]
    for group in words.synonyms:
        held = next((word for word in group if word in name), None)
        if held:
            bases += [name.replace(held, other, 1) for other in group if other != held]
    for base in list(bases):
        for praise in words.dishes["praise"]:
            if base.startswith(praise) and len(base) - len(praise) >= 2:
                bases.append(base[len(praise):])
    for base in list(bases):
        ending = next((end for end in words.dishes["endings"] if base.endswith(end)), None)
        if ending and len(base) - len(ending) >= 3:
            bases.append(base[:-len(ending)])
    yield from dict.fromkeys(bases)


def _add_dishes(dishes: Mapping[str, Dish], words: Words, trie: Trie, heard: Trie,
                sounds: Sounds, spelled: dict[str, list[Entry]]) -> dict[str, set[str]]:
    sure: dict[str, set[str]] = {}
    loose: dict[str, set[str]] = {}
    cores: dict[str, set[str]] = {}
    for dish in dishes.values():
        for name in dish.names:
            sure.setdefault(name, set()).add(dish.id)
        for name in dish.names:
            for form in _variants(name, words):
                loose.setdefault(form, set()).add(dish.id)
            for part in _parts(name):
                cores.setdefault(part, set()).add(dish.id)
    for form, ids in {**loose, **sure}.items():
        entry = ("D", (tuple(sorted(ids)), form in sure))
        trie.add(form, entry)
        _add_sounds(form, entry, heard, sounds, spelled)
    return {part: ids for part, ids in cores.items() if part not in sure and len(ids) <= 12}


def _parts(name: str) -> Iterator[str]:
    """Pieces of two characters and more that may stand for the whole."""
    if not name.isascii():
        for size in range(2, len(name)):
            for start in range(len(name) - size + 1):
                yield name[start:start + size]


def _add_sounds(form: str, entry: Entry, heard: Trie, sounds: Sounds,
                spelled: dict[str, list[Entry]]) -> None:
    if len(form) < 2 or form.isascii():
        return
    node = heard.root
    for syllable in sounds.of(form):
        node = node.setdefault(syllable, {})
    node.setdefault(0, []).append((form, entry))
    for spelling in (sounds.spelled(form), sounds.initials(form)):
        if spelling and len(spelling) >= 2:
            spelled.setdefault(spelling, []).append(entry)


def _add_shops(shops: Mapping[str, Shop], trie: Trie, heard: Trie, sounds: Sounds,
               spelled: dict[str, list[Entry]]) -> None:
    forms: dict[str, set[str]] = {}
    for shop in shops.values():
        for name in shop.names:
            forms.setdefault(name, set()).add(shop.id)
    for shop in shops.values():
        for name in shop.names:
            if len(name) >= 2 and not name.endswith("店"):
                forms.setdefault(name + "店", {shop.id})
    for form, ids in forms.items():
        entry = ("S", tuple(sorted(ids)))
        trie.add(form, entry)
        _add_sounds(form, entry, heard, sounds, spelled)


def _add_places(names: Mapping[str, Mapping[str, bool]], trie: Trie, heard: Trie,
                sounds: Sounds) -> None:
    for form, ids in names.items():
        if not form:
            continue
        entry = ("P", (tuple(sorted(ids)), any(ids.values())))
        trie.add(form, entry)
        if len(form) >= 3 and not form.isascii():
            node = heard.root
            for syllable in sounds.of(form):
                node = node.setdefault(syllable, {})
            node.setdefault(0, []).append((form, entry))


def _add_things(options: OptionWords, dishes: Mapping[str, Dish], trie: Trie) -> None:
    """`拌面，荷包蛋`: what is put in, said alone, where no dish has it in its name."""
    names = "\n".join(name for dish in dishes.values() for name in dish.names)
    for (polarity, thing), ids in options.things.items():
        if polarity == "more" and len(thing) > 1 and thing not in names:
            trie.add(thing, ("O", ((ids,), False)))


def _add_tails(trie: Trie, words: Words) -> None:
    for tail in words.places["tails"]["words"]:
        trie.add(tail, ("w", frozenset(("place.tail",))))


def _add_carrier(trie: Trie, carrier: str) -> None:
    for form in (carrier, carrier + "快递", carrier + "速递", carrier + "速运", carrier + "快运",
                 carrier + "物流", carrier + "快件"):
        trie.add(form.lower(), ("E", carrier))
