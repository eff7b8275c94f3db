"""Money that is no order's: what riders and cooks have earned, what a student means to spend."""
import re
import unicodedata

from bot.commands import Command
from bot.routes.base import Route, Turn, own, unknown
from config.texts import Reply
from handlers import payout, points, tip
from handlers.budget import SetBudget, set_budget

MOST_YUAN = 10_000
_YUAN = re.compile(r"(?:改成|改为|设为|设成|是|¥|￥)*(\d{1,5})(?:元|块|块钱)?")


def _bill(turn: Turn, command: Command) -> Reply | None:
    return payout.bill_of(turn.session, turn.speaker, now=turn.now)


def _withdraw(turn: Turn, command: Command) -> Reply | None:
    """A shop's money is sent by itself: its bill says how much, and that."""
    return payout.withdraw(turn.session, turn.speaker, now=turn.now) or (
        payout.bill_of(turn.session, turn.speaker, now=turn.now)
        if turn.speaker.shop_ids else None)


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


def _tip(turn: Turn, command: Command) -> Reply:
    """小费2元"""
    order = own(turn, command.code)
    if order is None:
        return unknown(command.code) if command.code else Reply("tip.none")
    amount_fen = _amount_fen(turn.text) if command.name == "tip" else 0
    return tip.set_tip(turn.session, turn.speaker, tip.SetTip(order.id, amount_fen),
                       now=turn.now)


def _amount_fen(said: str) -> int:
    """The last number, in yuan; read from what was typed, for a command has lost its point."""
    return round(100 * float(re.findall(r"\d+(?:\.\d+)?", unicodedata.normalize("NFKC", said))[-1]))


COMMANDS: dict[str, Route] = {
    "bill": _bill, "withdraw": _withdraw, "budget": _budget, "no_budget": _no_budget,
    "tip": _tip, "no_tip": _tip, "points": _points, "use_points": _use_points,
    "keep_points": _keep_points}
