"""Group orders: what their taps, codes and sentences lead to."""
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from bot import context
from bot.commands import Command
from bot.nlu.reading import read
from bot.nlu.slots import moment
from bot.nlu.understand import Understanding
from bot.routes.base import Route, Turn, by_code, items_of, understood
from bot.routes.undo import take_back
from config.texts import Reply
from handlers import dialogue, kitchen, paying_for, rider
from handlers import group_order as groups
from handlers import order as ordering
from handlers.group_order import kitchen as group_kitchen
from handlers.group_order import trip
from handlers.group_order.joining import unpaid_of
from handlers.speaker import Speaker
from models.base import Session
from models.group_order import GroupOrder
from models.order import Order
from models.rules.order_state import WANTS_RIDER, OrderState
from models.shop import Dish

_CODE: Final = re.compile(r"\s*[gG]\s*\d{1,4}\s*[，,:：]?")
_ALL: Final = r"(?!我|这|那|全|都|整|退)"  # 我那份不要了: no dish of that name
_UNWANTED: Final = re.compile(
    rf"(?:不要|别要|去掉|删掉|删了|拿掉|不点){_ALL}(?P<after>[^\s，。,!！了吧]{{2,12}})[了吧]*[。!！]?"
    rf"|把?{_ALL}(?P<before>[^\s，。,!！]{{2,12}}?)(?:不要|去掉|删掉|删了|拿掉|不点)[了吧]*[。!！]?")
SURE: Final = ("confirm_leave", "confirm_dissolve")
Act = Callable[[Turn, GroupOrder, Command], Reply | None]


def on_group(act: Act) -> Route:
    """A command about a group: found by its code, or the one last talked about."""
    def route(turn: Turn, command: Command) -> Reply | None:
        group = groups.find(turn.session, turn.speaker, command.code)
        if group is None:
            return Reply("group.unknown", {"code": command.code}) if command.code else None
        return act(turn, group, command)
    return route


# --- in, out, and its terms -----------------------------------------------------------------

def _add(turn: Turn, group: GroupOrder, command: Command) -> Reply | None:
    """G5 一份卤肉饭: joins and orders in one message."""
    if _cooks_for(turn, group):
        return None
    said = Turn(turn.session, turn.speaker, _CODE.sub("", turn.text, count=1), turn.tap, turn.now)
    meant = _changed(said, group) or understood(said, told_of(turn, group), "student")
    if not items_of(meant) and not meant.slots.get("note") and (
            unwanted := _UNWANTED.fullmatch(said.text.strip())):
        dish = unwanted["after"] or unwanted["before"]
        return groups.not_wanted(
            turn.session, turn.speaker, groups.JoinGroup(group.id), dish, now=turn.now)
    return _order(said, group, meant)


def _changed(turn: Turn, group: GroupOrder) -> Understanding | None:
    """去掉黄焖鸡, 不要香菜: said of what they have ordered there and not paid, at whichever
    window; of the last one where no dish is named."""
    mine = unpaid_of(turn.session, group, turn.speaker.person.id)
    read = [understood(turn, context.as_student(turn.session, turn.speaker, order, now=turn.now),
                       "student") for order in reversed(mine)]
    changes = [meant for meant in read if meant.intent == "modify_order"]
    return next(filter(items_of, changes), changes[0] if changes else None)


def _order(turn: Turn, group: GroupOrder, meant: Understanding) -> Reply:
    anew = turn.pending.get("pending") == "group_swap" \
        and turn.pending.get("group_id") == group.id
    cmd = groups.JoinGroup(group.id, _sold_in(turn, group, meant), meant.slots.get("note"), anew)
    return groups.join(turn.session, turn.speaker, cmd, now=turn.now)


def _sold_in(turn: Turn, group: GroupOrder, meant: Understanding) -> tuple[ordering.Item, ...]:
    """Of dishes that fit equally well, the one that the group's shop sells."""
    items = items_of(meant)
    keys = {key for tie in meant.ties for key in tie} | {item.dish_key for item in items}
    dishes = Dish.by_keys(turn.session, turn.speaker.campus.id, keys)
    settled = []
    for n, item in enumerate(items):
        tie = meant.ties[n] if n < len(meant.ties) else ()
        here = [key for key in tie if key in dishes and group.sells(dishes[key].shop)]
        key = here[0] if here and item.dish_key not in here else item.dish_key
        settled.append(ordering.Item(key, item.quantity, item.options, item.op))
    return tuple(settled)


def told_of(turn: Turn, group: GroupOrder) -> dict[str, Any]:
    """What understanding may know when a group is talked about."""
    told: dict[str, Any] = {"group": {"code": group.code, "role": _role(turn, group)}}
    if group.shop:
        told["group"]["shop_id"] = told["shop_id"] = group.shop.key
    return told


def _role(turn: Turn, group: GroupOrder) -> str:
    return "owner" if group.opener_id == turn.speaker.person.id else "member"


def _door(turn: Turn, group: GroupOrder, command: Command) -> Reply:
    cmd = groups.JoinGroup(group.id)
    return groups.join(turn.session, turn.speaker, cmd, now=turn.now)


def _swap(turn: Turn, group: GroupOrder, command: Command) -> Reply:
    reply = groups.swap(turn.session, turn.speaker, groups.JoinGroup(group.id), now=turn.now)
    if reply.key == "group.swap":
        dialogue.ask(turn.speaker.person, "group_swap", now=turn.now, group_id=group.id)
    return reply


def _leave(turn: Turn, group: GroupOrder, command: Command) -> Reply:
    cmd = groups.LeaveGroup(group.id, is_sure=command.name.endswith("_sure"))
    act = groups.dissolve if command.name.startswith("group_dissolve") else groups.leave
    return act(turn.session, turn.speaker, cmd, now=turn.now)


def _stay(turn: Turn, group: GroupOrder, command: Command) -> Reply:
    return groups.stay(turn.session, turn.speaker, group)


def _lock(turn: Turn, group: GroupOrder, command: Command) -> Reply:
    cmd = groups.ChangeGroup(group.id)
    if command.name == "group_lock_when":
        return groups.lock_when(turn.session, turn.speaker, cmd, int(command.rest), now=turn.now)
    return groups.lock_now(turn.session, turn.speaker, cmd, now=turn.now)


def _deadline(turn: Turn, group: GroupOrder, command: Command) -> Reply:
    """G5改截止 12:10; without a time, ten minutes later."""
    local = turn.now.astimezone(turn.speaker.campus.zone)
    said = moment(read(command.rest, context.lexicon_of(turn.speaker.campus)), local)
    at = datetime.fromisoformat(said) if said else None
    return groups.change_deadline(turn.session, turn.speaker, groups.ChangeGroup(group.id), at,
                                  now=turn.now)


def _pay(turn: Turn, group: GroupOrder, command: Command) -> Reply:
    return groups.pay_again(turn.session, turn.speaker, groups.JoinGroup(group.id), now=turn.now)


def _treat(turn: Turn, group: GroupOrder, command: Command) -> Reply:
    return groups.set_treat(turn.session, turn.speaker, group.id, command.name == "group_treat",
                            now=turn.now)


def _bag(turn: Turn, group: GroupOrder, command: Command) -> Reply:
    return groups.name_bag(turn.session, turn.speaker, groups.JoinGroup(group.id), command.rest,
                           now=turn.now)


def _save(turn: Turn, group: GroupOrder, command: Command) -> Reply:
    return groups.save_group(turn.session, turn.speaker, group.id, command.rest, now=turn.now)


def _again(turn: Turn, command: Command) -> Reply | None:
    """拼单学习小组: the name of a group that this person saved."""
    return groups.reopen(turn.session, turn.speaker, command.rest, now=turn.now)


def _status(turn: Turn, group: GroupOrder, command: Command) -> Reply:
    """Open: how the group stands. Locked: where one's own part is."""
    mine = [o for o in groups.live_orders(turn.session, group)
            if o.buyer_id == turn.speaker.person.id]
    if mine:
        return ordering.describe(turn.session, turn.speaker, mine[0], now=turn.now)
    return groups.describe(turn.session, turn.speaker, group, now=turn.now)


COMMANDS: Final[dict[str, Route]] = {
    "group_add": on_group(_add),
    "group_again": _again,
    "group_door": on_group(_door),
    "group_menu": on_group(_door),
    "group_swap": on_group(_swap),
    "group_leave": on_group(_leave),
    "group_leave_sure": on_group(_leave),
    "group_stay": on_group(_stay),
    "group_dissolve": on_group(_leave),
    "group_dissolve_sure": on_group(_leave),
    "group_lock": on_group(_lock),
    "group_lock_when": on_group(_lock),
    "group_deadline": on_group(_deadline),
    "group_pay": on_group(_pay),
    "group_treat": on_group(_treat),
    "group_each": on_group(_treat),
    "group_bag": on_group(_bag),
    "group_save": on_group(_save),
    "group_status": on_group(_status),
}


# --- sentences ------------------------------------------------------------------------------

def said(turn: Turn, meant: Understanding) -> Reply | None:
    """A sentence about a group: 拼单 二食堂 11:40截止, 我也要拼, 我要杨枝甘露, 人齐了锁单吧."""
    if meant.intent == "group_open":
        return _open(turn, meant)
    code = meant.slots.get("group_code")
    group = groups.find(turn.session, turn.speaker, code)
    if group is None:
        return Reply("group.unknown", {"code": code}) if code else Reply("group.none")
    match meant.intent:
        case "group_add" | "group_join":
            return _order(turn, group, meant)
        case "group_lock":
            return groups.lock_now(turn.session, turn.speaker, groups.ChangeGroup(group.id),
                                   now=turn.now)
        case _:
            return groups.leave(turn.session, turn.speaker, groups.LeaveGroup(group.id),
                                now=turn.now)


def _open(turn: Turn, meant: Understanding) -> Reply | None:
    slots = meant.slots
    at = datetime.fromisoformat(slots["time"]) if slots.get("time") else None
    cmd = groups.OpenGroup(slots.get("shop_id"), slots.get("place_id"), at)
    return groups.open_group(turn.session, turn.speaker, cmd, now=turn.now)


def wished_before(turn: Turn) -> groups.OpenGroup | None:
    """The group that an address was asked for, before it is answered."""
    return groups.wanted_before(turn.pending)


def open_now(turn: Turn, cmd: groups.OpenGroup) -> Reply:
    return groups.open_group(turn.session, turn.speaker, cmd, now=turn.now)


def scanned(session: Session, speaker: Speaker, scene: str, *, now: datetime) -> Reply | None:
    """A parametric QR code that leads to a group."""
    kind, _, code = scene.partition("_")
    group = groups.find(session, speaker, code) if kind == "g" and code else None
    if group is None:
        return Reply("group.unknown", {"code": code}) if kind == "g" else None
    return groups.join(session, speaker, groups.JoinGroup(group.id), now=now)


def by_name(turn: Turn) -> Reply | None:
    """「学习小组」: a saved group's name, and nothing else."""
    return groups.reopen(turn.session, turn.speaker, turn.text.strip(), now=turn.now)


def confirmed(turn: Turn) -> Reply | None:
    """好的, 确定: yes to the question whether to leave or to dissolve."""
    asked = turn.pending
    if asked.get("pending") not in SURE:
        return None
    act = groups.leave if asked["pending"] == "confirm_leave" else groups.dissolve
    cmd = groups.LeaveGroup(int(asked["group_id"]), is_sure=True)
    return act(turn.session, turn.speaker, cmd, now=turn.now)


def told(turn: Turn) -> dict[str, Any]:
    """For understanding: the open group that this speaker was last shown."""
    asked = turn.pending
    if "group_id" not in asked:
        return {}
    group = groups.find(turn.session, turn.speaker, None)
    pending = "confirm_cancel" if asked.get("pending") in SURE else None
    is_open = group is not None and group.takes_more(turn.now)
    return {"pending": pending, **(told_of(turn, group) if group and is_open else {})}


# --- cooks and riders -----------------------------------------------------------------------

def on_command(turn: Turn, command: Command) -> Reply | None:
    """A group's own command; or one that names a group (接G5), or an order of one, and so is
    about all of it. None: it is about something else."""
    if command.name in COMMANDS:
        return COMMANDS[command.name](turn, command)
    group = _group_meant(turn, command)
    if group is None:
        return None
    act = _WORDS.get(command.name)
    return act(turn, group, command) if act else None


def _group_meant(turn: Turn, command: Command) -> GroupOrder | None:
    if command.code is None:
        offer = turn.speaker.offer
        order = turn.session.get(Order, offer.order_id) if offer else None
    elif group := groups.find(turn.session, turn.speaker, command.code):
        return group
    else:
        order = by_code(turn, command.code)
    return turn.session.get_one(GroupOrder, order.group_id) if order and order.group_id else None


def _answer(turn: Turn, group: GroupOrder, command: Command) -> Reply | None:
    """接G5, 不接G5, 拒G5: a rider's word on an offer, or a cook's on a ticket."""
    offer = turn.speaker.offer
    if offer and turn.session.get_one(Order, offer.order_id).group_id == group.id:
        return _answer_offer(turn, offer.order_id, is_yes=command.name == "take")
    word = kitchen.accept_order if command.name == "take" else kitchen.reject_order
    return trip_or_kitchen(turn, group, word)


def _answer_offer(turn: Turn, order_id: int, *, is_yes: bool) -> Reply:
    act = rider.accept_offer if is_yes else rider.decline_offer
    reply = act(turn.session, turn.speaker, rider.AnswerOffer(order_id), now=turn.now)
    if reply.key != "rider.taken":
        return reply
    taken = turn.session.get_one(Order, order_id)
    return trip.take_mates(turn.session, turn.speaker, taken, now=turn.now)


def trip_or_kitchen(turn: Turn, group: GroupOrder, word: Callable[..., Reply]) -> Reply | None:
    return group_kitchen.for_all(turn.session, turn.speaker, group, word, now=turn.now)


def _cooked(turn: Turn, group: GroupOrder, command: Command) -> Reply | None:
    return trip_or_kitchen(turn, group, kitchen.order_cooked)


def _step(turn: Turn, group: GroupOrder, command: Command) -> Reply | None:
    return trip.step(turn.session, turn.speaker, group, command.name, now=turn.now)


def _own(turn: Turn, group: GroupOrder, command: Command) -> Reply | None:
    """取消G5, G5付款: one's own part. An order's own code goes the ordinary way."""
    if not (command.code or "").startswith("G"):
        return None
    if command.name == "confirm":
        return _pay(turn, group, command)
    cmd = groups.LeaveGroup(group.id, is_sure=command.name == "cancel_sure")
    return groups.leave(turn.session, turn.speaker, cmd, now=turn.now)


def _pay_for(turn: Turn, group: GroupOrder, command: Command) -> Reply | None:
    """G5代付: a roommate pays one's own part."""
    if not (command.code or "").startswith("G"):
        return None
    return paying_for.invite_in_group(turn.session, turn.speaker, group.id, now=turn.now)


def _undo(turn: Turn, group: GroupOrder, command: Command) -> Reply:
    """撤回接G5: what was done last, which was done to all of the group."""
    return take_back(turn, Command("undo"))


def _give_back(turn: Turn, group: GroupOrder, command: Command) -> Reply | None:
    return trip.give_back(turn.session, turn.speaker, group, now=turn.now)


def _change(turn: Turn, group: GroupOrder, command: Command) -> Reply | None:
    return _add(turn, group, command) if (command.code or "").startswith("G") else None


def at_door(turn: Turn, command: Command) -> Reply | None:
    """Four digits from a rider at whose door a group's bags stand, or stood."""
    if reply := trip.hand_over(turn.session, turn.speaker, command.rest, now=turn.now):
        return reply
    group = groups.find(turn.session, turn.speaker, command.code) if command.code else None
    return trip.as_it_stands(turn.session, turn.speaker, group) if group else None


_WORDS: Final[dict[str, Act]] = {
    "take": _answer, "decline": _answer, "reject": _answer, "cooked": _cooked,
    "at_shop": _step, "picked_up": _step, "arrived": _step,
    "confirm": _own, "cancel": _own, "cancel_sure": _own, "keep": _stay, "status": _status,
    "change": _change, "drop": _change, "pay_for": _pay_for, "undo": _undo, "give_back": _give_back,
}


def steps_with(turn: Turn, order: Order | None, intent: str) -> Reply | None:
    """到了, 取到了 without a code, said of a group's bag: all of them move on."""
    name = _STEPS.get(intent)
    if order is None or order.group_id is None or name is None:
        return None
    if name == "take":
        return _answer_offer(turn, order.id, is_yes=True)
    if name == "arrived" and OrderState(order.state) in WANTS_RIDER:
        name = "at_shop"
    group = turn.session.get_one(GroupOrder, order.group_id)
    return trip.step(turn.session, turn.speaker, group, name, now=turn.now)


_STEPS: Final = {"rider_accept": "take", "rider_arrived": "arrived",
                 "rider_picked_up": "picked_up"}


def cooks(turn: Turn, order: Order, action: Callable[..., Reply]) -> Reply | None:
    """A cook's sentence on one order of a group is a word on all that are in their shops."""
    if order.group_id is None:
        return None
    return trip_or_kitchen(turn, turn.session.get_one(GroupOrder, order.group_id), action)


def _cooks_for(turn: Turn, group: GroupOrder) -> bool:
    if not turn.speaker.shop_ids or group.member(turn.speaker.person.id):
        return False
    return any(o.shop_id in turn.speaker.shop_ids
               for o in groups.live_orders(turn.session, group))
