"""What a student's sentence leads to."""
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bot import context
from bot.nlu.understand import Understanding
from bot.routes import application, complaint, errand, group_order
from bot.routes.base import Turn, contact, help_, items_of, own, understood, unknown
from config.texts import Reply, yuan
from handlers import customer, dialogue, menu, rider
from handlers import order as ordering
from models.order import Order
from models.rules.hours import is_open
from models.rules.order_state import UNPAID, OrderState
from models.shop import Dish

MOST_CHOICES = 4


MISSES_BEFORE_HUMAN = 2


def as_student(turn: Turn, focus: Order | None) -> Reply | None:
    told = {**context.as_student(turn.session, turn.speaker, focus, now=turn.now),
            **group_order.told(turn)}
    meant = understood(turn, told, "student")
    if meant.action == "none" and "pending" not in told:
        meant = _address_unasked(turn, meant)
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


def _address_unasked(turn: Turn, meant: Understanding) -> Understanding:
    """「12栋 302 小林」 is an address whether or not we have asked for one just now."""
    again = understood(turn, {"pending": "ask_address"}, "student")
    is_place = again.intent == "address_set" and bool(again.slots.get("place_id"))
    return again if is_place and again.action != "none" else meant


def _missed(turn: Turn, meant: Understanding) -> Reply:
    """Not understood: an example first, then a person; never a third time the same words."""
    if reply := group_order.by_name(turn):
        return reply
    if meant.intent == "chitchat":
        return Reply("talk.chitchat")
    if dialogue.count_miss(turn.speaker.person, now=turn.now) >= MISSES_BEFORE_HUMAN:
        return Reply("talk.lost_again")
    if at_work := customer.greeting_at_work(turn.session, turn.speaker):
        return Reply("talk.lost_at_work", {"what": at_work})
    example = customer.example_dish(turn.session, turn.speaker)
    return Reply("talk.lost", {"example": example})


def _items(meant: Understanding, turn: Turn) -> tuple[ordering.Item, ...]:
    return items_of(meant)


def _order_food(turn: Turn, focus: Order | None, meant: Understanding, *,
                beside: str | None = None) -> Reply | None:
    items = _items(meant, turn)
    if not items:
        shop = meant.slots.get("shop_id")
        return menu.dishes(turn.session, turn.speaker, str(shop), now=turn.now) if shop \
            else menu.shops(turn.session, turn.speaker, now=turn.now)
    if question := _which_dish(turn, meant):
        return question
    cmd = ordering.PlaceOrder(
        _settled(turn, items, meant), meant.slots.get("place_id"), meant.slots.get("room"),
        _time(meant), meant.slots.get("note"), beside)
    return ordering.place_order(turn.session, turn.speaker, cmd, now=turn.now)


def _settled(turn: Turn, items: tuple[ordering.Item, ...],
             meant: Understanding) -> tuple[ordering.Item, ...]:
    """Of a dish that several shops sell, take the one of the shop the rest comes from, or the
    only one that is to be had."""
    ties = meant.ties
    if not any(len(tie) > 1 for tie in ties):
        return items
    if len(left := _to_be_had(turn, meant)) == 1:
        return (replace(items[0], dish_key=left[0].key),)
    sure = {item.dish_key for item, tie in zip(items, ties, strict=False) if len(tie) < 2}
    dishes = Dish.by_keys(turn.session, turn.speaker.campus.id,
                          sure | {key for tie in ties for key in tie})
    shops = {dishes[key].shop_id for key in sure if key in dishes}
    settled = []
    for item, tie in zip(items, ties, strict=False):
        same = [key for key in tie if key in dishes and dishes[key].shop_id in shops]
        key = same[0] if len(tie) > 1 and same else item.dish_key
        settled.append(replace(item, dish_key=key))
    return tuple(settled)


def _which_dish(turn: Turn, meant: Understanding) -> Reply | None:
    """Ask when the only dish could be several and nothing else decides."""
    choices = _to_be_had(turn, meant)
    if len(choices) < 2:
        return None
    dialogue.ask(turn.speaker.person, "choose", now=turn.now, slots=meant.slots,
                 choices=[dish.key for dish in choices])
    return Reply("order.which_dish", {
        "count": len(choices),
        "choices": [Reply("order.choice", {
            "number": number, "dish": dish.name, "shop": dish.shop.name,
            "price": yuan(dish.price_fen)}) for number, dish in enumerate(choices, 1)]})


def _to_be_had(turn: Turn, meant: Understanding) -> list[Dish]:
    """The dishes of today that the only item may be; none where nothing is open."""
    if len(meant.ties) != 1 or len(meant.ties[0]) < 2:
        return []
    found = Dish.by_keys(turn.session, turn.speaker.campus.id, set(meant.ties[0]))
    local = (_time(meant) or turn.now).astimezone(turn.speaker.campus.zone)
    tied = [found[key] for key in meant.ties[0] if key in found]
    return [dish for dish in tied if not dish.is_sold_out(turn.now)
            and is_open(dish.shop.hours, local)][:MOST_CHOICES]


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
    """A change to the order being talked about, all of it in one new quote."""
    if focus is None:
        return _order_food(turn, None, meant)
    if OrderState(focus.state) not in UNPAID and (reply := _order_beside(turn, focus)):
        return reply
    cmd = ordering.ModifyOrder(
        focus.id, _items(meant, turn), meant.slots.get("note"), meant.slots.get("place_id"),
        meant.slots.get("room"), _time(meant))
    return ordering.modify_order(turn.session, turn.speaker, cmd, now=turn.now)


def _order_beside(turn: Turn, focus: Order) -> Reply | None:
    """Words that make an order of their own, said while an older one is under way."""
    meant = understood(turn, {}, "student")
    if meant.intent != "order_food" or meant.action != "confirm" or not meant.slots.get("items"):
        return None
    return _order_food(turn, None, meant, beside=focus.code)


def _address(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    place, room = meant.slots.get("place_id"), meant.slots.get("room")
    if focus and turn.pending.get("pending") == "ask_redirect" and (place or room):
        return ordering.redirect(turn.session, turn.speaker,
                                 ordering.Redirect(focus.id, place, room), now=turn.now)
    if focus and OrderState(focus.state) in UNPAID:
        return _modify(turn, focus, meant)
    if not place and not room:
        return customer.ask_address(turn.session, turn.speaker, now=turn.now)
    cmd = customer.RememberHome(place, room, customer.name_at_end(turn.text))
    return customer.remember_home(turn.session, turn.speaker, cmd, now=turn.now)


def _schedule(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    if focus is None or OrderState(focus.state) not in UNPAID:
        return Reply("order.nothing_to_change")
    return _modify(turn, focus, meant)


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


def _reorder(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """老样子, 再来一份A27. New dishes said with it are an order of their own."""
    if meant.slots.get("items"):
        return _order_food(turn, focus, meant)
    ref = meant.slots.get("order_ref")
    old = own(turn, ref) if ref and ref != "last" else None
    if ref and ref != "last" and old is None:
        return unknown(ref)
    cmd = ordering.OrderAgain(old.id if old else None, meant.slots.get("place_id"),
                              meant.slots.get("room"), _time(meant))
    return ordering.order_again(turn.session, turn.speaker, cmd, now=turn.now)


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
    "reorder": _reorder,
    "query_status": _said_status,
    "query_eta": _said_status,
    "urge": _said_urge,
    "query_menu": _said_menu,
    "query_price": _said_price,
    **dict.fromkeys(("group_open", "group_join", "group_add", "group_lock", "group_leave"),
                    lambda turn, focus, meant: group_order.said(turn, meant)),
    "become_rider": lambda turn, focus, meant: application.wants_to_ride(turn),
    "complain": complaint.said,
    "refund": complaint.said,
    "human": _plainly("talk.human"),
    "sos": _plainly("sos.really"),
    "help": lambda turn, focus, meant: help_(turn),
    "rider_online": lambda turn, focus, meant: rider.go_online(
        turn.session, turn.speaker, now=turn.now),
}
