"""撤回: from what was done last to the handler that takes it back."""
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from bot.commands import Command
from bot.routes.base import Turn, by_code, unknown
from config.texts import Reply
from handlers import kitchen, rider, undo
from handlers import order as ordering
from handlers.group_order import undo_leave
from handlers.speaker import Speaker
from models.base import Session

_BACK: Final[dict[str, Callable[..., Reply]]] = {
    "draft": ordering.undo_draft,
    "cancel": ordering.undo_cancel,
    "accept": kitchen.undo_accept,
    "reject": kitchen.undo_reject,
    "cooked": kitchen.undo_cooked,
    "menu": kitchen.undo_menu,
    "take": rider.undo_take,
    "step": rider.undo_step,
    "group_leave": undo_leave,
}


def _together(session: Session, speaker: Speaker, last: Mapping[str, Any], *,
              now: datetime) -> Reply:
    """What was done to all bags of a group with one word."""
    kitchen.hold_buyers(session, [step["order_id"] for step in last["steps"]
                                  if step["kind"] == "reject"])
    replies = [_BACK[step["kind"]](session, speaker, step, now=now) for step in last["steps"]]
    return Reply(replies[0].key, {**replies[0].params, "code": last["code"]})


_BACK["together"] = _together


def take_back(turn: Turn, command: Command) -> Reply:
    """Undo what the speaker did last; with a code, only if it was about that order."""
    order = by_code(turn, command.code)
    if command.code and order is None:
        return unknown(command.code)
    last = undo.take(turn.speaker.person, order_id=order.id if order else None, now=turn.now)
    if last is None:
        return Reply("undo.nothing")
    return _BACK[last["kind"]](turn.session, turn.speaker, last, now=turn.now)
