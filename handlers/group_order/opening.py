"""A group is opened, and its terms are changed by whoever opened it."""
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select

from config.texts import Reply
from handlers import dialogue
from handlers.group_order.locking import close_group
from handlers.group_order.shared import (
    clock,
    closed,
    is_opener,
    live_orders,
    on_five,
    opener_only,
    page_of,
    surname,
    windows_of,
)
from handlers.group_order.telling import locked_reply
from handlers.roads import metres_between
from handlers.speaker import Speaker
from models import group_order as groups
from models.base import Session
from models.campus import Place
from models.group_order import GroupMember, GroupOrder, GroupState
from models.outbox import owe
from models.rules.hours import is_open
from models.rules.order_state import OrderState
from models.rules.pricing import Fees
from models.shop import Shop

FREE_FROM: Final = 3  # people
OPEN_FOR: Final = timedelta(minutes=20)
SHORTEST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(hours=24)
MOST_OPEN: Final = 3
LONGER_BY: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """`shop_key` names a shop, or `place_key` a canteen; a place besides a shop is the drop-off.

    `lock_at` None: in twenty minutes, on a full five.
    """

    shop_key: str | None = None
    place_key: str | None = None
    lock_at: datetime | None = None


def open_group(session: Session, speaker: Speaker, cmd: OpenGroup, *, now: datetime) -> Reply:
    shop, canteen, place = _source_and_goal(session, speaker, cmd)
    if shop is None and canteen is None:
        return Reply("group.which_shop", {"shop": _example_shop(session, speaker)})
    place = place or _home(speaker)
    if place is None:
        dialogue.ask(speaker.person, "ask_address", now=now, group={
            "shop_key": cmd.shop_key, "place_key": cmd.place_key,
            "lock_at": cmd.lock_at.isoformat() if cmd.lock_at else None})
        return Reply("group.where", {"place": _example_place(session, speaker)})
    lock_at = cmd.lock_at or on_five(now + OPEN_FOR)
    if refusal := unfit(session, speaker, shop, canteen, lock_at, now):
        return refusal
    return opened(session, speaker, shop, canteen, place, lock_at, now=now)


def wanted_before(asked: Mapping[str, Any]) -> OpenGroup | None:
    """The group that was to be opened when an address was asked for first."""
    wish = asked.get("group")
    return OpenGroup(wish["shop_key"], wish["place_key"], datetime.fromisoformat(wish["lock_at"])
                     if wish["lock_at"] else None) if wish else None


def opened(session: Session, speaker: Speaker, shop: Shop | None, canteen: Place | None,
           place: Place, lock_at: datetime, *, now: datetime) -> Reply:
    """The group's row, its opener's seat, and what to forward."""
    fees = Fees(speaker.campus.fees.get("delivery_base_fen", 200),
                speaker.campus.fees.get("per_100m_fen", 0))
    pickup = canteen or (shop.place if shop else None)
    distance = metres_between(session, speaker.campus, pickup, place)
    group = groups.open_group(session, GroupOrder(
        campus_id=speaker.campus.id, opener_id=speaker.person.id, opener=speaker.person,
        shop_id=shop.id if shop else None, shop=shop,
        canteen_id=canteen.id if canteen else None, canteen=canteen,
        place_id=place.id, place=place, free_from=FREE_FROM, lock_at=lock_at,
        delivery_fen=fees.delivery_fen(distance), created_at=now, members=[GroupMember(
            person_id=speaker.person.id, person=speaker.person, seat=1, joined_at=now,
            label=surname(speaker.person.name))]))
    owe(session, "group.code", key=f"group.code:{group.id}", now=now,
        payload={"group_id": group.id})
    dialogue.ask(speaker.person, "group", now=now, group_id=group.id)
    return invitation(speaker, group, now=now)


def invitation(speaker: Speaker, group: GroupOrder, *, now: datetime) -> Reply:
    """The opener's reply: the line to forward, the card, and the terms as taps."""
    return Reply("group.opened", {
        "code": group.code, "source": group.source, "free": group.free_from,
        "until": clock(group.lock_at, speaker.campus, now), "url": page_of(group),
        "where": group.place.name, "invited": None})


@dataclass(frozen=True, slots=True)
class ChangeGroup:
    """`is_unheard`: said on a page, where nobody reads the reply; the chat tells the opener too."""

    group_id: int
    is_unheard: bool = False


def change_deadline(session: Session, speaker: Speaker, cmd: ChangeGroup,
                    lock_at: datetime | None, *, now: datetime) -> Reply:
    """Lock at another time; without one, ten minutes later."""
    group = GroupOrder.lock(session, cmd.group_id)
    if refusal := _not_open_to(speaker, group, now):
        return refusal
    lock_at = lock_at or group.lock_at + LONGER_BY
    if refusal := unfit(session, speaker, group.shop, group.canteen, lock_at, now, is_new=False):
        return refusal
    group.lock_at, group.reminded_at = lock_at, None
    for order in live_orders(session, group, lock=True):
        if order.state == OrderState.AWAITING_PAYMENT:
            order.pay_until = lock_at
    return Reply("group.deadline_changed", {
        "code": group.code, "until": clock(lock_at, speaker.campus, now)})


def lock_when(session: Session, speaker: Speaker, cmd: ChangeGroup, people: int, *,
              now: datetime) -> Reply:
    """Lock as soon as so many have paid, or at the deadline, whichever is first."""
    group = GroupOrder.lock(session, cmd.group_id)
    if refusal := _not_open_to(speaker, group, now):
        return refusal
    group.lock_when = max(1, min(people, 99))
    return Reply("group.lock_when", {
        "code": group.code, "people": group.lock_when,
        "until": clock(group.lock_at, speaker.campus, now)})


def lock_now(session: Session, speaker: Speaker, cmd: ChangeGroup, *, now: datetime) -> Reply:
    """The opener's word: from this moment nobody joins, and who has not paid is out.

    Where WeChat Pay may know of a payment under way, its answer is waited for first.
    """
    group = GroupOrder.lock(session, cmd.group_id)
    if refusal := _not_open_to(speaker, group, now):
        return refusal
    group.lock_at = now
    if close_group(session, group, now=now, by=None if cmd.is_unheard else speaker.person.id):
        return locked_reply(session, speaker, group, live_orders(session, group), now=now)
    return Reply("group.locking", {"code": group.code})


def _not_open_to(speaker: Speaker, group: GroupOrder, now: datetime) -> Reply | None:
    """Why this speaker may not change the group's terms now."""
    if group.campus_id != speaker.campus.id:
        return Reply("group.unknown", {"code": group.code})
    if not is_opener(group, speaker.person):
        return opener_only(group)
    return None if group.takes_more(now) else closed(group)


def _source_and_goal(session: Session, speaker: Speaker, cmd: OpenGroup
                     ) -> tuple[Shop | None, Place | None, Place | None]:
    """(shop, canteen, drop-off): a place where shops are is a canteen, unless a shop was named."""
    shop = _listed_shop(session, speaker, cmd.shop_key) if cmd.shop_key else None
    place = Place.by_key(session, speaker.campus.id, cmd.place_key) if cmd.place_key else None
    if shop or place is None:
        return shop, None, place
    return (None, place, None) if windows_of(session, place) else (None, None, place)


def _listed_shop(session: Session, speaker: Speaker, key: str) -> Shop | None:
    return session.scalars(select(Shop).filter_by(
        campus_id=speaker.campus.id, key=key, is_listed=True)).one_or_none()


def _home(speaker: Speaker) -> Place | None:
    place = speaker.person.place
    return place if place and place.campus_id == speaker.campus.id else None


def unfit(session: Session, speaker: Speaker, shop: Shop | None, canteen: Place | None,
           lock_at: datetime, now: datetime, *, is_new: bool = True) -> Reply | None:
    """Why a group may not lock at that time, or not be opened at all."""
    until = clock(lock_at, speaker.campus, now)
    if not SHORTEST <= lock_at - now <= LONGEST:
        return Reply("group.bad_time", {"until": until})
    serving = [shop] if shop else windows_of(session, canteen) if canteen else []
    local = lock_at.astimezone(speaker.campus.zone)
    if not any(is_open(each.hours, local) for each in serving):
        return Reply("group.closed_then", {
            "source": shop.name if shop else canteen.name if canteen else "", "until": until})
    query = select(func.count()).select_from(GroupOrder).filter_by(
        opener_id=speaker.person.id, state=GroupState.OPEN)
    if is_new and (session.scalar(query) or 0) >= MOST_OPEN:
        return Reply("group.too_many", {"most": MOST_OPEN})
    return None


def _example_shop(session: Session, speaker: Speaker) -> str:
    query = select(Shop.name).filter_by(campus_id=speaker.campus.id, is_listed=True)
    return session.scalars(query.order_by(Shop.id).limit(1)).first() or ""


def _example_place(session: Session, speaker: Speaker) -> str:
    query = select(Place.name).filter_by(campus_id=speaker.campus.id, is_listed=True, kind="dorm")
    return session.scalars(query.order_by(Place.id).limit(1)).first() or ""
