"""An offer taken or left."""
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from config.texts import Reply
from handlers import undo
from handlers.errand import station
from handlers.rider.shared import drop_place, own_job, tell_buyer
from handlers.speaker import Speaker
from handlers.wording import pickup
from models.base import Session
from models.order import Order, OrderKind, trips
from models.rider import CAPACITY, Offer, OfferState, Rider
from models.rules.order_state import ON_THE_WAY, WANTS_RIDER, OrderEvent, OrderState


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
    undo.offer(speaker.person, "take", now=now, order_id=order.id)
    tell_buyer(session, order, "taken", now=now)
    if order.kind == OrderKind.ERRAND:
        return station.taken(order)
    return Reply("rider.taken", {
        "code": order.code, "shop": order.shop.name, "pickup": pickup(order),
        "ready": speaker.clock(order.food_ready_at) if order.food_ready_at else "",
        "where": drop_place(order)})


def decline_offer(session: Session, speaker: Speaker, cmd: AnswerOffer, *, now: datetime) -> Reply:
    order = Order.lock(session, cmd.order_id)
    rider = Rider.of_person(session, speaker.person.id, lock=True)
    offer = _offer_for(session, rider, order) if rider else None
    if offer is None:
        return Reply("rider.gone", {"code": order.code})
    offer.answer(OfferState.DECLINED, now)
    return Reply("rider.declined", {"code": order.code})


def give_back(session: Session, speaker: Speaker, cmd: AnswerOffer, *, now: datetime) -> Reply:
    """转单: the order goes to the next rider, as long as it has not been collected."""
    order, refusal = own_job(session, speaker, cmd.order_id, OrderEvent.RIDER_LEFT)
    if refusal and OrderState(order.state) in ON_THE_WAY and _is_own(speaker, order):
        return Reply("rider.too_late_to_give_back", {"code": order.code})
    if refusal:
        return refusal
    release(session, order, now=now, by=speaker.person.id)
    return Reply("rider.given_back", {"code": order.code})


def undo_take(session: Session, speaker: Speaker, last: Mapping[str, Any], *,
              now: datetime) -> Reply:
    return give_back(session, speaker, AnswerOffer(last["order_id"]), now=now)


def release(session: Session, order: Order, *, now: datetime, by: int | None = None) -> None:
    """Take the order out of its rider's hands; the next round of dispatch asks others first."""
    taken = select(Offer).filter_by(order_id=order.id, rider_id=order.rider_id,
                                    state=OfferState.ACCEPTED).with_for_update()
    for offer in session.scalars(taken):
        offer.answer(OfferState.DECLINED, now)
    order.rider_id = order.rider = order.taken_at = order.claimed_arrival_at = None
    order.apply(session, OrderEvent.RIDER_LEFT, now=now, by=by)


def _is_own(speaker: Speaker, order: Order) -> bool:
    return speaker.rider is not None and order.rider_id == speaker.rider.id


def withdraw_offer(session: Session, order: Order, *, now: datetime) -> None:
    """Nobody need answer any more whether they take this order. The order is locked."""
    query = select(Offer).filter_by(order_id=order.id, state=OfferState.OPEN).with_for_update()
    for offer in session.scalars(query):
        offer.answer(OfferState.WITHDRAWN, now)
    session.flush()


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
    if len(trips(Order.carried_by(session, rider.id))) >= CAPACITY:
        return Reply("rider.full", {"code": order.code})
    if order.is_self_pickup or OrderState(order.state) not in WANTS_RIDER:
        return Reply("rider.gone", {"code": order.code})
    return None
