"""Commands: words that mean one thing only (bot/commands.py), and what each of them does."""
import re
from collections.abc import Callable, Sequence

from bot.commands import Command
from bot.routes import (
    application,
    back,
    buyer_words,
    complaint,
    earnings,
    errand,
    group_order,
    invitation,
    kitchen_words,
    rider_words,
    student_proof,
)
from bot.routes import menu as menu_text
from bot.routes.address import other_door
from bot.routes.base import Route, Turn, by_code, contact, help_, own, unknown
from bot.routes.kitchen import as_merchant
from bot.routes.student import as_student
from bot.routes.undo import take_back
from config.texts import MOST_TAPS, Reply
from handlers import dialogue, human, kitchen, menu, paying_for, rider, suggest, tracking
from handlers import order as ordering
from handlers.taps import is_stale
from models.order import Order
from models.rules.order_state import OrderState

_ANSWER = re.compile(r"\s*答\s*(?P<number>\d{1,9})\D?\s*(?P<words>\S.*?)\s*", re.DOTALL)


def on_command(turn: Turn, command: Command) -> Reply | None:
    """What a command does; None: taken as a sentence after all."""
    if reply := group_order.on_command(turn, command):
        return reply
    if command.name in ("take", "decline"):
        return _take_or_decline(turn, command)
    route = _COMMANDS.get(command.name)
    return route(turn, command) if route else None


def _confirm(turn: Turn, command: Command) -> Reply:
    order = own(turn, command.code)
    if order is None:
        return unknown(command.code)
    cmd = ordering.ConfirmOrder(order.id, turn.tap or None)
    return ordering.confirm_order(turn.session, turn.speaker, cmd, now=turn.now)


def _cancel(turn: Turn, command: Command) -> Reply | None:
    order = own(turn, command.code)
    if order is None:
        return unknown(command.code)
    if is_stale(turn.tap, order):
        return ordering.show_newer(turn.session, turn.speaker, order, now=turn.now)
    cmd = ordering.CancelOrder(order.id, is_sure=command.name == "cancel_sure")
    return ordering.cancel_order(turn.session, turn.speaker, cmd, now=turn.now)


def _status(turn: Turn, command: Command) -> Reply:
    if command.code is None:
        return ordering.status_of(turn.session, turn.speaker, now=turn.now)
    order = own(turn, command.code)
    if order is None:
        return unknown(command.code)
    return ordering.describe(turn.session, turn.speaker, order, now=turn.now)


def _keep(turn: Turn, command: Command) -> Reply:
    order = own(turn, command.code)
    if order is None:
        return unknown(command.code)
    return ordering.keep_order(turn.session, turn.speaker, ordering.CancelOrder(order.id),
                               now=turn.now)


def _take_or_decline(turn: Turn, command: Command) -> Reply | None:
    """接A27: a rider takes an offer, or a cook an order; where it could be both, it is asked."""
    if command.code is None:
        asked = _open_questions(turn)
        if len(asked) > 1:
            return _which_question(asked, command.name)
        order = asked[0] if asked else None
    else:
        order = by_code(turn, command.code)
    if order is None:
        return unknown(command.code) if command.code else _no_question(turn)
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
    return unknown(command.code)


def _open_questions(turn: Turn) -> list[Order]:
    """The orders that this speaker is being asked about, as cook and as rider."""
    asked = kitchen.waiting_orders(turn.session, turn.speaker, OrderState.PAID) \
        if turn.speaker.shop_ids else []
    if turn.speaker.offer:
        asked.append(turn.session.get_one(Order, turn.speaker.offer.order_id))
    return asked


def _which_question(asked: Sequence[Order], name: str) -> Reply:
    tap = "talk.which_take" if name == "take" else "talk.which_decline"
    return Reply("talk.which", {"orders": [
        Reply(tap, {"code": order.code, "shop": order.shop.name})
        for order in asked[:MOST_TAPS]]})


def _no_question(turn: Turn) -> Reply | None:
    """接 from somebody who works here, and is asked nothing."""
    if turn.speaker.shop_ids:
        return Reply("kitchen.none")
    return Reply("rider.no_offer") if turn.speaker.rider else None


def _kitchen(action: Callable[..., Reply]) -> Route:
    def route(turn: Turn, command: Command) -> Reply:
        order = by_code(turn, command.code)
        if order is None or order.shop_id not in turn.speaker.shop_ids:
            return unknown(command.code)
        return action(turn.session, turn.speaker, kitchen.AnswerOrder(order.id), now=turn.now)
    return route


def _pin(turn: Turn, command: Command) -> Reply | None:
    """Four digits are a hand-over code only for a rider with something to hand over."""
    working = turn.speaker.rider
    if working is None:
        return None
    if reply := group_order.at_door(turn, command):
        return reply
    order = by_code(turn, command.code)
    at_door = any(o.state == OrderState.ARRIVED for o in turn.speaker.carrying)
    if (command.code and order is None) or (order and order.buyer_id == working.person_id):
        return None
    if not (order or at_door) and (
            not (turn.speaker.carrying or working.may_work)
            or dialogue.pending(turn.speaker.person, now=turn.now)):
        return None  # a room, a price: what they were asked for
    cmd = rider.HandOver(command.rest, order.id if order else None)
    return rider.hand_over(turn.session, turn.speaker, cmd, now=turn.now)


def _change(turn: Turn, command: Command) -> Reply | None:
    """A27换大份: the sentence behind the code, said about that order."""
    order = by_code(turn, command.code)
    if order is None:
        return None
    if order.shop_id in turn.speaker.shop_ids and order.buyer_id != turn.speaker.person.id:
        return as_merchant(turn)
    if order.buyer_id != turn.speaker.person.id:
        return None
    if order.shortage and (reply := buyer_words.swapped(turn, order, command.rest)):
        return reply
    if is_stale(turn.tap, order):
        return ordering.show_newer(turn.session, turn.speaker, order, now=turn.now)
    said = Turn(turn.session, turn.speaker, command.rest, turn.tap, turn.now, is_named=True)
    return as_student(said, order)


def _drop(turn: Turn, command: Command) -> Reply | None:
    return buyer_words.drop(turn, command) or _change(
        turn, Command("change", command.code, f"去掉{command.rest}"))


def _again(turn: Turn, command: Command) -> Reply:
    order = own(turn, command.code)
    if order is None:
        return unknown(command.code)
    return ordering.order_again(turn.session, turn.speaker, ordering.OrderAgain(order.id),
                                now=turn.now)


def _collect(turn: Turn, command: Command) -> Reply | None:
    """A27拿到了: the buyer has it, or its rider has."""
    order = by_code(turn, command.code)
    carries = order and turn.speaker.rider and order.rider_id == turn.speaker.rider.id
    action = rider_words.step(rider.picked_up) if carries else buyer_words.own_step(rider.collect)
    return action(turn, command)


def _rack(turn: Turn, command: Command) -> Reply | None:
    return rider_words.rack(turn, command) or buyer_words.own_order(
        ordering.leave_on_rack)(turn, command)


def _whatever(turn: Turn, command: Command) -> Reply:
    budget_fen = int(command.rest) * 100 if command.rest else None
    return suggest.whatever(turn.session, turn.speaker, budget_fen, now=turn.now)


def _answer_human(turn: Turn, command: Command) -> Reply | None:
    """答12 马上给你看: the words as they were typed, which the command has lost the spaces of."""
    if match := _ANSWER.fullmatch(turn.text):
        cmd = human.AnswerCall(int(match["number"]), match["words"])
        return human.answer_call(turn.session, turn.speaker, cmd, now=turn.now)
    return None


def _words(key: str) -> Route:
    def route(turn: Turn, command: Command) -> Reply:
        return help_(turn) if key == "talk.help" else Reply(key, contact(turn))
    return route


_COMMANDS: dict[str, Route] = {
    "undo": take_back,
    "wish_to_cancel": buyer_words.wish,
    "wish_all": kitchen_words.terms(ordering.Terms.ALL),
    "wish_half": kitchen_words.terms(ordering.Terms.HALF),
    "wish_none": kitchen_words.terms(ordering.Terms.NONE),
    "redirect": buyer_words.own_order(ordering.ask_where),
    "other_person": buyer_words.own_order(ordering.let_somebody_else),
    "rack": _rack,
    "again": _again,
    "collect": _collect,
    "share_progress": buyer_words.own_order(tracking.share),
    "stop_sharing": buyer_words.own_order(tracking.stop_sharing),
    "no_note": buyer_words.no_note,
    "pay_for": buyer_words.own_order(paying_for.invite),
    "resend_pin": buyer_words.own_step(rider.resend_pin),
    "fetch_oneself": buyer_words.own_order(ordering.fetch_oneself),
    "give_up": buyer_words.own_order(ordering.give_up),
    "nobody_there": rider_words.step(rider.nobody_there),
    "not_ready": rider_words.step(rider.at_shop),
    "break": rider_words.take_break,
    "shift_until": rider_words.shift_until,
    "on_way_only": rider_words.prefer_on_way(True),
    "all_ways": rider_words.prefer_on_way(False),
    "why_not_me": rider_words.why_not_me,
    "fetched": kitchen_words.fetched,
    "let_through": rider_words.let_through,
    "urge": buyer_words.own_order(ordering.urge),
    "give_back": rider_words.give_back,
    "lack": kitchen_words.lack,
    "later": kitchen_words.later,
    "drop": _drop,
    "help": _words("talk.help"),
    "human": lambda turn, _: human.call_human(turn.session, turn.speaker, now=turn.now),
    "answer_human": _answer_human,
    "what_to_eat": lambda turn, _: suggest.what_to_eat(turn.session, turn.speaker, now=turn.now),
    "whatever": _whatever,
    "go_on": back.go_on,
    "forget_it": back.forget_it,
    "refund_status": back.refund_status,
    "status": _status,
    "cancel": _cancel,
    "cancel_sure": _cancel,
    "keep": _keep,
    "confirm": _confirm,
    "online": lambda turn, _: rider.go_online(turn.session, turn.speaker, now=turn.now),
    "offline": lambda turn, _: rider.go_offline(turn.session, turn.speaker, now=turn.now),
    "reject": _kitchen(kitchen.reject_order),
    "cooked": _kitchen(kitchen.order_cooked),
    "at_shop": rider_words.step(rider.at_shop),
    "picked_up": rider_words.step(rider.picked_up),
    "arrived": rider_words.step(rider.arrived),
    "pin": _pin,
    "address": lambda turn, _: other_door(turn, own(turn, None)),
    "menu": lambda turn, _: menu.shops(turn.session, turn.speaker, now=turn.now),
    **earnings.COMMANDS,
    **application.COMMANDS,
    **menu_text.COMMANDS,
    **complaint.COMMANDS,
    **student_proof.COMMANDS,
    **errand.COMMANDS,
    **invitation.COMMANDS,
    "change": _change,
}
