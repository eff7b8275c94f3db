"""The buyer's code ends an order, and its money becomes the shop's, the rider's and ours."""
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from config.texts import Reply, text_of, yuan
from handlers import dialogue, points
from handlers.duty import call_duty
from handlers.errand.spending import settle_budget
from handlers.referral import note_delivered
from handlers.rider.duty import today
from handlers.rider.shared import others, own_job, tell_buyer
from handlers.speaker import Speaker
from models import ledger
from models.base import Session
from models.campus import Campus
from models.order import Order, OrderKind
from models.rider import Rider
from models.rules.order_state import OrderEvent, OrderState
from models.rules.pricing import commission_fen

MOST_PIN_MISSES = 3


@dataclass(frozen=True, slots=True)
class HandOver:
    """`order_id` None: whichever order at this rider's door has this code."""

    pin: str
    order_id: int | None = None


def hand_over(session: Session, speaker: Speaker, cmd: HandOver, *, now: datetime) -> Reply:
    """Finish an order by the buyer's code. Three misses, and a person must look."""
    waiting = [o for o in speaker.carrying if o.state == OrderState.ARRIVED]
    if cmd.order_id is None and len(waiting) > 1:
        return _hand_over_one_of(session, speaker, waiting, cmd.pin, now=now)
    order_id = cmd.order_id or (waiting[0].id if waiting else None)
    if order_id is None:
        return Reply("rider.nothing_arrived" if others(speaker) else "rider.nothing_in_hand",
                     {"others": others(speaker)})
    order, refusal = own_job(session, speaker, order_id, OrderEvent.HANDED_OVER)
    if refusal:
        return refusal
    if order.pin_misses >= MOST_PIN_MISSES:
        return Reply("rider.pin_locked", {"code": order.code})
    if not secrets.compare_digest(order.pin or "", cmd.pin):
        return _pin_missed(session, speaker, order, now=now)
    return _delivered(session, speaker, order, now=now)


def _hand_over_one_of(session: Session, speaker: Speaker, waiting: Sequence[Order], pin: str, *,
                      now: datetime) -> Reply:
    """Several people come down to one door: whose code is this? A wrong one counts against each
    of them, as in a group: guessing is not worth more where more is waiting."""
    fitting = [o for o in waiting if secrets.compare_digest(o.pin or "", pin)]
    if len(fitting) > 1:
        return Reply("rider.which_order", {"orders": [
            Reply("rider.which_one", {"code": o.code, "pin": pin}) for o in fitting[:4]]})
    tried = fitting or sorted(waiting, key=lambda order: order.id)
    replies = [hand_over(session, speaker, HandOver(pin, order.id), now=now) for order in tried]
    return next((r for r in replies if r.key != "rider.pin_locked"), replies[0])


def _pin_missed(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply:
    order.pin_misses += 1
    session.flush()
    left = MOST_PIN_MISSES - order.pin_misses
    if left > 0:
        return Reply("rider.pin_wrong", {"code": order.code, "left": left})
    call_duty(session, order, "pin_locked", now=now)
    dialogue.ask(speaker.person, "ask_door_photo", now=now, order_id=order.id)
    return Reply("rider.pin_locked", {"code": order.code})


def _delivered(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply:
    order.apply(session, OrderEvent.HANDED_OVER, now=now, by=speaker.person.id)
    settle_delivered(session, order, now=now)
    dialogue.clear(speaker.person)
    tell_buyer(session, order, "delivered", now=now)
    rider = Rider.of_person(session, speaker.person.id, lock=True)
    assert rider is not None
    rider.seen_at = now
    count, earned = today(session, speaker, rider, now=now)
    return Reply("rider.delivered", {
        "code": order.code, "fee": fee_of([order]), "count": count,
        "earned": yuan(earned), "others": others(speaker, order)})


def fee_of(orders: Sequence[Order]) -> str:
    """¥3.20, or ¥3.20+等待¥0.50=¥3.70, of all of them."""
    fee, waited = sum(o.rider_fee_fen for o in orders), sum(o.waiting_fen for o in orders)
    if not waited:
        return yuan(fee)
    return text_of(Reply("rider.fee_waited", {
        "fee": yuan(fee), "waiting": yuan(waited), "total": yuan(fee + waited)}))


def settle_delivered(session: Session, order: Order, *, now: datetime) -> None:
    """All that follows for money and rewards when an order has reached its buyer."""
    settle_budget(session, order, now=now)
    settle(session, order, now=now)
    points.earn(session, order, now=now)
    note_delivered(session, order, now=now)


def settle(session: Session, order: Order, *, now: datetime) -> None:
    """Book a delivered order: the money held for it becomes the shop's, the rider's and ours."""
    commission = _commission_fen(session, order)
    ledger.post(session, "delivered", key=f"delivered:{order.id}", now=now, order_id=order.id,
                entries={
                    ledger.held_for(order.id): order.payable_fen,
                    ledger.PROMOTION: order.discount_fen,
                    ledger.PLATFORM: -(order.delivery_fen - order.rider_fee_fen
                                       - order.waiting_fen),
                    ledger.COMMISSION: -commission,
                    **_earned(order, order.goods_fen - commission)})


def _commission_fen(session: Session, order: Order) -> int:
    """Our part of the goods; what a rider bought for somebody is theirs whole."""
    if order.kind == OrderKind.ERRAND:
        return 0
    campus = session.get_one(Campus, order.campus_id)
    return commission_fen(order.goods_fen, campus.fees.get("commission_percent", 0))


def _earned(order: Order, goods_fen: int) -> dict[str, int]:
    """What the goods and the way earn; of an errand's purchase both are the rider's."""
    is_rider_s = order.kind == OrderKind.ERRAND and order.rider_id is not None
    seller = ledger.rider_account(order.rider_id or 0) if is_rider_s \
        else ledger.shop_account(order.shop_id)
    earned = {seller: -goods_fen}
    if order.rider_id is not None:
        rider = ledger.rider_account(order.rider_id)
        earned[rider] = earned.get(rider, 0) - order.rider_fee_fen - order.waiting_fen
    return earned
