"""Groups that come together again: kept under a name, reopened in one word."""
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select

from config.texts import Reply
from handlers.group_order.opening import OPEN_FOR, opened, unfit
from handlers.group_order.shared import clock, on_five, page_of, surname
from handlers.notice import Notice, tell
from handlers.speaker import Speaker
from models.base import Session
from models.campus import Place
from models.group_order import GroupOrder, SavedGroup
from models.shop import Shop

LONGEST_NAME: Final = 12
MOST_SAVED: Final = 10
MOST_CALLS: Final = 4  # of the same people, in
CALLS_IN: Final = timedelta(hours=3)


def save_group(session: Session, speaker: Speaker, group_id: int, name: str, *,
               now: datetime) -> Reply:
    """Keep who is in and where from; an older one of this name makes way."""
    group = session.get_one(GroupOrder, group_id)
    if group.member(speaker.person.id) is None and group.opener_id != speaker.person.id:
        return Reply("group.not_in", {"code": group.code})
    name = name.strip()[:LONGEST_NAME]
    saved = saved_group(speaker, name)
    if saved is None:
        if len(speaker.saved_groups) >= MOST_SAVED:
            return Reply("group.saved_too_many", {"most": MOST_SAVED})
        saved = SavedGroup(owner_id=speaker.person.id, name=name)
        session.add(saved)
        speaker.saved_groups.append(saved)
    saved.shop_id, saved.canteen_id, saved.place_id = (
        group.shop_id, group.canteen_id, group.place_id)
    saved.people = [m.person_id for m in group.seated if m.person_id != speaker.person.id]
    saved.saved_at = now
    session.flush()
    return Reply("group.saved", {"name": name, "count": len(saved.people) + 1,
                                 "source": group.source})


def saved_group(speaker: Speaker, name: str) -> SavedGroup | None:
    return next((group for group in speaker.saved_groups if group.name == name), None)


def reopen(session: Session, speaker: Speaker, name: str, lock_at: datetime | None = None, *,
           now: datetime) -> Reply | None:
    """「学习小组」: the same people, the same shop, in twenty minutes. Everybody still chooses.

    None where this person has no group of that name.
    """
    saved = saved_group(speaker, name)
    if saved is None:
        return None
    shop = session.get(Shop, saved.shop_id) if saved.shop_id else None
    canteen = session.get(Place, saved.canteen_id) if saved.canteen_id else None
    at = lock_at or on_five(now + OPEN_FOR)
    if refusal := unfit(session, speaker, shop, canteen, at, now):
        return refusal
    place = session.get_one(Place, saved.place_id)
    reply = opened(session, speaker, shop, canteen, place, at, now=now)
    group = session.get_one(GroupOrder, speaker.person.dialogue["group_id"])
    if not saved.people:
        return reply
    if _opened_lately(session, speaker, now) > MOST_CALLS:
        return Reply(reply.key, {**reply.params, "invited": Reply("group.called_enough", {
            "name": saved.name})})
    for person_id in saved.people:
        tell(session, Notice(person_id, f"group:{group.id}:again", good_until=group.lock_at,
                             chat=_invited(speaker, group, saved, now)), now=now)
    return Reply(reply.key, {**reply.params, "invited": Reply("group.invited", {
        "name": saved.name, "count": len(saved.people)})})


def _opened_lately(session: Session, speaker: Speaker, now: datetime) -> int:
    """Groups that this person has opened, this one included: each calls the same people."""
    opened_ = select(func.count()).where(GroupOrder.opener_id == speaker.person.id,
                                         GroupOrder.created_at > now - CALLS_IN)
    return session.scalar(opened_) or 0


def _invited(speaker: Speaker, group: GroupOrder, saved: SavedGroup, now: datetime) -> Reply:
    return Reply("group.again", {
        "name": saved.name, "code": group.code, "source": group.source,
        "opener": surname(speaker.person.name) or "", "url": page_of(group),
        "until": clock(group.lock_at, speaker.campus, now)})
