"""Quoting: what was wanted becomes a draft with a price, changed as often as the student likes."""
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from config.texts import Reply
from handlers import dialogue, undo
from handlers.customer import ask_destination, no_such_place
from handlers.errand.quote import requote
from handlers.order.slots import cannot_be, too_soon
from handlers.payment import retire_payments
from handlers.pricing import reprice
from handlers.speaker import Speaker
from handlers.taps import tap_id
from handlers.wording import quoted
from models import order as orders
from models.base import Session
from models.campus import Place
from models.order import Order, OrderKind, OrderLine
from models.rules.order_state import UNPAID, OrderEvent, OrderState
from models.shop import Dish

MOST_OF_ONE = 99
MOST_LINES = 30
MOST_NOTE = 100  # characters
_ERRAND_FIELDS = ("tip_fen", "budget_fen", "goods", "is_deadline")
_INSTEAD = re.compile(r"(?:改成|改为|换成|改)[:，, ]*(?=.)")


@dataclass(frozen=True, slots=True)
class Item:
    """One dish as understood. `op`: add, remove or set; quantity None: one, or the whole line."""

    dish_key: str
    quantity: Decimal | None = None
    options: tuple[str, ...] = ()
    op: str = "add"


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """`beside`: the code of an order that can no longer be changed, and that this one is not.
    `unknown`: names of what was wanted besides, and is on no menu; `nowhere`: what it is to be
    brought to, and is no place; `remarks`: what is said below the quote."""

    items: tuple[Item, ...]
    place_key: str | None = None
    room: str | None = None
    wanted_at: datetime | None = None
    note: str | None = None
    beside: str | None = None
    unknown: tuple[str, ...] = ()
    nowhere: str | None = None
    remarks: tuple[Reply, ...] = ()


def place_order(session: Session, speaker: Speaker, cmd: PlaceOrder, *, now: datetime) -> Reply:
    """Quote a new order. An older draft that was never confirmed makes way for it."""
    dishes = Dish.by_keys(session, speaker.campus.id, {item.dish_key for item in cmd.items})
    known = [item for item in cmd.items if item.dish_key in dishes and item.op != "remove"]
    if not known:
        return Reply("order.nothing_found")
    shop = dishes[known[0].dish_key].shop
    if refusal := cannot_be(session, speaker, shop, cmd.wanted_at, now=now):
        return refusal
    mine, others = _split(known, dishes, shop.id)
    wanted, gone = _without_sold_out(mine, dishes, now)
    if not wanted:
        return Reply("order.all_sold_out", {"dishes": _names(gone, dishes)})

    with session.no_autoflush:  # it is written when it is whole
        drop_draft(session, speaker, now)
        place = None if cmd.nowhere else _place(session, speaker, cmd.place_key)
        live_there(speaker, place, cmd.room)
        order = orders.begin_order(session, Order(
            campus_id=speaker.campus.id, shop_id=shop.id, buyer_id=speaker.person.id,
            shop=shop, buyer=speaker.person, place=place,
            place_id=place.id if place else None, room=_room(speaker, cmd, place),
            note=with_note(None, cmd.note), wanted_at=cmd.wanted_at, created_at=now))
    remarks = [no_such_place(session, speaker, cmd.nowhere)] if cmd.nowhere else []
    remarks += cmd.remarks
    remarks += [Reply("order.beside", {"code": cmd.beside})] if cmd.beside else []
    for item in wanted:
        remarks += _put(speaker, order, dishes[item.dish_key], item)
    remarks += [*_left_out(others, gone, dishes), *_not_here(cmd.unknown)]
    return _requote(session, speaker, order, remarks, headline="order.understood", now=now)


@dataclass(frozen=True, slots=True)
class ModifyOrder:
    """Whatever of an unpaid order is to be different; None, or no items: as it was.

    `room` without `place_key`: another room in the same place. `note` "": none any more.
    `is_soonest`: as soon as can be, whatever time was named before.
    """

    order_id: int
    items: tuple[Item, ...] = ()
    note: str | None = None
    place_key: str | None = None
    room: str | None = None
    wanted_at: datetime | None = None
    is_soonest: bool = False
    unknown: tuple[str, ...] = ()


def modify_order(session: Session, speaker: Speaker, cmd: ModifyOrder, *, now: datetime) -> Reply:
    """Change an unpaid order and quote again; a pay link that is out dies with the old quote.

    A group's goes to one place at one time: of a part in it only dishes and the note change.
    """
    order = session.get_one(Order, cmd.order_id)
    if order.group_id is not None and OrderState(order.state) in UNPAID:
        from handlers.group_order.joining import JoinGroup, join, one_trip  # it needs us first

        if not (cmd.items or cmd.note):
            return one_trip(session, order)
        part = JoinGroup(order.group_id, cmd.items, cmd.note)
        return join(session, speaker, part, now=now)
    order = Order.lock(session, cmd.order_id)
    if OrderState(order.state) not in UNPAID:
        return Reply("order.too_late_to_change", {"code": order.code})
    if cmd.wanted_at and (
            refusal := cannot_be(session, speaker, order.shop, cmd.wanted_at, now=now)):
        return refusal
    dishes = Dish.by_keys(session, speaker.campus.id, {item.dish_key for item in cmd.items})
    known = [item for item in cmd.items if item.dish_key in dishes]
    mine, others = _split(known, dishes, order.shop_id)
    wanted, gone = _without_sold_out(mine, dishes, now)
    left_out = [*_left_out(others, gone, dishes), *_not_here(cmd.unknown)]
    if left_out and all(item.op == "remove" for item in wanted):
        wanted = []  # 可乐换成雪碧: what was to make way stays, where the other is not to be had
    if not (wanted or cmd.note is not None or cmd.place_key or cmd.room or cmd.wanted_at
            or cmd.is_soonest):
        if not left_out:
            return Reply("order.nothing_heard", {"code": order.code})
        return Reply("order.nothing_changed", {"code": order.code, "remarks": left_out},
                     tap_id(order))
    if _would_be_empty(order, wanted):
        return Reply("order.would_be_empty", {"code": order.code})

    reopen(session, speaker, order, now=now)
    changed = [remark for item in wanted
               for remark in _change(speaker, order, dishes[item.dish_key], item)]
    order.note = with_note(order.note, cmd.note)
    order.wanted_at = None if cmd.is_soonest else cmd.wanted_at or order.wanted_at
    _redirect(session, speaker, order, cmd.place_key, cmd.room)
    return _requote(session, speaker, order, [*changed, *left_out], headline="order.changed",
                    now=now)


def with_note(old: str | None, new: str | None) -> str | None:
    """The note with another wish: added to those before, or, said as 改成…, or where they do not
    fit together, in their place. `new` "": no note any more."""
    if new == "":
        return None
    said = (new or "").strip()[:MOST_NOTE]
    if not said or said in (old or ""):
        return old
    if (instead := _INSTEAD.match(said)) or not old:
        return said[instead.end():] if instead else said
    both = f"{old}；{said}"
    return both if len(both) <= MOST_NOTE else said


def _redirect(session: Session, speaker: Speaker, order: Order, place_key: str | None,
              room: str | None) -> None:
    """Another place, or another room. Who had no address yet lives there from now on."""
    place = _place(session, speaker, place_key) if place_key else order.place
    if place is None or not (place_key or room):
        return
    live_there(speaker, place, room)
    person = speaker.person
    order.place_id, order.place = place.id, place
    order.room = room or (person.room if person.place_id == place.id else None)


def live_there(speaker: Speaker, place: Place | None, room: str | None) -> None:
    person = speaker.person
    if place and person.place_id is None:
        person.place_id, person.place, person.room = place.id, place, room


def reopen(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> None:
    """Back to a draft with a new revision: older taps and links show the newer quote.

    How it was before can be had back for a minute.
    """
    undo.offer(speaker.person, "draft", now=now, order_id=order.id, was=_snapshot(speaker, order),
               revision=order.revision + 1)
    retire_payments(session, order, now=now)
    order.revision += 1
    order.apply(session, OrderEvent.REVISED, now=now, by=speaker.person.id)


def quote_changed(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply:
    """The same order, reopened, at another price: its buyer pays for it otherwise."""
    return _requote(session, speaker, order, [], headline="order.changed", now=now)


def undo_draft(session: Session, speaker: Speaker, last: Mapping[str, Any], *,
               now: datetime) -> Reply:
    """The quote before the last change, as a new one."""
    order = Order.lock(session, last["order_id"])
    if OrderState(order.state) not in UNPAID or order.revision != last["revision"]:
        return Reply("undo.too_late", {"code": order.code})
    was = last["was"]
    reopen(session, speaker, order, now=now)
    order.tip_fen, speaker.person.uses_points = was["tip_fen"], was["uses_points"]
    undo.forget(speaker.person)
    order.lines[:] = [OrderLine(**{**line, "quantity": Decimal(line["quantity"])})
                      for line in was["lines"]]
    order.place_id, order.room, order.note = was["place_id"], was["room"], was["note"]
    order.place = session.get(Place, was["place_id"]) if was["place_id"] else None
    order.wanted_at = datetime.fromisoformat(was["wanted_at"]) if was["wanted_at"] else None
    order.from_place_id = was["from_place_id"]
    order.from_place = session.get(Place, order.from_place_id) if order.from_place_id else None
    if was["errand"]:
        _restore_errand(session, order, was["errand"])
    return _requote(session, speaker, order, [], headline="order.undone", now=now)


def _snapshot(speaker: Speaker, order: Order) -> dict[str, Any]:
    """What of a draft can be changed, as plain JSON."""
    fields = ("position", "dish_id", "dish_key", "name", "options", "option_names", "price_fen",
              "amount_fen")
    return {"lines": [{**{f: getattr(line, f) for f in fields}, "quantity": str(line.quantity)}
                      for line in order.lines],
            "place_id": order.place_id, "room": order.room, "note": order.note,
            "tip_fen": order.tip_fen, "uses_points": speaker.person.uses_points,
            "from_place_id": order.from_place_id, "errand": _errand_snapshot(order),
            "wanted_at": order.wanted_at.isoformat() if order.wanted_at else None}


def _errand_snapshot(order: Order) -> dict[str, Any] | None:
    """Parcels are added and moved, never taken off: their codes need not be kept twice."""
    errand = order.errand
    if errand is None:
        return None
    return {"facts": {f: getattr(errand, f) for f in _ERRAND_FIELDS},
            "fetch_by": errand.fetch_by.isoformat() if errand.fetch_by else None,
            "parcels": [[parcel.size, parcel.place_id] for parcel in order.parcels]}


def _restore_errand(session: Session, order: Order, was: Mapping[str, Any]) -> None:
    errand = order.errand
    assert errand is not None
    for name, value in was["facts"].items():
        setattr(errand, name, value)
    errand.fetch_by = datetime.fromisoformat(was["fetch_by"]) if was["fetch_by"] else None
    del order.parcels[len(was["parcels"]):]
    for parcel, (size, place_id) in zip(order.parcels, was["parcels"], strict=True):
        parcel.size, parcel.place_id = size, place_id
        parcel.place = session.get(Place, place_id) if place_id else None


def fill(session: Session, speaker: Speaker, order: Order, items: Sequence[Item],
         dishes: dict[str, Dish], *, now: datetime) -> list[Reply]:
    """Put into a draft, or change in it, what its shop has; what was left out, in words."""
    known = [item for item in items if item.dish_key in dishes]
    mine, others = _split(known, dishes, order.shop_id)
    wanted, gone = _without_sold_out(mine, dishes, now)
    remarks = [remark for item in wanted
               for remark in _change(speaker, order, dishes[item.dish_key], item)]
    return remarks + _left_out(others, gone, dishes)


def _requote(session: Session, speaker: Speaker, order: Order,
             remarks: Sequence[Reply], *, headline: str, now: datetime) -> Reply:
    if order.kind == OrderKind.ERRAND:
        return requote(session, speaker, order, remarks, headline=headline, now=now)
    if order.place_id is None:
        return ask_destination(session, speaker, order, now=now, remarks=remarks)
    remarks = [*remarks, *reprice(session, speaker, order, now=now)]
    if order.dishes_fen < order.shop.min_order_fen:
        remarks = [*remarks, Reply("order.below_minimum", {
            "shop": order.shop.name, "minimum": f"{order.shop.min_order_fen / 100:g}"})]
    if late := too_soon(speaker, order):
        remarks = [*remarks, late]
    dialogue.ask(speaker.person, "confirm_order", now=now, order_id=order.id)
    return quoted(session, speaker, order, headline=headline, remarks=remarks)


def _split(items: Sequence[Item], dishes: dict[str, Dish],
           shop_id: int) -> tuple[list[Item], list[Item]]:
    """Items of this shop, and items of others: one order is cooked by one shop."""
    mine = [item for item in items if dishes[item.dish_key].shop_id == shop_id]
    return mine, [item for item in items if dishes[item.dish_key].shop_id != shop_id]


def _without_sold_out(items: Sequence[Item], dishes: dict[str, Dish],
                      now: datetime) -> tuple[list[Item], list[Item]]:
    gone = [i for i in items if i.op != "remove" and dishes[i.dish_key].is_sold_out(now)]
    return [i for i in items if i not in gone], gone


def _names(items: Sequence[Item], dishes: dict[str, Dish]) -> str:
    return "、".join(dict.fromkeys(dishes[item.dish_key].name for item in items))


def _left_out(others: Sequence[Item], gone: Sequence[Item],
              dishes: dict[str, Dish]) -> list[Reply]:
    by_shop: dict[str, list[Item]] = {}
    for item in others:
        by_shop.setdefault(dishes[item.dish_key].shop.name, []).append(item)
    remarks = [
        Reply("order.other_shop", {"dishes": _names(items, dishes), "shop": shop})
        for shop, items in by_shop.items()]
    if gone:
        remarks.append(Reply("order.sold_out", {"dishes": _names(gone, dishes)}))
    return remarks


def _not_here(names: Sequence[str]) -> list[Reply]:
    return [Reply("order.not_here", {"dishes": "、".join(names)})] if names else []


def drop_draft(session: Session, speaker: Speaker, now: datetime) -> None:
    order = Order.draft_of(session, speaker.person.id)
    if order and order.state == OrderState.DRAFT:
        order.apply(session, OrderEvent.CANCELLED, now=now, by=speaker.person.id)


def _place(session: Session, speaker: Speaker, key: str | None) -> Place | None:
    if key:
        return Place.by_key(session, speaker.campus.id, key)
    place = speaker.person.place
    return place if place and place.campus_id == speaker.campus.id else None


def _room(speaker: Speaker, cmd: PlaceOrder, place: Place | None) -> str | None:
    """The room said now, or the one at home when the order goes home."""
    person = speaker.person
    if cmd.room or place is None or person.place_id != place.id:
        return cmd.room
    return person.room


def _put(speaker: Speaker, order: Order, dish: Dish, item: Item) -> list[Reply]:
    """Add to the line of the same dish with the same options, or as a line of its own.

    Returns what could not be done as it was said.
    """
    allowed, remarks = _allowed(speaker, dish, item.options)
    options = merge_options(speaker.campus.file, (), allowed)
    twin = next((line for line in order.lines
                 if line.dish_id == dish.id and set(line.options) == set(options)), None)
    before = twin.quantity if twin else Decimal(0)
    quantity, too_many = _at_most(dish, before + (item.quantity or Decimal(1)))
    if twin:
        twin.quantity = quantity
    elif len(order.lines) < MOST_LINES:
        order.lines.append(OrderLine(
            position=len(order.lines), dish_id=dish.id, dish_key=dish.key, name=dish.name,
            quantity=quantity, options=list(options), option_names=[], price_fen=0, amount_fen=0))
    else:
        remarks.append(Reply("order.too_long", {"dish": dish.name, "most": MOST_LINES}))
    return remarks + too_many


def _change(speaker: Speaker, order: Order, dish: Dish, item: Item) -> list[Reply]:
    line = next((line for line in order.lines if line.dish_id == dish.id), None)
    if item.op == "remove":
        _take_off(order, dish, item)
        return []
    if item.op != "set" or line is None:
        return _put(speaker, order, dish, item)
    options, remarks = _allowed(speaker, dish, item.options)
    line.options = list(merge_options(speaker.campus.file, tuple(line.options), options))
    if not item.quantity:
        return remarks
    line.quantity, too_many = _at_most(dish, item.quantity)
    return remarks + too_many


def _at_most(dish: Dish, quantity: Decimal) -> tuple[Decimal, list[Reply]]:
    """The quantity that one order may hold, and what is said where more was wanted."""
    if quantity <= MOST_OF_ONE:
        return quantity, []
    return Decimal(MOST_OF_ONE), [
        Reply("order.too_many", {"dish": dish.name, "most": MOST_OF_ONE})]


def _take_off(order: Order, dish: Dish, item: Item) -> None:
    left = item.quantity
    for line in [line for line in reversed(order.lines) if line.dish_id == dish.id]:
        if left is None or left >= line.quantity:
            left = None if left is None else left - line.quantity
            order.lines.remove(line)
        elif left > 0:
            line.quantity -= left
            left = Decimal(0)


def _would_be_empty(order: Order, items: Sequence[Item]) -> bool:
    """Whether these changes leave nothing to cook."""
    if any(item.op != "remove" for item in items):
        return False
    left = {line.dish_key: line.quantity for line in order.lines}
    for item in items:
        held = left.get(item.dish_key, Decimal(0))
        left[item.dish_key] = held - (held if item.quantity is None else item.quantity)
    return bool(items) and not any(quantity > 0 for quantity in left.values())


def _allowed(speaker: Speaker, dish: Dish,
             options: Sequence[str]) -> tuple[tuple[str, ...], list[Reply]]:
    """The options that this dish comes with, and what is said of the others."""
    allowed = tuple(option for option in options if option in dish.options)
    if len(allowed) == len(options):
        return allowed, []
    names = {o["id"]: o["name"] for o in speaker.campus.file.get("options", ())}
    refused = "、".join(names.get(o, o) for o in options if o not in allowed)
    return allowed, [Reply("order.no_option", {"dish": dish.name, "options": refused})]


def merge_options(campus_file: dict[str, Any], before: Sequence[str],
                  said: Sequence[str]) -> tuple[str, ...]:
    """Options after a change: of one group (size, spice …) the last one said stays."""
    group_of = {o["id"]: o.get("group") or o["id"] for o in campus_file.get("options", ())}
    chosen: dict[str, str] = {}
    for option in (*before, *said):
        group = group_of.get(option, option)
        chosen.pop(group, None)
        chosen[group] = option
    return tuple(chosen.values())
