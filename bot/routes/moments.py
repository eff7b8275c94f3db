"""晚点送, 下课后送, 25点送: a wish for a time that no clock shows is asked about, or passed on."""
import re

from bot.nlu.patterns import PATTERNS
from bot.nlu.understand import Understanding
from bot.routes import relay
from bot.routes.base import Turn, items_of, time_of
from config.texts import Reply
from models.order import Order
from models.rules.order_state import UNPAID, OrderState

_VAGUE = PATTERNS["moments"]["vague"]
_NOT_OF_FOOD = frozenset({"order_errand", "cancel", "refund", "complain", "query_status",
                          "sos", "human", "group_open", "query_eta", "reorder"})
_NO_WISH = re.compile(r"[吗么？?]|多久|几点|为什么|怎么")


def remarks(turn: Turn, meant: Understanding) -> tuple[Reply, ...]:
    """Below a quote: when was it to come?"""
    said = _vaguely(turn, meant)
    return (Reply("order.which_time", {"said": said}),) if said else ()


def answered(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """Of an order that there is: when; None: nothing of that kind was said, or more than that."""
    said = _vaguely(turn, meant)
    if focus is None or said is None or items_of(meant) or meant.intent in _NOT_OF_FOOD:
        return None
    if OrderState(focus.state) not in UNPAID:
        return relay.note_after_payment(turn, focus, turn.text)
    return Reply("order.ask_time", {"code": focus.code, "said": said})


def _vaguely(turn: Turn, meant: Understanding) -> str | None:
    found = _VAGUE.search(turn.text)
    is_vague = found and time_of(meant) is None and turn.moment is None
    return found["said"] if found and is_vague and not _NO_WISH.search(turn.text) else None
