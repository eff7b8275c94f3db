"""Money as a whole, lived through at random: people, kitchen, riders, the clock, WeChat Pay, and
processes that die at any commit. After every step the books must be in order; at the end, when
everybody has heard everything, what we booked is what WeChat Pay has."""
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, func, select

from gateways.errors import Refused, Unreachable
from gateways.wxpay import AlreadyPaid, RefundState, Transaction, TransferState
from handlers.order.cancel import call_off
from handlers.payment import (
    Prepay,
    ask_after_close,
    ask_payment,
    ask_unfollowed,
    begin_prepay,
    expire_unpaid,
    held_fen,
    lately_closed,
    mend_refund,
    record_payment,
    refund_order,
    refund_part,
    retire_payments,
    troubled_refunds,
    unfollowed_payments,
    withdraw_refund,
)
from handlers.payout import earned_fen, pay_out
from handlers.rider.handover import settle_delivered
from models import payment as rows
from models.base import Session, Sessions
from models.ledger import LedgerEntry, LedgerGroup
from models.order import Order
from models.outbox import Outbox
from models.payment import Payment, PaymentState, Refund
from models.payout import Payout, PayoutState
from models.rider import Rider
from models.rules.order_state import WANTS_RIDER, OrderEvent, OrderState, is_allowed
from tests.support.payment import (
    APP,
    MCH,
    NOW,
    a_campus,
    a_payment,
    a_person,
    an_order,
    balances,
    environment,
    paid,
)
from tests.support.simulator import credentials
from tests.support.stage import empty
from tests.workers.test_payment import Death
from workers.jobs import PAYERS

CHOICE = st.integers(0, 7)
MONEY = tuple(kind for kind, (queue, _, _) in PAYERS.items()
              if queue == "money" and kind != "reconcile")
DEATHS = st.sampled_from([None, None, None, (1, False), (1, True), (2, False), (2, True)])
BUSY_STEPS = 40
INVARIANTS = ("the_books_balance", "nobody_owes_us_and_nothing_is_given_twice",
              "what_we_hold_is_what_the_orders_are_worth",
              "whatever_is_not_over_is_owed_or_will_be_found",
              "a_rider_has_one_payout_at_a_time_and_no_debt")
FAULTS = st.sampled_from(["", "", "", "", "before", "after"])


@dataclass
class Till:
    """WeChat Pay, as the fact sheet has it: what it holds, and what it refuses."""

    now: datetime = NOW
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    transfers: dict[str, dict[str, Any]] = field(default_factory=dict)
    fault: str = ""

    @property
    def holds_fen(self) -> int:
        return (sum(o["fen"] for o in self.orders.values() if o["state"] == "SUCCESS")
                - sum(r["fen"] for r in self.refunds.values() if r["state"] == "SUCCESS")
                - sum(t["fen"] for t in self.transfers.values() if t["state"] == "SUCCESS"))

    def place(self, payment: Payment) -> None:
        self.orders.setdefault(payment.out_trade_no, {
            "state": "NOTPAY", "fen": payment.amount_fen, "payment": payment.id,
            "openid": payment.payer.openid, "at": None})

    def query(self, number: str) -> Transaction:
        with self._call():
            if number not in self.orders:
                raise Refused("ORDER_NOT_EXIST", "")
            order = self.orders[number]
            is_paid = order["state"] == "SUCCESS"
            return Transaction(order["state"], number, APP, MCH,
                               f"42{order['payment']:026d}" if is_paid else None, order["fen"],
                               order["openid"] if is_paid else None, order["at"], "")

    def close(self, number: str) -> None:
        with self._call():
            if number not in self.orders:
                raise Refused("ORDER_NOT_EXIST", "")
            if self.orders[number]["state"] == "SUCCESS":
                raise AlreadyPaid("ORDERPAID", "")
            self.orders[number]["state"] = "CLOSED"

    def refund(self, number: str, *, out_trade_no: str, refund_fen: int, total_fen: int,
               **_: Any) -> RefundState:
        with self._call():
            order = self.orders[out_trade_no]
            assert order["state"] == "SUCCESS", "nothing was paid"
            assert total_fen == order["fen"]
            mine = [r for n, r in self.refunds.items() if r["of"] == out_trade_no and n != number]
            live = sum(r["fen"] for r in mine if r["state"] != "CLOSED")
            assert live + refund_fen <= order["fen"], "more would go back than came"
            if number not in self.refunds:
                if any(self.now - r["at"] < timedelta(minutes=1) for r in mine):
                    raise Unreachable("HTTP 429 FREQUENCY_LIMITED", perhaps_done=False)
                self.refunds[number] = {"state": "PROCESSING", "fen": refund_fen,
                                        "of": out_trade_no, "at": self.now}
            assert self.refunds[number]["fen"] == refund_fen, "another amount, the same number"
            return self._told(number)

    def query_refund(self, number: str) -> RefundState:
        with self._call():
            if number not in self.refunds:
                raise Refused("RESOURCE_NOT_EXISTS", "")
            return self._told(number)

    def transfer(self, number: str, *, amount_fen: int, **_: Any) -> TransferState:
        with self._call():
            self.transfers.setdefault(number, {"state": "WAIT_USER_CONFIRM", "fen": amount_fen})
            assert self.transfers[number]["fen"] == amount_fen
            return self._moved(number, package="p")

    def query_transfer(self, number: str) -> TransferState:
        with self._call():
            if number not in self.transfers:
                raise Refused("NOT_FOUND", "")
            return self._moved(number)

    def _told(self, number: str) -> RefundState:
        refund = self.refunds[number]
        return RefundState(refund["state"], "5030", number, refund["of"], "", refund["fen"],
                           self.orders[refund["of"]]["fen"], self.now)

    def _moved(self, number: str, package: str | None = None) -> TransferState:
        transfer = self.transfers[number]
        return TransferState(transfer["state"], number, "1330", transfer["fen"], package)

    def _call(self) -> "_Call":
        fault, self.fault = self.fault, ""
        return _Call(fault)


@dataclass
class _Call:
    """The connection breaks before the work, or after it."""

    fault: str

    def __enter__(self) -> None:
        if self.fault == "before":
            raise Unreachable("cut", perhaps_done=False)

    def __exit__(self, kind: type | None, *_: object) -> None:
        if self.fault == "after" and kind is None:
            raise Unreachable("answer lost", perhaps_done=True)


class Campus(RuleBasedStateMachine):
    engine: Engine
    till_of: list[Till]
    seen: set[str]

    def __init__(self) -> None:
        super().__init__()
        empty(self.engine)
        self.till = Till()
        self.till_of[:] = [self.till]
        with Sessions.begin() as session:
            shop = a_campus(session)
            person = a_person(session, "o-rider")
            session.add(Rider(person_id=person.id, campus_id=shop.campus_id, name="阿哲"))

    @initialize(seed=st.integers(0, 2**32))
    def a_busy_hour(self, seed: int) -> None:
        """Deep water first: rules drawn one by one seldom get as far as a payout that lapses."""
        dice = Random(seed)
        self.a_lunch_comes_so_far(0, 2, dice.choice(["paid", "cooking", "delivered", "too late"]))
        for _ in range(BUSY_STEPS):
            self.something_happens(dice)
            for name in INVARIANTS:
                getattr(self, name)()

    def something_happens(self, dice: Random) -> None:
        one, coin = dice.randrange(8), dice.random() < 0.5
        fault = dice.choice(["", "", "", "before", "after"])
        death = dice.choice([None, None, None, None, (1, False), (1, True), (2, False), (2, True)])
        choices: dict[Any, int] = {
            (lambda: self.a_lunch_comes_so_far(one % 3, 1 + one % 4, dice.choice(
                ["paid", "cooking", "delivered", "too late"]))): 4,
            (lambda: self.somebody_orders(one % 3, 1 + one % 4)): 1,
            (lambda: self.a_link_is_opened(one, one % 3)): 2,
            (lambda: self.somebody_pays(one, one % 3)): 2,
            (lambda: self.news_comes_late_again_or_false(one, {})): 1,
            (lambda: self.the_buyer_cancels(one)): 2,
            (lambda: self.the_buyer_takes_it_back(one)): 2,
            (lambda: self.the_kitchen_answers(one, coin)): 2,
            (lambda: self.a_dish_runs_out(one, 1 + 60 * one)): 2,
            (lambda: self.it_is_called_off(one)): 1,
            (lambda: self.it_is_delivered(one)): 2,
            self.the_rider_wants_the_money: 3,
            (lambda: self.the_rider_confirms_or_not(one, "SUCCESS" if coin else "FAIL")): 2,
            (lambda: self.the_bank_decides_a_refund(one, dice.choice(
                ["SUCCESS", "CLOSED", "ABNORMAL"]))): 3,
            (lambda: self.time_passes(dice.choice([0, 1, 2, 16, 61]))): 3,
            self.the_clock_looks: 2,
            (lambda: self.a_worker_pays_a_debt(one, death, fault)): 8}
        dice.choices(list(choices), list(choices.values()))[0]()

    @property
    def now(self) -> datetime:
        return self.till.now

    def some(self, session: Session, model: Any, choice: int, *where: Any) -> Any:
        found = session.scalars(select(model).where(*where).order_by(model.id)).all()
        return found[choice % len(found)] if found else None

    def an_order_in(self, session: Session, choice: int, *states: OrderState) -> Order | None:
        order = self.some(session, Order, choice, Order.state.in_(states))
        return Order.lock(session, order.id) if order else None

    # People

    @rule(who=st.integers(0, 2), dear=st.integers(1, 4))
    def somebody_orders(self, who: int, dear: int) -> None:
        with Sessions.begin() as session:
            if session.scalar(select(func.count()).select_from(Order)) < 4:
                buyer = a_person(session, f"o-{who}")
                a_payment(session, an_order(session, buyer, goods_fen=dear * 500, now=self.now),
                          now=self.now, asked=False)

    @rule(who=st.integers(0, 2), dear=st.integers(1, 4),
          then=st.sampled_from(["paid", "cooking", "delivered", "too late"]))
    def a_lunch_comes_so_far(self, who: int, dear: int, then: str) -> None:
        """The long way to what follows, in one step."""
        with Sessions.begin() as session:
            if session.scalar(select(func.count()).select_from(Order)) >= 5:
                return
            order = an_order(session, a_person(session, f"o-{who}"), goods_fen=dear * 500,
                             now=self.now)
            payment = a_payment(session, order, now=self.now)
            self.till.place(payment)
            number, order_id = payment.out_trade_no, order.id
            if then == "too late":
                retire_payments(session, order, now=self.now)
                order.apply(session, OrderEvent.CANCELLED, now=self.now)
        self.till.orders[number].update(state="SUCCESS", at=self.now)
        self.hear(number)
        if then in ("cooking", "delivered"):
            with Sessions.begin() as session:
                order = Order.lock(session, order_id)
                order.apply(session, OrderEvent.ACCEPTED, now=self.now)
                if then == "delivered":
                    self.deliver(session, order)

    @rule(choice=CHOICE, who=st.integers(0, 2))
    def a_link_is_opened(self, choice: int, who: int) -> None:
        with Sessions.begin() as session:
            order = self.an_order_in(session, choice, OrderState.AWAITING_PAYMENT)
            if order and order.pay_until and order.pay_until > self.now:
                payment = ask_payment(session, order, a_person(session, f"o-{who}"), now=self.now)
                if isinstance(begin_prepay(session, payment.id, now=self.now), Prepay):
                    self.till.place(payment)

    @rule(choice=CHOICE, times=st.integers(0, 2))
    def somebody_pays(self, choice: int, times: int) -> None:
        """`times`: how often we hear of it."""
        payable = [n for n, o in self.till.orders.items() if o["state"] == "NOTPAY"]
        if payable:
            number = payable[choice % len(payable)]
            self.till.orders[number].update(state="SUCCESS", at=self.now)
            for _ in range(times):
                self.hear(number)

    @rule(choice=CHOICE, other=st.sampled_from([
        {}, {}, {"amount_fen": 1}, {"app_id": "wx0"}, {"payer_openid": "o-9"}]))
    def news_comes_late_again_or_false(self, choice: int, other: dict[str, Any]) -> None:
        done = [n for n, o in self.till.orders.items() if o["state"] == "SUCCESS" or other]
        if done:
            self.hear(done[choice % len(done)], **other)

    def hear(self, number: str, **other: Any) -> None:
        with Sessions.begin() as session:
            payment = Payment.by_number(session, number)
            record_payment(session, paid(payment, paid_at=self.now, **other), our_mch_id=MCH,
                           now=self.now)

    @rule(choice=CHOICE)
    def the_buyer_cancels(self, choice: int) -> None:
        with Sessions.begin() as session:
            order = self.an_order_in(session, choice, OrderState.AWAITING_PAYMENT,
                                     OrderState.PAID)
            if order:
                retire_payments(session, order, now=self.now)
                order.apply(session, OrderEvent.CANCELLED, now=self.now)
                refund_order(session, order, "cancelled", now=self.now,
                             due_at=self.now + timedelta(minutes=1))

    @rule(choice=CHOICE)
    def the_buyer_takes_it_back(self, choice: int) -> None:
        with Sessions.begin() as session:
            order = self.an_order_in(session, choice, OrderState.CANCELLED)
            refund = order and order.paid_at and self.some(
                session, Refund, 0, Refund.state == rows.RefundState.DUE,
                Refund.reason == "cancelled", Refund.payment_id.in_(
                    select(Payment.id).filter_by(order_id=order.id)))
            if refund and refund.amount_fen == order.payable_fen and withdraw_refund(
                    session, refund, now=self.now):
                order.apply(session, OrderEvent.UNDONE, now=self.now)

    @rule(choice=CHOICE, is_yes=st.booleans())
    def the_kitchen_answers(self, choice: int, is_yes: bool) -> None:
        with Sessions.begin() as session:
            order = self.an_order_in(session, choice, OrderState.PAID)
            if order and is_yes:
                order.apply(session, OrderEvent.ACCEPTED, now=self.now)
            elif order:
                order.apply(session, OrderEvent.REJECTED, now=self.now)
                refund_order(session, order, "shop_said_no", now=self.now)

    @rule(choice=CHOICE, part=st.integers(1, 600))
    def a_dish_runs_out(self, choice: int, part: int) -> None:
        with Sessions.begin() as session:
            order = self.an_order_in(session, choice, *sorted(WANTS_RIDER))
            if order and order.goods_fen > part:
                order.goods_fen -= part
                order.payable_fen -= part
                session.flush()
                refund_part(session, order, part, "sold_out", now=self.now)

    @rule(choice=CHOICE)
    def it_is_called_off(self, choice: int) -> None:
        with Sessions.begin() as session:
            order = self.an_order_in(session, choice, *sorted(WANTS_RIDER))
            if order:
                call_off(session, order, order.payable_fen // 2, "cancelled", now=self.now)

    @rule(choice=CHOICE)
    def it_is_delivered(self, choice: int) -> None:
        with Sessions.begin() as session:
            order = self.an_order_in(session, choice, *sorted(WANTS_RIDER))
            if order:
                self.deliver(session, order)

    def deliver(self, session: Session, order: Order) -> None:
        order.rider_id = session.scalars(select(Rider.id)).one()
        order.rider_fee_fen = 160
        for event in (OrderEvent.PICKED_UP, OrderEvent.ARRIVED, OrderEvent.HANDED_OVER):
            assert is_allowed(OrderState(order.state), event)
            order.apply(session, event, now=self.now)
        settle_delivered(session, order, now=self.now)

    @rule()
    def the_rider_wants_the_money(self) -> None:
        with Sessions.begin() as session:
            pay_out(session, session.scalars(select(Rider.id)).one(), now=self.now)

    @rule(choice=CHOICE, state=st.sampled_from(["SUCCESS", "SUCCESS", "FAIL"]))
    def the_rider_confirms_or_not(self, choice: int, state: str) -> None:
        waiting = [t for t in self.till.transfers.values() if t["state"] == "WAIT_USER_CONFIRM"]
        if waiting:
            waiting[choice % len(waiting)]["state"] = state

    # The bank, the clock, our workers

    @rule(choice=CHOICE, state=st.sampled_from(["SUCCESS", "SUCCESS", "CLOSED", "ABNORMAL"]))
    def the_bank_decides_a_refund(self, choice: int, state: str) -> None:
        self.till.now += timedelta(minutes=2)
        self.workers_are_quick(1)
        open_ = [r for r in self.till.refunds.values() if r["state"] in ("PROCESSING", "ABNORMAL")]
        if open_:
            open_[choice % len(open_)]["state"] = state
            self.till.now += timedelta(minutes=2)
            self.workers_are_quick(1)

    @rule(minutes=st.sampled_from([0, 1, 2, 16, 61]))
    def time_passes(self, minutes: int) -> None:
        self.till.now += timedelta(minutes=minutes)

    @rule()
    def the_clock_looks(self) -> None:
        with Sessions() as session:
            waiting = session.scalars(select(Order.id).filter_by(
                state=OrderState.AWAITING_PAYMENT)).all()
        for query, act in ((waiting, expire_unpaid), (unfollowed_payments, ask_unfollowed),
                           (lately_closed, ask_after_close), (troubled_refunds, mend_refund)):
            for row_id in query if isinstance(query, list) else self.ids(query(self.now)):
                with Sessions.begin() as session:
                    act(session, row_id, now=self.now)

    def ids(self, query: Any) -> list[int]:
        with Sessions() as session:
            return list(session.scalars(query))

    @rule(times=st.integers(1, 4))
    def workers_are_quick(self, times: int) -> None:
        for _ in range(times):
            for debt in self.due():
                self.pay(debt)

    @rule(choice=CHOICE, death=DEATHS, fault=FAULTS)
    def a_worker_pays_a_debt(self, choice: int, death: tuple[int, bool] | None,
                             fault: str) -> None:
        due = self.due()
        if due:
            self.pay(due[choice % len(due)], death, fault)

    def due(self) -> list[Outbox]:
        with Sessions() as session:
            return list(session.scalars(select(Outbox).where(
                Outbox.settled_at.is_(None), Outbox.due_at <= self.now,
                Outbox.kind.in_(MONEY)).order_by(Outbox.id)))

    def pay(self, debt: Outbox, death: tuple[int, bool] | None = None, fault: str = "") -> None:
        self.till.fault = fault
        _, module, name = PAYERS[debt.kind]
        job = getattr(import_module(module), name)
        if death is None:
            job(debt.id, now=self.now)
        else:
            with Death(death[0], after=death[1]):
                job(debt.id, now=self.now)
        self.till.fault = ""

    # What must always hold

    @invariant()
    def the_books_balance(self) -> None:
        with Sessions() as session:
            assert sum(balances(session).values()) == 0
            groups = select(LedgerEntry.group_id).group_by(LedgerEntry.group_id).having(
                func.sum(LedgerEntry.amount_fen) != 0)
            assert session.scalars(groups).all() == []

    @invariant()
    def nobody_owes_us_and_nothing_is_given_twice(self) -> None:
        with Sessions() as session:
            for account, fen in balances(session).items():
                if account.partition(":")[0] in ("order", "refund", "shop", "rider", "payout"):
                    assert fen <= 0, f"{account} {fen}"
            for payment in session.scalars(select(Payment)):
                gone = sum(r.amount_fen for r in Refund.of_payment(session, payment.id)
                           if r.state not in ("closed", "withdrawn"))
                assert gone <= (payment.paid_fen or 0)

    @invariant()
    def what_we_hold_is_what_the_orders_are_worth(self) -> None:
        with Sessions() as session:
            for order in session.scalars(select(Order)):
                counted = [p for p in Payment.of_order(session, order.id, PaymentState.PAID)
                           if not p.is_surplus]
                assert len(counted) == (order.paid_at is not None)
                closed = sum(r.amount_fen for p in counted
                             for r in Refund.of_payment(session, p.id)
                             if r.state == "closed" and not Refund.replacing(session, r.id))
                is_worth = order.paid_at is not None and order.is_live
                worth = order.payable_fen if is_worth else 0
                assert held_fen(session, order.id) == worth + closed

    @invariant()
    def whatever_is_not_over_is_owed_or_will_be_found(self) -> None:
        with Sessions() as session:
            found = {*session.scalars(troubled_refunds(self.now + timedelta(hours=25)))}
            owed = {debt.payload.get("refund_id") for debt in session.scalars(
                select(Outbox).filter_by(kind="refund.ask", settled_at=None))}
            for refund in session.scalars(select(Refund).where(Refund.state.in_(
                    ["due", "processing", "abnormal"]))):
                assert refund.id in owed | found
            open_ = session.scalars(select(Payment).where(
                Payment.state == PaymentState.CLOSING)).all()
            asked = {debt.payload.get("payment_id") for debt in session.scalars(
                select(Outbox).where(Outbox.kind.in_(("payment.close", "payment.check")),
                                     Outbox.settled_at.is_(None)))}
            later = {*session.scalars(unfollowed_payments(self.now + timedelta(minutes=6)))}
            assert {p.id for p in open_} <= asked | later

    @invariant()
    def a_rider_has_one_payout_at_a_time_and_no_debt(self) -> None:
        with Sessions() as session:
            rider_id = session.scalars(select(Rider.id)).one()
            assert earned_fen(session, rider_id) >= 0
            open_ = session.scalars(select(Payout).where(Payout.state.in_(
                [PayoutState.DUE, PayoutState.WAITING, PayoutState.MOVING]))).all()
            assert len(open_) <= 1

    # When everybody has heard everything

    def teardown(self) -> None:
        self.drain()

    def drain(self) -> None:
        for _ in range(40):
            for transfer in self.till.transfers.values():
                if transfer["state"] == "WAIT_USER_CONFIRM":
                    transfer["state"] = "SUCCESS"
            for refund in self.till.refunds.values():
                if refund["state"] in ("PROCESSING", "ABNORMAL"):
                    refund["state"] = "SUCCESS"
            self.the_clock_looks()
            for debt in self.due():
                self.pay(debt)
            self.till.now += timedelta(hours=7)
        with Sessions() as session:
            assert balances(session).get("wechat", 0) == self.till.holds_fen
            states = set(session.scalars(select(Refund.state)))
            assert states <= {"succeeded", "closed", "withdrawn"}
            for refund in session.scalars(select(Refund).filter_by(state="closed")):
                assert Refund.replacing(session, refund.id)
            assert set(session.scalars(select(Payment.state))) <= {"open", "closed", "paid"}
            assert not session.scalars(select(Payout).where(
                Payout.state.not_in(["paid", "failed"]))).all()
            self.seen.update(session.scalars(select(LedgerGroup.kind)))


@pytest.mark.usefixtures("database")
def test_whatever_happens_in_whatever_order_the_books_are_wechat_pays(
        engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    class OnEngine(Campus):
        pass

    OnEngine.engine, OnEngine.till_of, OnEngine.seen = engine, [], set()
    for module in ("workers.payout", "workers.payment"):  # the first imports it of the second
        monkeypatch.setattr(f"{module}.wxpay", lambda: OnEngine.till_of[0])
    with environment(**{**credentials().environ(9), "WECHAT_PAY_MCH_ID": MCH,
                        "SECRET_KEY": "k" * 32, "PUBLIC_URL": "http://127.0.0.1:8000"}):
        run_state_machine_as_test(OnEngine, settings=settings(
            max_examples=8, stateful_step_count=10, deadline=None, print_blob=True,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck)))
    assert {"paid", "surplus", "refund_decided", "refund_succeeded", "delivered",
            "payout_decided"} <= OnEngine.seen
