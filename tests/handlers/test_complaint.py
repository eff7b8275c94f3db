"""Complaints at random: what goes back is never more than was paid, and the ledger stays whole."""
import random
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from handlers import complaint
from handlers.complaint import Claim, ClaimKind
from handlers.kitchen.shortage import paid_for
from handlers.order import OwnOrder
from handlers.payment import record_payment
from handlers.rider.handover import settle_delivered
from handlers.speaker import Speaker
from models.base import Session, Sessions
from models.campus import Campus
from models.complaint import Complaint, ComplaintState
from models.order import Order, OrderLine, place_order
from models.payment import Refund
from models.rules.order_state import OrderEvent, OrderState
from models.shop import Dish, Shop
from tests.support.payment import (
    MCH,
    NOW,
    a_campus,
    a_payment,
    a_person,
    at_once,
    balances,
    paid,
    wechat_pay,
)

pytestmark = pytest.mark.usefixtures("campus")


@pytest.fixture
def campus(database):
    with wechat_pay(), Sessions.begin() as session:
        a_campus(session, owned=False)
        session.commit()
        yield


def delivered(dice: random.Random) -> int:
    """An order of some dishes with some discount, paid for and eaten; its id."""
    with Sessions.begin() as session:
        shop, dish = session.scalars(select(Shop)).one(), session.scalars(select(Dish)).one()
        buyer = a_person(session, "o-lin")
        amounts = [dice.randint(1, 3000) for _ in range(dice.randint(1, 5))]
        goods, way = sum(amounts), dice.choice([0, 200, 350])
        off = dice.randint(0, goods - 1) if goods > 1 else 0
        order = place_order(session, Order(
            campus_id=shop.campus_id, shop_id=shop.id, buyer_id=buyer.id, place_id=shop.place_id,
            goods_fen=goods, delivery_fen=way, discount_fen=off, payable_fen=goods + way - off,
            created_at=NOW, promised_at=NOW, pay_until=NOW + timedelta(minutes=15),
            lines=[OrderLine(
                position=n, dish_id=dish.id, dish_key=dish.key, name=f"菜{n}",
                quantity=Decimal(1), options=[], option_names=[], price_fen=fen, amount_fen=fen)
                for n, fen in enumerate(amounts)]))
        order.apply(session, OrderEvent.CONFIRMED, now=NOW, by=buyer.id)
        told = paid(a_payment(session, order))
        order_id = order.id
    with Sessions.begin() as session:
        record_payment(session, told, our_mch_id=MCH, now=NOW)
        order = Order.lock(session, order_id)
        order.state, order.arrived_at, order.ended_at = OrderState.DELIVERED, NOW, NOW
        settle_delivered(session, order, now=NOW)
    return order_id


def lin(session: Session) -> Speaker:
    return Speaker(session, a_person(session, "o-lin"), session.scalars(select(Campus)).one())


def claim(order_id: int, kind: ClaimKind, said: str, *, is_all: bool = False) -> None:
    with Sessions.begin() as session:
        complaint.claim(session, lin(session), Claim(order_id, kind, said, is_all), now=NOW)


def back(session: Session) -> int:
    return sum(session.scalars(select(Refund.amount_fen)))


@pytest.mark.parametrize("seed", range(20))
def test_never_more_than_was_paid(seed, monkeypatch):
    monkeypatch.setattr("handlers.complaint.settling.AT_ONCE", 99)
    dice = random.Random(seed)
    order_id = delivered(dice)
    with Sessions() as session:
        order = session.get_one(Order, order_id)
        fair = {line.name: paid_for(order, line) for line in order.lines}
        whole = order.payable_fen
    for _ in range(dice.randint(1, 7)):
        kind = dice.choice(list(ClaimKind))
        claim(order_id, kind, dice.choice([*fair, ""]), is_all=dice.random() < 0.2)
        if dice.random() < 0.8:
            with Sessions.begin() as session:
                complaint.refund(session, lin(session), OwnOrder(order_id), now=NOW)
    with Sessions() as session:
        assert back(session) <= whole
        assert sum(balances(session).values()) == 0
        assert f"order:{order_id}" not in balances(session)
        names = {line.id: line.name for line in session.get_one(Order, order_id).lines}
        for each in session.scalars(select(Complaint).filter_by(state=ComplaintState.REFUNDED)):
            if each.kind != ClaimKind.LOST:
                assert each.amount_fen == sum(fair[names[line]] for line in each.lines)


def test_yes_said_several_times_at_once_pays_once():
    order_id = delivered(random.Random(1))
    claim(order_id, ClaimKind.LOST, "")
    replies = at_once(*[lambda session: complaint.refund(
        session, lin(session), OwnOrder(order_id), now=NOW)] * 4)
    assert sorted(reply.key for reply in replies) == [
        "complaint.refunding", *["complaint.say_what"] * 3]
    with Sessions() as session:
        assert back(session) == session.get_one(Order, order_id).payable_fen
        assert sum(balances(session).values()) == 0
