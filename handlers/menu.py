"""What there is to eat."""
from datetime import datetime

from sqlalchemy import select

from config.texts import Reply, yuan
from handlers.speaker import Speaker
from models.base import Session
from models.rules.hours import is_open
from models.shop import Dish, Shop

MOST_DISHES = 6
MOST_TAPS = 4


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
        "dishes": [_line(dish, now) for dish in offered[:MOST_DISHES]],
        "more": "、".join(f"{d.name}{yuan(d.price_fen)}" for d in offered[MOST_DISHES:])})


def prices(session: Session, speaker: Speaker, dish_keys: set[str], *, now: datetime) -> Reply:
    found = Dish.by_keys(session, speaker.campus.id, dish_keys)
    if not found:
        return shops(session, speaker, now=now)
    return Reply("menu.prices", {
        "dishes": [_line(dish, now) for dish in list(found.values())[:MOST_DISHES]],
        "first": next(iter(found.values())).name})


def _line(dish: Dish, now: datetime) -> Reply:
    key = "menu.sold_out" if dish.is_sold_out(now) else "menu.dish"
    return Reply(key, {"dish": dish.name, "price": yuan(dish.price_fen)})
