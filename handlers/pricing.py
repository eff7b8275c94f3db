"""What an unpaid order costs, and when it comes."""
from datetime import datetime, timedelta
from fractions import Fraction

from sqlalchemy import exists, select

from handlers.errand import pricing as errands
from handlers.roads import metres_between, promised_time
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order, OrderKind, OrderLine
from models.rules.order_state import GIVES_MONEY_BACK, OrderState
from models.rules.pricing import Discount, Fees, PricedLine, quote
from models.shop import Dish

FIRST_ORDER = "first_order"
RIDER_SHARE = Fraction(8, 10)  # of the delivery fee before discounts


def reprice(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> None:
    """Bring every amount and the promised time of an unpaid order up to date."""
    campus, file = speaker.campus, speaker.campus.file
    if order.kind == OrderKind.ERRAND:
        errands.reprice(session, campus, order, RIDER_SHARE, now=now)
        return
    options = {o["id"]: o for o in file.get("options", ())}
    dishes = Dish.by_keys(session, campus.id, {line.dish_key for line in order.lines})
    priced = [_price(line, dishes.get(line.dish_key), options) for line in order.lines]
    distance = metres_between(session, campus, order.shop.place, order.place)
    fees = Fees(campus.fees.get("delivery_base_fen", 200), campus.fees.get("per_100m_fen", 0))
    delivery_fen = fees.delivery_fen(distance)
    asked = quote(priced, delivery_fen=delivery_fen,
                  discounts=_discounts(session, speaker, order, now=now))

    order.goods_fen, order.delivery_fen = asked.goods_fen, asked.delivery_fen
    order.discount_fen, order.discount_kind = asked.discount_fen, asked.discount_kind
    order.payable_fen = asked.payable_fen
    order.rider_fee_fen = int(delivery_fen * RIDER_SHARE)
    soonest = promised_time(order.shop.prep_minutes, distance, now=now)
    order.promised_at = max(soonest, order.wanted_at) if order.wanted_at else soonest
    if order.group_id:
        from handlers.group_order.pricing import price_share  # groups need us first

        price_share(session, order, now=now)
    session.flush()


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


def _discounts(session: Session, speaker: Speaker, order: Order, *,
               now: datetime) -> list[Discount]:
    offers = [c for c in speaker.campus.file.get("campaigns", ()) if c["kind"] == FIRST_ORDER]
    return [Discount(FIRST_ORDER, c["off_fen"], c.get("threshold_fen", 0)) for c in offers
            if _is_new(session, speaker, order, timedelta(days=c.get("days", 7)), now)]


def _is_new(session: Session, speaker: Speaker, order: Order, within: timedelta,
            now: datetime) -> bool:
    """Not long here, nothing bought yet, and no other order out that holds the discount.

    An order whose money went back whole was not bought.
    """
    if now - speaker.person.created_at > within:
        return False
    bought = Order.paid_at.is_not(None) & Order.state.not_in(GIVES_MONEY_BACK)
    holds = (Order.state == OrderState.AWAITING_PAYMENT) & (Order.discount_kind == FIRST_ORDER)
    other = exists().where(Order.buyer_id == speaker.person.id, Order.id != order.id,
                           bought | holds)
    return not session.scalar(select(other))
