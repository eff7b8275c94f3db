"""What the rooms of the group order have in common."""
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from config import settings
from config.texts import Reply, text_of
from handlers.speaker import Speaker
from models.base import Session
from models.campus import Campus, Place
from models.group_order import GroupMember, GroupOrder, GroupState
from models.order import LINES, Order
from models.person import Person
from models.rules.order_state import ENDED, OrderState
from models.shop import Dish, Shop

PET_SYLLABLES: Final = "小老阿大"
MOST_SEATS: Final = 20


def page_of(group: GroupOrder) -> str:
    return f"{settings.load().public_url}/g/{group.code}"


def find(session: Session, speaker: Speaker, code: str | None) -> GroupOrder | None:
    """The group of this code on the speaker's campus; without one, the one last talked about."""
    if code is None:
        group_id = speaker.person.dialogue.get("group_id")
        return session.get(GroupOrder, group_id) if group_id else None
    group = GroupOrder.by_code(session, code) if code.startswith("G") else None
    return group if group and group.campus_id == speaker.campus.id else None


def live_orders(session: Session, group: GroupOrder, *, lock: bool = False) -> list[Order]:
    """The group's orders that have not ended, oldest first. Who locks them holds the group."""
    query = select(Order).where(Order.group_id == group.id, Order.state.not_in(ENDED))
    query = query.order_by(Order.id).options(LINES)
    if lock:
        query = query.with_for_update(of=Order).execution_options(populate_existing=True)
    return list(session.scalars(query))


def off_menu(session: Session, group: GroupOrder, orders: Sequence[Order], *,
             now: datetime) -> set[str]:
    """Keys of dishes in these orders that cannot be cooked any more."""
    keys = {line.dish_key for order in orders for line in order.lines}
    dishes = Dish.by_keys(session, group.campus_id, keys)
    return {key for key in keys if key not in dishes or dishes[key].is_off_menu(now)}


def own_orders(orders: Sequence[Order], person_id: int) -> list[Order]:
    return [order for order in orders if order.buyer_id == person_id]


def heads(group: GroupOrder, orders: Sequence[Order]) -> set[int]:
    """Whose dishes are in, paid or not. Where the opener treats, a draft is all there is yet."""
    return {order.buyer_id for order in orders
            if group.is_treat or order.state != OrderState.DRAFT}


def surname(name: str | None) -> str | None:
    """小林, 林, 林同学 → 林: what is written on a bag."""
    return ((name or "").lstrip(PET_SYLLABLES) or name or "")[:1] or None


def label_of(member: GroupMember) -> str:
    return member.label or text_of(Reply("group.seat", {"seat": member.seat}))


def opener_of(group: GroupOrder) -> Reply:
    """林同学, or simply the opener."""
    return mate_of(group.opener) if group.opener.name else Reply("group.leader")


def mate_of(person: Person) -> Reply:
    """林同学, or 同学 where no name is known."""
    return Reply("group.mate", {"name": surname(person.name) or ""})


def clock(at: datetime, campus: Campus, now: datetime) -> str:
    """11:40 on the campus's clock; with its date when that is not today."""
    local, today = at.astimezone(campus.zone), now.astimezone(campus.zone).date()
    return f"{local:%H:%M}" if local.date() == today else f"{local.month}-{local.day} {local:%H:%M}"


def is_opener(group: GroupOrder, person: Person) -> bool:
    return group.opener_id == person.id


def opener_only(group: GroupOrder) -> Reply:
    return Reply("group.opener_only", {"code": group.code, "opener": opener_of(group)})


def closed(group: GroupOrder) -> Reply:
    """Why nobody may join or change anything any more."""
    key = "group.is_dissolved" if group.state == GroupState.DISSOLVED else "group.is_locked"
    return Reply(key, {"code": group.code})


def gathered(group: GroupOrder, people: int) -> Reply:
    """How many are in, and what is missing for free delivery."""
    if group.delivery_fen == 0:
        return Reply("group.people", {"people": people})
    if people >= group.free_from:
        return Reply("group.people_free", {"people": people})
    return Reply("group.people_wanted", {"people": people, "more": group.free_from - people})


def windows_of(session: Session, canteen: Place) -> list[Shop]:
    query = select(Shop).filter_by(place_id=canteen.id, is_listed=True).order_by(Shop.id)
    return list(session.scalars(query))


def shops_of(session: Session, group: GroupOrder) -> list[Shop]:
    if group.shop:
        return [group.shop]
    return windows_of(session, group.canteen) if group.canteen else []


def on_five(at: datetime) -> datetime:
    """The next full five minutes."""
    return (at + timedelta(minutes=-at.minute % 5)).replace(second=0, microsecond=0)
