"""有单吗, 骑手呢: what waits for the cook, what is on the stove, and who comes for it."""
from typing import Final

from config.texts import Reply
from handlers.kitchen.shared import waiting_orders
from handlers.speaker import Speaker
from handlers.wording import state_of, summary
from models.base import Session
from models.order import Order
from models.rules.order_state import OrderState

MOST: Final = 4
_WAITS_FOR_RIDER: Final = (OrderState.COOKING, OrderState.READY)


def board(session: Session, speaker: Speaker) -> Reply:
    """The oldest few orders to answer, and to cook."""
    asked = waiting_orders(session, speaker, OrderState.PAID)
    cooking = waiting_orders(session, speaker, OrderState.COOKING)
    if not asked and not cooking:
        return Reply("kitchen.none")
    rest = max(0, MOST - len(asked))
    more = len(asked) + len(cooking) - MOST
    return Reply("kitchen.board", {
        "asked": [Reply("kitchen.board_asked", _facts(order)) for order in asked[:MOST]],
        "cooking": [Reply("kitchen.board_cooking", _facts(order)) for order in cooking[:rest]],
        "more": Reply("kitchen.board_more", {"count": more}) if more > 0 else None})


def who_fetches(session: Session, speaker: Speaker) -> Reply:
    """Who has taken what is being cooked, or waits on the counter."""
    orders = waiting_orders(session, speaker, *_WAITS_FOR_RIDER)
    if not orders:
        return Reply("kitchen.none")
    return Reply("kitchen.fetching", {"orders": [
        Reply("kitchen.fetching_rider" if order.rider else "kitchen.fetching_nobody", {
            "code": order.code, "rider": order.rider.name if order.rider else ""})
        for order in orders[:MOST]]})


def _facts(order: Order) -> dict[str, str | Reply]:
    return {"code": order.code, "what": summary(order), "state": state_of(order)}
