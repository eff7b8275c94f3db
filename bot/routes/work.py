"""What riders and cooks ask or say in passing, in whatever words: config/lexicon/work.toml."""
import re
import tomllib
from collections.abc import Sequence
from typing import Final

from bot.context import lexicon_of
from bot.nlu.understand import moment_in
from bot.routes.base import Turn, help_
from bot.routes.questions import bare
from config import settings
from config.texts import Reply
from handlers import kitchen, payout, rider
from handlers.rider import AnswerOffer, ReportStep
from models.order import Order
from models.rules.order_state import OrderState

LONGEST: Final = 16  # characters: longer ones tell a story
_SAID: Final = {
    role: {topic: re.compile("|".join(f"(?:{form})" for form in forms), re.IGNORECASE)
           for topic, forms in topics.items()}
    for role, topics in tomllib.loads((settings.ROOT / "config" / "lexicon" / "work.toml")
                                      .read_text("utf-8")).items()}


def said_by_rider(turn: Turn) -> Reply | None:
    """多少钱, 几号楼, 码多少, 太远了不去: of the offer, or what is in hand; None: of neither."""
    offer, jobs = turn.speaker.offer, turn.speaker.carrying
    topic = _topic("rider", turn.text) if offer or jobs else None
    match topic:
        case "too_far" if offer:
            return rider.decline_offer(turn.session, turn.speaker, AnswerOffer(offer.order_id),
                                       now=turn.now)
        case "contact" if jobs:
            return Reply("relay.contact_of", {"code": jobs[0].code})
        case "pin" if jobs:
            return Reply("rider.ask_pin")
        case "job":
            return rider.in_hand(turn.session, turn.speaker)
        case "left_it":
            waiting = [job for job in jobs if job.state == OrderState.ARRIVED]
            return rider.nobody_there(turn.session, turn.speaker, ReportStep(waiting[0].id),
                                      now=turn.now) if len(waiting) == 1 else None
    return None


def said_by_cook(turn: Turn) -> Reply | None:
    """有单吗, 再等五分钟, 暂停接单, 涨一块, 骑手呢; None: none of these."""
    topic = _topic("cook", turn.text)
    match topic:
        case "business":
            return payout.bill_of(turn.session, turn.speaker, now=turn.now)
        case "how":
            return help_(turn)
        case "closing":
            return Reply("kitchen.close_how")
        case "price_by":
            return Reply("kitchen.price_how")
        case "board":
            return kitchen.board(turn.session, turn.speaker)
        case None:
            return None
    return _of_orders(turn, topic)


def _of_orders(turn: Turn, topic: str) -> Reply | None:
    """What is said of orders that are there; None: of none, and so by somebody hungry."""
    orders = kitchen.waiting_orders(turn.session, turn.speaker, OrderState.PAID,
                                    OrderState.COOKING, OrderState.READY)
    in_hand = [order for order in orders if order.state != OrderState.READY]
    match topic:
        case "rider" if orders:
            return kitchen.who_fetches(turn.session, turn.speaker)
        case "content" if in_hand:
            return kitchen.board(turn.session, turn.speaker)
        case "contact" if in_hand:
            return Reply("relay.contact_of", {"code": in_hand[0].code})
        case "later" if in_hand:
            return _later(turn, in_hand)
    return None


def _later(turn: Turn, orders: Sequence[Order]) -> Reply | None:
    """再等五分钟, of the one order in hand; of several it is asked which."""
    span = _SAID["cook"]["later"].search(bare(turn.text))
    now = turn.now.astimezone(turn.speaker.campus.zone).replace(second=0, microsecond=0)
    at = moment_in(f"{span['span']}后", lexicon_of(turn.speaker.campus), now=now) if span else None
    if at is None:
        return None
    if len(orders) > 1:
        return Reply("kitchen.which_order", {"codes": "、".join(o.code for o in orders[:8])})
    cmd = kitchen.DelayOrder(orders[0].id, max(1, round((at - now).total_seconds() / 60)))
    return kitchen.delay_order(turn.session, turn.speaker, cmd, now=turn.now)


def _topic(role: str, text: str) -> str | None:
    words = bare(text)
    if len(words) > LONGEST:
        return None
    return next((topic for topic, form in _SAID[role].items() if form.search(words)), None)
