"""The newcomers' discount is in one order, whoever takes what back at the same moment."""
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from sqlalchemy import select

from config.texts import Reply
from handlers import kitchen, undo
from handlers import order as ordering
from handlers.payment import record_payment
from handlers.speaker import Speaker
from models.base import Session, Sessions
from models.campus import Campus
from models.order import Order
from models.person import Person
from models.rules.order_state import OrderState
from tests.support.payment import APP, MCH, NOW, a_payment, at_once, paid

pytestmark = pytest.mark.usefixtures("newcomers")


def speaker(session: Session, name: str) -> Speaker:
    return Speaker(session, Person.lock(session, APP, name, now=NOW),
                   session.scalars(select(Campus)).one())


def ordered(session: Session) -> Order:
    before = set(session.scalars(select(Order.id)))
    ordering.place_order(session, speaker(session, "o-1"), ordering.PlaceOrder(
        (ordering.Item("k1"),), "d12", "302"), now=NOW)
    return session.scalars(select(Order).where(Order.id.not_in(before))).one()


def confirm(session: Session, order_id: int) -> Reply:
    return ordering.confirm_order(session, speaker(session, "o-1"),
                                  ordering.ConfirmOrder(order_id), now=NOW)


@pytest.fixture
def rejected() -> int:
    """A first order that was paid, with its discount, and that the kitchen said no to just now."""
    with Sessions.begin() as session:
        order = ordered(session)
        confirm(session, order.id)
        record_payment(session, paid(a_payment(session, order)), our_mch_id=MCH, now=NOW)
        kitchen.reject_order(session, speaker(session, "o-owner"),
                             kitchen.AnswerOrder(order.id), now=NOW)
        assert order.discount_fen == 500
        return order.id


@pytest.mark.parametrize("_", range(3))
def test_a_no_taken_back_while_the_buyer_confirms_another_leaves_one_discount(rejected, _):
    with Sessions.begin() as session:
        other = ordered(session)
        assert other.discount_fen == 500
        other_id = other.id
    both_are_through = Barrier(2)

    def together() -> None:
        """Before either commits, the other has looked; unless one waits for the other."""
        with suppress(BrokenBarrierError):
            both_are_through.wait(1)

    def take_back(session: Session) -> Reply:
        cook = speaker(session, "o-owner")
        last = undo.take(cook.person, order_id=None, now=NOW)
        assert last is not None
        reply = kitchen.undo_reject(session, cook, last, now=NOW)
        session.flush()
        together()
        return reply

    def confirm_other(session: Session) -> Reply:
        reply = confirm(session, other_id)
        session.flush()
        together()
        return reply

    outcomes = at_once(take_back, confirm_other)
    assert all(isinstance(outcome, Reply) for outcome in outcomes)
    with Sessions() as session:
        holding = session.scalars(select(Order).where(
            Order.discount_fen > 0, Order.state.in_(
                [OrderState.AWAITING_PAYMENT, OrderState.PAID]))).all()
        assert len(holding) == 1
