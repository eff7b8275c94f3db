"""What an unpaid order costs, and when it comes."""
from datetime import datetime
from fractions import Fraction

from config.texts import Reply
from handlers import budget, building, fees, points
from handlers.errand import pricing as errands
from handlers.offers import FirstOrder, explained, first_kept_back, offers_for, take
from handlers.risk import door_hash
from handlers.roads import metres_between, promised_time
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order, OrderKind, OrderLine
from models.rules.pricing import PricedLine, quote
from models.shop import Dish

RIDER_SHARE = Fraction(8, 10)  # of the delivery fee before discounts


def reprice(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> list[Reply]:
    """Bring every amount and the promised time of an unpaid order up to date.

    Returns what is worth saying of its price.
    """
    campus, file = speaker.campus, speaker.campus.file
    if order.kind == OrderKind.ERRAND:
        errands.reprice(session, campus, order, RIDER_SHARE, now=now)
        return []
    options = {o["id"]: o for o in file.get("options", ())}
    with session.no_autoflush:  # the whole price is written at once
        dishes = Dish.by_keys(session, campus.id, {line.dish_key for line in order.lines})
        priced = [_price(line, dishes.get(line.dish_key), options) for line in order.lines]
        distance = metres_between(session, campus, order.shop.place, order.place)
        delivery_fen = fees.delivery_fen(session, campus, order, distance, now=now)
        order.door_hash = door_hash(order)
        first = FirstOrder(session, speaker, order, now)
        offers = offers_for(session, speaker, order, first, now=now)
        asked = quote(priced, packing_fen=fees.packing_fen(campus, order),
                      delivery_fen=delivery_fen, offers=offers)
        order.goods_fen, order.packing_fen = asked.goods_fen, asked.packing_fen
        order.delivery_fen = asked.delivery_fen + order.tip_fen
        take(order, asked.chosen)
        order.payable_fen = asked.payable_fen + order.tip_fen
        left = points.spend(session, speaker, order)
    order.rider_fee_fen = int(delivery_fen * RIDER_SHARE) + order.tip_fen
    soonest = promised_time(order.shop.prep_minutes, distance, now=now)
    order.promised_at = max(soonest, order.wanted_at) if order.wanted_at else soonest
    if order.group_id:
        from handlers.group_order.pricing import price_share  # groups need us first

        price_share(session, order, now=now)
    return [*fees.explained(speaker, order),
            *first_kept_back(first),
            *explained(offers, asked.chosen, order),
            *points.explained(order, left),
            *building.explained(session, speaker, order, now=now),
            *budget.explained(session, speaker, order, now=now)]


def _price(line: OrderLine, dish: Dish | None, options: dict[str, dict[str, int]]) -> PricedLine:
    """Price a line by today's menu; a dish that has left it keeps the price it was quoted at."""
    line.option_names = [str(options[o]["name"]) for o in line.options if o in options]
    own = dish.option_fen if dish else {}
    surcharges = tuple(own.get(o, options[o].get("price_fen", 0))
                       for o in line.options if o in options)
    base = dish.price_fen if dish else line.price_fen - sum(surcharges)
    priced = PricedLine(base, Fraction(line.quantity), surcharges)
    line.price_fen, line.amount_fen = base + sum(surcharges), priced.amount_fen
    return priced
