"""From what was said to the handler that acts on it."""
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot import context
from bot.commands import Command, read_command
from bot.nlu.understand import Understanding, understand
from bot.wire import Heard
from config.texts import Reply, yuan
from handlers import customer, dialogue, kitchen, menu, rider
from handlers import order as ordering
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order
from models.rules.order_state import UNPAID, OrderState
from models.shop import Dish

MOST_CHOICES = 4
MISSES_BEFORE_HUMAN = 2


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of one speaker, with all that a route needs."""

    session: Session
    speaker: Speaker
    text: str
    tap: str
    now: datetime

    @property
    def pending(self) -> dict[str, Any]:
        return dialogue.pending(self.speaker.person, now=self.now)


Route = Callable[[Turn, Any], Reply | None]


def answer(session: Session, speaker: Speaker, heard: Heard, *, now: datetime) -> Reply | None:
    """The reply to a message or event; None: nothing is said."""
    if heard.kind == "event":
        return _event(session, speaker, heard, now=now)
    text = heard.text if heard.kind == "text" else heard.recognition
    turn = Turn(session, speaker, text.strip(), heard.tap_id, now)
    if heard.kind == "location":
        return _location(turn, heard)
    if not turn.text:
        return Reply("talk.words_only")
    command = read_command(turn.text)
    reply = _command(turn, command) if command else None
    return reply or _sentence(turn)


def _event(session: Session, speaker: Speaker, heard: Heard, *, now: datetime) -> Reply | None:
    match heard.event:
        case "subscribe":
            return customer.follow(session, speaker, customer.Follow(heard.scene), now=now)
        case "SCAN" if heard.scene.startswith("b_"):
            return customer.follow(session, speaker, customer.Follow(heard.scene), now=now)
        case "unsubscribe":
            customer.leave(speaker)
            return None
        case "LOCATION" if heard.latitude is not None and heard.longitude is not None:
            rider.note_position(session, speaker, heard.latitude, heard.longitude, now=now)
            return None
        case "CLICK":
            turn = Turn(session, speaker, heard.event_key, "", now)
            command = read_command(turn.text)
            return (_command(turn, command) if command else None) or _sentence(turn)
        case _:
            return None


def _location(turn: Turn, heard: Heard) -> Reply:
    """A pin: where a rider is. From a student it is no order yet."""
    if turn.speaker.rider and heard.latitude is not None and heard.longitude is not None:
        rider.note_position(turn.session, turn.speaker, heard.latitude, heard.longitude,
                            now=turn.now)
        return Reply("rider.position_noted")
    return Reply("talk.words_only")


# Commands ---------------------------------------------------------------------------------


def _command(turn: Turn, command: Command) -> Reply | None:
    """What a command does; None: taken as a sentence after all."""
    if command.name in ("take", "decline"):
        return _take_or_decline(turn, command)
    route = _COMMANDS.get(command.name)
    return route(turn, command) if route else None


def _by_code(turn: Turn, code: str | None) -> Order | None:
    return Order.by_code(turn.session, turn.speaker.campus.id, code) if code else None


def _own(turn: Turn, code: str | None) -> Order | None:
    """The speaker's own order with this code; without a code, the one being talked about."""
    if code is None:
        return context.focus_of(turn.session, turn.speaker, now=turn.now)
    order = _by_code(turn, code)
    return order if order and order.buyer_id == turn.speaker.person.id else None


def _unknown(code: str | None) -> Reply:
    return Reply("order.unknown", {"code": code}) if code else Reply("order.none")


def _confirm(turn: Turn, command: Command) -> Reply:
    order = _own(turn, command.code)
    if order is None:
        return _unknown(command.code)
    cmd = ordering.ConfirmOrder(order.id, turn.tap or None)
    return ordering.confirm_order(turn.session, turn.speaker, cmd, now=turn.now)


def _cancel(turn: Turn, command: Command) -> Reply | None:
    order = _own(turn, command.code)
    if order is None:
        return _unknown(command.code)
    cmd = ordering.CancelOrder(order.id, is_sure=command.name == "cancel_sure")
    return ordering.cancel_order(turn.session, turn.speaker, cmd, now=turn.now)


def _status(turn: Turn, command: Command) -> Reply:
    if command.code is None:
        return ordering.status_of(turn.session, turn.speaker, now=turn.now)
    order = _own(turn, command.code)
    if order is None:
        return _unknown(command.code)
    return ordering.describe(turn.session, turn.speaker, order, now=turn.now)


def _take_or_decline(turn: Turn, command: Command) -> Reply | None:
    """接A27: a rider takes an offer, or a cook an order; where it could be both, it is asked."""
    order = _by_code(turn, command.code) or _only_question(turn, command)
    if order is None:
        return _unknown(command.code) if command.code else None
    offered = turn.speaker.offer is not None and turn.speaker.offer.order_id == order.id
    cooks = order.shop_id in turn.speaker.shop_ids and order.state == OrderState.PAID
    if cooks and not offered:
        action = kitchen.accept_order if command.name == "take" else kitchen.reject_order
        return action(turn.session, turn.speaker, kitchen.AnswerOrder(order.id), now=turn.now)
    if turn.speaker.rider:
        action_ = rider.accept_offer if command.name == "take" else rider.decline_offer
        return action_(turn.session, turn.speaker, rider.AnswerOffer(order.id), now=turn.now)
    if order.shop_id in turn.speaker.shop_ids:
        return kitchen.accept_order(turn.session, turn.speaker, kitchen.AnswerOrder(order.id),
                                    now=turn.now)
    return _unknown(command.code)


def _only_question(turn: Turn, command: Command) -> Order | None:
    """Without a code: the one order that this speaker is being asked about."""
    if command.code:
        return None
    asked = kitchen.waiting_orders(turn.session, turn.speaker, OrderState.PAID) \
        if turn.speaker.shop_ids else []
    if turn.speaker.offer:
        asked.append(turn.session.get_one(Order, turn.speaker.offer.order_id))
    return asked[0] if len({order.id for order in asked}) == 1 else None


def _kitchen(action: Callable[..., Reply]) -> Route:
    def route(turn: Turn, command: Command) -> Reply:
        order = _by_code(turn, command.code)
        if order is None or order.shop_id not in turn.speaker.shop_ids:
            return _unknown(command.code)
        return action(turn.session, turn.speaker, kitchen.AnswerOrder(order.id), now=turn.now)
    return route


def _step(action: Callable[..., Reply]) -> Route:
    def route(turn: Turn, command: Command) -> Reply:
        order = _by_code(turn, command.code)
        if order is None or turn.speaker.rider is None:
            return _unknown(command.code)
        return action(turn.session, turn.speaker, rider.ReportStep(order.id), now=turn.now)
    return route


def _pin(turn: Turn, command: Command) -> Reply | None:
    """Four digits are a hand-over code only for a rider who stands at a door."""
    if turn.speaker.rider is None:
        return None
    order = _by_code(turn, command.code)
    at_door = any(o.state == OrderState.ARRIVED for o in turn.speaker.carrying)
    if not at_door or (command.code and order is None):
        return None
    cmd = rider.HandOver(command.rest, order.id if order else None)
    return rider.hand_over(turn.session, turn.speaker, cmd, now=turn.now)


def _change(turn: Turn, command: Command) -> Reply | None:
    """A27换大份: the sentence behind the code, said about that order."""
    order = _by_code(turn, command.code)
    if order is None:
        return None
    if order.shop_id in turn.speaker.shop_ids and order.buyer_id != turn.speaker.person.id:
        return _as_merchant(turn)
    if order.buyer_id != turn.speaker.person.id:
        return None
    return _as_student(Turn(turn.session, turn.speaker, command.rest, turn.tap, turn.now), order)


def _words(key: str) -> Route:
    def route(turn: Turn, command: Command) -> Reply:
        return _help(turn) if key == "talk.help" else Reply(key, _contact(turn))
    return route


def _contact(turn: Turn) -> dict[str, str]:
    return {"phone": str(turn.speaker.campus.emergency.get("phone") or "110")}


def _help(turn: Turn) -> Reply:
    example = customer.example_dish(turn.session, turn.speaker)
    return Reply("talk.help", {"example": example})


_COMMANDS: dict[str, Route] = {
    "sos": _words("talk.sos"),
    "help": _words("talk.help"),
    "human": _words("talk.human"),
    "status": _status,
    "cancel": _cancel,
    "cancel_sure": _cancel,
    "keep": _status,
    "confirm": _confirm,
    "online": lambda turn, _: rider.go_online(turn.session, turn.speaker, now=turn.now),
    "offline": lambda turn, _: rider.go_offline(turn.session, turn.speaker, now=turn.now),
    "reject": _kitchen(kitchen.reject_order),
    "cooked": _kitchen(kitchen.order_cooked),
    "at_shop": _step(rider.at_shop),
    "picked_up": _step(rider.picked_up),
    "arrived": _step(rider.arrived),
    "pin": _pin,
    "address": lambda turn, _: customer.ask_address(turn.session, turn.speaker, now=turn.now),
    "menu": lambda turn, _: menu.shops(turn.session, turn.speaker, now=turn.now),
    "change": _change,
}


# Sentences --------------------------------------------------------------------------------


def _sentence(turn: Turn) -> Reply | None:
    """Understand it with the hat on that the speaker most likely wears."""
    if turn.pending.get("pending") in ("ask_room", "ask_address"):
        home = customer.room_and_name(turn.text)
        if home and (reply := _room_said(turn, *home)):
            return reply
    if _is_riding(turn.speaker) and (reply := _as_rider(turn)):
        return reply
    if turn.speaker.shop_ids and (reply := _as_merchant(turn)):
        return reply
    return _as_student(turn, context.focus_of(turn.session, turn.speaker, now=turn.now))


def _is_riding(speaker: Speaker) -> bool:
    return speaker.rider is not None and (speaker.rider.is_on_duty or bool(speaker.carrying))


def _room_said(turn: Turn, room: str, name: str | None) -> Reply | None:
    """「412 林」 where the building is known."""
    focus = context.focus_of(turn.session, turn.speaker, now=turn.now)
    if focus and OrderState(focus.state) in UNPAID and focus.place_id:
        cmd = ordering.SetAddress(focus.id, None, room)
        return ordering.set_address(turn.session, turn.speaker, cmd, now=turn.now)
    if turn.speaker.person.place_id is None:
        return None
    cmd_ = customer.RememberHome(None, room, name)
    return customer.remember_home(turn.session, turn.speaker, cmd_, now=turn.now)


def _understood(turn: Turn, told: dict[str, Any], role: str) -> Understanding:
    return understand(turn.text, context.lexicon_of(turn.speaker.campus), told,
                      now=turn.now.astimezone(turn.speaker.campus.zone), role=role)


def _as_rider(turn: Turn) -> Reply | None:
    offer = turn.speaker.offer
    offered = turn.session.get_one(Order, offer.order_id) if offer else None
    meant = _understood(turn, context.as_rider(turn.speaker, offered), "rider")
    route = _RIDER.get(meant.intent)
    if route is None or meant.action == "none":
        return None
    order = _by_code(turn, meant.slots.get("order_ref"))
    if order is None and not meant.slots.get("order_ref"):
        order = offered if meant.intent == "rider_accept" else _only_job(turn, meant.intent)
    return route(turn, order)


def _only_job(turn: Turn, intent: str) -> Order | None:
    """Without a code: the one order in hand that this step fits."""
    fitting = [o for o in turn.speaker.carrying if o.state in _FITS.get(intent, ())]
    return fitting[0] if len(fitting) == 1 else None


_FITS = {
    "rider_arrived": (OrderState.COOKING, OrderState.READY, OrderState.DELIVERING),
    "rider_picked_up": (OrderState.COOKING, OrderState.READY),
    "rider_delivered": (OrderState.ARRIVED, OrderState.DELIVERING),
}


def _rider_step(action: Callable[..., Reply]) -> Route:
    def route(turn: Turn, order: Order | None) -> Reply:
        if order is None:
            return _which_job(turn)
        return action(turn.session, turn.speaker, rider.ReportStep(order.id), now=turn.now)
    return route


def _rider_arrived(turn: Turn, order: Order | None) -> Reply:
    """到了: at the shop while the food is still there, at the door afterwards."""
    if order is None:
        return _which_job(turn)
    is_loaded = order.state not in (OrderState.COOKING, OrderState.READY)
    action = rider.arrived if is_loaded else rider.at_shop
    return action(turn.session, turn.speaker, rider.ReportStep(order.id), now=turn.now)


def _rider_accept(turn: Turn, order: Order | None) -> Reply:
    if order is None:
        return Reply("rider.no_offer")
    return rider.accept_offer(turn.session, turn.speaker, rider.AnswerOffer(order.id),
                              now=turn.now)


def _which_job(turn: Turn) -> Reply:
    return Reply("rider.which_job", {"orders": [
        Reply("rider.also", {"code": o.code, "state": Reply(f"state.{o.state}"), "next": None})
        for o in turn.speaker.carrying[:4]]})


_RIDER: dict[str, Route] = {
    "rider_online": lambda turn, _: rider.go_online(turn.session, turn.speaker, now=turn.now),
    "rider_offline": lambda turn, _: rider.go_offline(turn.session, turn.speaker, now=turn.now),
    "rider_accept": _rider_accept,
    "rider_arrived": _rider_arrived,
    "rider_picked_up": _rider_step(rider.picked_up),
    "rider_delivered": lambda turn, order: Reply("rider.ask_pin") if turn.speaker.carrying
    else _which_job(turn),
}


def _as_merchant(turn: Turn) -> Reply | None:
    meant = _understood(turn, context.as_merchant(turn.session, turn.speaker), "merchant")
    route = _MERCHANT.get(meant.intent)
    if route is None or meant.action == "none":
        return None
    return route(turn, meant)


def _merchant_order(states: tuple[OrderState, ...], action: Callable[..., Reply]) -> Route:
    def route(turn: Turn, meant: Understanding) -> Reply:
        order = _by_code(turn, meant.slots.get("order_ref"))
        if order is None and not meant.slots.get("order_ref"):
            waiting = kitchen.waiting_orders(turn.session, turn.speaker, *states)
            if len(waiting) != 1:
                return Reply("kitchen.which_order", {
                    "codes": "、".join(o.code for o in waiting[:8])})
            order = waiting[0]
        if order is None:
            return _unknown(str(meant.slots.get("order_ref")))
        return action(turn.session, turn.speaker, kitchen.AnswerOrder(order.id), now=turn.now)
    return route


def _menu_change(action: Callable[..., Reply]) -> Route:
    def route(turn: Turn, meant: Understanding) -> Reply:
        keys = tuple(str(item["dish_id"]) for item in meant.slots.get("items", ()))
        return action(turn.session, turn.speaker, kitchen.ChangeMenu(keys), now=turn.now)
    return route


_MERCHANT: dict[str, Route] = {
    "merchant_accept": _merchant_order((OrderState.PAID,), kitchen.accept_order),
    "merchant_reject": _merchant_order((OrderState.PAID,), kitchen.reject_order),
    "merchant_ready": _merchant_order((OrderState.COOKING,), kitchen.order_cooked),
    "merchant_soldout": _menu_change(kitchen.sold_out),
    "merchant_restock": _menu_change(kitchen.restocked),
}


def _as_student(turn: Turn, focus: Order | None) -> Reply | None:
    told = context.as_student(turn.session, turn.speaker, focus, now=turn.now)
    meant = _understood(turn, told, "student")
    if turn.pending.get("pending") == "choose" and (chosen := _chosen(turn, meant)):
        meant = chosen
    route = _STUDENT.get(meant.intent)
    reply = route(turn, focus, meant) if route and meant.action != "none" else None
    if reply is None:
        return _missed(turn, meant)
    dialogue.understood(turn.speaker.person)
    return reply


def _missed(turn: Turn, meant: Understanding) -> Reply:
    """Not understood: an example first, then a person; never a third time the same words."""
    if meant.intent == "chitchat":
        return Reply("talk.chitchat")
    example = customer.example_dish(turn.session, turn.speaker)
    if dialogue.count_miss(turn.speaker.person, now=turn.now) < MISSES_BEFORE_HUMAN:
        return Reply("talk.lost", {"example": example})
    return Reply("talk.lost_again", {"example": example})


def _items(meant: Understanding, turn: Turn) -> tuple[ordering.Item, ...]:
    return tuple(ordering.Item(
        str(item["dish_id"]), _decimal(item.get("qty")), tuple(item.get("options") or ()),
        item.get("op") or "add") for item in meant.slots.get("items", ()))


def _decimal(quantity: Any) -> Decimal | None:
    return None if quantity is None else Decimal(str(quantity))


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
    asked = turn.pending.get("pending")
    order = _own(turn, meant.slots.get("order_ref")) if meant.slots.get("order_ref") else focus
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
    order = focus if not ref or ref == "last" else _own(turn, ref)
    if order is None:
        return _unknown(ref if ref != "last" else None)
    return ordering.cancel_order(turn.session, turn.speaker, ordering.CancelOrder(order.id),
                                 now=turn.now)


def _said_status(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    ref = meant.slots.get("order_ref")
    if ref and ref != "last" and (order := _own(turn, ref)):
        return ordering.describe(turn.session, turn.speaker, order, now=turn.now)
    return ordering.status_of(turn.session, turn.speaker, now=turn.now)


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
        return Reply(key, _contact(turn))
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
    "urge": _said_status,
    "query_menu": _said_menu,
    "query_price": _said_price,
    "become_rider": _plainly("rider.how_to_become"),
    "human": _plainly("talk.human"),
    "sos": _plainly("talk.sos"),
    "help": lambda turn, focus, meant: _help(turn),
    "rider_online": lambda turn, focus, meant: rider.go_online(
        turn.session, turn.speaker, now=turn.now),
}
