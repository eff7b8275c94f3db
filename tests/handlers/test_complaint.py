"""Complaints at random: what goes back is never more than was paid, and the ledger stays whole."""
import random
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from handlers import building, complaint
from handlers.complaint import Claim, ClaimKind
from handlers.kitchen.shortage import drop_lacking, paid_for
from handlers.order import OwnOrder
from handlers.order.cancel import call_off
from handlers.payment import (
    RecordRefund,
    mend_refund,
    record_payment,
    record_refund,
    refund_part,
    troubled_refunds,
)
from handlers.rider.handover import settle_delivered
from handlers.speaker import Speaker
from models.base import Session, Sessions
from models.campus import Campus
from models.complaint import Complaint, ComplaintState
from models.ledger import PLATFORM, held_for, post
from models.order import Order, OrderLine, place_order
from models.outbox import Outbox
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


def two_dishes() -> int:
    return next(order_id for seed in range(99) if (order_id := delivered(random.Random(seed)))
                and _lines(order_id) == 2)


def _lines(order_id: int) -> int:
    with Sessions() as session:
        return len(session.get_one(Order, order_id).lines)


def remade(order_id: int, said: str) -> str:
    claim(order_id, ClaimKind.SPILLED, said)
    with Sessions.begin() as session:
        return complaint.remake(session, lin(session), OwnOrder(order_id), now=NOW).key


def test_what_was_made_again_is_not_paid_back_as_well():
    order_id = two_dishes()
    assert remade(order_id, "菜0") == "complaint.remaking"
    claim(order_id, ClaimKind.LOST, "")
    with Sessions.begin() as session:
        order = session.get_one(Order, order_id)
        rest = order.payable_fen - paid_for(order, order.lines[0])
        complaint.refund(session, lin(session), OwnOrder(order_id), now=NOW)
    with Sessions() as session:
        assert back(session) == rest


def test_what_is_made_again_often_is_looked_at_too():
    keys = [remade(delivered(random.Random(seed)), "菜0") for seed in range(4)]
    assert keys == ["complaint.remaking"] * 3 + ["complaint.handed_on"]


def test_where_the_campus_names_no_operator_whoever_is_on_duty_decides(monkeypatch):
    monkeypatch.setattr("handlers.complaint.settling.AT_ONCE", 0)
    order_id = delivered(random.Random(1))
    with Sessions.begin() as session:
        boss = a_person(session, "o-duty")
        campus = session.scalars(select(Campus)).one()
        campus.file = {"emergency": {"on_duty": [{"openid": boss.openid, "name": "值班"}]}}
    claim(order_id, ClaimKind.LOST, "")
    with Sessions.begin() as session:
        assert complaint.refund(session, lin(session), OwnOrder(order_id),
                                now=NOW).key == "complaint.handed_on"
    with Sessions.begin() as session:
        notices = session.scalars(select(Outbox).where(Outbox.key.like("%:decide:%"))).all()
        assert [n.payload["person_id"] for n in notices] == [a_person(session, "o-duty").id]
        duty = Speaker(session, a_person(session, "o-duty"), session.scalars(select(Campus)).one())
        assert complaint.decide(session, duty, order_id, True, now=NOW).key == "complaint.decided"
        assert back(session) == session.get_one(Order, order_id).payable_fen


def test_nothing_more_goes_back_for_the_building_where_all_went_back():
    order_id = next(o for o in (delivered(random.Random(seed)) for seed in range(99))
                    if _way(o) > 0)
    claim(order_id, ClaimKind.LOST, "")
    with Sessions.begin() as session:
        complaint.refund(session, lin(session), OwnOrder(order_id), now=NOW)
    with Sessions.begin() as session:
        building.give_back(session, order_id, now=NOW)
    with Sessions() as session:
        assert back(session) == session.get_one(Order, order_id).payable_fen
        assert sum(balances(session).values()) == 0


def _way(order_id: int) -> int:
    with Sessions() as session:
        return session.get_one(Order, order_id).way_paid_fen


def test_another_complaint_ends_the_search_for_the_bag():
    order_id = delivered(random.Random(1))
    claim(order_id, ClaimKind.LOST, "")
    with Sessions.begin() as session:
        session.scalars(select(Complaint)).one().search_until = NOW + timedelta(minutes=15)
    claim(order_id, ClaimKind.SPILLED, "菜0")
    with Sessions.begin() as session:
        complaint.end_search(session, session.scalars(select(Complaint.id)).one(),
                             now=NOW + timedelta(hours=1))
        assert back(session) == 0


def test_what_wechat_pay_closed_is_not_given_back_twice():
    """A part was closed and waits for its new number: it is no more the complaint's to give."""
    order_id = delivered(random.Random(1))
    with Sessions.begin() as session:
        order = Order.lock(session, order_id)
        post(session, "complaint", key="part", now=NOW, order_id=order_id, entries={
            PLATFORM: 100, held_for(order_id): -100})
        part = refund_part(session, order, 100, "sold_out", now=NOW)
        record_refund(session, RecordRefund(part.out_refund_no, "503", "CLOSED", 100, MCH, NOW),
                      our_mch_id=MCH, now=NOW)
    claim(order_id, ClaimKind.LOST, "")
    with Sessions.begin() as session:
        complaint.refund(session, lin(session), OwnOrder(order_id), now=NOW)
    later = NOW + timedelta(minutes=2)
    with Sessions.begin() as session:
        for refund_id in list(session.scalars(troubled_refunds(later))):
            mend_refund(session, refund_id, now=later)
    with Sessions() as session:
        live = sum(session.scalars(select(Refund.amount_fen).where(Refund.state != "closed")))
        assert live == session.get_one(Order, order_id).payable_fen
        assert not list(session.scalars(troubled_refunds(later + timedelta(seconds=10))))


def test_a_dish_that_is_not_made_again_after_all_is_paid_back():
    """Both dishes are to be made again, and the kitchen lacks one of them."""
    order_id = two_dishes()
    claim(order_id, ClaimKind.SPILLED, "", is_all=True)
    with Sessions.begin() as session:
        complaint.remake(session, lin(session), OwnOrder(order_id), now=NOW)
    with Sessions.begin() as session:
        new = session.scalars(select(Order).order_by(Order.id.desc()).limit(1)).one()
        new.shortage = {"lines": [{"line": new.lines[1].id, "name": "菜1", "offers": []}]}
        new.shortage_until = NOW
        new_id = new.id
    with Sessions.begin() as session:
        drop_lacking(session, new_id, now=NOW)
    with Sessions.begin() as session:
        order = session.get_one(Order, order_id)
        assert back(session) == paid_for(order, order.lines[1]) > 0
        assert [line.name for line in session.get_one(Order, new_id).lines] == ["菜0"]
        rest = order.payable_fen - order.way_paid_fen - back(session)
        new = Order.lock(session, new_id)
        call_off(session, new, 0, "cancelled", now=NOW)
    with Sessions.begin() as session:
        for each in session.scalars(select(Complaint.id).filter_by(remake_id=new_id)).all():
            complaint.money_instead(session, each, now=NOW)
        assert sorted(session.scalars(select(Refund.amount_fen)))[-2:] == sorted(
            [rest, back(session) - rest])
        assert sum(balances(session).values()) == 0
