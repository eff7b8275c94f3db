"""Whatever happens to an order's payments, in whatever order: no fen is lost or made."""
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine, select, text

from handlers.payment import (
    Prepay,
    RecordRefund,
    ask_payment,
    begin_prepay,
    expire_unpaid,
    held_fen,
    note_closed,
    record_payment,
    record_refund,
    refund_order,
    retire_payments,
)
from models.base import Session
from models.ledger import held_for
from models.payment import Payment, PaymentState, Refund, RefundState
from models.rules.order_state import OrderEvent, OrderState, is_allowed
from tests.support.payment import (
    MCH,
    NOW,
    a_campus,
    a_person,
    an_order,
    balances,
    environment,
    paid,
    revise,
)

CHOICE = st.integers(0, 5)


class Payments(RuleBasedStateMachine):
    """One order, up to three payers, and WeChat Pay as it really behaves: `at_wechat` says of
    each number whether it is NOTPAY, SUCCESS or CLOSED there, whatever we believe of it."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.connection = self.engine.connect()
        self.session = Session(self.connection, expire_on_commit=False)
        a_campus(self.session)
        self.order = an_order(self.session, a_person(self.session, "o-0"))
        self.at_wechat: dict[int, str] = {}
        self.now: datetime = NOW
        self.first_paid_at: datetime | None = None

    def teardown(self) -> None:
        try:
            self.bring_all_news()
            self.session.flush()
            self.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        finally:
            self.session.close()
            self.connection.close()

    @property
    def payments(self) -> list[Payment]:
        return Payment.of_order(self.session, self.order.id)

    def some(self, things: list, choice: int):
        return things[choice % len(things)] if things else None

    @rule(minutes=st.sampled_from([0, 1, 5, 16]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(who=st.integers(0, 2))
    def a_link_is_asked_for(self, who: int) -> None:
        if self.order.state == OrderState.AWAITING_PAYMENT:
            payer = a_person(self.session, f"o-{who}")
            ask_payment(self.session, self.order, payer, now=self.now)

    @rule(choice=CHOICE)
    def the_page_asks_for_the_sheet(self, choice: int) -> None:
        if payment := self.some(self.payments, choice):
            begun = begin_prepay(self.session, payment.id, now=self.now)
            if isinstance(begun, Prepay):
                self.at_wechat.setdefault(payment.id, "NOTPAY")

    @rule(choice=CHOICE, is_told=st.booleans())
    def somebody_pays(self, choice: int, is_told: bool) -> None:
        payable = [p for p in self.payments if self.at_wechat.get(p.id) == "NOTPAY"]
        if payment := self.some(payable, choice):
            self.at_wechat[payment.id] = "SUCCESS"
            if is_told:
                self.tell(payment)

    @rule(choice=CHOICE)
    def a_notice_comes_again(self, choice: int) -> None:
        told = [p for p in self.payments if self.at_wechat.get(p.id) == "SUCCESS"]
        if payment := self.some(told, choice):
            self.tell(payment)

    @rule(choice=CHOICE, other=st.sampled_from([
        {"amount_fen": 1}, {"app_id": "wx0"}, {"payer_openid": "o-9"}]))
    def a_false_notice_comes(self, choice: int, other: dict) -> None:
        if payment := self.some(self.payments, choice):
            before = balances(self.session)
            record_payment(self.session, paid(payment, **other), our_mch_id=MCH, now=self.now)
            assert balances(self.session) == before

    def tell(self, payment: Payment) -> None:
        record_payment(self.session, paid(payment, paid_at=self.now), our_mch_id=MCH,
                       now=self.now)

    @rule(choice=CHOICE)
    def a_worker_closes(self, choice: int) -> None:
        closing = [p for p in self.payments if p.state == PaymentState.CLOSING]
        if payment := self.some(closing, choice):
            if self.at_wechat.get(payment.id) == "SUCCESS":
                self.tell(payment)
            else:
                self.at_wechat[payment.id] = "CLOSED"
                note_closed(self.session, payment.id, now=self.now)

    @rule()
    def the_clock_looks(self) -> None:
        expire_unpaid(self.session, self.order.id, now=self.now)

    @rule()
    def the_student_cancels(self) -> None:
        if is_allowed(OrderState(self.order.state), OrderEvent.CANCELLED):
            retire_payments(self.session, self.order, now=self.now)
            self.order.apply(self.session, OrderEvent.CANCELLED, now=self.now)
            refund_order(self.session, self.order, "cancelled", now=self.now)

    @rule()
    def the_kitchen_says_no(self) -> None:
        if self.order.state == OrderState.PAID:
            self.order.apply(self.session, OrderEvent.REJECTED, now=self.now)
            refund_order(self.session, self.order, "shop_said_no", now=self.now)

    @rule(more=st.integers(1, 9))
    def the_student_changes_and_confirms(self, more: int) -> None:
        if self.order.state == OrderState.AWAITING_PAYMENT:
            retire_payments(self.session, self.order, now=self.now)
            revise(self.session, self.order, payable_fen=self.order.payable_fen + more * 100)
            self.order.pay_until = self.now + timedelta(minutes=15)
            self.order.apply(self.session, OrderEvent.CONFIRMED, now=self.now)

    @rule(choice=CHOICE, state=st.sampled_from(["PROCESSING", "SUCCESS", "ABNORMAL"]))
    def news_of_a_refund(self, choice: int, state: str) -> None:
        if refund := self.some(self.refunds, choice):
            self.refund_news(refund, state)

    @property
    def refunds(self) -> list[Refund]:
        return list(self.session.scalars(select(Refund).order_by(Refund.id)))

    def refund_news(self, refund: Refund, state: str) -> None:
        assert record_refund(self.session, RecordRefund(
            refund.out_refund_no, "5030", state, refund.amount_fen, MCH, self.now),
            our_mch_id=MCH, now=self.now)

    @invariant()
    def every_fen_is_held_or_on_its_way_back(self) -> None:
        came = sum(p.paid_fen for p in self.payments if p.state == PaymentState.PAID)
        gone = sum(r.amount_fen for r in self.refunds if r.state == RefundState.SUCCEEDED)
        going = sum(r.amount_fen for r in self.refunds) - gone
        assert balances(self.session).get("wechat", 0) == came - gone
        assert held_fen(self.session, self.order.id) == came - gone - going

    @invariant()
    def at_most_one_payment_counts_and_the_rest_goes_back_whole(self) -> None:
        done = [p for p in self.payments if p.state == PaymentState.PAID]
        assert sum(not p.is_surplus for p in done) == (self.order.paid_at is not None)
        for payment in done:
            refunds = [r.amount_fen for r in Refund.of_payment(self.session, payment.id)]
            if payment.is_surplus:
                assert refunds == [payment.paid_fen]
            else:
                assert sum(refunds) <= payment.paid_fen == payment.amount_fen

    @invariant()
    def the_order_agrees_with_the_money(self) -> None:
        if self.order.state in (OrderState.PAID, OrderState.COOKING):
            assert held_fen(self.session, self.order.id) == self.order.payable_fen
        else:
            assert held_fen(self.session, self.order.id) == 0

    @invariant()
    def an_expired_order_can_no_longer_be_paid(self) -> None:
        if self.order.state == OrderState.EXPIRED:
            assert "NOTPAY" not in self.at_wechat.values()
        for payment in self.payments:
            if payment.state == PaymentState.CLOSED:
                assert self.at_wechat.get(payment.id, "CLOSED") == "CLOSED"

    @invariant()
    def the_paid_time_is_written_once(self) -> None:
        self.first_paid_at = self.first_paid_at or self.order.paid_at
        assert self.order.paid_at == self.first_paid_at

    def bring_all_news(self) -> None:
        """When everybody has heard everything, what WeChat holds is what the order is worth."""
        for payment in self.payments:
            if self.at_wechat.get(payment.id) == "SUCCESS":
                self.tell(payment)
        for refund in self.refunds:
            self.refund_news(refund, "SUCCESS")
        left = self.order.payable_fen if self.order.state == OrderState.PAID else 0
        expected = {"wechat": left, held_for(self.order.id): -left} if left else {}
        assert balances(self.session) == expected


@pytest.mark.usefixtures("database")
def test_no_fen_is_lost_whatever_happens_in_whatever_order(engine: Engine) -> None:
    class OnEngine(Payments):
        pass

    OnEngine.engine = engine
    with environment(SECRET_KEY="k" * 32, PUBLIC_URL="http://127.0.0.1:8000"):
        run_state_machine_as_test(OnEngine, settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, print_blob=True,
            suppress_health_check=list(HealthCheck)))


