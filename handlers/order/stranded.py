"""A cooked order that nobody carries: wait, fetch it oneself, or all money back."""
from datetime import datetime, timedelta
from typing import Final

from config.texts import Reply, text_of, yuan
from handlers.duty import call_duty
from handlers.notice import Notice, tell
from handlers.order.cancel import call_off
from handlers.order.late import expected
from handlers.order.redirect import OwnOrder
from handlers.payment import refund_part
from handlers.rider.offer import withdraw_offer
from handlers.speaker import Speaker
from handlers.taps import tap_id
from handlers.wording import clock, dated, pickup
from models import ledger
from models.base import Session
from models.campus import Campus
from models.order import Order, OrderKind
from models.rules.order_state import WANTS_RIDER, OrderEvent, OrderState

NO_RIDER_FOR: Final = timedelta(minutes=10)


def note_no_rider(session: Session, order_id: int, *, now: datetime) -> None:
    """Ten minutes without a rider: the people on duty and the buyer hear of it, once."""
    order = Order.lock(session, order_id)
    if not _is_stranded(order) or order.no_rider_told_at:
        return
    order.no_rider_told_at = now
    call_duty(session, order, "no_rider", now=now)
    campus = session.get_one(Campus, order.campus_id)
    tell(session, Notice(
        order.buyer_id, f"{order.id}:no_rider", template="delayed", prefer="chat",
        only_while=WANTS_RIDER, facts={
            "code": dated(order, campus), "reason": text_of(Reply("delay_reason.no_rider")),
            "eta": clock(expected(order), campus), "hint": text_of(Reply(
                "hint.no_rider", {"code": order.code}))},
        chat=Reply("stranded.choose", {
            "code": order.code, "self": Reply("stranded.self", {"code": order.code})
            if order.kind == OrderKind.FOOD else None}, tap_id(order))),
         now=now, order_id=order.id)


def fetch_oneself(session: Session, speaker: Speaker, cmd: OwnOrder, *, now: datetime) -> Reply:
    """自取: the way is paid back, and the buyer comes to the shop."""
    order = Order.lock(session, cmd.order_id)
    if not _is_stranded(order) or order.kind != OrderKind.FOOD:
        return Reply("redirect.not_now", {"code": order.code,
                                          "state": Reply(f"state.{order.state}")})
    withdraw_offer(session, order, now=now)
    back = order.way_paid_fen
    order.is_self_pickup, order.cancel_until = True, None  # whoever comes for it wants it
    order.payable_fen -= back
    order.discount_fen -= order.delivery_fen - back
    order.discounts = [each for each in order.discounts if not each.get("is_way")]
    order.delivery_fen = order.rider_fee_fen = 0
    order.apply(session, OrderEvent.SELF_PICKUP, now=now, by=speaker.person.id)
    refund_part(session, order, back, "no_rider", now=now)
    for owner in order.shop.owner_ids(session):
        tell(session, Notice(owner, f"{order.id}:self_pickup", chat=Reply(
            "kitchen.self_pickup", {"code": order.code})), now=now, order_id=order.id)
    ready = order.state == OrderState.READY
    return Reply("stranded.come" if back else "stranded.come_free", {
        "code": order.code, "pickup": pickup(order), "amount": yuan(back),
        "ready": Reply("stranded.ready" if ready else "stranded.soon", {
            "at": speaker.clock(order.food_ready_at or now)})}, tap_id(order))


def give_up(session: Session, speaker: Speaker, cmd: OwnOrder, *, now: datetime) -> Reply:
    """不等了: all money back. What the kitchen has cooked is paid by the platform."""
    order = Order.lock(session, cmd.order_id)
    if not _is_stranded(order) or order.no_rider_told_at is None:
        return Reply("redirect.not_now", {"code": order.code,
                                          "state": Reply(f"state.{order.state}")})
    amount = order.payable_fen
    goods = order.goods_fen - sum(
        line.amount_fen for line in order.lines if line.id in order.lacking)
    refund = call_off(session, order, amount, "no_rider", now=now, by=speaker.person.id,
                      terms="no_rider")
    if order.kind == OrderKind.FOOD and goods > 0:
        ledger.post(session, "compensated", key=f"compensated:{order.id}", now=now,
                    order_id=order.id, entries={
                        ledger.PLATFORM: goods, ledger.shop_account(order.shop_id): -goods})
    for owner in order.shop.owner_ids(session):
        tell(session, Notice(owner, f"{order.id}:no_rider", chat=Reply(
            "kitchen.no_rider", {"code": order.code})), now=now, order_id=order.id)
    return Reply("stranded.all_back", {"code": order.code, "amount": yuan(amount),
                                       "refund": refund.code if refund else ""})


def _is_stranded(order: Order) -> bool:
    return (OrderState(order.state) in WANTS_RIDER and order.rider_id is None
            and not order.is_self_pickup)
