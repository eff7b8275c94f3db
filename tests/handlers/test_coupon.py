"""A coupon pays in one order at a time, whatever its owner and the kitchen do and take back."""
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from handlers import kitchen, undo
from handlers import order as ordering
from handlers.coupon import offers_of
from handlers.payment import begin_prepay, expire_unpaid, record_payment
from handlers.speaker import Speaker
from models.base import Session, Sessions
from models.campus import Campus
from models.coupon import Coupon
from models.order import Order
from models.payment import Payment, PaymentState
from models.person import Person
from models.rules.order_state import UNPAID, OrderState
from tests.support.payment import (
    APP,
    MCH,
    NOW,
    a_campus,
    a_person,
    an_order,
    balances,
    paid,
    wechat_pay,
)

FREE = {OrderState.DRAFT, OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED}
DEEDS = ("order", "order", "confirm", "confirm", "pay", "pay", "cancel", "take_back", "reject",
         "take_back_reject", "accept", "wait", "wait")
steps = st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 5)), min_size=6, max_size=24)


@pytest.fixture(scope="module")
def wechat():
    with wechat_pay() as world:
        yield world


@dataclass
class Lunch:
    """One student with two coupons, one cook, and the time."""

    session: Session
    now: datetime = NOW
    used: int = 0

    def speaker(self, name: str) -> Speaker:
        person = Person.lock(self.session, APP, name, now=NOW)
        return Speaker(self.session, person, self.session.scalars(select(Campus)).one())

    def some(self, choice: int, *states: OrderState) -> Order | None:
        found = self.session.scalars(select(Order).where(Order.state.in_(states)).order_by(
            Order.id)).all()
        return found[choice % len(found)] if found else None

    def order(self, choice: int) -> None:
        ordering.place_order(self.session, self.speaker("o-1"), ordering.PlaceOrder(
            (ordering.Item("k1"),), "d12", "302"), now=self.now)

    def confirm(self, choice: int) -> None:
        if order := self.some(choice, *UNPAID):
            ordering.confirm_order(self.session, self.speaker("o-1"),
                                   ordering.ConfirmOrder(order.id), now=self.now)

    def pay(self, choice: int) -> None:
        """A link that was opened may be paid, however late; the news comes at once."""
        found = self.session.scalars(select(Payment).where(
            Payment.state != PaymentState.PAID).order_by(Payment.id)).all()
        if found:
            payment = found[choice % len(found)]
            if payment.state == PaymentState.OPEN:
                begin_prepay(self.session, payment.id, now=self.now)
            record_payment(self.session, paid(payment, paid_at=self.now), our_mch_id=MCH,
                           now=self.now)

    def cancel(self, choice: int) -> None:
        if order := self.some(choice, *UNPAID, OrderState.PAID):
            ordering.cancel_order(self.session, self.speaker("o-1"),
                                  ordering.CancelOrder(order.id, is_sure=True), now=self.now)

    def take_back(self, choice: int) -> None:
        buyer = self.speaker("o-1")
        last = undo.take(buyer.person, order_id=None, now=self.now)
        if last and last["kind"] == "cancel":
            ordering.undo_cancel(self.session, buyer, last, now=self.now)

    def reject(self, choice: int) -> None:
        if order := self.some(choice, OrderState.PAID):
            kitchen.reject_order(self.session, self.speaker("o-owner"),
                                 kitchen.AnswerOrder(order.id), now=self.now)

    def take_back_reject(self, choice: int) -> None:
        cook = self.speaker("o-owner")
        last = undo.take(cook.person, order_id=None, now=self.now)
        if last and last["kind"] == "reject":
            kitchen.undo_reject(self.session, cook, last, now=self.now)

    def accept(self, choice: int) -> None:
        if order := self.some(choice, OrderState.PAID):
            kitchen.accept_order(self.session, self.speaker("o-owner"),
                                 kitchen.AnswerOrder(order.id), now=self.now)

    def wait(self, choice: int) -> None:
        self.now += timedelta(seconds=(5, 40, 60, 61, 130, 16 * 60)[choice])
        for order_id in self.session.scalars(select(Order.id).where(
                Order.state == OrderState.AWAITING_PAYMENT)).all():
            expire_unpaid(self.session, order_id, now=self.now)

    def check(self) -> None:
        self.session.flush()
        orders = self.session.scalars(select(Order)).all()
        live = [order.coupon_id for order in orders
                if order.coupon_id and order.state not in FREE]
        assert len(live) == len(set(live))
        for order in orders:
            off = [each["off_fen"] for each in order.discounts if each["kind"] == "referral"]
            assert off == ([300] if order.coupon_id else [])
            assert order.discount_fen == sum(off)
        assert sum(balances(self.session).values()) == 0
        self.used = max(self.used, len(live))


def a_lunch(session: Session) -> Lunch:
    a_campus(session)
    lunch = Lunch(session)
    buyer = lunch.speaker("o-1").person
    for key in ("one", "other"):
        Coupon.give(session, buyer.id, key, kind="referral", off_fen=300, threshold_fen=1500,
                    created_at=NOW, good_until=NOW + timedelta(days=30))
    return lunch


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_a_coupon_is_in_one_order_whatever_comes_and_is_taken_back(database, wechat, told):
    with Sessions() as session:  # nothing of it stays
        lunch = a_lunch(session)
        for deed, choice in told:
            getattr(lunch, deed)(choice)
            lunch.check()


def test_of_three_orders_two_have_a_coupon_and_the_third_one_that_came_back(database, wechat):
    with Sessions() as session:
        lunch = a_lunch(session)
        for _ in range(3):
            for deed in (lunch.order, lunch.confirm, lunch.pay):
                deed(-1)
        assert [order.discount_fen for order in session.scalars(select(Order).order_by(
            Order.id))] == [300, 300, 0]
        lunch.reject(0)
        lunch.order(-1)
        assert lunch.some(-1, OrderState.DRAFT).discount_fen == 0  # the cook may think again
        lunch.wait(4)
        lunch.take_back_reject(0)
        lunch.confirm(-1)  # quoted anew: the coupon is free
        lunch.confirm(-1)
        lunch.pay(-1)
        assert lunch.some(-1, OrderState.PAID).discount_fen == 300
        lunch.check()
        assert lunch.used == 2


def test_the_coupon_that_saves_most_is_offered_however_many_there_are(database):
    with Sessions.begin() as session:
        a_campus(session)
        buyer = a_person(session, "collector")
        for day in range(1, 13):
            Coupon.give(session, buyer.id, f"gift {day}", kind="referral", off_fen=100 * day,
                        threshold_fen=0, created_at=NOW, good_until=NOW + timedelta(days=day))
        offers = offers_of(session, an_order(session, buyer), now=NOW)
    assert max(offer.off_fen for offer in offers) == 1200
