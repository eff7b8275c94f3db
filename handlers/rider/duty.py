"""On and off duty, and where a rider is."""
from datetime import datetime

from sqlalchemy import func, select

from config.texts import Reply, yuan
from handlers.rider.shared import open_offer
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order
from models.rider import OfferState, Rider, RiderStatus
from models.rules.order_state import OrderState


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
    offer = open_offer(session, speaker)
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
        rider.lat, rider.lng, rider.seen_at, rider.located_at = lat, lng, now, now
