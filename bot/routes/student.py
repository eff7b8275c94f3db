"""What a student's sentence leads to."""
from collections.abc import Callable
from datetime import datetime

from bot import context
from bot.nlu.understand import Understanding
from bot.routes import errand, group_order
from bot.routes.base import Turn, contact, help_, items_of, own, understood, unknown
from config.texts import Reply, yuan
from handlers import customer, dialogue, menu, rider
from handlers import order as ordering
from models.order import Order
from models.rules.order_state import UNPAID, OrderState
from models.shop import Dish

MOST_CHOICES = 4


MISSES_BEFORE_HUMAN = 2


def as_student(turn: Turn, focus: Order | None) -> Reply | None:
    told = {**context.as_student(turn.session, turn.speaker, focus, now=turn.now),
            **group_order.told(turn)}
    meant = understood(turn, told, "student")
    if turn.pending.get("pending") == "choose" and (chosen := _chosen(turn, meant)):
        meant = chosen
    route = _STUDENT.get(meant.intent)
    reply = errand.heard(turn, focus, meant)
    if reply is None:
        reply = route(turn, focus, meant) if route and meant.action != "none" else None
    if reply is None:
        return _missed(turn, meant)
    dialogue.understood(turn.speaker.person)
    return reply


def _missed(turn: Turn, meant: Understanding) -> Reply:
    """Not understood: an example first, then a person; never a third time the same words."""
    if reply := group_order.by_name(turn):
        return reply
    if meant.intent == "chitchat":
        return Reply("talk.chitchat")
    example = customer.example_dish(turn.session, turn.speaker)
    if dialogue.count_miss(turn.speaker.person, now=turn.now) < MISSES_BEFORE_HUMAN:
        return Reply("talk.lost", {"example": example})
    return Reply("talk.lost_again", {"example": example})


def _items(meant: Understanding, turn: Turn) -> tuple[ordering.Item, ...]:
    return items_of(meant)


def _order_food(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    items = _items(meant, turn)
    if not items:
        shop = meant.slots.get("shop_id")
        return menu.dishes(turn.session, turn.speaker, str(shop), now=turn.now) if shop \
            else menu.shops(turn.session, turn.speaker, now=turn.now)
    if question := _which_dish(turn, meant):
        return question
    cmd = ordering.PlaceOrder(
        _settled(turn, items, meant), meant.slots.get("place_id"), meant.slots.get("room"),
        _time(meant), meant.slots.get("note"))
    return ordering.place_order(turn.session, turn.speaker, cmd, now=turn.now)


def _settled(turn: Turn, items: tuple[ordering.Item, ...],
             meant: Understanding) -> tuple[ordering.Item, ...]:
    """Of a dish that several shops sell, take the one of the shop the rest comes from."""
    ties = meant.ties
    if not any(len(tie) > 1 for tie in ties):
        return items
    sure = {item.dish_key for item, tie in zip(items, ties, strict=False) if len(tie) < 2}
    dishes = Dish.by_keys(turn.session, turn.speaker.campus.id,
                          sure | {key for tie in ties for key in tie})
    shops = {dishes[key].shop_id for key in sure if key in dishes}
    settled = []
    for item, tie in zip(items, ties, strict=False):
        same = [key for key in tie if key in dishes and dishes[key].shop_id in shops]
        key = same[0] if len(tie) > 1 and same else item.dish_key
        settled.append(ordering.Item(key, item.quantity, item.options, item.op))
    return tuple(settled)


def _which_dish(turn: Turn, meant: Understanding) -> Reply | None:
    """Ask when the first dish could be several and nothing else decides."""
    ties = meant.ties
    if len(ties) != 1 or len(ties[0]) < 2:
        return None
    found = Dish.by_keys(turn.session, turn.speaker.campus.id, set(ties[0]))
    open_ones = [found[key] for key in ties[0] if key in found][:MOST_CHOICES]
    if len(open_ones) < 2:
        return None
    dialogue.ask(turn.speaker.person, "choose", now=turn.now, slots=meant.slots,
                 choices=[dish.key for dish in open_ones])
    return Reply("order.which_dish", {
        "count": len(open_ones),
        "choices": [Reply("order.choice", {
            "number": number, "dish": dish.name, "shop": dish.shop.name,
            "price": yuan(dish.price_fen)}) for number, dish in enumerate(open_ones, 1)]})


def _chosen(turn: Turn, meant: Understanding) -> Understanding | None:
    """The order that was meant before, with the dish that was chosen now."""
    choices = turn.pending.get("choices", [])
    slots = turn.pending.get("slots") or {}
    picked: str | None = None
    if meant.intent == "choose" and 1 <= int(meant.slots.get("choice") or 0) <= len(choices):
        picked = choices[int(meant.slots["choice"]) - 1]
    elif items := meant.slots.get("items"):
        picked = next((i["dish_id"] for i in items if i["dish_id"] in choices), None)
    if picked is None or not slots.get("items"):
        return None
    first, *rest = slots["items"]
    return Understanding("order_food", {**slots, "items": [{**first, "dish_id": picked}, *rest]},
                         meant.confidence, "confirm")


def _time(meant: Understanding) -> datetime | None:
    at = meant.slots.get("time")
    return datetime.fromisoformat(at) if at else None


def _modify(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    if focus is None:
        return _order_food(turn, None, meant)
    reply: Reply | None = None
    if meant.slots.get("items") or meant.slots.get("note"):
        cmd = ordering.ModifyOrder(focus.id, _items(meant, turn), meant.slots.get("note"))
        reply = ordering.modify_order(turn.session, turn.speaker, cmd, now=turn.now)
    if OrderState(focus.state) in UNPAID:
        reply = _where_and_when(turn, focus, meant) or reply
    return reply


def _where_and_when(turn: Turn, focus: Order, meant: Understanding) -> Reply | None:
    """A place or time said together with a change."""
    reply: Reply | None = None
    if meant.slots.get("place_id") or meant.slots.get("room"):
        cmd = ordering.SetAddress(focus.id, meant.slots.get("place_id"), meant.slots.get("room"))
        reply = ordering.set_address(turn.session, turn.speaker, cmd, now=turn.now)
    if at := _time(meant):
        reply = ordering.set_time(turn.session, turn.speaker, ordering.SetTime(focus.id, at),
                                  now=turn.now)
    return reply


def _address(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    place, room = meant.slots.get("place_id"), meant.slots.get("room")
    if focus and turn.pending.get("pending") == "ask_redirect" and (place or room):
        return ordering.redirect(turn.session, turn.speaker,
                                 ordering.Redirect(focus.id, place, room), now=turn.now)
    if focus and OrderState(focus.state) in UNPAID:
        return _where_and_when(turn, focus, meant)
    if not place and not room:
        return customer.ask_address(turn.session, turn.speaker, now=turn.now)
    cmd = customer.RememberHome(place, room, customer.name_at_end(turn.text))
    return customer.remember_home(turn.session, turn.speaker, cmd, now=turn.now)


def _schedule(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    if focus is None or OrderState(focus.state) not in UNPAID:
        return Reply("order.nothing_to_change")
    return _where_and_when(turn, focus, meant)


def _said_confirm(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """好的, 确认: yes to the question that is open, and to nothing else."""
    if reply := group_order.confirmed(turn):
        return reply
    asked = turn.pending.get("pending")
    order = own(turn, meant.slots.get("order_ref")) if meant.slots.get("order_ref") else focus
    if order is None:
        return Reply("order.none")
    if asked == "confirm_cancel":
        cmd = ordering.CancelOrder(order.id, is_sure=True)
        return ordering.cancel_order(turn.session, turn.speaker, cmd, now=turn.now)
    if asked in ("confirm_order", "pay") or meant.slots.get("order_ref"):
        return ordering.confirm_order(turn.session, turn.speaker,
                                      ordering.ConfirmOrder(order.id, turn.tap or None),
                                      now=turn.now)
    return ordering.describe(turn.session, turn.speaker, order, now=turn.now)


def _said_deny(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    dialogue.clear(turn.speaker.person)
    if focus is None:
        return Reply("talk.fine")
    return ordering.describe(turn.session, turn.speaker, focus, now=turn.now)


def _said_cancel(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    ref = meant.slots.get("order_ref")
    order = focus if not ref or ref == "last" else own(turn, ref)
    if order is None:
        return unknown(ref if ref != "last" else None)
    return ordering.cancel_order(turn.session, turn.speaker, ordering.CancelOrder(order.id),
                                 now=turn.now)


def _said_status(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    ref = meant.slots.get("order_ref")
    if ref and ref != "last" and (order := own(turn, ref)):
        return ordering.describe(turn.session, turn.speaker, order, now=turn.now)
    return ordering.status_of(turn.session, turn.speaker, now=turn.now)


def _said_urge(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    ref = meant.slots.get("order_ref")
    order = own(turn, ref) if ref and ref != "last" else focus
    if order is None:
        return unknown(ref if ref != "last" else None)
    return ordering.urge(turn.session, turn.speaker, ordering.OwnOrder(order.id), now=turn.now)


def _said_menu(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    if shop := meant.slots.get("shop_id"):
        return menu.dishes(turn.session, turn.speaker, str(shop), now=turn.now)
    return menu.shops(turn.session, turn.speaker, now=turn.now)


def _said_price(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    keys = {str(item["dish_id"]) for item in meant.slots.get("items", ())}
    return menu.prices(turn.session, turn.speaker, keys, now=turn.now) if keys \
        else _said_menu(turn, focus, meant)


def _plainly(key: str) -> "Callable[[Turn, Order | None, Understanding], Reply]":
    def route(turn: Turn, focus: Order | None, meant: Understanding) -> Reply:
        return Reply(key, contact(turn))
    return route


_STUDENT: dict[str, Callable[[Turn, Order | None, Understanding], Reply | None]] = {
    "order_food": _order_food,
    "modify_order": _modify,
    "address_set": _address,
    "schedule": _schedule,
    "confirm": _said_confirm,
    "pay": _said_confirm,
    "deny": _said_deny,
    "cancel": _said_cancel,
    "query_status": _said_status,
    "query_eta": _said_status,
    "urge": _said_urge,
    "query_menu": _said_menu,
    "query_price": _said_price,
    **dict.fromkeys(("group_open", "group_join", "group_add", "group_lock", "group_leave"),
                    lambda turn, focus, meant: group_order.said(turn, meant)),
    "become_rider": _plainly("rider.how_to_become"),
    "human": _plainly("talk.human"),
    "sos": _plainly("talk.sos"),
    "help": lambda turn, focus, meant: help_(turn),
    "rider_online": lambda turn, focus, meant: rider.go_online(
        turn.session, turn.speaker, now=turn.now),
}
