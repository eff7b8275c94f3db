"""撤回: from what was done last to the handler that takes it back."""
from collections.abc import Callable
from typing import Final

from bot.commands import Command
from bot.routes.base import Turn, by_code, unknown
from config.texts import Reply
from handlers import kitchen, rider, undo
from handlers import order as ordering

_BACK: Final[dict[str, Callable[..., Reply]]] = {
    "draft": ordering.undo_draft,
    "cancel": ordering.undo_cancel,
    "accept": kitchen.undo_accept,
    "reject": kitchen.undo_reject,
    "cooked": kitchen.undo_cooked,
    "menu": kitchen.undo_menu,
    "take": rider.undo_take,
    "step": rider.undo_step,
}


def take_back(turn: Turn, command: Command) -> Reply:
    """Undo what the speaker did last; with a code, only if it was about that order."""
    order = by_code(turn, command.code)
    if command.code and order is None:
        return unknown(command.code)
    last = undo.take(turn.speaker.person, order_id=order.id if order else None, now=turn.now)
    if last is None:
        return Reply("undo.nothing")
    return _BACK[last["kind"]](turn.session, turn.speaker, last, now=turn.now)
