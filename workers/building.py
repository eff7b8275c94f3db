"""A building that has its number for the day: everybody's delivery goes back."""
from datetime import datetime

from handlers.building import give_back, to_give_back
from models.base import Sessions
from models.outbox import Outbox


def settle(outbox_id: int, *, now: datetime) -> None:
    """Each order in a transaction of its own; who has it back already gets nothing twice."""
    with Sessions.begin() as session:
        debt = Outbox.take_up(session, outbox_id, now)
        if debt is None:
            return
        order_ids = to_give_back(session, debt.payload["order_id"])
    for order_id in order_ids:
        with Sessions.begin() as session:
            give_back(session, order_id, now=now)
    with Sessions.begin() as session:
        session.get_one(Outbox, outbox_id, with_for_update=True).settle(
            f"given back: {len(order_ids)} orders" if order_ids else "not yet", now)
