"""The rider's side: on and off duty, an offer taken or left, and the way to the door."""
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from config.texts import Reply, text_of, yuan
from handlers import dialogue
from handlers.notice import Notice, tell
from handlers.speaker import Speaker
from handlers.wording import clock, dated, summary, where
from models import ledger
from models.base import Session
from models.campus import Campus
from models.order import Order
from models.rider import CAPACITY, Offer, OfferState, Rider, RiderStatus
from models.rules.order_state import OrderEvent, OrderState, is_allowed

MOST_PIN_MISSES = 3


def go_online(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    rider = Rider.of_person(session, speaker.person.id, lock=True)
    if rider is None:
        return Reply("rider.not_one")
    if rider.status != RiderStatus.APPROVED:
        return Reply("rider.not_approved")
    if not rider.is_on_duty:
        rider.is_on_duty, rider.on_duty_since = True, now
    rider.seen_at = now
    count, earned = today(session, speaker, rider, now=now)
    return Reply("rider.online", {"count": count, "earned": yuan(earned)})


def go_offline(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    """No new offers from this moment; what is in hand is still to be delivered."""
    offer = _open_offer(session, speaker)
    if offer:
        Order.lock(session, offer.order_id)
        offer.answer(OfferState.DECLINED, now)
    rider = Rider.of_person(session, speaker.person.id, lock=True)
    if rider is None:
        return Reply("rider.not_one")
    rider.is_on_duty = False
    if in_hand := Order.carried_by(session, rider.id):
        return Reply("rider.offline_with_orders", {
            "codes": "、".join(order.code for order in in_hand)})
    count, earned = today(session, speaker, rider, now=now)
    return Reply("rider.offline", {"count": count, "earned": yuan(earned)})


@dataclass(frozen=True, slots=True)
class AnswerOffer:
    order_id: int


def accept_offer(session: Session, speaker: Speaker, cmd: AnswerOffer, *, now: datetime) -> Reply:
    order = Order.lock(session, cmd.order_id)
    rider = Rider.of_person(session, speaker.person.id, lock=True)
    if rider is None:
        return Reply("rider.not_one")
    if order.rider_id == rider.id:
        return Reply("rider.already_yours", {"code": order.code})
    offer = _offer_for(session, rider, order)
    if offer is None or order.rider_id is not None:
        return Reply("rider.gone", {"code": order.code})
    if offer.expires_at <= now:
        offer.answer(OfferState.EXPIRED, now)
        return Reply("rider.gone", {"code": order.code})
    if refusal := _may_not_take(session, rider, order):
        offer.answer(OfferState.DECLINED, now)
        return refusal
    offer.answer(OfferState.ACCEPTED, now)
    order.rider_id, order.rider, order.taken_at = rider.id, rider, now
    order.apply(session, OrderEvent.RIDER_TAKEN, now=now, by=speaker.person.id)
    _tell_buyer(session, order, "taken", now=now)
    return Reply("rider.taken", {
        "code": order.code, "shop": order.shop.name, "pickup": _pickup(order),
        "ready": speaker.clock(order.food_ready_at) if order.food_ready_at else "",
        "where": _drop_place(order)})


def decline_offer(session: Session, speaker: Speaker, cmd: AnswerOffer, *, now: datetime) -> Reply:
    order = Order.lock(session, cmd.order_id)
    rider = Rider.of_person(session, speaker.person.id, lock=True)
    offer = _offer_for(session, rider, order) if rider else None
    if offer is None:
        return Reply("rider.gone", {"code": order.code})
    offer.answer(OfferState.DECLINED, now)
    return Reply("rider.declined", {"code": order.code})


@dataclass(frozen=True, slots=True)
class ReportStep:
    order_id: int


def at_shop(session: Session, speaker: Speaker, cmd: ReportStep, *, now: datetime) -> Reply:
    order, refusal = _own_job(session, speaker, cmd.order_id, OrderEvent.AT_SHOP)
    if refusal:
        return refusal
    order.apply(session, OrderEvent.AT_SHOP, now=now, by=speaker.person.id)
    _stand_at(speaker, order.shop.place_id, now)
    is_done = order.state == OrderState.READY
    return Reply("rider.at_shop", {
        "code": order.code, "food": Reply("rider.food_is_ready" if is_done else "rider.food_soon", {
            "ready": speaker.clock(order.food_ready_at or now)})})


def picked_up(session: Session, speaker: Speaker, cmd: ReportStep, *, now: datetime) -> Reply:
    order, refusal = _own_job(session, speaker, cmd.order_id, OrderEvent.PICKED_UP)
    if refusal:
        return refusal
    order.pin = f"{secrets.randbelow(10_000):04d}"
    order.picked_up_at = now
    order.apply(session, OrderEvent.PICKED_UP, now=now, by=speaker.person.id)
    _stand_at(speaker, order.shop.place_id, now)
    campus = speaker.campus
    tell(session, Notice(
        order.buyer_id, f"{order.id}:picked_up", template="progress", facts={
            "code": dated(order, campus), "state": text_of(Reply("state.delivering")),
            "rider": speaker.rider.name if speaker.rider else "",
            "eta": clock(order.promised_at, campus), "hint": text_of(Reply("hint.delivering"))}),
         now=now, order_id=order.id)
    return Reply("rider.picked_up", {
        "code": order.code, "items": summary(order), "where": _drop_place(order),
        "others": _others(speaker, order)})


def arrived(session: Session, speaker: Speaker, cmd: ReportStep, *, now: datetime) -> Reply:
    order, refusal = _own_job(session, speaker, cmd.order_id, OrderEvent.ARRIVED)
    if refusal:
        return refusal
    order.arrived_at = now
    order.apply(session, OrderEvent.ARRIVED, now=now, by=speaker.person.id)
    _stand_at(speaker, order.place_id, now)
    dialogue.ask(speaker.person, "ask_pin", now=now, order_id=order.id)
    campus = speaker.campus
    tell(session, Notice(
        order.buyer_id, f"{order.id}:arrived", template="arrived", facts={
            "code": dated(order, campus), "pin": order.pin or "", "place": _drop_place(order),
            "time": clock(now, campus), "hint": text_of(Reply("hint.arrived"))}),
         now=now, order_id=order.id)
    return Reply("rider.arrived", {"code": order.code})


@dataclass(frozen=True, slots=True)
class HandOver:
    """`order_id` None: the order this rider last reported as arrived."""

    pin: str
    order_id: int | None = None


def hand_over(session: Session, speaker: Speaker, cmd: HandOver, *, now: datetime) -> Reply:
    """Finish an order by the buyer's code. Three misses, and a person must look."""
    waiting = [o for o in speaker.carrying if o.state == OrderState.ARRIVED]
    if cmd.order_id is None and len(waiting) > 1:
        return Reply("rider.which_order", {"orders": [
            Reply("rider.which_one", {"code": o.code, "pin": cmd.pin}) for o in waiting[:4]]})
    order_id = cmd.order_id or (waiting[0].id if waiting else None)
    if order_id is None:
        return Reply("rider.nothing_arrived")
    order, refusal = _own_job(session, speaker, order_id, OrderEvent.HANDED_OVER)
    if refusal:
        return refusal
    if order.pin_misses >= MOST_PIN_MISSES:
        return Reply("rider.pin_locked", {"code": order.code})
    if not secrets.compare_digest(order.pin or "", cmd.pin):
        return _pin_missed(session, speaker, order, now=now)
    return _delivered(session, speaker, order, now=now)


def _pin_missed(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply:
    order.pin_misses += 1
    session.flush()
    left = MOST_PIN_MISSES - order.pin_misses
    if left > 0:
        return Reply("rider.pin_wrong", {"code": order.code, "left": left})
    return Reply("rider.pin_locked", {"code": order.code})


def _delivered(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply:
    order.apply(session, OrderEvent.HANDED_OVER, now=now, by=speaker.person.id)
    settle(session, order, now=now)
    dialogue.clear(speaker.person)
    _tell_buyer(session, order, "delivered", now=now)
    rider = Rider.of_person(session, speaker.person.id, lock=True)
    assert rider is not None
    rider.seen_at = now
    count, earned = today(session, speaker, rider, now=now)
    return Reply("rider.delivered", {
        "code": order.code, "fee": yuan(order.rider_fee_fen), "count": count,
        "earned": yuan(earned), "others": _others(speaker, order)})


def settle(session: Session, order: Order, *, now: datetime) -> None:
    """Book a delivered order: the money held for it becomes the shop's, the rider's and ours."""
    assert order.rider_id is not None
    ledger.post(session, "delivered", key=f"delivered:{order.id}", now=now, order_id=order.id,
                entries={
                    ledger.held_for(order.id): order.payable_fen,
                    ledger.PROMOTION: order.discount_fen,
                    ledger.shop_account(order.shop_id): -order.goods_fen,
                    ledger.rider_account(order.rider_id): -order.rider_fee_fen,
                    ledger.PLATFORM: -(order.delivery_fen - order.rider_fee_fen)})


def today(session: Session, speaker: Speaker, rider: Rider, *,
          now: datetime) -> tuple[int, int]:
    """How many orders this rider has delivered since midnight, and what they earned in fen."""
    midnight = now.astimezone(speaker.campus.zone).replace(hour=0, minute=0, second=0,
                                                           microsecond=0)
    query = select(func.count(), func.coalesce(func.sum(Order.rider_fee_fen), 0)).where(
        Order.rider_id == rider.id, Order.state == OrderState.DELIVERED,
        Order.ended_at >= midnight)
    count, earned = session.execute(query).one()
    return int(count), int(earned)


def note_position(session: Session, speaker: Speaker, lat: float, lng: float, *,
                  now: datetime) -> None:
    """A rider's phone said where it is. Kept for dispatch only while on duty."""
    rider = Rider.of_person(session, speaker.person.id, lock=True)
    if rider and rider.is_on_duty:
        rider.lat, rider.lng, rider.seen_at = lat, lng, now


def _open_offer(session: Session, speaker: Speaker) -> Offer | None:
    return speaker.offer


def _offer_for(session: Session, rider: Rider, order: Order) -> Offer | None:
    query = select(Offer).filter_by(order_id=order.id, rider_id=rider.id, state=OfferState.OPEN)
    return session.scalars(query.with_for_update()).one_or_none()


def _may_not_take(session: Session, rider: Rider, order: Order) -> Reply | None:
    """Why this rider may not have this order, whatever was offered."""
    if not rider.may_work:
        return Reply("rider.off_duty", {"code": order.code})
    if order.buyer_id == rider.person_id:
        return Reply("rider.own_order", {"code": order.code})
    if rider.person_id in order.shop.owner_ids(session):
        return Reply("rider.own_shop", {"code": order.code})
    if len(Order.carried_by(session, rider.id)) >= CAPACITY:
        return Reply("rider.full", {"code": order.code})
    if OrderState(order.state) not in (OrderState.COOKING, OrderState.READY):
        return Reply("rider.gone", {"code": order.code})
    return None


def _own_job(session: Session, speaker: Speaker, order_id: int,
             event: OrderEvent) -> tuple[Order, Reply | None]:
    """The order, locked, and why this rider may not report this step of it (None: they may)."""
    order = Order.lock(session, order_id)
    if speaker.rider is None or order.rider_id != speaker.rider.id:
        return order, Reply("rider.not_yours", {"code": order.code})
    if not is_allowed(OrderState(order.state), event):
        return order, Reply("rider.as_it_stands", {
            "code": order.code, "state": Reply(f"state.{order.state}"), "next": _next_step(order)})
    return order, None


def _next_step(order: Order) -> Reply | None:
    """The tap that moves this order on."""
    match OrderState(order.state):
        case OrderState.COOKING | OrderState.READY:
            return Reply("rider.next_picked_up", {"code": order.code})
        case OrderState.DELIVERING:
            return Reply("rider.next_arrived", {"code": order.code})
        case OrderState.ARRIVED:
            return Reply("rider.next_pin", {"code": order.code})
        case _:
            return None


def _others(speaker: Speaker, order: Order) -> list[Reply]:
    """What else this rider has in hand, a line each."""
    return [Reply("rider.also", {"code": other.code, "state": Reply(f"state.{other.state}"),
                                 "next": _next_step(other)})
            for other in speaker.carrying if other.id != order.id and other.is_live][:2]


def _stand_at(speaker: Speaker, place_id: int | None, now: datetime) -> None:
    if speaker.rider and place_id:
        speaker.rider.place_id, speaker.rider.seen_at = place_id, now
        speaker.rider.lat = speaker.rider.lng = None


def _pickup(order: Order) -> str:
    place = order.shop.place.name if order.shop.place else ""
    return f"{place} {order.shop.name}".strip()


def _drop_place(order: Order) -> str:
    """Where the order goes; the room stays with the buyer until somebody needs it."""
    return order.place.name if order.place else ""


def _tell_buyer(session: Session, order: Order, step: str, *, now: datetime) -> None:
    """Nice to know, so it goes only if WeChat's quota has room."""
    campus = session.get_one(Campus, order.campus_id)
    tell(session, Notice(
        order.buyer_id, f"{order.id}:{step}", good_until=now + timedelta(minutes=10),
        chat=Reply(f"buyer.{step}", {
            "code": order.code, "rider": order.rider.name if order.rider else "",
            "shop": order.shop.name, "when": clock(order.promised_at, campus),
            "where": where(order)})), now=now, order_id=order.id)
