"""Debts to WeChat Pay, paid to the simulator: closing, refunding, asking."""
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from threading import Thread

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import sessionmaker

from gateways.wxpay import WxPay
from handlers.payment import (
    begin_prepay,
    expire_unpaid,
    notify_url,
    record_payment,
    refund_order,
    refund_part,
    retire_payments,
)
from models.base import Session, Sessions, utcnow
from models.ledger import held_for, owed_back
from models.order import Order
from models.outbox import Outbox
from models.payment import Payment, PaymentState, Refund, RefundState
from models.rules.order_state import OrderEvent, OrderState
from simulator import cashier
from simulator.world import World
from tests.support.death import Death
from tests.support.payment import (
    a_campus,
    a_payment,
    a_person,
    an_order,
    at_once,
    balances,
    debts,
    fresh,
    paid,
    wechat_pay,
)
from tests.support.simulator import credentials, pay_settings
from workers import payment as work

CLOSE = "/v3/pay/transactions/out-trade-no/*/close"
QUERY = "/v3/pay/transactions/out-trade-no/*"
REFUND = "/v3/refund/domestic/refunds"
REFUND_QUERY = "/v3/refund/domestic/refunds/*"
APP = credentials().app_id
MCH = credentials().mch_id


@pytest.fixture(scope="module")
def same_world() -> Iterator[World]:
    """WeChat's side, where news of refunds comes only when it is asked for."""
    with wechat_pay(refund_takes_s=1e6, notify_scale=1e6) as world:
        world.add_phone("小明")
        yield world


@pytest.fixture
def world(same_world: World, database: sessionmaker) -> World:
    fresh(same_world)
    return same_world


@pytest.fixture
def now() -> datetime:
    return utcnow()


@pytest.fixture
def payment(world: World, now: datetime) -> Payment:
    """Placed at WeChat Pay, its pay sheet on the phone."""
    with Sessions.begin() as session:
        a_campus(session, app_id=APP)
        buyer = a_person(session, world.phone("小明").openid, app_id=APP)
        payment = a_payment(session, an_order(session, buyer, now=now), now=now, asked=False)
        begun = begin_prepay(session, payment.id, now=now)
    payment.prepay_id = WxPay(pay_settings(world), api_base=world.base_url).prepay(
        payment.out_trade_no, app_id=APP, openid=begun.openid, amount_fen=payment.amount_fen,
        description=begun.description, notify_url=notify_url("payment"),
        expires_at=begun.expires_at)
    return payment


def pay(world: World, payment: Payment) -> None:
    """The money is taken; the news of it is lost."""
    assert world.pay("小明", payment.prepay_id)["err_msg"] == cashier.OK


def refund_due(payment: Payment, world: World, now: datetime) -> Refund:
    """Paid, then cancelled."""
    pay(world, payment)
    with Sessions.begin() as session:
        record(session, payment, now)
        order = Order.lock(session, payment.order_id)
        order.apply(session, OrderEvent.CANCELLED, now=now)
        return refund_order(session, order, "cancelled", now=now)


def record(session: Session, payment: Payment, now: datetime) -> None:
    record_payment(session, paid(payment, app_id=APP, mch_id=MCH, paid_at=now,
                                 payer_openid=session.get_one(Payment, payment.id).payer.openid),
                   our_mch_id=MCH, now=now)


def retired(payment: Payment, now: datetime) -> Outbox:
    """Its time is over: WeChat Pay must be told."""
    with Sessions.begin() as session:
        expire_unpaid(session, payment.order_id, now=now)
        return debts(session, "payment.close")[0]


def the(kind: str) -> Outbox:
    with Sessions.begin() as session:
        return debts(session, kind)[-1]


def state_of(payment: Payment) -> tuple[str, str]:
    with Sessions.begin() as session:
        payment = session.get_one(Payment, payment.id)
        return payment.order.state, payment.state


def ledger() -> dict[str, int]:
    with Sessions.begin() as session:
        return balances(session)


def calls(world: World, path: str) -> int:
    return sum(1 for entry in world.journal.entries() if entry.get("path", "").startswith(path))


# Closing

def test_an_unpaid_order_is_closed_at_wechat_pay_and_then_expires(world, payment, now):
    late = now + timedelta(minutes=15)
    debt = retired(payment, late)
    assert state_of(payment) == (OrderState.AWAITING_PAYMENT, PaymentState.CLOSING)

    work.close(debt.id, now=late)

    assert world.orders[payment.out_trade_no].state == "CLOSED"
    assert state_of(payment) == (OrderState.EXPIRED, PaymentState.CLOSED)
    assert the("payment.close").outcome == "closed"
    assert world.pay("小明", payment.prepay_id)["err_msg"] == cashier.FAIL


@pytest.mark.parametrize("code", ["ORDERPAID", "TRADE_ERROR"])
def test_a_close_refused_because_it_is_paid_books_the_money(world, payment, now, code):
    world.knobs.close_paid_code = code
    pay(world, payment)
    late = now + timedelta(minutes=15)
    work.close(retired(payment, late).id, now=late)

    assert state_of(payment) == (OrderState.PAID, PaymentState.PAID)
    assert ledger() == {"wechat": 1750, held_for(payment.order_id): -1750}
    assert the("payment.close").outcome == "paid"


def test_money_found_at_closing_a_cancelled_order_goes_back(world, payment, now):
    pay(world, payment)
    with Sessions.begin() as session:
        order = Order.lock(session, payment.order_id)
        order.apply(session, OrderEvent.CANCELLED, now=now)
        retire_payments(session, order, now=now)
    work.close(the("payment.close").id, now=now)
    work.ask_refund(the("refund.ask").id, now=now)

    assert state_of(payment) == (OrderState.CANCELLED, PaymentState.PAID)
    assert [r.amount for r in world.refunds.values()] == [1750]


def test_a_payment_that_was_never_placed_closes_without_a_fuss(world, now):
    with Sessions.begin() as session:
        a_campus(session, app_id=APP)
        buyer = a_person(session, world.phone("小明").openid, app_id=APP)
        payment = a_payment(session, an_order(session, buyer, now=now), now=now)
    late = now + timedelta(minutes=15)
    work.check(the("payment.check").id, now=now)
    assert the("payment.check").settled_at is None
    work.close(retired(payment, late).id, now=late)
    work.check(the("payment.check").id, now=late)

    assert state_of(payment) == (OrderState.EXPIRED, PaymentState.CLOSED)
    assert the("payment.check").outcome == "not paid"


@pytest.mark.parametrize("fault", [{"status": 500}, {"cut": True}, {"lose_answer": True}])
def test_a_close_without_an_answer_is_tried_again(world, payment, now, fault):
    late = now + timedelta(minutes=15)
    debt = retired(payment, late)
    world.faults.add(CLOSE, **fault)
    work.close(debt.id, now=late)
    assert state_of(payment) == (OrderState.AWAITING_PAYMENT, PaymentState.CLOSING)
    assert the("payment.close").settled_at is None
    assert the("payment.close").due_at == late + timedelta(seconds=10)

    work.close(debt.id, now=late)
    assert state_of(payment) == (OrderState.EXPIRED, PaymentState.CLOSED)


def test_a_refused_close_is_a_dead_letter_and_the_order_waits(world, payment, now):
    late = now + timedelta(minutes=15)
    world.faults.add(CLOSE, status=403, code="NO_AUTH")
    work.close(retired(payment, late).id, now=late)

    assert the("payment.close").outcome.startswith("dead: NO_AUTH")
    assert state_of(payment) == (OrderState.AWAITING_PAYMENT, PaymentState.CLOSING)


def test_what_is_settled_asks_nothing(world, payment, now):
    late = now + timedelta(minutes=15)
    debt = retired(payment, late)
    with Sessions.begin() as session:
        record(session, payment, now)
    work.close(debt.id, now=late)
    work.close(debt.id, now=late)

    assert the("payment.close").outcome == PaymentState.PAID
    assert world.orders[payment.out_trade_no].state == "NOTPAY"


# Asking

def test_a_payment_whose_news_was_lost_is_found_by_asking(world, payment, now):
    pay(world, payment)
    work.check(the("payment.check").id, now=now + timedelta(seconds=30))

    assert state_of(payment) == (OrderState.PAID, PaymentState.PAID)
    assert the("payment.check").outcome == "counted"


def test_asking_goes_on_ever_more_slowly_until_it_is_closed(world, payment, now):
    debt, at, waits = the("payment.check"), now + timedelta(seconds=30), []
    for _ in range(7):
        work.check(debt.id, now=at)
        waits.append((the("payment.check").due_at - at).total_seconds())
        at = the("payment.check").due_at
    assert waits == [60, 180, 300, 600, 1800, 1800, 1800]

    work.close(retired(payment, at).id, now=at)
    work.check(debt.id, now=at)
    assert the("payment.check").outcome == "closed"


def test_asking_stops_when_the_money_is_booked(world, payment, now):
    with Sessions.begin() as session:
        record(session, payment, now)
    work.check(the("payment.check").id, now=now)

    assert the("payment.check").outcome == PaymentState.PAID
    assert world.orders[payment.out_trade_no].state == "NOTPAY"


def test_an_order_that_wechat_pay_closed_by_itself_is_closed_here_too(world, payment, now):
    world.orders[payment.out_trade_no].state = "CLOSED"
    work.check(the("payment.check").id, now=now)

    assert state_of(payment) == (OrderState.AWAITING_PAYMENT, PaymentState.CLOSED)


def test_no_answer_to_the_question_leaves_it_due(world, payment, now):
    pay(world, payment)
    world.faults.add(QUERY, status=502)
    debt = the("payment.check")
    work.check(debt.id, now=now)
    assert the("payment.check").settled_at is None

    work.check(debt.id, now=now)
    assert state_of(payment) == (OrderState.PAID, PaymentState.PAID)


def test_a_false_notice_is_set_right_by_asking(world, payment, now):
    pay(world, payment)
    with Sessions.begin() as session:
        openid = session.get_one(Payment, payment.id).payer.openid
        record_payment(session, paid(payment, app_id=APP, mch_id=MCH, payer_openid=openid,
                                     amount_fen=1), our_mch_id=MCH, now=now)
    work.check(the("payment.check").id, now=now)

    assert state_of(payment) == (OrderState.PAID, PaymentState.PAID)
    assert ledger() == {"wechat": 1750, held_for(payment.order_id): -1750}


def test_money_that_wechat_pay_confirms_in_another_amount_goes_back(world, payment, now):
    world.orders[payment.out_trade_no].total = 17
    pay(world, payment)
    work.check(the("payment.check").id, now=now)
    work.ask_refund(the("refund.ask").id, now=now)

    refund, = world.refunds.values()
    assert refund.amount == 17
    assert state_of(payment) == (OrderState.AWAITING_PAYMENT, PaymentState.PAID)
    assert ledger() == {"wechat": 17, owed_back(payment.id): -17}


# Refunding

def test_a_refund_is_followed_until_the_money_is_back(world, payment, now):
    refund = refund_due(payment, world, now)
    debt = the("refund.ask")
    work.ask_refund(debt.id, now=now)
    assert refund_state(refund) == RefundState.PROCESSING
    assert the("refund.ask").due_at == now + timedelta(seconds=10)
    work.ask_refund(debt.id, now=now)
    assert the("refund.ask").settled_at is None

    cashier.settle_refund(world, refund.out_refund_no)
    work.ask_refund(debt.id, now=now)

    assert refund_state(refund) == RefundState.SUCCEEDED
    assert the("refund.ask").outcome == "succeeded"
    assert ledger() == {}
    told = world.refunds[refund.out_refund_no].params
    assert told["reason"] == "订单已取消，原路退回"
    assert told["notify_url"] == notify_url("refund")
    assert the("notice").payload["template"] == "refunded"


def test_a_refund_that_is_settled_is_not_asked_for_again(world, payment, now):
    refund = refund_due(payment, world, now)
    debt = the("refund.ask")
    work.ask_refund(debt.id, now=now)
    cashier.settle_refund(world, refund.out_refund_no)
    work.ask_refund(debt.id, now=now)
    before = the("refund.ask")
    world.journal.clear()

    work.ask_refund(debt.id, now=now + timedelta(hours=1))

    assert calls(world, REFUND) == 0
    after = the("refund.ask")
    assert (after.attempts, after.settled_at) == (before.attempts, before.settled_at)


def refund_state(refund: Refund) -> str:
    with Sessions.begin() as session:
        return session.get_one(Refund, refund.id).state


@pytest.mark.parametrize(("status", "state"), [
    ("CLOSED", RefundState.CLOSED), ("ABNORMAL", RefundState.ABNORMAL)])
def test_a_refund_that_fails_is_a_dead_letter_that_a_person_sees(
        world, payment, now, status, state):
    refund = refund_due(payment, world, now)
    work.ask_refund(the("refund.ask").id, now=now)
    cashier.settle_refund(world, refund.out_refund_no, status)
    work.ask_refund(the("refund.ask").id, now=now)

    assert refund_state(refund) == state
    assert the("refund.ask").outcome.startswith("dead: ")
    assert all(d.payload["template"] != "refunded" for d in all_of("notice"))


def all_of(kind: str) -> list[Outbox]:
    with Sessions.begin() as session:
        return debts(session, kind)


@pytest.mark.parametrize("fault", [{"status": 500}, {"cut": True}, {"lose_answer": True},
                                   {"status": 403, "code": "NOT_ENOUGH"}])
def test_a_refund_without_a_clear_answer_is_asked_again_under_the_same_number(
        world, payment, now, fault):
    refund = refund_due(payment, world, now)
    world.faults.add(REFUND, **fault)
    debt = the("refund.ask")
    work.ask_refund(debt.id, now=now)
    assert refund_state(refund) == RefundState.DUE
    assert the("refund.ask").settled_at is None

    work.ask_refund(debt.id, now=now)
    assert refund_state(refund) == RefundState.PROCESSING
    assert list(world.refunds) == [refund.out_refund_no]


def test_a_refused_refund_is_a_dead_letter(world, payment, now):
    refund = refund_due(payment, world, now)
    world.faults.add(REFUND, status=403, code="NO_AUTH")
    work.ask_refund(the("refund.ask").id, now=now)

    assert refund_state(refund) == RefundState.ABNORMAL
    assert the("refund.ask").outcome.startswith("dead: NO_AUTH")
    assert ledger() == {"wechat": 1750, owed_back(payment.id): -1750}


def test_a_stuck_refund_is_followed_for_days_before_it_is_given_up(world, payment, now):
    refund_due(payment, world, now)
    debt = the("refund.ask")
    for at in (now, now + timedelta(days=9), now + timedelta(days=11)):
        world.faults.add(REFUND, status=500)
        world.faults.add(REFUND_QUERY, status=500)
        work.ask_refund(debt.id, now=at)
        assert (the("refund.ask").settled_at is None) == (at < now + timedelta(days=10))


def test_nothing_is_locked_while_wechat_pay_makes_us_wait(world, payment, now):
    refund_due(payment, world, now)
    debt = the("refund.ask")
    world.faults.add(REFUND, delay_s=1.5)
    waiting = Thread(target=work.ask_refund, args=(debt.id,), kwargs={"now": now})
    waiting.start()
    deadline = time.monotonic() + 5
    while the("refund.ask").attempts == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    with Sessions.begin() as session:
        assert waiting.is_alive()
        for table in ("orders", "payments", "refunds", "outbox"):
            session.execute(text(f"SELECT id FROM {table} FOR UPDATE NOWAIT"))
        idle = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' " \
               "AND datname = current_database()"
        assert session.scalar(text(idle)) == 0
    waiting.join()


# The limits of refunds

def parts_of(payment: Payment, world: World, now: datetime, *amounts: int) -> list[Refund]:
    """Paid and counted; so much goes back, part by part."""
    pay(world, payment)
    with Sessions.begin() as session:
        record(session, payment, now)
        order = Order.lock(session, payment.order_id)
        return [refund_part(session, order, fen, "sold_out", now=now) for fen in amounts]


def test_parts_of_one_payment_are_asked_for_a_minute_apart(world, payment, now):
    world.knobs.refunds_apart_s = 60
    parts_of(payment, world, now, 300, 200, 100)
    for minutes in range(4):
        at = now + timedelta(minutes=minutes, seconds=2 * minutes)
        world.knobs.wire_skew_s = 0
        for debt in all_of("refund.ask"):
            if debt.due_at <= at and debt.settled_at is None:
                work.ask_refund(debt.id, now=at)
        assert len(world.refunds) == min(minutes + 1, 3)
        world.advance(62)
    asked = [entry for entry in world.journal.entries() if entry.get("path") == REFUND]
    assert [entry["status"] for entry in asked] == [200, 200, 200]
    assert sum(r.amount for r in world.refunds.values()) == 600


@pytest.mark.parametrize("limit", ["parts", "year"])
def test_what_wechat_pay_would_refuse_is_not_asked_and_a_person_sees_it(
        world, payment, now, limit):
    refund, = parts_of(payment, world, now, 300)
    with Sessions.begin() as session:
        if limit == "year":
            session.get_one(Payment, payment.id).paid_at = now - timedelta(days=366)
        else:
            for number in range(50):
                session.add(Refund(
                    payment_id=payment.id, code="R9", amount_fen=1, out_refund_no=f"R0{number}",
                    reason="sold_out", created_at=now, state=RefundState.SUCCEEDED,
                    asked_at=now - timedelta(days=1)))
    work.ask_refund(the("refund.ask").id, now=now)

    assert refund_state(refund) == RefundState.ABNORMAL
    assert the("refund.ask").outcome.startswith("dead: RULE_LIMIT")
    assert world.refunds == {}


def test_parts_decided_at_once_never_exceed_what_was_paid(world, payment, now):
    parts_of(payment, world, now)

    def part(session: Session) -> int:
        order = Order.lock(session, payment.order_id)
        refund = refund_part(session, order, 500, "sold_out", now=now)
        return refund.amount_fen if refund else 0

    assert sorted(at_once(*[part] * 6)) == [0, 0, 250, 500, 500, 500]


# Dying

DEATHS = [(number, after) for number in (1, 2) for after in (False, True)]


def twice(job: Callable[..., None], debt: Outbox, now: datetime, death: tuple[int, bool]) -> None:
    number, after = death
    with Death(number, after=after):
        job(debt.id, now=now)
    for _ in range(2):
        job(debt.id, now=now)


@pytest.mark.parametrize("death", DEATHS)
def test_a_close_may_die_at_any_commit(world, payment, now, death):
    late = now + timedelta(minutes=15)
    twice(work.close, retired(payment, late), late, death)

    assert state_of(payment) == (OrderState.EXPIRED, PaymentState.CLOSED)
    assert the("payment.close").settled_at is not None


@pytest.mark.parametrize("death", DEATHS)
def test_a_check_may_die_at_any_commit(world, payment, now, death):
    pay(world, payment)
    twice(work.check, the("payment.check"), now, death)

    assert state_of(payment) == (OrderState.PAID, PaymentState.PAID)
    assert ledger() == {"wechat": 1750, held_for(payment.order_id): -1750}
    assert [d.payload["template"] for d in all_of("notice")] == ["paid", "merchant_order", None]


@pytest.mark.parametrize("death", DEATHS)
def test_a_refund_may_die_at_any_commit_and_is_paid_out_once(world, payment, now, death):
    refund = refund_due(payment, world, now)
    twice(work.ask_refund, the("refund.ask"), now, death)
    cashier.settle_refund(world, refund.out_refund_no)
    twice(work.ask_refund, the("refund.ask"), now, death)

    assert [r.amount for r in world.refunds.values()] == [1750]
    assert refund_state(refund) == RefundState.SUCCEEDED
    assert ledger() == {}


def test_two_workers_with_the_same_refund_pay_it_out_once(world, payment, now):
    refund = refund_due(payment, world, now)
    debt = the("refund.ask")
    workers = [Thread(target=work.ask_refund, args=(debt.id,), kwargs={"now": now})
               for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert [r.amount for r in world.refunds.values()] == [1750]
    with Sessions.begin() as session:
        assert session.scalars(select(Refund.state)).all() == [RefundState.PROCESSING]
        assert balances(session) == {"wechat": 1750, owed_back(payment.id): -1750}
    assert refund.id
