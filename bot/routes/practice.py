"""Words of somebody who practises. What names a real order by its code is no practice."""
from decimal import Decimal

from bot.commands import read_command
from bot.routes.base import Turn, items_of, understood
from config.texts import Reply
from handlers import practice

_LOOKS = frozenset({"query_status", "query_eta", "urge"})
_PAYS = frozenset({"confirm", "pay"})
_ENDS = frozenset({"cancel", "deny"})


def said(turn: Turn) -> Reply | None:
    """None: it is about real things."""
    command = read_command(turn.text)
    if command and command.name == "practice":
        return practice.begin(turn.session, turn.speaker, now=turn.now)
    if not practice.is_on(turn.speaker.person, now=turn.now):
        return Reply("practice.none") if command and command.name.startswith("practice_") else None
    if command:
        return _commanded(turn, command.name) if command.code is None else None
    return _meant(turn)


def _commanded(turn: Turn, name: str) -> Reply | None:
    match name:
        case "practice_pay":
            return practice.pay(turn.speaker, now=turn.now)
        case "practice_got":
            return practice.collect(turn.session, turn.speaker, now=turn.now)
        case "practice_end" | "cancel" | "cancel_sure":
            return practice.end(turn.speaker)
        case "status":
            return practice.look(turn.speaker, now=turn.now)
        case _:
            return None


def _meant(turn: Turn) -> Reply | None:
    meant = understood(turn, {}, "student")
    if meant.slots.get("order_ref"):
        return None
    if meant.intent in _LOOKS:
        return practice.look(turn.speaker, now=turn.now)
    if meant.intent in _PAYS:
        return practice.pay(turn.speaker, now=turn.now)
    if meant.intent in _ENDS:
        return practice.end(turn.speaker)
    wanted = [(item.dish_key, item.quantity or Decimal(1)) for item in items_of(meant)]
    if meant.intent in ("order_food", "modify_order") and wanted:
        return practice.want(turn.session, turn.speaker, wanted, now=turn.now)
    return None
