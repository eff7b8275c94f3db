"""Bring a campus file into the database: what is new appears, what is gone is unlisted.

Nothing that an order may point at is ever deleted. Loading an unchanged file changes nothing.
"""
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    any_,
    cast,
    column,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import insert as upsert

from config.settings import WeChatAccount
from handlers.roles import difference, owe_tags, roles_of
from models.base import Session
from models.campus import Account, Campus, Path, Place
from models.person import Person
from models.rider import Rider, RiderStatus
from models.rules.campus_file import check
from models.rules.menu_merge import merged
from models.shop import DEFAULT_PREP_MINUTES, DEFAULT_SLOT_CAP, Dish, Shop, ShopOwner

Row = dict[str, Any]
GENTLY = {"key_share": True}  # orders that point at the row can still be written meanwhile


@dataclass(frozen=True, slots=True)
class Change:
    """How many of one kind of thing a load touched."""

    kind: str
    added: int = 0
    changed: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class CampusLoaded:
    campus_id: int
    name: str
    menu_version: int
    changes: tuple[Change, ...]  # kinds that nothing happened to are left out
    kept: tuple[str, ...] = ()   # what cooks published in the chat and this file leaves alone

    @property
    def added(self) -> int:
        return sum(change.added for change in self.changes)

    @property
    def changed(self) -> int:
        return sum(change.changed for change in self.changes)

    @property
    def removed(self) -> int:
        return sum(change.removed for change in self.changes)


def account_in(data: Mapping[str, Any]) -> WeChatAccount | None:
    """The official account that a checked campus file brings along."""
    given = data.get("account")
    if given is None:
        return None
    return WeChatAccount(given["app_id"], given["secret"], given["token"], given.get("aes_key"))


def ensure_account(session: Session, account: WeChatAccount) -> bool:
    """Make or update the account's row; True if anything changed.

    The AES key that was used before stays known, for pushes still under way.
    """
    row = session.get(Account, account.app_id, with_for_update=GENTLY)
    if row is None:
        session.add(Account(app_id=account.app_id, secret=account.secret, token=account.token,
                            aes_key=account.aes_key))
        session.flush()
        return True
    if row.aes_key != account.aes_key:
        row.previous_aes_key, row.aes_key = row.aes_key, account.aes_key
    for name in ("secret", "token"):
        if getattr(row, name) != getattr(account, name):
            setattr(row, name, getattr(account, name))
    return session.is_modified(row)


def load_campus(session: Session, data: Mapping[str, Any], *, app_id: str, now: datetime,
                keeps_chat: bool = True) -> CampusLoaded:
    """Import or update a campus and let the account serve it; `app_id` must be an account's.

    What cooks published in the chat stays where the file has not changed since it was last
    loaded (docs/adr/0007); `keeps_chat` False: the file wins everywhere. Two loads of one campus
    take turns. Raises CampusFileError, writing nothing.
    """
    file = loaded = check(data).data
    campus, was_new = _campus_row(session, file, now)
    before = {} if was_new else campus.file
    base, kept_lines = (campus.loaded_file or campus.file), list[str]()
    if keeps_chat and not was_new:
        file, kept_lines = merged(base, campus.file, loaded)
    people, met = _sync_people(session, app_id, file, now)  # first: design.md §4.8
    concerned = {person.id for person in _people(
        session, app_id, [*people, *_workers(before)]).values()}
    roles = roles_of(session, concerned)
    changes = [
        Change("campus", added=int(was_new)),
        *_sync_ground(session, campus.id, file),
        *_sync_shops(session, campus.id, file, before),
        met,
        _sync_owners(session, campus.id, app_id, file, before, people),
        _sync_riders(session, campus.id, app_id, file, before, people),
        _serve(session, app_id, campus.id),
    ]
    kept = _without_secrets(file)
    as_loaded = _without_secrets(loaded)
    campus.loaded_file = None if as_loaded == kept else as_loaded
    if before and before != kept:
        campus.file, campus.tz, campus.loaded_at = kept, file["tz"], now
        campus.menu_version += 1
    session.flush()
    owe_tags(session, app_id, difference(roles, roles_of(session, concerned)), now=now)
    session.expire_all()  # the rows were written past the session's own copies
    return CampusLoaded(campus.id, campus.name, campus.menu_version, tuple(
        change for change in changes if change.added or change.changed or change.removed),
        tuple(kept_lines))


def _campus_row(session: Session, file: Row, now: datetime) -> tuple[Campus, bool]:
    """The campus of this name, locked, and whether it is new."""
    made = session.scalar(upsert(Campus).values(
        name=file["campus"], tz=file["tz"], file=_without_secrets(file), menu_version=1,
        loaded_at=now).on_conflict_do_nothing(index_elements=["name"]).returning(Campus.id))
    query = select(Campus).filter_by(name=file["campus"]).with_for_update(key_share=True)
    return session.scalars(query.execution_options(populate_existing=True)).one(), bool(made)


def _without_secrets(file: Row) -> Row:
    """What is kept of the file: no account, no private telephone numbers."""
    kept = {name: value for name, value in file.items() if name != "account"}
    for name in ("riders", "operators"):
        kept[name] = [_nameplate(person) for person in file[name]]
    if on_duty := file["emergency"].get("on_duty"):
        kept["emergency"] = {**file["emergency"], "on_duty": [_nameplate(p) for p in on_duty]}
    return kept


def _nameplate(person: Row) -> Row:
    return {name: value for name, value in person.items() if name != "phone"}


def _serve(session: Session, app_id: str, campus_id: int) -> Change:
    account = session.get_one(Account, app_id, with_for_update=GENTLY)
    if account.campus_id == campus_id:
        return Change("account")
    account.campus_id = campus_id
    return Change("account", changed=1)


# --- places, paths, shops, dishes -----------------------------------------------------------

def _sync_ground(session: Session, campus_id: int, file: Row) -> Iterator[Change]:
    yield _sync(session, Place, campus_id, {place["id"]: {
        "name": place["name"], "kind": place["kind"], "lat": place.get("lat"),
        "lng": place.get("lng"), "rules": place["rules"]} for place in file["places"]})
    yield _sync_paths(session, campus_id, file)


def _sync_shops(session: Session, campus_id: int, file: Row, before: Row) -> Iterator[Change]:
    places = _ids_by_key(session, Place, campus_id)
    yield _sync(session, Shop, campus_id, {shop["id"]: {
        "name": shop["name"], "place_id": places.get(shop.get("place_id")),
        "prep_minutes": shop.get("prep_minutes", DEFAULT_PREP_MINUTES),
        "min_order_fen": shop.get("min_order_fen", 0), "hours": shop.get("hours"),
        "slot_cap": shop.get("slot_cap") or DEFAULT_SLOT_CAP,
    } for shop in file["shops"]})
    shops = _ids_by_key(session, Shop, campus_id)
    stock_before = {dish["id"]: dish.get("stock") for _, dish in _dishes(before)}
    yield _sync(session, Dish, campus_id, {
        dish["id"]: _dish_row(dish, shops[shop["id"]], stock_before)
        for shop, dish in _dishes(file)})


def _dishes(file: Row) -> Iterator[tuple[Row, Row]]:
    return ((shop, dish) for shop in file.get("shops", ()) for dish in shop["dishes"])


def _dish_row(dish: Row, shop_id: int, stock_before: Mapping[str, int | None]) -> Row:
    row = {"shop_id": shop_id, "name": dish["name"], "price_fen": dish["price_fen"],
           "options": dish["options"], "category": dish.get("category"),
           "option_fen": dish.get("option_fen") or {}}
    # What is left has been counted down since; only a new number in the file sets it anew.
    if dish["id"] not in stock_before or stock_before[dish["id"]] != dish.get("stock"):
        row["stock"] = dish.get("stock")
    return row


def _ids_by_key(session: Session, model: type[Place | Shop], campus_id: int) -> dict[str, int]:
    query = select(model.key, model.id).where(model.campus_id == campus_id)
    return {key: id_ for key, id_ in session.execute(query)}


def _sync(session: Session, model: type[Place | Shop | Dish], campus_id: int,
          wanted: Mapping[str, Row]) -> Change:
    """Make the campus's rows be `wanted` (by key); only rows that differ are touched."""
    columns = {each.name: each for each in model.__table__.columns}
    query = select(*columns.values()).where(columns["campus_id"] == campus_id)
    found = {row["key"]: dict(row)
             for row in session.execute(query.order_by(columns["id"])).mappings()}
    new = [{"campus_id": campus_id, "key": key, "is_listed": True, **row}
           for key, row in wanted.items() if key not in found]
    changed = [{"id": found[key]["id"], **news} for key, row in wanted.items()
               if key in found and (news := _news(found[key], {"is_listed": True, **row}))]
    gone = [{"id": row["id"], "is_listed": False} for key, row in found.items()
            if row["is_listed"] and key not in wanted]
    if new:
        _insert(session, model, new)
    if changed or gone:
        _update(session, model, changed + gone)
    return Change(f"{model.__tablename__}", len(new), len(changed), len(gone))


def _insert(session: Session, model: type[Any], rows: list[Row]) -> None:
    """All rows as one parameter: a hundred thousand small ones cost seconds."""
    table = model.__table__
    columns = [column(name, table.columns[name].type) for name in rows[0]]
    given = func.jsonb_to_recordset(cast(literal(rows, JSONB), JSONB)).table_valued(
        *columns, name="given").render_derived(with_types=True)
    session.execute(insert(table).from_select(list(rows[0]), select(given)))


def _news(found: Row, row: Row) -> Row:
    return {name: value for name, value in row.items() if found[name] != value}


def _update(session: Session, model: type[Any], rows: list[Row]) -> None:
    """Update by id. Locked in the order of their ids first, as those do who take stock; then
    rows with the same columns go together."""
    ids = literal([row["id"] for row in rows], ARRAY(BigInteger))
    touched = select(model.id).where(model.id == any_(ids)).order_by(model.id)
    session.execute(touched.with_for_update(of=model, key_share=True))
    by_columns: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        by_columns.setdefault(tuple(row), []).append(row)
    for batch in by_columns.values():
        session.execute(update(model), batch)


def _sync_paths(session: Session, campus_id: int, file: Row) -> Change:
    """A way in both directions is kept once; of two between the same places, the shorter."""
    wanted: dict[tuple[str, str], Row] = {}
    for path in file["paths"]:
        ends, way = _way(path)
        if ends not in wanted or way["metres"] < wanted[ends]["metres"]:
            wanted[ends] = way
    found = {(p.from_key, p.to_key): {name: getattr(p, name) for name in _WAY}
             for p in session.scalars(select(Path).filter_by(campus_id=campus_id))}
    gone = found.keys() - wanted.keys()
    touched = [ends for ends, way in wanted.items() if found.get(ends) != way]
    for ends in gone:
        session.execute(delete(Path).where(
            Path.campus_id == campus_id, Path.from_key == ends[0], Path.to_key == ends[1]))
    if touched:
        statement = upsert(Path)
        session.execute(statement.on_conflict_do_update(
            index_elements=["campus_id", "from_key", "to_key"],
            set_={name: getattr(statement.excluded, name) for name in _WAY}), [
            {"campus_id": campus_id, "from_key": ends[0], "to_key": ends[1], **wanted[ends]}
            for ends in touched])
    known = sum(ends in found for ends in touched)
    return Change("paths", len(touched) - known, known, len(gone))


_WAY: Final = ("metres", "is_one_way", "opens_at", "closes_at")


def _way(path: Row) -> tuple[tuple[str, str], Row]:
    ends, one_way = (path["from"], path["to"]), bool(path.get("one_way"))
    opens, closes = map(_minute, path.get("open") or (None, None))
    return (ends if one_way else (min(ends), max(ends))), {
        "metres": float(path["metres"]), "is_one_way": one_way,
        "opens_at": opens, "closes_at": closes}


def _minute(clock: str | None) -> int | None:
    """"06:30" → 390."""
    if clock is None:
        return None
    hour, minute = clock.split(":")
    return 60 * int(hour) + int(minute)


# --- people ---------------------------------------------------------------------------------

def _sync_people(session: Session, app_id: str, file: Row,
                 now: datetime) -> tuple[dict[str, int], Change]:
    """The ids, by openid, of everybody whom the file names."""
    named = [*file["riders"], *file["operators"], *file["emergency"].get("on_duty", ())]
    owners = [openid for shop in file["shops"] for openid in shop["owners"]]
    openids = sorted({*owners, *(person["openid"] for person in named)})
    known = _people(session, app_id, openids)
    _make_people(session, app_id, [o for o in openids if o not in known], now)
    people = _people(session, app_id, openids)
    renamed = sum([_introduce(people[person["openid"]], person) for person in named])
    session.flush()
    return ({openid: person.id for openid, person in people.items()},
            Change("people", len(openids) - len(known), renamed))


def _workers(file: Row) -> set[str]:
    """The openids of the riders and owners whom a file names."""
    return {rider["openid"] for rider in file.get("riders", ())} | {
        openid for shop in file.get("shops", ()) for openid in shop["owners"]}


def _people(session: Session, app_id: str, openids: list[str]) -> dict[str, Person]:
    query = select(Person).where(Person.app_id == app_id, Person.openid.in_(openids))
    return {person.openid: person for person in session.scalars(query)}


def _make_people(session: Session, app_id: str, openids: list[str], now: datetime) -> None:
    if openids:
        session.execute(upsert(Person).on_conflict_do_nothing(), [
            {"app_id": app_id, "openid": openid, "is_following": True, "dialogue": {},
             "service_sent": 0, "brief_left": 0, "practice": {},
             "created_at": now} for openid in openids])


def _introduce(person: Person, named: Row) -> bool:
    """Note the name and telephone number that the file gives; True if either is news."""
    news = {name: named[name] for name in ("name", "phone")
            if named.get(name) and getattr(person, name) != named[name]}
    for name, value in news.items():
        setattr(person, name, value)
    return bool(news)


def _sync_owners(session: Session, campus_id: int, app_id: str, file: Row, before: Row,
                 ids: Mapping[str, int]) -> Change:
    """Owners that an earlier file named and this one does not answer for their shop no more."""
    shops = _ids_by_key(session, Shop, campus_id)
    query = select(ShopOwner.shop_id, Person.openid, Person.id).join(
        Person, Person.id == ShopOwner.person_id).join(Shop, Shop.id == ShopOwner.shop_id)
    found = {(shop_id, openid): person_id for shop_id, openid, person_id in session.execute(
        query.where(Shop.campus_id == campus_id, Person.app_id == app_id))}
    wanted, earlier = _owners(file, shops), _owners(before, shops)
    still_here = {shops[shop["id"]] for shop in file["shops"]}
    new = sorted(wanted - found.keys())
    gone = [pair for pair in found.keys() & earlier - wanted if pair[0] in still_here]
    if new:
        session.execute(upsert(ShopOwner).on_conflict_do_nothing(), [
            {"shop_id": shop_id, "person_id": ids[openid]} for shop_id, openid in new])
    for pair in gone:
        session.execute(delete(ShopOwner).where(
            ShopOwner.shop_id == pair[0], ShopOwner.person_id == found[pair]))
    return Change("owners", len(new), 0, len(gone))


def _owners(file: Row, shops: Mapping[str, int]) -> set[tuple[int, str]]:
    return {(shops[shop["id"]], openid)
            for shop in file.get("shops", ()) for openid in shop["owners"]}


def _sync_riders(session: Session, campus_id: int, app_id: str, file: Row, before: Row,
                 ids: Mapping[str, int]) -> Change:
    """Riders in the file are approved; one whom the file drops is suspended, and so stays one
    whom somebody suspended by hand."""
    earlier = {rider["openid"] for rider in before.get("riders", ())}
    query = select(Rider).join(Person, Person.id == Rider.person_id).where(
        Person.app_id == app_id, Person.openid.in_({*earlier, *ids})).order_by(Rider.id)
    found = {rider.person.openid: rider
             for rider in session.scalars(query.with_for_update(of=Rider))}
    added = changed = removed = 0
    for wanted in file["riders"]:
        rider = found.pop(wanted["openid"], None)
        if rider is None:
            _make_rider(session, campus_id, ids[wanted["openid"]], wanted)
            added += 1
        else:
            changed += _renew(rider, campus_id, wanted, is_news=wanted["openid"] not in earlier)
    for openid, rider in found.items():
        if openid in earlier and rider.campus_id == campus_id:
            removed += _suspend(rider)
    return Change("riders", added, changed, removed)


def _make_rider(session: Session, campus_id: int, person_id: int, wanted: Row) -> None:
    session.add(Rider(person_id=person_id, campus_id=campus_id, status=RiderStatus.APPROVED,
                      name=wanted.get("name") or "", is_on_duty=False))


def _renew(rider: Rider, campus_id: int, wanted: Row, *, is_news: bool) -> bool:
    facts: Row = {"campus_id": campus_id}
    if wanted.get("name"):
        facts["name"] = wanted["name"]
    if is_news or rider.status == RiderStatus.APPLIED:
        facts["status"] = RiderStatus.APPROVED
    news = {name: value for name, value in facts.items() if getattr(rider, name) != value}
    for name, value in news.items():
        setattr(rider, name, value)
    return bool(news)


def _suspend(rider: Rider) -> bool:
    if rider.status == RiderStatus.SUSPENDED:
        return False
    rider.status, rider.is_on_duty = RiderStatus.SUSPENDED, False
    return True
