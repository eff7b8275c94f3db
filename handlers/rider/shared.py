"""What the rider's rooms have in common."""
from datetime import datetime, timedelta

from config.texts import Reply
from handlers.notice import Notice, tell
from handlers.speaker import Speaker
from handlers.wording import clock, state_of, where
from models.base import Session
from models.campus import Campus, Place
from models.order import Order, OrderKind
from models.rider import Offer
from models.rules.order_state import OrderEvent, OrderState, is_allowed


def open_offer(session: Session, speaker: Speaker) -> Offer | None:
    return speaker.offer


def own_job(session: Session, speaker: Speaker, order_id: int,
             event: OrderEvent) -> tuple[Order, Reply | None]:
    """The order, locked, and why this rider may not report this step of it (None: they may)."""
    order = Order.lock(session, order_id)
    if speaker.rider is None or order.rider_id != speaker.rider.id:
        return order, Reply("rider.not_yours", {"code": order.code})
    if not is_allowed(OrderState(order.state), event):
        return order, Reply("rider.as_it_stands", {
            "code": order.code, "state": state_of(order), "next": next_step(order)})
    return order, None


def next_step(order: Order) -> Reply | None:
    """The tap that moves this order on."""
    match OrderState(order.state):
        case OrderState.COOKING | OrderState.READY if order.kind == OrderKind.ERRAND:
            return Reply("rider.next_station", {"code": order.code})
        case OrderState.COOKING | OrderState.READY:
            return Reply("rider.next_picked_up", {"code": order.code})
        case OrderState.DELIVERING:
            return Reply("rider.next_arrived", {"code": order.code})
        case OrderState.ARRIVED:
            return Reply("rider.next_pin", {"code": order.code})
        case _:
            return None


def others(speaker: Speaker, order: Order | None = None) -> list[Reply]:
    """What (else) this rider has in hand, a line each."""
    return [Reply("rider.also", {"code": other.code, "state": state_of(other),
                                 "next": next_step(other)})
            for other in speaker.carrying if other is not order and other.is_live][:2]


def stand_at(speaker: Speaker, place: Place | None, now: datetime) -> None:
    if speaker.rider and place:
        speaker.rider.place_id, speaker.rider.seen_at = place.id, now
        speaker.rider.lat = speaker.rider.lng = None


def drop_place(order: Order) -> str:
    """Where the order goes; the room stays with the buyer until somebody needs it."""
    return order.place.name if order.place else ""


def tell_buyer(session: Session, order: Order, step: str, *, now: datetime) -> None:
    """Nice to know, so it goes only if WeChat's quota has room."""
    campus = session.get_one(Campus, order.campus_id)
    tell(session, Notice(
        order.buyer_id, f"{order.id}:{step}:{order.rider_id}",
        good_until=now + timedelta(minutes=10),
        chat=Reply(f"buyer.{step}" if order.kind == OrderKind.FOOD else f"buyer.errand_{step}", {
            "code": order.code, "rider": order.rider.name if order.rider else "",
            "shop": order.shop.name, "when": clock(order.promised_at, campus),
            "where": where(order)})), now=now, order_id=order.id)
