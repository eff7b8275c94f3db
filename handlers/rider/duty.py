"""On and off duty, and where a rider is."""
from datetime import datetime, timedelta

from sqlalchemy import func, select

from config.texts import Reply, yuan
from handlers.notice import Notice, tell
from handlers.rider.shared import open_offer
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order
from models.rider import OfferState, Rider, RiderStatus
from models.rules.order_state import OrderState

LONGEST_SHIFT = timedelta(hours=18)


def go_online(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    rider = Rider.of_person(session, speaker.person.id, lock=True)
    if rider is None:
        return Reply("rider.not_one")
    if rider.status != RiderStatus.APPROVED:
        return Reply("rider.not_approved")
    if not rider.is_on_duty:
        rider.is_on_duty, rider.on_duty_since = True, now
    rider.seen_at, rider.back_at, rider.off_at = now, None, None
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
    rider.is_on_duty, rider.back_at, rider.off_at = False, None, None
    if in_hand := Order.carried_by(session, rider.id):
        return Reply("rider.offline_with_orders", {
            "codes": "、".join(order.code for order in in_hand)})
    count, earned = today(session, speaker, rider, now=now)
    return Reply("rider.offline", {"count": count, "earned": yuan(earned)})


def end_shift_at(session: Session, speaker: Speaker, at: datetime, *, now: datetime) -> Reply:
    """干到12点半: only what can be handed over by then is offered; duty ends by itself."""
    rider = Rider.of_person(session, speaker.person.id, lock=True)
    if rider is None or not rider.is_on_duty or at <= now:
        return go_offline(session, speaker, now=now)
    rider.off_at = min(at, now + LONGEST_SHIFT)
    return Reply("rider.off_at", {"until": speaker.clock(rider.off_at)})


def end_shift(session: Session, rider_id: int, *, now: datetime) -> None:
    rider = session.get_one(Rider, rider_id, with_for_update={"of": Rider}, populate_existing=True)
    if rider.off_at is None or rider.off_at > now:
        return
    was_on_duty, rider.off_at, rider.is_on_duty = rider.is_on_duty, None, False
    rider.back_at = None
    if was_on_duty:
        tell(session, Notice(rider.person_id, f"off:{rider.id}:{now:%Y%m%d%H%M}",
                             good_until=now + timedelta(minutes=10),
                             chat=Reply("rider.shift_over")), now=now)


def take_break(session: Session, speaker: Speaker, minutes: int, *, now: datetime) -> Reply:
    """歇20分钟: no offers until then; duty goes on by itself."""
    rider = Rider.of_person(session, speaker.person.id, lock=True)
    off_at = rider.off_at if rider else None
    gone = go_offline(session, speaker, now=now)
    if rider is None:
        return gone
    rider.off_at = off_at
    rider.back_at = now + timedelta(minutes=minutes)
    return Reply("rider.on_break", {"until": speaker.clock(rider.back_at)})


def end_break(session: Session, rider_id: int, *, now: datetime) -> None:
    rider = session.get_one(Rider, rider_id, with_for_update={"of": Rider}, populate_existing=True)
    if rider.back_at is None or rider.back_at > now:
        return
    rider.back_at = None
    rider.is_on_duty = rider.status == RiderStatus.APPROVED
    rider.on_duty_since = now
    tell(session, Notice(rider.person_id, f"back:{rider.id}:{now:%Y%m%d%H%M}",
                         good_until=now + timedelta(minutes=10), chat=Reply("rider.back")), now=now)


def prefer_on_way(session: Session, speaker: Speaker, is_on_way_only: bool) -> Reply:
    """只接顺路: while something is in hand, only orders from the same shop or to the same door."""
    rider = Rider.of_person(session, speaker.person.id, lock=True)
    if rider is None:
        return Reply("rider.not_one")
    rider.is_on_way_only = is_on_way_only
    return Reply("rider.on_way_only" if is_on_way_only else "rider.all_ways")


def today(session: Session, speaker: Speaker, rider: Rider, *,
          now: datetime) -> tuple[int, int]:
    """How many orders this rider has delivered since midnight, and what they earned in fen."""
    midnight = now.astimezone(speaker.campus.zone).replace(hour=0, minute=0, second=0,
                                                           microsecond=0)
    query = select(func.count(), func.coalesce(func.sum(
        Order.rider_fee_fen + Order.waiting_fen), 0)).where(
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
