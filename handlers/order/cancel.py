"""Second thoughts: free before payment, whole money back before the kitchen begins."""
from dataclasses import dataclass
from datetime import datetime

from config.texts import Reply, yuan
from handlers import dialogue
from handlers.notice import Notice, tell
from handlers.payment import refund_order, retire_payments
from handlers.speaker import Speaker
from handlers.taps import tap_id
from models.base import Session
from models.order import Order
from models.rules.order_state import UNPAID, OrderEvent, OrderState


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """`is_sure`: the student has seen what it means and said so."""

    order_id: int
    is_sure: bool = False


def cancel_order(session: Session, speaker: Speaker, cmd: CancelOrder, *, now: datetime) -> Reply:
    order = Order.lock(session, cmd.order_id)
    state = OrderState(order.state)
    if state in UNPAID:
        retire_payments(session, order, now=now)
        order.apply(session, OrderEvent.CANCELLED, now=now, by=speaker.person.id)
        dialogue.clear(speaker.person)
        return Reply("cancel.free", {"code": order.code})
    if state is OrderState.PAID:
        return _cancel_paid(session, speaker, order, cmd, now=now)
    if not order.is_live:
        return Reply("cancel.over", {"code": order.code, "state": Reply(f"state.{state}")})
    return Reply("cancel.too_late", {"code": order.code})


def _cancel_paid(session: Session, speaker: Speaker, order: Order, cmd: CancelOrder, *,
                 now: datetime) -> Reply:
    """The kitchen has not said yes: all money back, once the student is sure."""
    if not cmd.is_sure:
        dialogue.ask(speaker.person, "confirm_cancel", now=now, order_id=order.id)
        return Reply("cancel.sure", {"code": order.code, "amount": yuan(order.payable_fen)},
                     tap_id(order))
    order.apply(session, OrderEvent.CANCELLED, now=now, by=speaker.person.id)
    refund = refund_order(session, order, "cancelled", now=now)
    for owner in order.shop.owner_ids(session):
        tell(session, Notice(owner, f"{order.id}:withdrawn",
                             chat=Reply("kitchen.withdrawn", {"code": order.code})),
             now=now, order_id=order.id)
    dialogue.clear(speaker.person)
    return Reply("cancel.refunding", {"amount": yuan(order.payable_fen),
                                      "refund": refund.code if refund else ""})
