"""What there is to eat."""
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from config.texts import MOST_TAPS, Reply, text_of, yuan
from handlers.speaker import Speaker
from models.base import Session
from models.rules.hours import is_open, spans_of_day
from models.shop import Dish, Shop

MOST_DISHES = 6  # with a line of their own
MOST_HOURS = 8


def shops(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    """The shops of the campus that are open now, the first ones as taps."""
    local = now.astimezone(speaker.campus.zone)
    serving = [shop for shop in _listed(session, speaker) if is_open(shop.hours, local)]
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


def hours(session: Session, speaker: Speaker, shop_key: str | None, *, now: datetime) -> Reply:
    """When a shop, or each, is open today."""
    local = now.astimezone(speaker.campus.zone)
    all_ = _listed(session, speaker)
    asked = [shop for shop in all_ if shop.key == shop_key] or all_
    more = len(asked) - MOST_HOURS
    return Reply("question.hours", {
        "shops": [_hours_of(shop, local) for shop in asked[:MOST_HOURS]],
        "more": Reply("question.more_hours", {"count": more}) if more > 0 else None})


def minimums(session: Session, speaker: Speaker) -> Reply:
    """What has to be ordered at least, of the shops that ask for it."""
    asking = [shop for shop in _listed(session, speaker) if shop.min_order_fen]
    if not asking:
        return Reply("question.no_minimum")
    return Reply("question.minimum", {"shops": [
        Reply("question.minimum_line", {"shop": shop.name, "minimum": yuan(shop.min_order_fen)})
        for shop in asking[:MOST_HOURS]]})


def _hours_of(shop: Shop, local: datetime) -> Reply:
    if not shop.hours:
        return Reply("question.always_open", {"shop": shop.name})
    if not (spans := spans_of_day(shop.hours, local)):
        return Reply("question.closed_today", {"shop": shop.name})
    return Reply("question.open_from_to", {
        "shop": shop.name, "spans": "、".join(f"{start}-{end}" for start, end in spans),
        "closed": None if is_open(shop.hours, local) else Reply("question.closed_now")})


def _listed(session: Session, speaker: Speaker) -> list[Shop]:
    query = select(Shop).filter_by(campus_id=speaker.campus.id, is_listed=True).order_by(Shop.id)
    return list(session.scalars(query))


def _in_short(dish: Dish, now: datetime) -> str:
    key = "menu.short_sold_out" if dish.is_sold_out(now) else "menu.short"
    return text_of(Reply(key, {"dish": dish.name, "price": yuan(dish.price_fen)}))


def _lines(dishes: Sequence[Dish], now: datetime) -> list[Reply]:
    """A line each: the first ones that are to be had as taps, the others as words."""
    tappable = [dish.id for dish in dishes if not dish.is_sold_out(now)][:MOST_TAPS]
    return [Reply("menu.dish" if dish.id in tappable else
                  "menu.sold_out" if dish.is_sold_out(now) else "menu.plain_dish",
                  {"dish": dish.name, "price": yuan(dish.price_fen)}) for dish in dishes]
