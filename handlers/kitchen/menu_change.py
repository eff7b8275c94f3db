"""A menu changed by one message: read, shown as a difference, published by a tap (M3).

Nothing is published without the tap, and only by somebody who answers for the shop.
"""
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from config.texts import Reply
from handlers import dialogue
from handlers.speaker import Speaker
from models.base import Session
from models.campus import Campus
from models.menu import MenuChange, MenuChangeState
from models.shop import Dish, Shop

MOST_SHOWN: Final = 5
MOST_SHOPS: Final = 4
SIZE: Final = "size"  # the options' group

Line = dict[str, Any]  # {"name", "prices": [[size, fen], …], "key"}


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """One dish as written. `prices`: (size or "", fen); none: off the menu. `is_new`: said so."""

    name: str
    prices: tuple[tuple[str, int], ...]
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class ProposeMenu:
    """`shop_name`: where it was said which of several shops is meant."""

    lines: tuple[WrittenLine, ...]
    shop_name: str | None = None


def propose_menu(session: Session, speaker: Speaker, cmd: ProposeMenu, *,
                 now: datetime) -> Reply:
    """Show what would change. An older proposal of the same cook makes way."""
    shops = _own_shops(session, speaker)
    shop = _shop_meant(session, speaker, shops, cmd)
    for older in MenuChange.open_of(session, speaker.person.id):
        older.state, older.decided_at = MenuChangeState.DROPPED, now
    change = MenuChange(
        campus_id=speaker.campus.id, shop_id=shop.id if shop else None, code="", before={},
        person_id=speaker.person.id, made_at=now, lines=[
            {"name": line.name, "prices": [list(price) for price in line.prices],
             "is_new": line.is_new, "key": None} for line in cmd.lines])
    session.add(change)
    session.flush()
    change.give_code()
    if shop is None:
        return Reply("menu_change.which_shop", {"code": change.code, "taps": [
            Reply("menu_change.shop_tap", {"code": change.code, "shop": each.name})
            for each in shops[:MOST_SHOPS]]})
    return _show(session, speaker, change, shop)


@dataclass(frozen=True, slots=True)
class PlaceMenu:
    code: str
    shop_name: str


def place_menu(session: Session, speaker: Speaker, cmd: PlaceMenu, *, now: datetime) -> Reply:
    """Which of the cook's shops a proposal is for."""
    change, refusal = _open_change(session, speaker, cmd.code)
    if change is None:
        return refusal
    shop = next((s for s in _own_shops(session, speaker) if _flat(s.name) == _flat(cmd.shop_name)),
                None)
    if shop is None:
        return Reply("menu_change.unknown", {"code": cmd.code})
    change.shop_id, change.shop = shop.id, shop
    return _show(session, speaker, change, shop)


def publish_menu(session: Session, speaker: Speaker, code: str, *, now: datetime) -> Reply:
    """Make a proposal the menu: for customers, for understanding, for the next campus load.

    When a price has moved since it was shown, the difference is shown anew instead.
    """
    change, refusal = _open_change(session, speaker, code)
    if change is None:
        return refusal
    shop = session.get(Shop, change.shop_id) if change.shop_id else None
    if shop is None or shop.id not in speaker.shop_ids:
        return Reply("menu_change.unknown", {"code": code})
    campus = session.scalars(select(Campus).filter_by(id=speaker.campus.id).with_for_update(
        key_share=True).execution_options(populate_existing=True)).one()
    if _costs(session, shop, change.lines) != change.before:
        return _show(session, speaker, change, shop)
    published = list(_sentences(session, campus, shop, change.lines))
    _write(session, campus, shop, change)
    change.state, change.decided_at = MenuChangeState.PUBLISHED, now
    dialogue.clear(speaker.person)
    return Reply("menu_change.published", {"code": change.code, "lines": _few(published)})


def revise_menu(session: Session, speaker: Speaker, code: str, *, now: datetime) -> Reply:
    """The cook wants it otherwise: the next message is read as the menu."""
    change, refusal = _open_change(session, speaker, code)
    if change is None:
        return refusal
    change.state, change.decided_at = MenuChangeState.DROPPED, now
    dialogue.ask(speaker.person, "menu_text", now=now)
    return Reply("menu_change.say_again")


def _show(session: Session, speaker: Speaker, change: MenuChange, shop: Shop) -> Reply:
    """The difference that a proposal makes now, and the tap that makes it so."""
    change.lines = [_matched(session, speaker.campus, shop, line) for line in change.lines]
    change.before = _costs(session, shop, change.lines)
    session.flush()
    sentences = list(_sentences(session, speaker.campus, shop, change.lines))
    if not sentences:
        change.state = MenuChangeState.DROPPED
        return Reply("menu_change.nothing_new", {"shop": shop.name})
    several = len(speaker.shop_ids) > 1
    gone = next((line["name"] for line in change.lines if line["key"] and not line["prices"]), None)
    return Reply("menu_change.shown", {
        "code": change.code, "lines": _few(sentences), "shop": shop.name if several else "",
        "only_today": Reply("menu_change.only_today", {"dish": gone}) if gone else None})


# --- what is meant --------------------------------------------------------------------------

def _open_change(session: Session, speaker: Speaker,
                 code: str) -> tuple[MenuChange | None, Reply]:
    """The cook's own open proposal with this code, locked; otherwise what to say."""
    change = MenuChange.by_code(session, speaker.campus.id, code)
    if change is None or change.person_id != speaker.person.id or not speaker.shop_ids:
        return None, Reply("menu_change.unknown", {"code": code})
    if change.state == MenuChangeState.PUBLISHED:
        return None, Reply("menu_change.published_before", {"code": code})
    if change.state == MenuChangeState.DROPPED:
        newer = MenuChange.open_of(session, speaker.person.id)
        if newer and newer[-1].shop:
            return None, _show(session, speaker, newer[-1], newer[-1].shop)
        return None, Reply("menu_change.dropped", {"code": code})
    return change, Reply("menu_change.unknown", {"code": code})


def _own_shops(session: Session, speaker: Speaker) -> list[Shop]:
    query = select(Shop).where(Shop.id.in_(speaker.shop_ids), Shop.is_listed,
                               Shop.campus_id == speaker.campus.id)
    return list(session.scalars(query.order_by(Shop.id)))


def _shop_meant(session: Session, speaker: Speaker, shops: Sequence[Shop],
                cmd: ProposeMenu) -> Shop | None:
    """The only shop, the one that was named, or the only one that sells what was named."""
    if len(shops) == 1:
        return shops[0]
    if named := [shop for shop in shops if shop.name == cmd.shop_name]:
        return named[0]
    selling = [shop for shop in shops if any(
        _key(speaker.campus, shop, line.name, is_new=True) for line in cmd.lines)]
    return selling[0] if len(selling) == 1 else None


def _matched(session: Session, campus: Campus, shop: Shop, line: Line) -> Line:
    return {**line, "key": _key(campus, shop, line["name"], is_new=bool(line.get("is_new")))}


def _key(campus: Campus, shop: Shop, name: str, *, is_new: bool) -> str | None:
    """The dish that is meant: by name or alias, or, unless it is new, by a part of one name."""
    dishes = _shop_of(campus.file, shop.key)["dishes"]
    wanted = _flat(name)
    for dish in dishes:
        if wanted in (_flat(dish["name"]), *map(_flat, dish.get("aliases", ()))):
            return str(dish["id"])
    if is_new:
        return None
    similar = [dish["id"] for dish in dishes if wanted in _flat(dish["name"])]
    return str(similar[0]) if len(similar) == 1 else None


def _flat(name: str) -> str:
    return "".join(name.lower().split())


def _shop_of(file: Mapping[str, Any], key: str) -> Any:
    return next((s for s in file.get("shops", ()) if s["id"] == key), {"dishes": []})


# --- what it costs --------------------------------------------------------------------------

def _sizes(campus: Campus) -> dict[str, str]:
    """Size as written (小) → the campus's option (size_s)."""
    return {option["name"][0] if len(option["name"]) < 3 else option["name"][:-1]: option["id"]
            for option in campus.file.get("options", ()) if option.get("group") == SIZE}


def _costs(session: Session, shop: Shop, lines: Sequence[Line]) -> dict[str, Any]:
    """What the known dishes among the lines cost now."""
    keys = {line["key"] for line in lines if line["key"]}
    found = Dish.by_keys(session, shop.campus_id, keys)
    return {key: [dish.price_fen, dish.option_fen] for key, dish in sorted(found.items())}


def _sentences(session: Session, campus: Campus, shop: Shop,
               lines: Sequence[Line]) -> Iterator[Reply]:
    found = Dish.by_keys(session, campus.id, {line["key"] for line in lines if line["key"]})
    for line in lines:
        dish, prices = found.get(line["key"] or ""), _shown(line["prices"])
        if dish is None and line["prices"]:
            yield Reply("menu_change.new", {"dish": line["name"], "prices": prices})
        elif dish and not line["prices"]:
            yield Reply("menu_change.gone", {"dish": dish.name})
        elif dish and (was := _shown(_prices_of(campus, dish, line))) != prices:
            yield Reply("menu_change.changed", {"dish": dish.name, "was": was, "prices": prices})


def _prices_of(campus: Campus, dish: Dish, line: Line) -> list[tuple[str, int]]:
    """What the dish costs now, size by size where the line names sizes."""
    sizes = _sizes(campus)
    surcharges = {o["id"]: o.get("price_fen", 0) for o in campus.file.get("options", ())}
    named = [size for size, _ in line["prices"] if size]
    if not named or not all(sizes.get(size) in dish.options for size in named):
        return [("", dish.price_fen)]
    return [(size, dish.price_fen + dish.option_fen.get(sizes[size], surcharges[sizes[size]]))
            for size in named]


def _shown(prices: Sequence[Sequence[Any]]) -> str:
    """小¥15 / 大¥18"""
    return " / ".join(f"{size}¥{fen / 100:g}" for size, fen in prices)


def _few(sentences: Sequence[Reply]) -> list[Reply]:
    if len(sentences) <= MOST_SHOWN:
        return list(sentences)
    rest = len(sentences) - MOST_SHOWN + 1
    return [*sentences[:MOST_SHOWN - 1], Reply("menu_change.and_more", {"count": rest})]


# --- making it so ---------------------------------------------------------------------------

def _write(session: Session, campus: Campus, shop: Shop, change: MenuChange) -> None:
    """Both copies of the menu, the rows and the campus file, and a new version of it."""
    file = deepcopy(campus.file)
    menu = _shop_of(file, shop.key)["dishes"]
    for number, line in enumerate(change.lines, 1):
        entry = next((dish for dish in menu if dish["id"] == line["key"]), None)
        if entry is None and line["prices"]:
            entry = _new_entry(campus, shop, menu, line, f"{shop.key}-m{change.id}-{number}")
            menu.append(entry)
        if entry is not None and line["prices"]:
            _price(campus, entry, line["prices"])
        elif entry is not None:
            menu.remove(entry)
    campus.loaded_file = campus.loaded_file or campus.file
    campus.file = file
    campus.menu_version += 1
    _write_rows(session, shop, menu)


def _new_entry(campus: Campus, shop: Shop, menu: Sequence[Line], line: Line, key: str) -> Line:
    """A new dish takes what every dish of the shop takes, sizes excepted."""
    sizes = set(_sizes(campus).values())
    shared = set.intersection(*(set(dish["options"]) for dish in menu)) if menu else set()
    return {"id": key, "name": line["name"], "aliases": [], "price_fen": 0,
            "options": [o["id"] for o in campus.file.get("options", ())
                        if o["id"] in shared - sizes]}


def _price(campus: Campus, entry: Line, prices: Sequence[Sequence[Any]]) -> None:
    """The cheapest size is the dish's price, the others cost so much on top."""
    sizes = _sizes(campus)
    lowest = min(fen for _, fen in prices)
    entry["price_fen"] = lowest
    own = {sizes[size]: fen - lowest for size, fen in prices if size in sizes}
    if own:
        others = [o for o in entry["options"] if o not in sizes.values()]
        entry["options"] = [*others, *own]
        entry["option_fen"] = own


def _write_rows(session: Session, shop: Shop, menu: Sequence[Line]) -> None:
    query = select(Dish).filter_by(shop_id=shop.id).order_by(Dish.id)
    rows = {dish.key: dish for dish in session.scalars(query.with_for_update(of=Dish))}
    wanted = {entry["id"]: entry for entry in menu}
    for key, entry in wanted.items():
        facts = {"name": entry["name"], "price_fen": entry["price_fen"], "is_listed": True,
                 "options": entry["options"], "option_fen": entry.get("option_fen") or {}}
        row = rows.get(key)
        if row is None:
            session.add(Dish(campus_id=shop.campus_id, shop_id=shop.id, key=key, **facts))
        elif any(getattr(row, name) != value for name, value in facts.items()):
            for name, value in facts.items():
                setattr(row, name, value)
    for key, row in rows.items():
        if key not in wanted:
            row.is_listed = False
    session.flush()
