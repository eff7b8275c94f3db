"""「为什么没派给我」: the numbers of both, as they were stored when it was decided."""
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import undefer

from config.texts import Reply
from dispatch.plan import Why
from handlers.speaker import Speaker
from handlers.wording import clock
from models.base import Session
from models.order import Order
from models.rider import Offer

ASKED_WITHIN = timedelta(hours=2)
MOST_LOOKED = 200  # offers
BARRED = {
    Why.FULL: "rider.bar_full", Why.DECLINED: "rider.bar_declined",
    Why.OWN_ORDER: "rider.bar_own_order", Why.OWN_SHOP: "rider.bar_own_shop",
    Why.OFF_ROUTE: "rider.bar_off_route", Why.BUILDING: "rider.bar_building",
    Why.ENDING: "rider.bar_ending", Why.FORBIDDEN: "rider.bar_forbidden"}


def why_not_me(session: Session, speaker: Speaker, order: Order | None, *,
               now: datetime) -> Reply:
    """What decided for somebody else: of this order, or of the last one that went elsewhere."""
    rider = speaker.rider
    if rider is None:
        return Reply("rider.not_one")
    query = select(Offer).join(Order, Order.id == Offer.order_id).where(
        Order.campus_id == rider.campus_id, Offer.offered_at > now - ASKED_WITHIN)
    if order is not None:
        query = query.where(Offer.order_id == order.id)
    query = query.order_by(Offer.id.desc())
    to_others = query.where(Offer.rider_id != rider.id).options(undefer(Offer.considered))
    for offer in session.scalars(to_others.limit(MOST_LOOKED)):  # whoever is on duty is in each
        if mine := offer.candidate(rider.id):
            return _told(session, speaker, offer, mine)
    if order is None:
        return Reply("rider.why_none")
    return _not_considered(session, order, session.scalars(query.limit(1)).first(), rider.id)


def _told(session: Session, speaker: Speaker, offer: Offer, mine: Mapping[str, Any]) -> Reply:
    facts = {"code": session.get_one(Order, offer.order_id).code,
             "time": clock(offer.offered_at, speaker.campus)}
    if mine["cost_s"] is None or mine.get("arrival_s") is None:
        return Reply("rider.why_barred", {**facts, "why": Reply(BARRED[Why(mine["why"])])})
    alone = mine["cost_s"] >= offer.reason["cost_s"]
    why = "rider.why_dearer" if alone else "rider.why_whole"
    if mine["why"] == Why.BUSY:
        why = "rider.why_busy"
    return Reply(why, {
        **facts, "mine": _numbers(mine), "theirs": _numbers(offer.reason),
        "cost": round(mine["cost_s"]), "best": round(offer.reason["cost_s"])})


def _numbers(of: Mapping[str, Any]) -> Reply:
    return Reply("rider.why_numbers", {
        "arrival": _minutes(of["arrival_s"]), "delivery": _minutes(of["delivery_s"]),
        "detour": round(of["detour_m"])})


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f}"


def _not_considered(session: Session, order: Order, last: Offer | None, rider_id: int) -> Reply:
    facts = {"code": order.code}
    if last is None:
        return Reply("rider.why_nobody", facts)
    return Reply("rider.why_yours" if last.rider_id == rider_id else "rider.why_away", facts)
