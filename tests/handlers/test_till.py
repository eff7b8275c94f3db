"""A phone that had the newcomers' discount, found at the till while others act on the order."""
from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.payment import Recorded, begin_prepay, record_payment
from handlers.till import note_phone
from models.base import Session, Sessions
from models.order import Order
from models.payment import Payment, PaymentState, Refund
from models.rules.order_state import OrderState
from tests.support.payment import (
    MCH,
    NOW,
    a_payment,
    a_person,
    an_order,
    at_once,
    balances,
    debts,
    paid,
)

PHONE = "d" * 32
FIRST = {"kind": "first_order", "name": "", "off_fen": 500}
pytestmark = pytest.mark.usefixtures("newcomers")


def a_first_order(session: Session, name: str) -> Payment:
    order = an_order(session, a_person(session, name))
    order.discounts, order.discount_fen, order.payable_fen = [FIRST], 500, order.payable_fen - 500
    return a_payment(session, order, asked=False)


@pytest.fixture
def second() -> int:
    """The payment of somebody else's first order, after one was paid on this phone."""
    with Sessions.begin() as session:
        first = a_first_order(session, "o-1")
        note_phone(session, first.id, PHONE, now=NOW)
        begin_prepay(session, first.id, now=NOW)
        assert record_payment(session, paid(first), our_mch_id=MCH, now=NOW) is Recorded.COUNTED
        return a_first_order(session, "o-2").id


def test_many_taps_at_once_quote_anew_once(second):
    outcomes = at_once(*[lambda s: note_phone(s, second, PHONE, now=NOW)] * 6)
    assert outcomes == [None] * 6
    with Sessions() as session:
        payment = session.get_one(Payment, second)
        assert payment.state == PaymentState.CLOSED
        assert (payment.order.state, payment.order.revision) == (OrderState.DRAFT, 2)
        assert (payment.order.discount_fen, payment.order.discounts) == (0, [])
        notices = [d for d in debts(session, "notice") if ":till" in d.key]
        assert [d.order_id for d in notices] == [payment.order_id]


@pytest.mark.parametrize("_", range(4))
def test_money_that_comes_meanwhile_is_counted_or_goes_back_whole(second, _):
    with Sessions.begin() as session:
        begin_prepay(session, second, now=NOW)  # on another phone, a moment ago
        news = paid(session.get_one(Payment, second))
    recorded, looked = at_once(
        lambda s: record_payment(s, news, our_mch_id=MCH, now=NOW),
        lambda s: note_phone(s, second, PHONE, now=NOW + timedelta(seconds=1)))
    assert looked is None
    with Sessions() as session:
        order = session.get_one(Payment, second).order
        refunds = session.scalars(select(Refund)).all()
        assert sum(balances(session).values()) == 0
        if recorded is Recorded.COUNTED:
            assert (order.state, order.discount_fen, refunds) == (OrderState.PAID, 500, [])
        else:
            assert recorded is Recorded.SURPLUS
            assert (order.state, order.discount_fen) == (OrderState.DRAFT, 0)
            assert [refund.amount_fen for refund in refunds] == [news.amount_fen]


def test_a_card_or_another_phone_leaves_the_quote_as_it_is(second):
    with Sessions.begin() as session:
        note_phone(session, second, "e" * 32, now=NOW)
        assert session.get_one(Payment, second).state == PaymentState.OPEN
        a_person(session, "o-2").student_until = NOW + timedelta(days=9)
        note_phone(session, second, PHONE, now=NOW)
        assert session.get_one(Payment, second).state == PaymentState.OPEN
        assert session.scalars(select(Order.revision)).all() == [1, 1]
