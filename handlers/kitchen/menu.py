"""What is sold out today, and what is there again."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import select

from config.texts import Reply
from handlers import undo
from handlers.speaker import Speaker
from models.base import Session
from models.shop import Dish

FOUR: Final = time(4)


@dataclass(frozen=True, slots=True)
class ChangeMenu:
    dish_keys: tuple[str, ...]


def sold_out(session: Session, speaker: Speaker, cmd: ChangeMenu, *, now: datetime) -> Reply:
    """Off the menu until the kitchen's day is over. Orders already paid for are not touched."""
    dishes = _own_dishes(session, speaker, cmd.dish_keys)
    if not dishes:
        return Reply("kitchen.which_dish")
    until = day_s_end(now.astimezone(speaker.campus.zone))
    _remember(speaker, dishes, now=now)
    for dish in dishes:
        dish.sold_out_until = until
    return Reply("kitchen.sold_out", {"dishes": "、".join(d.name for d in dishes)})


def day_s_end(local: datetime) -> datetime:
    """The next four in the morning: a kitchen's day goes on past midnight."""
    day = local.date() + timedelta(days=local.time() >= FOUR)
    return datetime.combine(day, FOUR, local.tzinfo)


def restocked(session: Session, speaker: Speaker, cmd: ChangeMenu, *, now: datetime) -> Reply:
    dishes = _own_dishes(session, speaker, cmd.dish_keys)
    if not dishes:
        return Reply("kitchen.which_dish")
    _remember(speaker, dishes, now=now)
    for dish in dishes:
        dish.sold_out_until = None
    return Reply("kitchen.restocked", {"dishes": "、".join(d.name for d in dishes)})


def _remember(speaker: Speaker, dishes: Sequence[Dish], *, now: datetime) -> None:
    undo.offer(speaker.person, "menu", now=now, dishes=[
        [dish.key, dish.sold_out_until.isoformat() if dish.sold_out_until else None]
        for dish in dishes])


def undo_menu(session: Session, speaker: Speaker, last: Mapping[str, Any], *,
              now: datetime) -> Reply:
    before = dict(last["dishes"])
    dishes = _own_dishes(session, speaker, tuple(before))
    for dish in dishes:
        until = before[dish.key]
        dish.sold_out_until = datetime.fromisoformat(until) if until else None
    return Reply("kitchen.menu_undone", {"dishes": "、".join(d.name for d in dishes)})


def _own_dishes(session: Session, speaker: Speaker, keys: Sequence[str]) -> list[Dish]:
    found = Dish.by_keys(session, speaker.campus.id, set(keys))
    ids = sorted(d.id for d in found.values() if d.shop_id in speaker.shop_ids)
    query = select(Dish).where(Dish.id.in_(ids)).order_by(Dish.id)
    query = query.with_for_update(of=Dish, key_share=True)
    return list(session.scalars(query))
