"""Ordering ahead: not too far, not when the kitchen is shut, and not more than it can cook."""
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select

from config.texts import Reply
from handlers.roads import metres_between, promised_time
from handlers.speaker import Speaker
from handlers.wording import day_name
from models.base import Session
from models.order import Order
from models.rules.hours import is_open, next_opening
from models.rules.order_state import ENDED, OrderState
from models.rules.slots import SLOT, free_slots, slot_of
from models.shop import DESK, Shop

FARTHEST: Final = timedelta(days=7)
AHEAD: Final = timedelta(minutes=60)  # an order for later than this is a pre-order
ON_THE_WAY: Final = timedelta(minutes=10)  # from the kitchen's door to the student's, about


def cannot_be(session: Session, speaker: Speaker, shop: Shop, wanted_at: datetime | None, *,
              now: datetime) -> Reply | None:
    """Why this shop cannot serve at that time (None: as soon as can be), if it cannot."""
    zone = speaker.campus.zone
    if shop.key == DESK:
        return None
    if not shop.is_listed:
        return Reply("order.shop_gone", {"shop": shop.name})
    if wanted_at and wanted_at - now > FARTHEST:
        return Reply("order.too_far_ahead", {"days": FARTHEST.days})
    ready = now + timedelta(minutes=shop.prep_minutes)
    cook_at = max(ready, wanted_at - ON_THE_WAY) if wanted_at else ready
    if is_open(shop.hours, cook_at.astimezone(zone)) and (
            wanted_at or is_open(shop.hours, now.astimezone(zone))):
        return None
    if is_open(shop.hours, now.astimezone(zone)):
        return Reply("order.closes_before", {"shop": shop.name, "ready": _clock(cook_at, zone)})
    opening = next_opening(shop.hours, now.astimezone(zone))
    return Reply("order.shop_closed", {
        "shop": shop.name, "opens": f"{opening:%H:%M}" if opening else ""})


def too_soon(speaker: Speaker, order: Order) -> Reply | None:
    """What to say when the order cannot be there as early as the student named."""
    if order.wanted_at is None or order.promised_at is None or \
            order.promised_at <= order.wanted_at:
        return None
    return Reply("order.too_soon", {"wanted": speaker.clock(order.wanted_at),
                                    "soonest": speaker.clock(order.promised_at)})


def no_room(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply | None:
    """Why a pre-order cannot be confirmed: its quarter-hour is full. Locks the shop's row, so
    that two at once do not both take the last place."""
    if order.wanted_at is None or order.wanted_at - now < AHEAD:
        return None
    session.execute(select(Shop.id).filter_by(id=order.shop_id).with_for_update())
    wanted = order.wanted_at.astimezone(speaker.campus.zone)
    full = _full(session, order.shop, wanted, leave_out=order.id)
    if slot_of(wanted) not in full:
        return None
    soonest = promised_time(order.shop.prep_minutes, metres_between(
        session, speaker.campus, order.pickup_place, order.place), now=now)
    free = [slot for slot in free_slots(wanted, full=full, earliest=soonest, most=3)
            if cannot_be(session, speaker, order.shop, slot, now=now) is None]
    return Reply("order.slot_full", {
        "code": order.code, "shop": order.shop.name, "slot": f"{slot_of(wanted):%H:%M}",
        "slots": [Reply("order.free_slot", {"slot": f"{slot:%H:%M}", "day": day_name(
            slot, now.astimezone(speaker.campus.zone))}) for slot in free[:3]]})


def _full(session: Session, shop: Shop, wanted: datetime, *,
          leave_out: int) -> Collection[datetime]:
    """The quarter-hours around `wanted` in which the shop has as much as it can cook."""
    since, until = slot_of(wanted) - 9 * SLOT, slot_of(wanted) + 9 * SLOT
    query = select(Order.wanted_at, func.count()).where(
        Order.shop_id == shop.id, Order.wanted_at >= since, Order.wanted_at < until,
        Order.id != leave_out, Order.state.not_in([*sorted(ENDED), OrderState.DRAFT]))
    counted: dict[datetime, int] = {}
    for at, count in session.execute(query.group_by(Order.wanted_at)):
        assert at is not None
        slot = slot_of(at.astimezone(wanted.tzinfo))
        counted[slot] = counted.get(slot, 0) + count
    return {slot for slot, count in counted.items() if count >= shop.slot_cap}


def _clock(at: datetime, zone: Any) -> str:
    return f"{at.astimezone(zone):%H:%M}"
