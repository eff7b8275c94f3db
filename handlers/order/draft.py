"""Quoting: what was wanted becomes a draft with a price, changed as often as the student likes."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from config.texts import Reply
from handlers import dialogue, undo
from handlers.errand.quote import requote
from handlers.payment import retire_payments
from handlers.pricing import reprice
from handlers.speaker import Speaker
from handlers.wording import quoted
from models import order as orders
from models.base import Session
from models.campus import Place
from models.order import Order, OrderKind, OrderLine
from models.rules.hours import is_open, next_opening
from models.rules.order_state import UNPAID, OrderEvent, OrderState
from models.shop import DESK, Dish

MOST_OF_ONE = 99
MOST_LINES = 30


@dataclass(frozen=True, slots=True)
class Item:
    """One dish as understood. `op`: add, remove or set; quantity None: one, or the whole line."""

    dish_key: str
    quantity: Decimal | None = None
    options: tuple[str, ...] = ()
    op: str = "add"


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    items: tuple[Item, ...]
    place_key: str | None = None
    room: str | None = None
    wanted_at: datetime | None = None
    note: str | None = None


def place_order(session: Session, speaker: Speaker, cmd: PlaceOrder, *, now: datetime) -> Reply:
    """Quote a new order. An older draft that was never confirmed makes way for it."""
    dishes = Dish.by_keys(session, speaker.campus.id, {item.dish_key for item in cmd.items})
    known = [item for item in cmd.items if item.dish_key in dishes and item.op != "remove"]
    if not known:
        return Reply("order.nothing_found")
    shop = dishes[known[0].dish_key].shop
    if refusal := _closed(speaker, shop, cmd.wanted_at or now):
        return refusal
    mine, others = _split(known, dishes, shop.id)
    wanted, gone = _without_sold_out(mine, dishes, now)
    if not wanted:
        return Reply("order.all_sold_out", {"dishes": _names(gone, dishes)})

    drop_draft(session, speaker, now)
    place = _place(session, speaker, cmd.place_key)
    order = orders.place_order(session, Order(
        campus_id=speaker.campus.id, shop_id=shop.id, buyer_id=speaker.person.id,
        place_id=place.id if place else None, room=_room(speaker, cmd, place), note=cmd.note,
        wanted_at=cmd.wanted_at, created_at=now))
    remarks = [_put(speaker, order, dishes[item.dish_key], item) for item in wanted]
    remarks += _left_out(others, gone, dishes)
    return _requote(session, speaker, order, remarks, headline="order.understood", now=now)


@dataclass(frozen=True, slots=True)
class ModifyOrder:
    order_id: int
    items: tuple[Item, ...]
    note: str | None = None


def modify_order(session: Session, speaker: Speaker, cmd: ModifyOrder, *, now: datetime) -> Reply:
    """Change an unpaid order and quote again; a pay link that is out dies with the old quote."""
    order = Order.lock(session, cmd.order_id)
    if OrderState(order.state) not in UNPAID:
        return Reply("order.too_late_to_change", {"code": order.code})
    dishes = Dish.by_keys(session, speaker.campus.id, {item.dish_key for item in cmd.items})
    known = [item for item in cmd.items if item.dish_key in dishes]
    mine, others = _split(known, dishes, order.shop_id)
    wanted, gone = _without_sold_out(mine, dishes, now)
    if not wanted and not cmd.note:
        return Reply("order.nothing_changed", {
            "code": order.code, "remarks": _left_out(others, gone, dishes)})
    if _would_be_empty(order, wanted):
        return Reply("order.would_be_empty", {"code": order.code})

    reopen(session, speaker, order, now=now)
    remarks = [_change(speaker, order, dishes[item.dish_key], item) for item in wanted]
    if cmd.note:
        order.note = cmd.note[:100]
    remarks += _left_out(others, gone, dishes)
    return _requote(session, speaker, order, remarks, headline="order.changed", now=now)


@dataclass(frozen=True, slots=True)
class SetAddress:
    """Where an unpaid order goes. `place_key` None: the same place, another room."""

    order_id: int
    place_key: str | None
    room: str | None


def set_address(session: Session, speaker: Speaker, cmd: SetAddress, *, now: datetime) -> Reply:
    """Send an unpaid order there. Who had no address yet lives there from now on."""
    order = Order.lock(session, cmd.order_id)
    if OrderState(order.state) not in UNPAID:
        return Reply("order.too_late_to_change", {"code": order.code})
    place = _place(session, speaker, cmd.place_key) if cmd.place_key else order.place
    if place is None:
        return Reply("order.where_to", {"code": order.code})
    person = speaker.person
    if person.place_id is None:
        person.place_id, person.place, person.room = place.id, place, cmd.room
    reopen(session, speaker, order, now=now)
    order.place_id, order.place = place.id, place
    order.room = cmd.room or (person.room if person.place_id == place.id else None)
    return _requote(session, speaker, order, [], headline="order.changed", now=now)


@dataclass(frozen=True, slots=True)
class SetTime:
    order_id: int
    wanted_at: datetime


def set_time(session: Session, speaker: Speaker, cmd: SetTime, *, now: datetime) -> Reply:
    order = Order.lock(session, cmd.order_id)
    if OrderState(order.state) not in UNPAID:
        return Reply("order.too_late_to_change", {"code": order.code})
    if refusal := _closed(speaker, order.shop, cmd.wanted_at):
        return refusal
    reopen(session, speaker, order, now=now)
    order.wanted_at = cmd.wanted_at
    return _requote(session, speaker, order, [], headline="order.changed", now=now)


def reopen(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> None:
    """Back to a draft with a new revision: older taps and links show the newer quote.

    How it was before can be had back for a minute.
    """
    undo.offer(speaker.person, "draft", now=now, order_id=order.id, was=_snapshot(order),
               revision=order.revision + 1)
    retire_payments(session, order, now=now)
    order.revision += 1
    order.apply(session, OrderEvent.REVISED, now=now, by=speaker.person.id)


def undo_draft(session: Session, speaker: Speaker, last: Mapping[str, Any], *,
               now: datetime) -> Reply:
    """The quote before the last change, as a new one."""
    order = Order.lock(session, last["order_id"])
    if OrderState(order.state) not in UNPAID or order.revision != last["revision"]:
        return Reply("undo.too_late", {"code": order.code})
    was = last["was"]
    reopen(session, speaker, order, now=now)
    undo.forget(speaker.person)
    order.lines[:] = [OrderLine(**{**line, "quantity": Decimal(line["quantity"])})
                      for line in was["lines"]]
    order.place_id, order.room, order.note = was["place_id"], was["room"], was["note"]
    order.place = session.get(Place, was["place_id"]) if was["place_id"] else None
    order.wanted_at = datetime.fromisoformat(was["wanted_at"]) if was["wanted_at"] else None
    return _requote(session, speaker, order, [], headline="order.undone", now=now)


def _snapshot(order: Order) -> dict[str, Any]:
    """What of a draft can be changed, as plain JSON."""
    fields = ("position", "dish_id", "dish_key", "name", "options", "option_names", "price_fen",
              "amount_fen")
    return {"lines": [{**{f: getattr(line, f) for f in fields}, "quantity": str(line.quantity)}
                      for line in order.lines],
            "place_id": order.place_id, "room": order.room, "note": order.note,
            "wanted_at": order.wanted_at.isoformat() if order.wanted_at else None}


def fill(session: Session, speaker: Speaker, order: Order, items: Sequence[Item],
         dishes: dict[str, Dish], *, now: datetime) -> list[Reply | None]:
    """Put into a draft, or change in it, what its shop has; what was left out, in words."""
    known = [item for item in items if item.dish_key in dishes]
    mine, others = _split(known, dishes, order.shop_id)
    wanted, gone = _without_sold_out(mine, dishes, now)
    remarks = [_change(speaker, order, dishes[item.dish_key], item) for item in wanted]
    return remarks + _left_out(others, gone, dishes)


def _requote(session: Session, speaker: Speaker, order: Order,
             remarks: Sequence[Reply | None], *, headline: str, now: datetime) -> Reply:
    if order.kind == OrderKind.ERRAND:
        return requote(session, speaker, order, remarks, headline=headline, now=now)
    if order.place_id is None:
        dialogue.ask(speaker.person, "ask_address", now=now, order_id=order.id)
        return Reply("order.where_to", {"code": order.code})
    reprice(session, speaker, order, now=now)
    if order.goods_fen < order.shop.min_order_fen:
        remarks = [*remarks, Reply("order.below_minimum", {
            "shop": order.shop.name, "minimum": f"{order.shop.min_order_fen / 100:g}"})]
    dialogue.ask(speaker.person, "confirm_order", now=now, order_id=order.id)
    return quoted(session, speaker, order, headline=headline, remarks=remarks)


def _closed(speaker: Speaker, shop: Any, at: datetime) -> Reply | None:
    local = at.astimezone(speaker.campus.zone)
    if shop.key == DESK:
        return None
    if not shop.is_listed:
        return Reply("order.shop_gone", {"shop": shop.name})
    if is_open(shop.hours, local):
        return None
    opening = next_opening(shop.hours, local)
    return Reply("order.shop_closed", {
        "shop": shop.name, "opens": f"{opening:%H:%M}" if opening else ""})


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
              dishes: dict[str, Dish]) -> list[Reply | None]:
    remarks: list[Reply | None] = [
        Reply("order.other_shop", {"dish": dishes[i.dish_key].name,
                                   "shop": dishes[i.dish_key].shop.name}) for i in others]
    if gone:
        remarks.append(Reply("order.sold_out", {"dishes": _names(gone, dishes)}))
    return remarks


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


def _quantity(item: Item, otherwise: Decimal = Decimal(1)) -> Decimal:
    return min(item.quantity or otherwise, Decimal(MOST_OF_ONE))


def _put(speaker: Speaker, order: Order, dish: Dish, item: Item) -> Reply | None:
    """Add to the line of the same dish with the same options, or as a line of its own."""
    options, refused = _allowed(speaker, dish, item.options)
    options = merge_options(speaker.campus.file, (), options)
    twin = next((line for line in order.lines
                 if line.dish_id == dish.id and set(line.options) == set(options)), None)
    if twin:
        twin.quantity = min(twin.quantity + _quantity(item), Decimal(MOST_OF_ONE))
    elif len(order.lines) < MOST_LINES:
        order.lines.append(OrderLine(
            position=len(order.lines), dish_id=dish.id, dish_key=dish.key, name=dish.name,
            quantity=_quantity(item), options=list(options), option_names=[], price_fen=0,
            amount_fen=0))
    return _no_option(speaker, dish, refused)


def _change(speaker: Speaker, order: Order, dish: Dish, item: Item) -> Reply | None:
    line = next((line for line in order.lines if line.dish_id == dish.id), None)
    if item.op == "remove":
        _take_off(order, dish, item)
        return None
    if item.op != "set" or line is None:
        return _put(speaker, order, dish, item)
    options, refused = _allowed(speaker, dish, item.options)
    line.options = list(merge_options(speaker.campus.file, tuple(line.options), options))
    if item.quantity:
        line.quantity = _quantity(item)
    return _no_option(speaker, dish, refused)


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
             options: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (tuple(o for o in options if o in dish.options),
            tuple(o for o in options if o not in dish.options))


def _no_option(speaker: Speaker, dish: Dish, refused: Sequence[str]) -> Reply | None:
    if not refused:
        return None
    names = {o["id"]: o["name"] for o in speaker.campus.file.get("options", ())}
    return Reply("order.no_option", {
        "dish": dish.name, "options": "、".join(names.get(o, o) for o in refused)})


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
