"""Numbers, tokens and codes of payments and refunds, and what the database itself refuses."""
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError

from models.payment import (
    Payment,
    PaymentState,
    Refund,
    new_number,
    new_token,
    refund_code,
)
from tests.support.payment import (
    NOW,
    a_campus,
    a_payment,
    a_person,
    an_order,
    environment,
)


@pytest.fixture
def session(database):
    with environment(SECRET_KEY="k" * 32), database() as session:
        a_campus(session)
        yield session
        session.rollback()


@pytest.fixture
def order(session):
    return an_order(session, a_person(session, "o-ming"))


def test_numbers_fit_wechat_pay_and_never_repeat():
    now = datetime(2026, 9, 21, 4, 0, tzinfo=UTC)
    numbers = {new_number("P", now) for _ in range(2000)}

    assert len(numbers) == 2000
    assert all(re.fullmatch(r"[0-9A-Za-z]{6,32}", number) for number in numbers)


def test_tokens_hold_256_random_bits():
    tokens = {new_token() for _ in range(2000)}

    assert len(tokens) == 2000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_refund_codes_are_r_and_up_to_four_digits(session):
    codes = [refund_code(session) for _ in range(5)]

    assert all(re.fullmatch(r"R[1-9]\d{0,3}", code) for code in codes)
    assert len(set(codes)) == 5


def test_an_order_has_at_most_one_payment_that_counts(session, order):
    first, second = (a_payment(session, order, a_person(session, who)) for who in ("o-1", "o-2"))
    first.state = PaymentState.PAID
    session.flush()
    second.state, second.is_surplus = PaymentState.PAID, True
    session.flush()

    second.is_surplus = False
    with pytest.raises(IntegrityError, match="uq_payments_counted"):
        session.flush()


@pytest.mark.parametrize("name", ["out_trade_no", "token", "transaction_id"])
def test_what_names_a_payment_names_one_only(session, order, name):
    first, second = (a_payment(session, order, a_person(session, who)) for who in ("o-1", "o-2"))
    first.transaction_id = "42"
    setattr(second, name, getattr(first, name))

    with pytest.raises(IntegrityError, match=f"uq_payments_{name}"):
        session.flush()


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_and_less_is_not_refunded(session, order, amount):
    session.add(Refund(payment_id=a_payment(session, order).id, code="R1", out_refund_no="R1",
                       amount_fen=amount, reason="late", created_at=NOW))
    with pytest.raises(IntegrityError, match="amount_positive"):
        session.flush()


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_and_less_is_not_paid(session, order, amount):
    a_payment(session, order).amount_fen = amount
    with pytest.raises(IntegrityError, match="amount_positive"):
        session.flush()


def test_payments_are_found_by_token_number_and_order(session, order):
    payment = a_payment(session, order)

    assert Payment.by_token(session, payment.token) is payment
    assert Payment.by_number(session, payment.out_trade_no) is payment
    assert Payment.of_order(session, order.id, PaymentState.OPEN) == [payment]
    assert Payment.of_order(session, order.id, PaymentState.PAID) == []
    assert Payment.by_token(session, "x") is Payment.by_number(session, "x") is None
