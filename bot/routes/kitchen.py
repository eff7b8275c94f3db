"""What a cook's sentence leads to."""
from collections.abc import Callable
from datetime import datetime
from typing import Final

from bot import context
from bot.nlu.understand import Understanding
from bot.routes import group_order, work
from bot.routes.base import Route, Turn, by_code, understood, unknown
from bot.routes.menu import written
from config.texts import Reply
from handlers import kitchen
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order
from models.rules.order_state import OrderState

SURE_ENOUGH: Final = 0.6
_CHANGES_MENU: Final = frozenset({"merchant_soldout", "merchant_restock"})


def as_merchant(turn: Turn) -> Reply | None:
    if reply := written(turn):
        return reply
    if not turn.pending and (reply := work.said_by_cook(turn)):
        return reply
    meant = understood(turn, context.as_merchant(turn.session, turn.speaker), "merchant")
    route = _MERCHANT.get(meant.intent)
    if route is None or meant.action == "none":
        return None
    if meant.intent in _CHANGES_MENU and meant.confidence < SURE_ENOUGH:
        return None  # a cook may be hungry, too: a guess takes no dish off the menu
    return route(turn, meant)


def _merchant_order(states: tuple[OrderState, ...], action: Callable[..., Reply]) -> Route:
    def route(turn: Turn, meant: Understanding) -> Reply:
        order = by_code(turn, meant.slots.get("order_ref"))
        if order is None and not meant.slots.get("order_ref"):
            waiting = kitchen.waiting_orders(turn.session, turn.speaker, *states)
            if not waiting:
                return _too_late_to_reject(turn) if action is _ask_to_reject \
                    else Reply("kitchen.none")
            if len(waiting) > 1:
                return Reply("kitchen.which_order", {
                    "codes": "、".join(o.code for o in waiting[:8])})
            order = waiting[0]
        if order is None:
            return unknown(str(meant.slots.get("order_ref")))
        return group_order.cooks(turn, order, action) or action(
            turn.session, turn.speaker, kitchen.AnswerOrder(order.id), now=turn.now)
    return route


def _ask_to_reject(_: Session, speaker: Speaker, cmd: kitchen.AnswerOrder, *,
                   now: datetime) -> Reply:
    """A sentence alone sends nobody's money back: the tap, or 拒A27, does."""
    order = speaker.session.get_one(Order, cmd.order_id)
    if order.shop_id not in speaker.shop_ids:
        return unknown(order.code)
    return Reply("kitchen.reject_sure", {"code": order.code})


def _too_late_to_reject(turn: Turn) -> Reply:
    """鸡没了, of an order that is on the stove already."""
    cooking = kitchen.waiting_orders(turn.session, turn.speaker, OrderState.COOKING)
    return Reply("kitchen.lacks_how", {"code": cooking[0].code}) if cooking \
        else Reply("kitchen.none")


def _menu_change(action: Callable[..., Reply]) -> Route:
    def route(turn: Turn, meant: Understanding) -> Reply:
        # A dish that several shops have: whichever of them are the speaker's.
        keys = tuple(dict.fromkeys(key for tie in meant.ties for key in tie))
        return action(turn.session, turn.speaker, kitchen.ChangeMenu(keys), now=turn.now)
    return route


_MERCHANT: dict[str, Route] = {
    "merchant_accept": _merchant_order((OrderState.PAID,), kitchen.accept_order),
    "merchant_reject": _merchant_order((OrderState.PAID,), _ask_to_reject),
    "merchant_ready": _merchant_order((OrderState.COOKING,), kitchen.order_cooked),
    "merchant_soldout": _menu_change(kitchen.sold_out),
    "merchant_restock": _menu_change(kitchen.restocked),
}
