"""老样子: an earlier order once more, at today's menu and prices."""
from dataclasses import dataclass
from datetime import datetime

from config.texts import Reply
from handlers.order.draft import Item, PlaceOrder, place_order
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order, OrderKind


@dataclass(frozen=True, slots=True)
class OrderAgain:
    """`order_id` None: the newest order that was paid. The rest is said anew where it is given."""

    order_id: int | None = None
    place_key: str | None = None
    room: str | None = None
    wanted_at: datetime | None = None


def order_again(session: Session, speaker: Speaker, cmd: OrderAgain, *, now: datetime) -> Reply:
    """A new draft with the dishes of the old one that are still on the menu."""
    old = session.get(Order, cmd.order_id) if cmd.order_id else Order.last_paid_of(
        session, speaker.person.id)
    if old is None or old.buyer_id != speaker.person.id:
        return Reply("order.nothing_to_repeat")
    if old.kind != OrderKind.FOOD:
        return Reply("order.errand_not_again", {"code": old.code})
    items = tuple(Item(line.dish_key, line.quantity, tuple(line.options))
                  for line in old.lines if line.dish_key)
    place_key = cmd.place_key or (old.place.key if old.place else None)
    room = cmd.room or (old.room if cmd.place_key is None else None)
    return place_order(session, speaker, PlaceOrder(items, place_key, room, cmd.wanted_at),
                       now=now)
