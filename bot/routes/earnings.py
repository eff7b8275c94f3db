"""What riders and cooks have earned, when they ask."""
from bot.commands import Command
from bot.routes.base import Route, Turn
from config.texts import Reply
from handlers import payout


def _bill(turn: Turn, command: Command) -> Reply | None:
    return payout.bill_of(turn.session, turn.speaker, now=turn.now)


def _withdraw(turn: Turn, command: Command) -> Reply | None:
    return payout.withdraw(turn.session, turn.speaker, now=turn.now)


COMMANDS: dict[str, Route] = {"bill": _bill, "withdraw": _withdraw}
