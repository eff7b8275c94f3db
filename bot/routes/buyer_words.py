"""Commands about one's own order."""
from collections.abc import Callable

from bot.commands import Command
from bot.routes.base import Route, Turn, own, unknown
from config.texts import Reply
from handlers import kitchen, rider
from handlers import order as ordering
from models.order import Order
from models.rules.order_state import UNPAID, OrderState


def own_order(action: Callable[..., Reply]) -> Route:
    """A step that only the buyer of this order may take."""
    def route(turn: Turn, command: Command) -> Reply:
        order = own(turn, command.code)
        if order is None:
            return unknown(command.code)
        return action(turn.session, turn.speaker, ordering.OwnOrder(order.id), now=turn.now)
    return route


def own_step(action: Callable[..., Reply]) -> Route:
    """As own_order, where the step is one of the way to the door."""
    def route(turn: Turn, command: Command) -> Reply:
        order = own(turn, command.code)
        if order is None:
            return unknown(command.code)
        return action(turn.session, turn.speaker, rider.ReportStep(order.id), now=turn.now)
    return route


def wish(turn: Turn, command: Command) -> Reply:
    order = own(turn, command.code)
    if order is None:
        return unknown(command.code)
    return ordering.ask_to_cancel(turn.session, turn.speaker, ordering.CancelOrder(order.id),
                                  now=turn.now)


def no_note(turn: Turn, command: Command) -> Reply | None:
    """不要备注了: of what is being arranged; None: there is nothing."""
    order = own(turn, None)
    if order is None or OrderState(order.state) not in UNPAID:
        return None
    return ordering.modify_order(turn.session, turn.speaker,
                                 ordering.ModifyOrder(order.id, note=""), now=turn.now)


def drop(turn: Turn, command: Command) -> Reply | None:
    """A27去掉冰红茶: of a paid order only what its kitchen lacks can be taken off.

    None: a change to a draft, like any other sentence.
    """
    order = own(turn, command.code)
    if order is None or not order.shortage:
        return None
    cmd = kitchen.Swap(order.id, None, command.rest)
    return kitchen.swap(turn.session, turn.speaker, cmd, now=turn.now)


def swapped(turn: Turn, order: Order, said: str) -> Reply | None:
    """A27换绿茶, where the kitchen lacks something: the dish on offer that was named."""
    for key, name in kitchen.offers_of(turn.session, order).items():
        if name in said:
            return kitchen.swap(turn.session, turn.speaker, kitchen.Swap(order.id, key),
                                now=turn.now)
    return None
