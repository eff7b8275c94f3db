"""A dish that is out for a while: for today, or for so many minutes; it comes back by itself."""
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from config.texts import Reply
from handlers.kitchen.menu import ChangeMenu, sold_out
from handlers.speaker import Speaker
from models.base import Session
from models.shop import Dish

LONGEST = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class PauseDish:
    """`minutes` None: until tomorrow morning."""

    name: str
    minutes: int | None = None


def pause_dish(session: Session, speaker: Speaker, cmd: PauseDish, *, now: datetime) -> Reply:
    """Take a dish of the speaker's own shops off the menu for a while."""
    keys = dishes_named(session, speaker, cmd.name)
    if not keys or cmd.minutes is None:
        return sold_out(session, speaker, ChangeMenu(keys), now=now)
    until = now + min(timedelta(minutes=cmd.minutes), LONGEST)
    query = select(Dish).where(Dish.campus_id == speaker.campus.id, Dish.key.in_(keys))
    dishes = session.scalars(query.order_by(Dish.id).with_for_update(of=Dish)).all()
    for dish in dishes:
        dish.sold_out_until = until
    return Reply("menu_change.paused", {
        "dishes": "、".join(dish.name for dish in dishes), "until": speaker.clock(until)})


def dishes_named(session: Session, speaker: Speaker, name: str) -> tuple[str, ...]:
    """Keys of the dishes of the speaker's shops that go by this name, or else have it in theirs."""
    query = select(Dish).where(Dish.shop_id.in_(speaker.shop_ids), Dish.is_listed)
    own = list(session.scalars(query.order_by(Dish.id)))
    aliases = {dish["id"]: dish.get("aliases", ()) for shop in speaker.campus.file.get("shops", ())
               for dish in shop["dishes"]}
    exact = [d.key for d in own if name in (d.name, *aliases.get(d.key, ()))]
    return tuple(exact or [d.key for d in own if name in d.name])
