"""补做: the same dishes once more, at once, for nothing."""
from datetime import datetime

from sqlalchemy import select

from config.texts import Reply, yuan
from handlers import dialogue, kitchen
from handlers.complaint.settling import (
    ask_who_bears,
    give_back,
    hand_to_people,
    tell_the_others,
    wants_a_look,
)
from handlers.kitchen.shortage import paid_for
from handlers.notice import Notice, tell
from handlers.order import OwnOrder
from handlers.pricing import RIDER_SHARE
from handlers.roads import metres_between, promised_time
from handlers.speaker import Speaker
from models import order as rows
from models.base import Session
from models.campus import Campus
from models.complaint import Complaint, ComplaintState
from models.order import REMAKE, Order, OrderLine
from models.rules.hours import is_open
from models.rules.order_state import OrderEvent
from models.rules.pricing import Fees
from models.shop import Dish, NotEnough, take_stock


def when_remade(session: Session, order: Order, lines: list[OrderLine], *,
                now: datetime) -> datetime | None:
    """When the dishes could be there again; None: the shop is closed, or out of one of them."""
    campus = session.get_one(Campus, order.campus_id)
    menu = Dish.by_keys(session, order.campus_id, {line.dish_key for line in lines})
    if not is_open(order.shop.hours, now.astimezone(campus.zone)) or any(
            line.dish_key not in menu or menu[line.dish_key].is_sold_out(now) for line in lines):
        return None
    metres = metres_between(session, campus, order.shop.place, order.place)
    return promised_time(order.shop.prep_minutes, metres, now=now)


def remake(session: Session, speaker: Speaker, cmd: OwnOrder, *, now: datetime) -> Reply:
    order = Order.lock(session, cmd.order_id)
    complaint = Complaint.undecided(session, order.id)
    if complaint is None or complaint.state != ComplaintState.OPEN:
        return Reply("complaint.say_what", {"code": order.code})
    if wants_a_look(session, complaint, now):
        return hand_to_people(session, order, complaint, now=now)
    lines = [line for line in order.lines if line.id in complaint.lines]
    promised_at = when_remade(session, order, lines, now=now)
    new = _copy(session, order, lines, promised_at, now=now) if promised_at else None
    if new is None:
        return Reply("complaint.cannot_remake", {"code": order.code})
    complaint.state, complaint.decided_at = ComplaintState.REMADE, now
    complaint.remake_id, complaint.search_until = new.id, None
    session.flush()
    kitchen.order_paid(session, new, now=now)
    dialogue.clear(speaker.person)
    tell_the_others(session, order, complaint, now=now)
    return Reply("complaint.remaking", {"code": new.code, "shop": new.shop.name,
                                        "at": speaker.clock(new.promised_at or now)})


def _copy(session: Session, order: Order, lines: list[OrderLine], promised_at: datetime, *,
          now: datetime) -> Order | None:
    """An order that costs nothing: shop and rider are paid for it, by us. None: not enough."""
    campus = session.get_one(Campus, order.campus_id)
    fees = Fees(campus.fees.get("delivery_base_fen", 200), campus.fees.get("per_100m_fen", 0))
    metres = metres_between(session, campus, order.shop.place, order.place)
    goods = sum(line.amount_fen for line in lines)
    try:
        stock = take_stock(session, lines)
    except NotEnough:
        return None
    new = rows.place_order(session, Order(
        campus_id=order.campus_id, shop_id=order.shop_id, shop=order.shop,
        buyer_id=order.buyer_id, place_id=order.place_id, place=order.place, room=order.room,
        note=order.note, created_at=now, promised_at=promised_at, pay_until=now, goods_fen=goods,
        discount_fen=goods, discount_kind=REMAKE, stock_taken=stock,
        rider_fee_fen=int(fees.delivery_fen(metres) * RIDER_SHARE), lines=[OrderLine(
            position=n, dish_id=line.dish_id, dish_key=line.dish_key, name=line.name,
            quantity=line.quantity, options=line.options, option_names=line.option_names,
            price_fen=line.price_fen, amount_fen=line.amount_fen)
            for n, line in enumerate(lines)]))
    new.apply(session, OrderEvent.CONFIRMED, now=now, by=order.buyer_id, remake_of=order.code)
    new.paid_at = now
    new.apply(session, OrderEvent.PAID, now=now, by=order.buyer_id)
    return new


def worth_fen(session: Session, new: Order, line: OrderLine) -> int:
    """What had been paid for the dish that this line of a new order replaces."""
    complaint, order = _replaced(session, new)
    return paid_for(order, _source(order, complaint, line))


def money_for(session: Session, new: Order, line: OrderLine, *, now: datetime) -> int:
    """One of the dishes is not made again after all: its money; how much that was.

    It is a complaint of its own; the rest stays with the new order, which is locked.
    """
    complaint, order = _replaced(session, new, lock=True)
    source = _source(order, complaint, line)
    part = Complaint(order_id=order.id, buyer_id=order.buyer_id, kind=complaint.kind,
                     lines=[source.id], amount_fen=paid_for(order, source), created_at=now,
                     state=ComplaintState.REFUNDED)
    session.add(part)
    complaint.amount_fen = max(0, complaint.amount_fen - part.amount_fen)
    session.flush()
    refund = give_back(session, order, part, now=now)
    if refund is None:
        return 0
    ask_who_bears(session, order, part, now=now)
    return refund.amount_fen


def _replaced(session: Session, new: Order, *, lock: bool = False) -> tuple[Complaint, Order]:
    """The complaint that a new order answers, and the order it was about."""
    complaint = session.scalars(select(Complaint).filter_by(remake_id=new.id)).one()
    order = Order.lock(session, complaint.order_id) if lock \
        else session.get_one(Order, complaint.order_id)
    return complaint, order


def _source(order: Order, complaint: Complaint, line: OrderLine) -> OrderLine:
    """The new order's lines stand as those of the complaint did."""
    return [each for each in order.lines if each.id in complaint.lines][line.position]


def money_instead(session: Session, complaint_id: int, *, now: datetime) -> None:
    """The kitchen did not make it again, or the buyer thought better of it: the money it is."""
    order = Order.lock(session, session.get_one(Complaint, complaint_id).order_id)
    complaint = session.get_one(Complaint, complaint_id, populate_existing=True)
    if complaint.state != ComplaintState.REMADE:
        return
    refund = give_back(session, order, complaint, now=now)
    if refund is None:
        return
    ask_who_bears(session, order, complaint, now=now)
    tell(session, Notice(
        order.buyer_id, f"complaint:{complaint.id}:money", chat=Reply("complaint.no_remake", {
            "code": order.code, "amount": yuan(refund.amount_fen), "refund": refund.code})),
         now=now, order_id=order.id)
