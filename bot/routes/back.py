"""Questions in between: they are answered, and what was being arranged is offered back."""
import re
from typing import Any, Final

from bot.commands import Command
from bot.routes import choosing
from bot.routes.base import Turn
from config.texts import MOST_LINES, MOST_TAPS, Reply, text_of
from handlers import dialogue
from handlers import order as ordering
from models.order import Order
from models.rules.order_state import UNPAID, OrderState

INTERRUPTIONS: Final = frozenset({"query_status", "query_eta", "query_price", "query_menu", "help"})
_TAP: Final = re.compile("〔")


def open_question(turn: Turn, focus: Order | None) -> dict[str, Any]:
    """What is being arranged and waits for a word: a choice or a draft; {}: nothing."""
    asked = dict(turn.pending)
    is_draft = focus is not None and focus.state == OrderState.DRAFT
    return asked if asked.get("pending") == "choose" or (is_draft and asked) else {}


def offer_back(turn: Turn, was: dict[str, Any], reply: Reply) -> Reply:
    """The reply, with the way back under it, and the question still open."""
    shows_it = reply.key.startswith(("order.", "errand."))
    if not was or shows_it:
        return reply
    turn.speaker.person.dialogue = was
    said = text_of(reply)
    if said.count("\n") + 2 > MOST_LINES:
        return reply
    has_room = len(_TAP.findall(said)) + 2 <= MOST_TAPS
    return Reply("back.with" if has_room else "back.with_words", {"answer": reply}, reply.tap_id)


def refund_status(turn: Turn, command: Command) -> Reply:
    """退了没, asked in between or not."""
    was = open_question(turn, Order.draft_of(turn.session, turn.speaker.person.id))
    reply = ordering.refund_status(turn.session, turn.speaker, now=turn.now)
    return offer_back(turn, was, reply)


def go_on(turn: Turn, command: Command) -> Reply:
    """The open question once more."""
    if choice := choosing.show_again(turn):
        return choice
    draft = Order.draft_of(turn.session, turn.speaker.person.id)
    if draft is None:
        return Reply("back.nothing")
    return ordering.describe(turn.session, turn.speaker, draft, now=turn.now)


def forget_it(turn: Turn, command: Command) -> Reply | None:
    """不点了: the draft goes, or the question. None: it is about something else."""
    draft = Order.draft_of(turn.session, turn.speaker.person.id)
    if draft and OrderState(draft.state) in UNPAID:
        return ordering.cancel_order(turn.session, turn.speaker, ordering.CancelOrder(draft.id),
                                     now=turn.now)
    if turn.pending.get("pending") != "choose":
        return None
    dialogue.clear(turn.speaker.person)
    return Reply("back.dropped")
