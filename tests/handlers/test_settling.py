"""What a delivered order earns whom."""
from hypothesis import given
from hypothesis import strategies as st

from handlers.payment import record_payment
from handlers.rider.handover import settle
from models.base import Sessions
from models.campus import Campus
from models.ledger import COMMISSION, held_for, shop_account
from models.rules.pricing import commission_fen
from tests.support.payment import (
    MCH,
    NOW,
    a_campus,
    a_payment,
    a_person,
    an_order,
    balances,
    paid,
)


def test_our_part_of_the_goods_is_booked_when_they_are_delivered(database, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "k" * 32)
    with Sessions.begin() as session:
        shop = a_campus(session)
        session.get_one(Campus, shop.campus_id).file = {"fees": {"commission_percent": 6}}
        order = an_order(session, a_person(session, "o-ming"))
        payment = a_payment(session, order)
        record_payment(session, paid(payment), our_mch_id=MCH, now=NOW)
        settle(session, order, now=NOW)
        settle(session, order, now=NOW)

    assert balances(session) == {"wechat": 1750, COMMISSION: -93, "platform": -200,
                                 shop_account(shop.id): -1457}
    assert held_for(order.id) not in balances(session)


@given(goods=st.integers(0, 10**7), percent=st.integers(0, 30))
def test_commission_never_takes_a_fen_more_than_its_share(goods, percent):
    taken = commission_fen(goods, percent)
    assert 100 * taken <= goods * percent < 100 * (taken + 1)
