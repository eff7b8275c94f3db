"""Money that is no order's: what riders and cooks have earned, what a student means to spend."""
import re

from bot.commands import Command
from bot.routes.base import Route, Turn
from config.texts import Reply
from handlers import payout, points
from handlers.budget import SetBudget, set_budget

MOST_YUAN = 10_000
_YUAN = re.compile(r"(?:改成|改为|设为|设成|是|¥|￥)*(\d{1,5})(?:元|块|块钱)?")


def _bill(turn: Turn, command: Command) -> Reply | None:
    return payout.bill_of(turn.session, turn.speaker, now=turn.now)


def _withdraw(turn: Turn, command: Command) -> Reply | None:
    return payout.withdraw(turn.session, turn.speaker, now=turn.now)


def _budget(turn: Turn, command: Command) -> Reply:
    match = _YUAN.fullmatch(command.rest)
    if match is None or not 0 < int(match[1]) <= MOST_YUAN:
        return Reply("budget.bad")
    return set_budget(turn.session, turn.speaker, SetBudget(100 * int(match[1])), now=turn.now)


def _no_budget(turn: Turn, command: Command) -> Reply:
    return set_budget(turn.session, turn.speaker, SetBudget(None), now=turn.now)


def _points(turn: Turn, command: Command) -> Reply:
    return points.show(turn.session, turn.speaker)


def _use_points(turn: Turn, command: Command) -> Reply:
    return points.choose(turn.session, turn.speaker, points.UsePoints(True), now=turn.now)


def _keep_points(turn: Turn, command: Command) -> Reply:
    return points.choose(turn.session, turn.speaker, points.UsePoints(False), now=turn.now)


COMMANDS: dict[str, Route] = {
    "bill": _bill, "withdraw": _withdraw, "budget": _budget, "no_budget": _no_budget,
    "points": _points, "use_points": _use_points, "keep_points": _keep_points}
