"""What there is to eat."""
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from config.texts import MOST_TAPS, Reply, text_of, yuan
from handlers.speaker import Speaker
from models.base import Session
from models.rules.hours import is_open
from models.shop import Dish, Shop

MOST_DISHES = 6  # with a line of their own


def shops(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    """The shops of the campus that are open now, the first ones as taps."""
    query = select(Shop).filter_by(campus_id=speaker.campus.id, is_listed=True).order_by(Shop.id)
    local = now.astimezone(speaker.campus.zone)
    serving = [shop for shop in session.scalars(query) if is_open(shop.hours, local)]
    if not serving:
        return Reply("menu.all_closed")
    return Reply("menu.shops", {
        "taps": [Reply("menu.shop", {"shop": shop.name}) for shop in serving[:MOST_TAPS]],
        "others": "、".join(shop.name for shop in serving[MOST_TAPS:])})


def dishes(session: Session, speaker: Speaker, shop_key: str, *, now: datetime) -> Reply:
    """A shop's dishes with their prices; what is sold out says so."""
    shop = session.scalars(select(Shop).filter_by(
        campus_id=speaker.campus.id, key=shop_key, is_listed=True)).one_or_none()
    if shop is None:
        return shops(session, speaker, now=now)
    query = select(Dish).filter_by(shop_id=shop.id, is_listed=True).order_by(Dish.id)
    offered = sorted(session.scalars(query), key=lambda dish: dish.is_sold_out(now))
    return Reply("menu.dishes", {
        "shop": shop.name,
        "dishes": _lines(offered[:MOST_DISHES], now),
        "more": "、".join(_in_short(dish, now) for dish in offered[MOST_DISHES:])})


def prices(session: Session, speaker: Speaker, dish_keys: set[str], *, now: datetime) -> Reply:
    found = Dish.by_keys(session, speaker.campus.id, dish_keys)
    if not found:
        return shops(session, speaker, now=now)
    return Reply("menu.prices", {
        "dishes": _lines(list(found.values())[:MOST_DISHES], now),
        "first": next(iter(found.values())).name})


def _in_short(dish: Dish, now: datetime) -> str:
    key = "menu.short_sold_out" if dish.is_sold_out(now) else "menu.short"
    return text_of(Reply(key, {"dish": dish.name, "price": yuan(dish.price_fen)}))


def _lines(dishes: Sequence[Dish], now: datetime) -> list[Reply]:
    """A line each: the first ones that are to be had as taps, the others as words."""
    tappable = [dish.id for dish in dishes if not dish.is_sold_out(now)][:MOST_TAPS]
    return [Reply("menu.dish" if dish.id in tappable else
                  "menu.sold_out" if dish.is_sold_out(now) else "menu.plain_dish",
                  {"dish": dish.name, "price": yuan(dish.price_fen)}) for dish in dishes]
