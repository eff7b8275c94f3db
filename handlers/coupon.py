"""Coupons as offers: which ones a person may use for an order, and what they have."""
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, and_, bindparam, exists, or_, select

from config.texts import Reply, text_of, yuan
from handlers import undo
from handlers.speaker import Speaker
from models.base import Session
from models.coupon import Coupon
from models.order import Order
from models.rules.offers import Layer, Offer
from models.rules.order_state import GIVES_MONEY_BACK, OrderState

KEPT_LONGER: Final = 2 * undo.FOR  # what was cancelled may come back, with its coupon
MOST: Final = 8
DAYS: Final = 30


def offers_of(session: Session, order: Order, *, now: datetime) -> list[Offer]:
    """Of a group's members none: it divides its bill by its own rule."""
    if order.group_id is not None:
        return []
    return [Offer(coupon.kind, Layer.PERSON, off_fen=coupon.off_fen, is_once=True,
                  threshold_fen=coupon.threshold_fen, coupon_id=coupon.id)
            for coupon in session.scalars(_free(), _asked(order.buyer_id, order.id, now))]


def mine(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    """「我的券」."""
    coupons = [_line(speaker, coupon.off_fen, coupon.threshold_fen, coupon.good_until)
               for coupon in session.scalars(
                   _free().limit(MOST), _asked(speaker.person.id, None, now))]
    return Reply("coupon.mine", {"coupons": coupons}) if coupons else Reply("coupon.none")


def terms(offer: Mapping[str, Any]) -> str:
    """¥3.00券(满¥15.00可用), of a campus file's offer."""
    return text_of(Reply("coupon.terms", {
        "off": yuan(offer["off_fen"]), "over": _over(offer.get("threshold_fen", 0))}))


def give(session: Session, person_id: int, kind: str, key: str, offer: Mapping[str, Any], *,
         now: datetime) -> datetime | None:
    """Until when it is good; None: this cause gave its coupon before."""
    until = now + timedelta(days=offer.get("days", DAYS))
    is_new = Coupon.give(session, person_id, key, kind=kind, off_fen=offer["off_fen"],
                         threshold_fen=offer.get("threshold_fen", 0), created_at=now,
                         good_until=until)
    return until if is_new else None


def _line(speaker: Speaker, off_fen: int, threshold_fen: int, until: datetime) -> Reply:
    day = until.astimezone(speaker.campus.zone)
    return Reply("coupon.line", {"off": yuan(off_fen), "over": _over(threshold_fen),
                                 "until": f"{day.month}-{day.day}"})


def _over(threshold_fen: int) -> Reply | None:
    return Reply("coupon.over", {"threshold": yuan(threshold_fen)}) if threshold_fen else None


def _asked(person_id: int, order_id: int | None, now: datetime) -> dict[str, Any]:
    return {"person_id": person_id, "order_id": order_id or 0, "now": now,
            "kept_since": now - KEPT_LONGER}


@cache
def _free() -> Select[Coupon]:
    """Good, and held by no other order that is paid or may still be. Made once a process."""
    holds = exists(select(Order.id).where(
        Order.coupon_id == Coupon.id, Order.id != bindparam("order_id"), or_(
            Order.state == OrderState.AWAITING_PAYMENT, and_(
                Order.paid_at.is_not(None), or_(
                    Order.state.not_in(sorted(GIVES_MONEY_BACK)),
                    Order.ended_at > bindparam("kept_since"))))))
    return select(Coupon).where(
        Coupon.person_id == bindparam("person_id"), Coupon.good_until > bindparam("now"),
        ~holds).order_by(Coupon.good_until, Coupon.id)
