"""Commands of a cook about one order."""
from bot.commands import Command
from bot.routes.base import Route, Turn, by_code, unknown
from config.texts import Reply
from handlers import kitchen, rider
from handlers import order as ordering
from models.order import Order


def _served(turn: Turn, command: Command) -> Order | None:
    """The order with this code, if the speaker answers for its shop."""
    order = by_code(turn, command.code)
    return order if order and order.shop_id in turn.speaker.shop_ids else None


def terms(said: ordering.Terms) -> Route:
    def route(turn: Turn, command: Command) -> Reply:
        order = _served(turn, command)
        if order is None:
            return unknown(command.code)
        cmd = ordering.AnswerWish(order.id, said)
        return ordering.answer_wish(turn.session, turn.speaker, cmd, now=turn.now)
    return route


def lack(turn: Turn, command: Command) -> Reply:
    order = _served(turn, command)
    if order is None:
        return unknown(command.code)
    cmd = kitchen.Lack(order.id, command.rest.removesuffix("了"))
    return kitchen.lack(turn.session, turn.speaker, cmd, now=turn.now)


def later(turn: Turn, command: Command) -> Reply:
    order = _served(turn, command)
    if order is None:
        return unknown(command.code)
    cmd = kitchen.DelayOrder(order.id, int(command.rest))
    return kitchen.delay_order(turn.session, turn.speaker, cmd, now=turn.now)


def fetched(turn: Turn, command: Command) -> Reply:
    order = _served(turn, command)
    if order is None:
        return unknown(command.code)
    return rider.fetched(turn.session, turn.speaker, rider.ReportStep(order.id), now=turn.now)
