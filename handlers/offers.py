"""What a campus offers this buyer for this order, and what of it is worth saying."""
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Any, Final

from sqlalchemy import Select, bindparam, exists, or_, select

from config.texts import Reply, text_of, yuan
from handlers import building, coupon
from handlers.risk import risk_of
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order
from models.rules.hours import WEEKDAYS
from models.rules.offers import Chosen, Layer, Offer, Taken, nearest
from models.rules.order_state import GIVES_MONEY_BACK, OrderState
from models.rules.risk import Risk, Verdict

FIRST_ORDER: Final = "first_order"
NEARLY_FEN: Final = 500  # so much more is worth a word
LAYERS: Final[Mapping[str, Layer]] = {FIRST_ORDER: Layer.PERSON, "student": Layer.PERSON}


@dataclass
class FirstOrder:
    """Whether this order would be the buyer's first; asked of the database once a quote."""

    session: Session
    speaker: Speaker
    order: Order
    now: datetime

    def is_within(self, campaign: Mapping[str, Any]) -> bool:
        within = timedelta(days=campaign.get("days", 7))
        return self.now - self.speaker.person.created_at <= within and self._is_first

    @cached_property
    def _is_first(self) -> bool:
        return not _has_had_first(self.session, self.order)

    @cached_property
    def risk(self) -> Risk:
        return risk_of(self.session, self.speaker, self.order, now=self.now)


def offers_for(session: Session, speaker: Speaker, order: Order, first: FirstOrder, *,
               now: datetime) -> list[Offer]:
    """The campaigns that run today, for this shop, and that this person may have.

    The first-order discount is not for whoever must show a student's card first.

    A group divides the way among its members, so nothing takes it off one of them.
    """
    today = now.astimezone(speaker.campus.zone)
    offers = [_offer(campaign) for campaign in speaker.campus.file.get("campaigns", ())
              if _runs(campaign, order.shop.key, today)
              and _is_for(session, speaker, order, campaign, first, now)]
    return [*coupon.offers_of(session, order, now=now), *(
        offer for offer in offers if offer.layer is not Layer.DELIVERY or order.group_id is None)]


def take(order: Order, chosen: Chosen) -> None:
    """Write on the order what it gets."""
    order.discount_fen = chosen.off_fen
    order.discounts = [{
        "kind": taken.offer.kind, "name": taken.offer.name, "off_fen": taken.off_fen,
        **({"is_way": True} if taken.offer.is_free_delivery else {})} for taken in chosen.taken]
    order.coupon_id = next((taken.offer.coupon_id for taken in chosen.taken
                            if taken.offer.coupon_id), None)
    kinds = [taken.offer.kind for taken in chosen.taken]
    order.discount_kind = (kinds[0] if len(kinds) == 1 else "several") if kinds else None


def explained(offers: list[Offer], chosen: Chosen, order: Order) -> list[Reply]:
    """Why this combination, and what a little more would bring."""
    said = []
    if chosen.unused and chosen.taken and not (chosen.unused.offer.coupon_id and order.coupon_id):
        said.append(Reply("offer.unused", {
            "unused": name_of(chosen.unused), "amount": yuan(chosen.unused.off_fen),
            "off": yuan(chosen.off_fen)}))
    way_fen = order.delivery_fen - order.tip_fen
    found = nearest(offers, goods_fen=order.dishes_fen, delivery_fen=way_fen,
                    most_fen=NEARLY_FEN)
    if found and order.group_id is None:
        offer, more = found
        worth = offer.worth_fen(offer.threshold_fen, way_fen)
        said.append(Reply("offer.nearly", {
            "more": yuan(more), "offer": name_of(Taken(offer, worth)), "off": yuan(worth)}))
    return said


def name_of(taken: Taken) -> str:
    return taken.offer.name or text_of(Reply(f"offer.{taken.offer.kind}"))


def parts(order: Order) -> list[tuple[str, int]]:
    """(name, fen) of each offer that the order gets; one line where they are not known singly."""
    if sum(each["off_fen"] for each in order.discounts) == order.discount_fen:
        return [(each["name"] or text_of(Reply(f"offer.{each['kind']}")), each["off_fen"])
                for each in order.discounts]
    name = text_of(Reply(f"offer.{order.discount_kind or 'several'}"))
    return [(name, order.discount_fen)] if order.discount_fen else []


def _offer(campaign: Mapping[str, Any]) -> Offer:
    kind = campaign["kind"]
    is_way = bool(campaign.get("free_delivery")) or kind == building.KIND
    return Offer(
        kind, Layer.DELIVERY if is_way else LAYERS.get(kind, Layer.SHOP),
        off_fen=0 if is_way else campaign.get("off_fen", 0),
        percent_off=0 if is_way else campaign.get("percent_off", 0),
        most_off_fen=campaign.get("most_off_fen"), is_free_delivery=is_way,
        threshold_fen=campaign.get("threshold_fen", 0), is_once=kind == FIRST_ORDER,
        is_alone=bool(campaign.get("alone")), name=campaign.get("name", ""))


def _runs(campaign: Mapping[str, Any], shop_key: str, today: datetime) -> bool:
    day = today.date().isoformat()
    return (campaign.get("from", day) <= day <= campaign.get("until", day)
            and shop_key in campaign.get("shops", [shop_key])
            and WEEKDAYS[today.weekday()] in campaign.get("weekdays", WEEKDAYS))


def _is_for(session: Session, speaker: Speaker, order: Order, campaign: Mapping[str, Any],
            first: FirstOrder, now: datetime) -> bool:
    match campaign["kind"]:
        case "first_order":
            return first.is_within(campaign) and first.risk.verdict is Verdict.PASS
        case building.KIND:
            return building.is_free(session, speaker.campus, order, now=now)
        case "student":
            until = speaker.person.student_until
            return until is not None and until > now
    return True


def first_kept_back(first: FirstOrder) -> list[Reply]:
    """Why a newcomer does not get the first-order discount yet, and the way to it."""
    campaign = next((c for c in first.speaker.campus.file.get("campaigns", ())
                     if c["kind"] == FIRST_ORDER), None)
    if campaign is None or first.order.dishes_fen < campaign.get("threshold_fen", 0) \
            or not first.is_within(campaign) or first.risk.verdict is Verdict.PASS:
        return []
    return [Reply("risk.first_after_card", {
        "why": Reply(f"risk.{first.risk.reasons[0]}"), "off": yuan(campaign["off_fen"])})]


def _has_had_first(session: Session, order: Order) -> bool:
    """Whether the buyer has bought something before, or has another order out that holds it.

    An order whose money went back whole was not bought.
    """
    return bool(session.scalar(_had_first(), {"buyer_id": order.buyer_id, "order_id": order.id}))


def first_is_elsewhere(session: Session, order: Order) -> bool:
    """Whether the newcomers' discount that this order had has gone to another meanwhile."""
    if not any(each["kind"] == FIRST_ORDER for each in order.discounts):
        return False
    has_it = Order.discounts.contains([{"kind": FIRST_ORDER}])
    is_out = (Order.state == OrderState.AWAITING_PAYMENT) | (
        Order.paid_at.is_not(None) & Order.state.not_in(sorted(GIVES_MONEY_BACK)))
    return bool(session.scalar(select(exists().where(
        Order.buyer_id == order.buyer_id, Order.id != order.id, has_it, is_out))))


@cache
def _had_first() -> Select[bool]:
    """Made once a process: every quote of a newcomer asks it."""
    bought = Order.paid_at.is_not(None) & Order.state.not_in(GIVES_MONEY_BACK)
    holds = (Order.state == OrderState.AWAITING_PAYMENT) & or_(
        Order.discount_kind == FIRST_ORDER, Order.discounts.contains([{"kind": FIRST_ORDER}]))
    others = exists().where(Order.buyer_id == bindparam("buyer_id"),
                            Order.id != bindparam("order_id"), bought | holds)
    return select(others)
