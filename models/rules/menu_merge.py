"""Two hands on one menu: the operator's campus file, and what cooks published in the chat.

What the operator changed since the file was last loaded wins; what the file leaves as it was
keeps the cook's word. Pure: campus files in (with every optional list filled in), a file out.
"""
from collections.abc import Iterator, Mapping
from typing import Any

Row = dict[str, Any]


def merged(base: Mapping[str, Any], ours: Mapping[str, Any],
           theirs: Mapping[str, Any]) -> tuple[Row, list[str]]:
    """The new file with the cooks' changes kept, and a line for each that was kept.

    `base`: the file as last loaded; `ours`: the same with what was published since; `theirs`: the
    file to be loaded.
    """
    before, now = _shops(base), _shops(ours)
    kept: list[str] = []
    shops = []
    for shop in theirs.get("shops", ()):
        dishes = list(_dishes(shop, before.get(shop["id"]), now.get(shop["id"]), kept))
        shops.append({**shop, "dishes": dishes})
    return {**theirs, "shops": shops}, kept


def _shops(file: Mapping[str, Any]) -> dict[str, Row]:
    return {shop["id"]: shop for shop in file.get("shops", ())}


def _dishes(shop: Row, before: Row | None, now: Row | None, kept: list[str]) -> Iterator[Row]:
    base, ours = _by_id(before), _by_id(now)
    names = {dish["name"] for dish in shop["dishes"]}
    for dish in shop["dishes"]:
        was, is_ = base.get(dish["id"]), ours.get(dish["id"])
        if was is None or (is_ is None and dish != was):
            yield dish  # new in the file, or taken off by the cook and changed by the operator
        elif is_ is None:
            kept.append(f"{shop['name']}: {dish['name']} stays off the menu")
        else:
            yield _fields(shop, dish, was, is_, kept)
    for key, dish in ours.items():
        if key not in base and key not in _by_id(shop) and dish["name"] not in names:
            kept.append(f"{shop['name']}: {dish['name']} stays, added in the chat")
            yield dish


def _fields(shop: Row, theirs: Row, base: Row, ours: Row, kept: list[str]) -> Row:
    """Field by field: the file's where it differs from the last one, otherwise the cook's."""
    mixed = {}
    for name in {**theirs, **ours}:
        is_news = theirs.get(name) != base.get(name)
        value = theirs.get(name) if is_news else ours.get(name)
        if value is not None:
            mixed[name] = value
        if not is_news and ours.get(name) != base.get(name):
            kept.append(f"{shop['name']}: {theirs['name']} keeps {name} {ours.get(name)}")
    return mixed


def _by_id(shop: Row | None) -> dict[str, Row]:
    return {dish["id"]: dish for dish in (shop or {}).get("dishes", ())}
