"""What a student's sentence leads to."""
import re
from collections.abc import Callable
from dataclasses import replace

from bot import context
from bot.nlu.understand import Understanding, moment_in
from bot.routes import (
    address,
    application,
    back,
    choosing,
    complaint,
    errand,
    group_order,
    invitation,
    moments,
    questions,
    relay,
    wordless,
)
from bot.routes.base import Turn, contact, help_, items_of, own, time_of, understood, unknown
from config.texts import Reply, tapped
from handlers import customer, dialogue, human, menu, rider, suggest
from handlers import order as ordering
from models.order import Order
from models.rules.order_state import UNPAID, OrderState
from models.shop import Dish

MISSES_BEFORE_NUMBERS = 2
MISSES_BEFORE_HUMAN = 3
LONGEST_ADDRESS = 16  # characters


def as_student(turn: Turn, focus: Order | None) -> Reply | None:
    told = {**context.as_student(turn.session, turn.speaker, focus, now=turn.now),
            **group_order.told(turn)}
    meant = understood(turn, told, "student")
    if meant.action == "none" and "pending" not in told:
        meant = _address_unasked(turn, meant)
    if said := address.is_elsewhere(meant) and meant.nowhere:
        if focus and address.says_more(meant) and OrderState(focus.state) in UNPAID:
            _modify(turn, focus, meant)
        dialogue.understood(turn.speaker.person)
        return address.ask_other(turn, focus, said)
    if when := moments.answered(turn, focus, meant):
        dialogue.understood(turn.speaker.person)
        return when
    was = back.open_question(turn, focus)
    if answer := questions.answered(turn, focus, meant):
        answer = back.offer_back(turn, was, answer)
        dialogue.understood(turn.speaker.person)
        return answer
    if brand := choosing.by_brand(turn, meant):
        return brand
    if reply := choosing.by_taste(turn, meant):
        return reply if isinstance(reply, Reply) else _order_food(turn, focus, reply)
    if named := choosing.by_name(turn, meant):
        return named
    if turn.pending.get("pending") == "choose" and (chosen := choosing.chosen(turn, meant)):
        if isinstance(chosen, Reply):
            return chosen
        meant = chosen
    route = _STUDENT.get(meant.intent)
    was = back.open_question(turn, focus)
    reply = errand.heard(turn, focus, meant)
    if reply is None:
        reply = route(turn, focus, meant) if route and meant.action != "none" else None
    if reply is None:
        return _missed(turn, focus, meant)
    if meant.intent in back.INTERRUPTIONS:
        reply = back.offer_back(turn, was, reply)
    dialogue.understood(turn.speaker.person)  # last: the question that is open again had misses
    return reply


def _address_unasked(turn: Turn, meant: Understanding) -> Understanding:
    """「12栋 302 小林」 is an address whether or not we have asked for one just now."""
    again = understood(turn, {"pending": "ask_address"}, "student")
    is_place = again.intent == "address_set" and bool(again.slots.get("place_id"))
    return again if is_place and again.action != "none" else meant


def _missed(turn: Turn, focus: Order | None, meant: Understanding) -> Reply:
    """Not understood: an example first, then a person; never a third time the same words."""
    if named := group_order.by_name(turn):
        return named
    if meant.intent == "chitchat":
        is_busy = turn.speaker.shop_ids or turn.speaker.carrying or turn.speaker.offer
        return Reply("question.ack" if is_busy else "talk.chitchat")
    if reply := wordless.answered(turn, focus) or _unknown_door(turn, focus):
        return reply
    if words := relay.offered(turn, focus):
        return words
    misses = dialogue.count_miss(turn.speaker.person, now=turn.now)
    if misses >= MISSES_BEFORE_HUMAN:
        return human.call_human(turn.session, turn.speaker, now=turn.now)
    if misses == MISSES_BEFORE_NUMBERS:
        reply = Reply("talk.lost_again")
        dialogue.number(turn.speaker.person, tapped(reply))
        return reply
    if at_work := customer.greeting_at_work(turn.session, turn.speaker):
        return Reply("talk.lost_at_work", {"what": at_work})
    example = customer.example_dish(turn.session, turn.speaker)
    return Reply("talk.lost", {"example": example})


def _unknown_door(turn: Turn, focus: Order | None) -> Reply | None:
    """男生宿舍, where an address was asked for: no such place, and those that there are."""
    said = turn.text.strip()
    if turn.pending.get("pending") not in ("ask_address", "ask_redirect") or \
            len(said) > LONGEST_ADDRESS:
        return None
    return address.ask_other(turn, focus, said)


def _order_food(turn: Turn, focus: Order | None, meant: Understanding, *,
                beside: str | None = None) -> Reply | None:
    if turn.is_named and focus and OrderState(focus.state) not in UNPAID:
        return Reply("order.too_late_to_change", {"code": focus.code})
    items = items_of(meant)
    if not items:
        shop = meant.slots.get("shop_id")
        return menu.dishes(turn.session, turn.speaker, str(shop), now=turn.now) if shop \
            else menu.shops(turn.session, turn.speaker, now=turn.now)
    if question := choosing.which_dish(turn, meant):
        return question
    beside = beside or _is_beside(turn, focus, items)
    cmd = ordering.PlaceOrder(
        choosing.settled(turn, items, meant), meant.slots.get("place_id"), meant.slots.get("room"),
        time_of(meant), meant.slots.get("note"), beside,
        meant.unknown, address.nowhere(meant),
        (*moments.remarks(turn, meant), *choosing.guesses(turn, meant, items)))
    return ordering.place_order(turn.session, turn.speaker, cmd, now=turn.now)


def _is_beside(turn: Turn, focus: Order | None, items: tuple[ordering.Item, ...]) -> str | None:
    """The code of a paid order of the same shop, which this one may have been meant to change."""
    if focus is None or OrderState(focus.state) in UNPAID:
        return None
    dishes = Dish.by_keys(turn.session, turn.speaker.campus.id, {items[0].dish_key})
    return focus.code if any(dish.shop_id == focus.shop_id for dish in dishes.values()) else None


def _modify(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """A change to the order being talked about, all of it in one new quote."""
    if focus is None:
        return _order_food(turn, None, meant)
    is_paid = OrderState(focus.state) not in UNPAID
    if is_paid and not turn.is_named and (reply := _order_beside(turn, focus, meant)):
        return reply
    if is_paid and (reply := _of_paid(turn, focus, meant)):
        return reply
    if not is_paid and (reply := _of_another_shop(turn, focus, meant)):
        return reply
    cmd = ordering.ModifyOrder(
        focus.id, items_of(meant), meant.slots.get("note"), meant.slots.get("place_id"),
        meant.slots.get("room"), time_of(meant), unknown=meant.unknown)
    return ordering.modify_order(turn.session, turn.speaker, cmd, now=turn.now)


def _of_another_shop(turn: Turn, focus: Order, meant: Understanding) -> Reply | None:
    """换成麻辣烫, of a draft of 黄焖鸡 alone: another shop's order, to the same door."""
    items = items_of(meant)
    wanted = tuple(item for item in items if item.op != "remove")
    gone = {item.dish_key for item in items if item.op == "remove" and item.quantity is None}
    if focus.state != OrderState.DRAFT or focus.group_id or not wanted or not focus.lines or not (
            gone >= {line.dish_key for line in focus.lines}):
        return None
    dishes = Dish.by_keys(turn.session, turn.speaker.campus.id, {i.dish_key for i in wanted})
    if not dishes or any(dish.shop_id == focus.shop_id for dish in dishes.values()):
        return None
    place, room = meant.slots.get("place_id"), meant.slots.get("room")
    cmd = ordering.PlaceOrder(
        wanted, place or (focus.place.key if focus.place else None),
        room if place else focus.room, time_of(meant) or focus.wanted_at, meant.slots.get("note"),
        unknown=meant.unknown)
    return ordering.place_order(turn.session, turn.speaker, cmd, now=turn.now)


def _of_paid(turn: Turn, focus: Order, meant: Understanding) -> Reply | None:
    """What may still be said of an order that is paid: where it goes, and a word to who has it."""
    place, room = meant.slots.get("place_id"), meant.slots.get("room")
    if place and _ELSEWHERE.search(turn.text):
        return ordering.redirect(turn.session, turn.speaker,
                                 ordering.Redirect(focus.id, place, room), now=turn.now)
    if not place and _OTHER_DOOR.search(turn.text):
        return ordering.ask_where(turn.session, turn.speaker, ordering.OwnOrder(focus.id),
                                  now=turn.now)
    note = meant.slots.get("note")
    if note and not meant.slots.get("items"):
        return relay.note_after_payment(turn, focus, str(note))
    if OrderState(focus.state) in _AT_THE_STOVE and _is_made_otherwise(turn, meant):
        return relay.note_after_payment(turn, focus, turn.text)
    return None


_AT_THE_STOVE = frozenset({OrderState.PAID, OrderState.COOKING})


def _is_made_otherwise(turn: Turn, meant: Understanding) -> bool:
    """不要香菜, 微辣: other options for what is ordered, that cost nothing."""
    items = items_of(meant)
    costs = {option["id"] for option in turn.speaker.campus.file.get("options", ())
             if option.get("price_fen") or option.get("group") == "size"}
    return bool(items) and all(item.op == "set" and item.quantity is None and item.options
                               and not costs & set(item.options) for item in items)


def _at_the_door(turn: Turn, focus: Order) -> Reply | None:
    """我在东门, 我下来了, while the rider is on the way: no new address, and no hurry."""
    return relay.offered(turn, focus) if _I_AM.search(turn.text) else None


_I_AM = re.compile(r"^我?(人|现在|已经|马上|这就)?(在|到|下|出)|等(我|一下|下)")
_ELSEWHERE = re.compile(r"送到|改送|改到|送去|送来|换成|改成|拿到|放到")
_OTHER_DOOR = re.compile(r"(换|改)(个|一个|一下|下)?(地址|地方|位置)|送(到)?别(处|的地方)")


def _order_beside(turn: Turn, focus: Order, of_change: Understanding) -> Reply | None:
    """Words that make an order of their own, said while an older one is under way.

    加一份米饭: what is only added to the older one makes one, too.
    """
    items = of_change.slots.get("items") or ()
    if items and of_change.action == "confirm" and all(
            (item.get("op") or "add") == "add" for item in items):
        return _order_food(turn, None, of_change, beside=focus.code)
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
    if focus and (reply := _of_paid(turn, focus, meant) or _at_the_door(turn, focus)):
        return reply
    if not place and not room:
        return customer.ask_address(turn.session, turn.speaker, now=turn.now)
    wish = group_order.wished_before(turn)
    cmd = customer.RememberHome(place, room, customer.name_at_end(turn.text))
    reply = customer.remember_home(turn.session, turn.speaker, cmd, now=turn.now)
    return group_order.open_now(turn, wish) if wish else reply


def _schedule(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    if focus is None:
        return Reply("order.nothing_to_change")
    if OrderState(focus.state) not in UNPAID:
        return relay.note_after_payment(turn, focus, turn.text)
    if later := _LATER_BY.search(turn.text):
        return _later(turn, focus, later["span"])
    if (at := time_of(meant)) and at <= turn.now:  # 改成现在送
        return _soonest(turn, focus)
    return _modify(turn, focus, meant)


def _soonest(turn: Turn, focus: Order) -> Reply:
    cmd = ordering.ModifyOrder(focus.id, is_soonest=True)
    return ordering.modify_order(turn.session, turn.speaker, cmd, now=turn.now)


def _help(turn: Turn, focus: Order | None, meant: Understanding) -> Reply:
    """现在送不行吗, of an order that was to come later: it is no question of the rules."""
    is_later = focus is not None and focus.wanted_at is not None
    if focus and is_later and OrderState(focus.state) in UNPAID and _AT_ONCE.search(turn.text):
        return _soonest(turn, focus)
    return help_(turn)


_AT_ONCE = re.compile(r"(现在|马上|立刻|立马|这会儿|尽快)(就)?(送|要|做|出发|来|给我送)")


_LATER_BY = re.compile(r"(?:晚|推迟|迟)个?(?P<span>[^\s,，。送再]{1,6}?(?:小时|钟头|分钟|刻钟))")


def _later(turn: Turn, focus: Order, span: str) -> Reply | None:
    """晚半小时送: so much later than was promised."""
    now = turn.now.astimezone(turn.speaker.campus.zone).replace(second=0, microsecond=0)
    at = moment_in(f"{span}后", context.lexicon_of(turn.speaker.campus), now=now)
    if at is None:
        return None
    promised = (focus.promised_at or now).replace(second=0, microsecond=0)
    cmd = ordering.ModifyOrder(focus.id, wanted_at=promised + (at - now))
    return ordering.modify_order(turn.session, turn.speaker, cmd, now=turn.now)


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
    if focus.cancel_until and not turn.pending:
        return ordering.keep_order(turn.session, turn.speaker, ordering.CancelOrder(focus.id),
                                   now=turn.now)
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
                              meant.slots.get("room"), time_of(meant))
    reply = ordering.order_again(turn.session, turn.speaker, cmd, now=turn.now)
    return _but_otherwise(turn) or reply


_BUT = re.compile(r"(?:但是?|不过|只是|就是|[,，。;；\s])+(?P<change>\S.*)$", re.DOTALL)


def _but_otherwise(turn: Turn) -> Reply | None:
    """跟昨天一样，但是不要辣: the new draft, changed at once; None: nothing more was said."""
    said = _BUT.search(turn.text.strip())
    draft = Order.draft_of(turn.session, turn.speaker.person.id)
    if said is None or draft is None or draft.state != OrderState.DRAFT:
        return None
    told = context.as_student(turn.session, turn.speaker, draft, now=turn.now)
    but = replace(turn, text=said["change"])
    meant = understood(but, told, "student")
    if meant.intent != "modify_order" or meant.action != "confirm":
        return None
    return _modify(but, draft, meant)


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
    if order.state == OrderState.ARRIVED:
        return _at_the_door(turn, order) or ordering.describe(turn.session, turn.speaker, order,
                                                              now=turn.now)
    return ordering.urge(turn.session, turn.speaker, ordering.OwnOrder(order.id), now=turn.now)


def _said_menu(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    if (budget_fen := meant.slots.get("budget_fen")) and not meant.slots.get("shop_id"):
        return suggest.within(turn.session, turn.speaker, int(budget_fen), now=turn.now)
    if shop := meant.slots.get("shop_id"):
        return menu.dishes(turn.session, turn.speaker, str(shop), now=turn.now)
    if keys := {str(item["dish_id"]) for item in meant.slots.get("items", ())}:
        return menu.prices(turn.session, turn.speaker, keys, now=turn.now)  # 黄焖鸡还有吗
    return menu.shops(turn.session, turn.speaker, now=turn.now)


def _said_price(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    keys = {str(item["dish_id"]) for item in meant.slots.get("items", ())}
    if keys:
        return menu.prices(turn.session, turn.speaker, keys, now=turn.now)
    if focus and not meant.slots.get("shop_id"):  # 一共多少钱
        return ordering.price_of(turn.session, turn.speaker, focus, now=turn.now)
    return _said_menu(turn, focus, meant)


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
    "invite": lambda turn, focus, meant: invitation.invite(turn),
    "become_rider": lambda turn, focus, meant: application.wants_to_ride(turn),
    "query_coupon": lambda turn, focus, meant: invitation.what_saves(turn),
    "complain": complaint.said,
    "refund": complaint.said,
    "human": lambda turn, focus, meant: human.call_human(
        turn.session, turn.speaker, now=turn.now),
    "sos": _plainly("sos.really"),
    "help": _help,
    "rider_online": lambda turn, focus, meant: rider.go_online(
        turn.session, turn.speaker, now=turn.now),
}
