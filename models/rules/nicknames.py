"""Names that operators add to what a campus file lists. Pure."""
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Row = Mapping[str, Any]


def is_named(file: Row, meaning: str) -> bool:
    """Whether a shop, dish, place or option of the campus is called so."""
    return any(_is(row, meaning) for row in _rows(file))


def with_words(file: Row, words: Iterable[tuple[str, str]]) -> Row:
    """The campus file with each (word, meaning) among the aliases of what `meaning` names.

    A meaning that nothing is called any more is passed over. The file itself is not changed.
    """
    added: dict[str, list[str]] = {}
    for word, meaning in words:
        added.setdefault(meaning, []).append(word)
    if not added:
        return file
    return {**file, **{key: [_named(row, added) for row in file.get(key) or ()]
                       for key in ("places", "options")},
            "shops": [{**_named(shop, added),
                       "dishes": [_named(dish, added) for dish in shop.get("dishes") or ()]}
                      for shop in file.get("shops") or ()]}


def _rows(file: Row) -> Iterator[Row]:
    for key in ("places", "options", "shops"):
        yield from file.get(key) or ()
    for shop in file.get("shops") or ():
        yield from shop.get("dishes") or ()


def _is(row: Row, meaning: str) -> bool:
    return meaning in (row["name"], *(row.get("aliases") or ()))


def _named(row: Row, added: Mapping[str, list[str]]) -> dict[str, Any]:
    names = [row["name"], *(row.get("aliases") or ())]
    more = [word for name in names for word in added.get(name, ()) if word not in names]
    return {**row, "aliases": [*(row.get("aliases") or ()), *dict.fromkeys(more)]}
