"""Commands of a rider: the steps of a job, breaks, and words to a student who is not there."""
from collections.abc import Callable

from bot.commands import Command
from bot.routes.base import Route, Turn, by_code, unknown
from config.texts import Reply
from handlers import odd_orders, rider


def step(action: Callable[..., Reply]) -> Route:
    """A step of the job with this code, with the time that the rider names or sent it at."""
    def route(turn: Turn, command: Command) -> Reply:
        order = by_code(turn, command.code)
        if order is None or turn.speaker.rider is None:
            return unknown(command.code)
        cmd = rider.ReportStep(order.id, turn.said_at, command.rest)
        return action(turn.session, turn.speaker, cmd, now=turn.now)
    return route


def give_back(turn: Turn, command: Command) -> Reply:
    order = by_code(turn, command.code)
    if order is None or turn.speaker.rider is None:
        return unknown(command.code)
    return rider.give_back(turn.session, turn.speaker, rider.AnswerOffer(order.id), now=turn.now)


def rack(turn: Turn, command: Command) -> Reply | None:
    """A27放餐架: from its rider; None when it is its buyer who says so."""
    order = by_code(turn, command.code)
    if order is None or turn.speaker.rider is None or order.rider_id != turn.speaker.rider.id:
        return None
    return rider.ask_photo(turn.session, turn.speaker, rider.ReportStep(order.id), now=turn.now)


def take_break(turn: Turn, command: Command) -> Reply | None:
    if turn.speaker.rider is None:
        return None
    minutes = min(max(int(command.rest or 20), 5), 120)
    return rider.take_break(turn.session, turn.speaker, minutes, now=turn.now)


def shift_until(turn: Turn, command: Command) -> Reply | None:
    """干到12点半. None: no time was said, or no rider said it."""
    if turn.speaker.rider is None or (at := turn.moment) is None:
        return None
    return rider.end_shift_at(turn.session, turn.speaker, at, now=turn.now)


def prefer_on_way(is_on_way_only: bool) -> Route:
    def route(turn: Turn, command: Command) -> Reply | None:
        if turn.speaker.rider is None:
            return None
        return rider.prefer_on_way(turn.session, turn.speaker, is_on_way_only)
    return route


def let_through(turn: Turn, command: Command) -> Reply:
    """A27放行: from somebody on duty; the handler checks it."""
    order = by_code(turn, command.code)
    if order is None:
        return unknown(command.code)
    if reply := odd_orders.clear(turn.session, turn.speaker, order, now=turn.now):
        return reply
    return rider.let_through(turn.session, turn.speaker, rider.ReportStep(order.id), now=turn.now)


def why_not_me(turn: Turn, command: Command) -> Reply | None:
    if turn.speaker.rider is None:
        return None
    order = by_code(turn, command.code)
    if command.code and order is None:
        return unknown(command.code)
    return rider.why_not_me(turn.session, turn.speaker, order, now=turn.now)
