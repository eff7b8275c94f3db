"""Money asked for, booked once, and given back when nobody needs it."""
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import sessionmaker

from handlers.order.cancel import call_off
from handlers.payment import (
    NotOurs,
    OverRefund,
    Prepay,
    Recorded,
    RecordRefund,
    Standing,
    ask_payment,
    begin_prepay,
    expire_unpaid,
    held_fen,
    link,
    mend_refund,
    note_closed,
    note_prepaid,
    note_refused,
    record_payment,
    record_refund,
    refund_order,
    refund_part,
    refund_payment,
    retire_payments,
    standing,
)
from models.base import Session, Sessions
from models.ledger import held_for, owed_back, shop_account
from models.order import Order
from models.outbox import Outbox
from models.payment import Payment, PaymentState, Refund, RefundState
from models.rules.order_state import OrderEvent, OrderState
from tests.support.payment import (
    MCH,
    NOW,
    a_campus,
    a_payment,
    a_person,
    an_order,
    at_once,
    balances,
    debts,
    environment,
    paid,
    revise,
)

LATER = NOW + timedelta(minutes=20)


@pytest.fixture(autouse=True)
def surroundings() -> Iterator[None]:
    with environment(SECRET_KEY="k" * 32, PUBLIC_URL="http://127.0.0.1:8000"):
        yield


@pytest.fixture
def session(database: sessionmaker) -> Iterator[Session]:
    """One transaction for all steps. What only a commit checks is checked at the end."""
    with database() as session:
        people(session)
        yield session
        session.flush()
        session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        session.rollback()


@pytest.fixture
def committed(database: sessionmaker) -> None:
    """For races: the stage is there for every connection."""
    with database.begin() as session:
        people(session)


def people(session: Session) -> None:
    a_campus(session)
    a_person(session, "o-ming")
    a_person(session, "o-hong")


@pytest.fixture
def order(session: Session) -> Order:
    return an_order(session, a_person(session, "o-ming"))


def record(session: Session, payment: Payment, *, is_asked: bool = False, now=NOW, **other):
    return record_payment(session, paid(payment, **other), our_mch_id=MCH, now=now,
                          is_asked=is_asked)


def refunded(session: Session, refund: Refund, state: str = "SUCCESS", **other) -> bool:
    told = {"out_refund_no": refund.out_refund_no, "refund_id": "50300000001", "state": state,
            "refund_fen": refund.amount_fen, "mch_id": MCH, "success_at": LATER, **other}
    return record_refund(session, RecordRefund(**told), our_mch_id=MCH, now=LATER)


def refunds(session: Session) -> list[Refund]:
    return list(session.scalars(select(Refund).order_by(Refund.id)))


# Links

def test_a_link_is_long_random_and_the_same_for_the_same_quote_and_payer(session, order):
    first = ask_payment(session, order, order.buyer, now=NOW)
    again = ask_payment(session, order, order.buyer, now=NOW + timedelta(minutes=1))

    assert again.id == first.id
    assert link(first) == f"http://127.0.0.1:8000/p/{first.token}"
    assert len(first.token) >= 43  # 256 bits
    assert (first.amount_fen, first.expires_at) == (1750, order.pay_until)


def test_each_payer_has_a_number_of_their_own_and_the_older_link_is_closed_first(session, order):
    mine = a_payment(session, order)
    theirs = ask_payment(session, order, a_person(session, "o-hong"), now=NOW)

    assert theirs.out_trade_no != mine.out_trade_no
    assert mine.state == PaymentState.CLOSING
    assert [d.payload for d in debts(session, "payment.close")] == [{"payment_id": mine.id}]


def test_a_link_that_wechat_never_heard_of_is_closed_without_asking(session, order):
    payment = a_payment(session, order, asked=False)
    retire_payments(session, order, now=NOW)

    assert (payment.state, payment.closed_at) == (PaymentState.CLOSED, NOW)
    assert debts(session, "payment.close") == []


def test_a_new_quote_gets_a_new_number(session, order):
    old = a_payment(session, order)
    revise(session, order, payable_fen=2050)
    order.apply(session, OrderEvent.CONFIRMED, now=NOW)
    new = ask_payment(session, order, order.buyer, now=NOW)

    assert new.out_trade_no != old.out_trade_no
    assert (old.state, new.state) == (PaymentState.CLOSING, PaymentState.OPEN)
    assert new.amount_fen == 2050


# Before the sheet

def test_wechat_pay_is_told_the_same_each_time(session, order):
    payment = a_payment(session, order, asked=False)
    first = begin_prepay(session, payment.id, now=NOW)
    again = begin_prepay(session, payment.id, now=NOW + timedelta(minutes=3))

    assert first == again == Prepay(payment.out_trade_no, payment.app_id, "o-ming", 1750,
                                    f"阿香黄焖鸡 · {order.code}", order.pay_until, None)
    assert payment.asked_at == NOW


def test_a_prepay_id_serves_for_110_minutes(session):
    order = an_order(session, a_person(session, "o-ming"), pay_within=timedelta(hours=4))
    payment = a_payment(session, order)
    note_prepaid(session, payment.id, "wx1", now=NOW)

    assert begin_prepay(session, payment.id, now=NOW + timedelta(minutes=109)).prepay_id == "wx1"
    assert begin_prepay(session, payment.id, now=NOW + timedelta(minutes=110)).prepay_id is None


def test_asking_for_a_prepay_owes_a_question_half_a_minute_later(session, order):
    a_payment(session, order)
    check, = debts(session, "payment.check")

    assert check.due_at == NOW + timedelta(seconds=30)


def test_an_answer_that_comes_after_the_link_was_retired_is_not_paid_with(session, order):
    payment = a_payment(session, order)
    retire_payments(session, order, now=NOW)

    assert note_prepaid(session, payment.id, "wx1", now=NOW) is Standing.REPLACED


@pytest.mark.parametrize(("happens", "stands"), [
    (lambda s, o, p: None, Standing.OPEN),
    (lambda s, o, p: record(s, p), Standing.PAID),
    (lambda s, o, p: revise(s, o, payable_fen=2000), Standing.REVISED),
    (lambda s, o, p: o.apply(s, OrderEvent.CANCELLED, now=NOW), Standing.CANCELLED),
    (lambda s, o, p: retire_payments(s, o, now=NOW), Standing.REPLACED),
    (lambda s, o, p: record(s, a_payment(s, o, a_person(s, "o-hong"))), Standing.PAID_ELSEWHERE),
    (lambda s, o, p: (record(s, p), o.apply(s, OrderEvent.REJECTED, now=NOW)),
     Standing.GIVEN_BACK),
    (lambda s, o, p: (o.apply(s, OrderEvent.CANCELLED, now=NOW), record(s, p)),
     Standing.SENT_BACK),
    (lambda s, o, p: o.apply(s, OrderEvent.EXPIRED, now=NOW), Standing.EXPIRED),
])
def test_what_a_link_is_good_for(session, order, happens, stands):
    payment = a_payment(session, order)
    happens(session, order, payment)

    assert standing(payment, now=NOW) is stands
    if stands is not Standing.OPEN:
        assert begin_prepay(session, payment.id, now=NOW) is stands


def test_a_link_is_good_until_its_minute_and_no_longer(session, order):
    payment = a_payment(session, order)

    assert standing(payment, now=order.pay_until - timedelta(seconds=1)) is Standing.OPEN
    assert begin_prepay(session, payment.id, now=order.pay_until) is Standing.EXPIRED


# Money arrives

def test_money_for_a_waiting_order_pays_it(session, order):
    payment = a_payment(session, order)

    assert record(session, payment) is Recorded.COUNTED
    assert order.state == OrderState.PAID
    assert order.paid_at == payment.paid_at == NOW + timedelta(seconds=40)
    assert (payment.state, payment.paid_fen, payment.is_surplus) == (PaymentState.PAID, 1750, False)
    assert balances(session) == {"wechat": 1750, held_for(order.id): -1750}
    told = [d.payload["template"] for d in debts(session, "notice")]
    assert told == ["paid", "merchant_order", None]  # the last: a ring, should nobody look


def test_once_it_is_paid_the_other_links_are_closed_at_wechat_pay(session, order):
    mine, theirs = a_payment(session, order), a_payment(session, order, a_person(session, "o-x"))
    record(session, mine)

    assert theirs.state == PaymentState.CLOSING
    assert [d.payload["payment_id"] for d in debts(session, "payment.close")] == [
        mine.id, theirs.id]


def test_a_shop_without_owners_begins_at_once(session, order):
    from models.shop import ShopOwner
    session.query(ShopOwner).delete()

    record(session, a_payment(session, order))
    assert order.state == OrderState.COOKING


def test_a_repeated_notice_moves_nothing_and_keeps_the_first_time(session, order):
    payment = a_payment(session, order)
    record(session, payment)
    before = (balances(session), len(debts(session, "notice")), order.version)

    again = record(session, payment, paid_at=LATER, now=LATER)

    assert again is Recorded.REPEATED
    assert payment.paid_at == order.paid_at == NOW + timedelta(seconds=40)
    assert (balances(session), len(debts(session, "notice")), order.version) == before


def test_money_that_was_on_its_way_when_the_time_ran_out_still_pays_the_order(session, order):
    payment = a_payment(session, order)
    expire_unpaid(session, order.id, now=LATER)
    assert payment.state == PaymentState.CLOSING

    assert record(session, payment, now=LATER) is Recorded.COUNTED
    assert order.state == OrderState.PAID


@pytest.mark.parametrize(("happens", "reason"), [
    (lambda s, o: o.apply(s, OrderEvent.EXPIRED, now=NOW), "late"),
    (lambda s, o: o.apply(s, OrderEvent.CANCELLED, now=NOW), "late"),
    (lambda s, o: revise(s, o, payable_fen=1750), "revised"),
    (lambda s, o: (revise(s, o, payable_fen=1750), o.apply(s, OrderEvent.CONFIRMED, now=NOW)),
     "revised"),
    (lambda s, o: record(s, a_payment(s, o, a_person(s, "o-hong"))), "second"),
    (lambda s, o: (record(s, a_payment(s, o, a_person(s, "o-hong"))),
                   o.apply(s, OrderEvent.REJECTED, now=NOW)), "second"),
])
def test_money_that_the_order_does_not_need_goes_back_whole_and_once(
        session, order, happens, reason):
    payment = a_payment(session, order)
    happens(session, order)
    state = order.state

    assert record(session, payment) is Recorded.SURPLUS
    assert record(session, payment) is Recorded.REPEATED
    refund, = refunds(session)
    assert (refund.payment_id, refund.amount_fen, refund.reason) == (payment.id, 1750, reason)
    assert payment.is_surplus
    assert order.state == state
    assert balances(session)[owed_back(payment.id)] == -1750
    assert [d.payload for d in debts(session, "refund.ask")] == [{"refund_id": refund.id}]


def test_the_payer_hears_of_late_money_in_one_sentence_when_it_is_back(session, order):
    payment = a_payment(session, order)
    order.apply(session, OrderEvent.EXPIRED, now=NOW)
    record(session, payment)
    assert debts(session, "notice") == []

    refund, = refunds(session)
    refunded(session, refund)
    refunded(session, refund)

    notice, = debts(session, "notice")
    assert notice.payload["person_id"] == payment.payer_id
    assert (notice.payload["template"], notice.payload["prefer"]) == ("refunded", "chat")
    words = said(notice)
    assert words["chat"].split("\n") == [
        f"{order.code} 关单后才收到你的 ¥17.50，已经原路退了({refund.code})。",
        "还想吃？照样再来一单"]
    assert words["facts"] == {
        "refund": f"{refund.code}-20260921", "amount": "¥17.50", "state": "已退回",
        "time": "2026-09-21 12:20", "note": "关单后才到账，原路退回"}
    assert balances(session) == {}


def said(notice: Outbox) -> dict:
    import json

    from config.texts import from_json, plain
    words = json.loads(notice.words)
    return {"chat": plain(from_json(words["chat"])), "facts": words["facts"]}


# What does not fit

MISFITS = [("amount", {"amount_fen": 1}), ("amount", {"amount_fen": 1751}),
           ("amount", {"currency": "USD"}), ("app", {"app_id": "wx0000000000000000"}),
           ("payer", {"payer_openid": "o-hong"})]


@pytest.mark.parametrize(("what", "other"), MISFITS)
def test_a_notice_that_does_not_fit_moves_nothing_and_wechat_pay_is_asked(
        session, order, what, other):
    payment = a_payment(session, order)

    assert record(session, payment, **other) is Recorded.DOUBTED
    assert record(session, payment, **other) is Recorded.DOUBTED

    assert (order.state, payment.state) == (OrderState.AWAITING_PAYMENT, PaymentState.OPEN)
    assert payment.transaction_id is None
    assert balances(session) == {}
    assert refunds(session) == []
    _, doubt = debts(session, "payment.check")
    assert (doubt.due_at, doubt.payload) == (NOW, {"payment_id": payment.id, "is_doubted": True})


def test_the_true_notice_still_counts_after_a_false_one(session, order):
    payment = a_payment(session, order)
    record(session, payment, amount_fen=1)

    assert record(session, payment) is Recorded.COUNTED


@pytest.mark.parametrize(("what", "other"), MISFITS)
def test_what_wechat_pay_confirms_though_it_does_not_fit_goes_back_as_it_came(
        session, order, what, other):
    payment = a_payment(session, order)

    assert record(session, payment, is_asked=True, **other) is Recorded.SURPLUS
    refund, = refunds(session)
    came = other.get("amount_fen", 1750)
    assert (refund.reason, refund.amount_fen, payment.paid_fen) == (what, came, came)
    assert order.state == OrderState.AWAITING_PAYMENT
    assert balances(session) == {"wechat": came, owed_back(payment.id): -came}


@pytest.mark.parametrize("other", [{"mch_id": "1900009999"}, {"out_trade_no": "P000000000"}])
def test_a_transaction_that_is_not_ours_is_refused(session, order, other):
    payment = a_payment(session, order)

    with pytest.raises(NotOurs):
        record(session, payment, is_asked=True, **other)
    assert (order.state, payment.state) == (OrderState.AWAITING_PAYMENT, PaymentState.OPEN)
    assert balances(session) == {}


def test_a_second_transaction_for_a_number_that_is_paid_is_doubted(session, order):
    payment = a_payment(session, order)
    record(session, payment)

    assert record(session, payment, transaction_id="4299") is Recorded.DOUBTED
    assert balances(session) == {"wechat": 1750, held_for(order.id): -1750}


# Time runs out

def test_an_order_whose_link_was_never_opened_expires_at_once(session, order):
    payment = a_payment(session, order, asked=False)
    expire_unpaid(session, order.id, now=LATER)

    assert (order.state, payment.state) == (OrderState.EXPIRED, PaymentState.CLOSED)


def test_an_order_expires_only_when_wechat_pay_has_closed_every_payment(session, order):
    first = a_payment(session, order)
    second = a_payment(session, order, a_person(session, "o-hong"))
    expire_unpaid(session, order.id, now=LATER)
    expire_unpaid(session, order.id, now=LATER)
    assert order.state == OrderState.AWAITING_PAYMENT
    assert len(debts(session, "payment.close")) == 2

    note_closed(session, first.id, now=LATER)
    assert order.state == OrderState.AWAITING_PAYMENT
    note_closed(session, second.id, now=LATER)

    assert order.state == OrderState.EXPIRED
    assert (second.state, second.closed_at) == (PaymentState.CLOSED, LATER)


def test_nothing_expires_before_its_time(session, order):
    payment = a_payment(session, order, asked=False)
    expire_unpaid(session, order.id, now=order.pay_until - timedelta(seconds=1))

    assert (order.state, payment.state) == (OrderState.AWAITING_PAYMENT, PaymentState.OPEN)


def test_closing_an_older_link_does_not_end_an_order_that_may_still_be_paid(session, order):
    old = a_payment(session, order)
    new = a_payment(session, order, a_person(session, "o-hong"))
    note_closed(session, old.id, now=NOW)

    assert order.state == OrderState.AWAITING_PAYMENT
    assert record(session, new) is Recorded.COUNTED


def test_a_paid_order_never_expires(session, order):
    record(session, a_payment(session, order))
    expire_unpaid(session, order.id, now=LATER)

    assert order.state == OrderState.PAID


def test_news_of_a_close_does_not_unpay(session, order):
    payment = a_payment(session, order)
    record(session, payment)
    note_closed(session, payment.id, now=LATER)

    assert payment.state == PaymentState.PAID


# Money goes back

def test_refunding_an_order_gives_back_what_is_held_and_only_once(session, order):
    payment = a_payment(session, order)
    record(session, payment)
    refund = refund_order(session, order, "cancelled", now=NOW,
                          due_at=NOW + timedelta(seconds=60))

    assert refund_order(session, order, "cancelled", now=NOW) is None
    assert refund.amount_fen == 1750
    assert refund.code.startswith("R")
    ask, = debts(session, "refund.ask")
    assert ask.due_at == NOW + timedelta(seconds=60)
    assert balances(session) == {"wechat": 1750, owed_back(payment.id): -1750}


def test_nothing_held_nothing_refunded(session, order):
    assert refund_order(session, order, "cancelled", now=NOW) is None


def test_partial_refunds_never_sum_to_more_than_was_paid(session, order):
    payment = a_payment(session, order)
    record(session, payment)
    refund_payment(session, payment, 1000, "cancelled", now=NOW)

    for amount in (751, 0, -1):
        with pytest.raises(OverRefund):
            refund_payment(session, payment, amount, "cancelled", now=NOW)
    refund_payment(session, payment, 750, "cancelled", now=NOW)
    assert held_fen(session, order.id) == 0


def test_the_order_refund_takes_what_a_partial_one_left(session, order):
    payment = a_payment(session, order)
    record(session, payment)
    refund_payment(session, payment, 265, "cancelled", now=NOW)

    assert refund_order(session, order, "cancelled", now=NOW).amount_fen == 1485


@pytest.mark.parametrize("news", [
    ["PROCESSING", "SUCCESS"], ["SUCCESS", "PROCESSING"], ["SUCCESS", "SUCCESS"],
    ["SUCCESS", "CLOSED"], ["PROCESSING", "SUCCESS", "ABNORMAL"], ["ABNORMAL", "SUCCESS"]])
def test_shuffled_news_ends_in_success_booked_and_told_once(session, order, news):
    record(session, a_payment(session, order))
    refund = refund_order(session, order, "cancelled", now=NOW)
    told = len(debts(session, "notice"))
    for state in news:
        assert refunded(session, refund, state)

    assert (refund.state, refund.ended_at) == (RefundState.SUCCEEDED, LATER)
    assert balances(session) == {}
    assert len(debts(session, "notice")) == told + 1


def test_a_refund_that_was_closed_leaves_the_money_held_for_a_new_one(session, order):
    payment = a_payment(session, order)
    record(session, payment)
    first = refund_order(session, order, "cancelled", now=NOW)
    refunded(session, first, "CLOSED")
    refunded(session, first, "SUCCESS")

    assert first.state == RefundState.CLOSED
    assert balances(session) == {"wechat": 1750, held_for(order.id): -1750}
    second = refund_order(session, order, "cancelled", now=LATER)
    assert second.amount_fen == 1750
    assert second.out_refund_no != first.out_refund_no


def test_what_wechat_pay_closed_is_the_buyer_s_even_when_the_kitchen_is_paid_for_its_work(
        session, order):
    record(session, a_payment(session, order))
    order.apply(session, OrderEvent.ACCEPTED, now=NOW)
    order.goods_fen -= 400
    order.payable_fen -= 400
    part = refund_part(session, order, 400, "sold_out", now=NOW)
    refunded(session, part, "CLOSED")

    half = call_off(session, order, 675, "cancelled", now=NOW)
    mend_refund(session, part.id, now=LATER)

    anew = Refund.replacing(session, part.id)
    assert (half.amount_fen, anew.amount_fen) == (675, 400)
    assert balances(session) == {"wechat": 1750, owed_back(part.payment_id): -1075,
                                 shop_account(order.shop_id): -675}


def test_closed_surplus_stays_owed(session, order):
    payment = a_payment(session, order)
    order.apply(session, OrderEvent.CANCELLED, now=NOW)
    record(session, payment)
    refunded(session, refunds(session)[0], "CLOSED")

    assert balances(session) == {"wechat": 1750, owed_back(payment.id): -1750}
    assert refund_payment(session, payment, 1750, "late", now=LATER)


def test_abnormal_and_refused_refunds_wait_for_a_person(session, order):
    record(session, a_payment(session, order))
    refund = refund_order(session, order, "cancelled", now=NOW)
    note_refused(session, refund.id, "NO_AUTH")
    assert refund.state == RefundState.ABNORMAL

    refunded(session, refund, "PROCESSING")
    assert refund.state == RefundState.ABNORMAL


def test_refund_news_that_does_not_fit_moves_nothing(session, order):
    record(session, a_payment(session, order))
    refund = refund_order(session, order, "cancelled", now=NOW)

    assert not refunded(session, refund, refund_fen=1)
    for other in ({"mch_id": "1900009999"}, {"out_refund_no": "R000"}):
        with pytest.raises(NotOurs):
            refunded(session, refund, **other)
    assert refund.state == RefundState.DUE


# Races: each has a real barrier

def staged() -> tuple[int, list[int]]:
    """An order with two links that are both still payable, committed."""
    with Sessions.begin() as session:
        order = an_order(session, a_person(session, "o-ming"))
        ids = [a_payment(session, order, a_person(session, who)).id
               for who in ("o-ming", "o-hong")]
        return order.id, ids


def recording(payment_id: int):
    return lambda session: record(session, session.get_one(Payment, payment_id))


@pytest.mark.usefixtures("committed")
def test_the_same_notice_eight_times_at_once_counts_once():
    order_id, (_, payment_id) = staged()
    outcomes = at_once(*[recording(payment_id)] * 8)

    assert sorted(outcomes) == [Recorded.COUNTED] + [Recorded.REPEATED] * 7
    with Sessions.begin() as session:
        assert balances(session) == {"wechat": 1750, held_for(order_id): -1750}


@pytest.mark.parametrize("again", range(3))
@pytest.mark.usefixtures("committed")
def test_two_payments_of_one_order_at_once_one_counts_and_the_other_goes_back(again):
    order_id, ids = staged()
    outcomes = at_once(*map(recording, ids))

    assert sorted(outcomes) == [Recorded.COUNTED, Recorded.SURPLUS]
    with Sessions.begin() as session:
        kept = session.scalars(select(Payment).filter_by(is_surplus=False)).one()
        back = session.scalars(select(Payment).filter_by(is_surplus=True)).one()
        assert (kept.state, back.state) == (PaymentState.PAID, PaymentState.PAID)
        assert balances(session) == {"wechat": 3500, held_for(order_id): -1750,
                                     owed_back(back.id): -1750}


@pytest.mark.parametrize("again", range(3))
@pytest.mark.usefixtures("committed")
def test_money_and_expiry_at_once_never_leave_a_paid_order_expired(again):
    order_id, ids = staged()
    with Sessions.begin() as session:
        for payment_id in ids:
            note_closed(session, payment_id, now=NOW)

    outcomes = at_once(recording(ids[1]),
                       lambda session: expire_unpaid(session, order_id, now=LATER))

    with Sessions.begin() as session:
        order, surplus = session.get_one(Order, order_id), refunds(session)
        assert outcomes[1] is None
        assert (outcomes[0], order.state, len(surplus)) in [
            (Recorded.COUNTED, OrderState.PAID, 0), (Recorded.SURPLUS, OrderState.EXPIRED, 1)]


@pytest.mark.parametrize("again", range(3))
@pytest.mark.usefixtures("committed")
def test_two_cancels_at_once_make_one_refund(again):
    order_id, ids = staged()
    with Sessions.begin() as session:
        recording(ids[1])(session)

    def cancel(session: Session) -> bool:
        order = Order.lock(session, order_id)
        return refund_order(session, order, "cancelled", now=NOW) is not None

    assert sorted(at_once(cancel, cancel, cancel)) == [False, False, True]
    with Sessions.begin() as session:
        assert len(refunds(session)) == 1
        assert balances(session) == {"wechat": 1750, owed_back(ids[1]): -1750}


@pytest.mark.usefixtures("committed")
def test_news_of_a_refund_several_times_at_once_is_booked_once():
    order_id, ids = staged()
    with Sessions.begin() as session:
        recording(ids[1])(session)
        refund_id = refund_order(session, Order.lock(session, order_id), "cancelled", now=NOW).id

    at_once(*[lambda session: refunded(session, session.get_one(Refund, refund_id))] * 4)

    with Sessions.begin() as session:
        assert balances(session) == {}
        assert session.get_one(Refund, refund_id).state == RefundState.SUCCEEDED


@pytest.mark.usefixtures("committed")
def test_a_prepay_and_a_retirement_at_once_never_forget_to_close_at_wechat_pay():
    with Sessions.begin() as session:
        order = an_order(session, a_person(session, "o-ming"))
        order_id, payment_id = order.id, a_payment(session, order, asked=False).id

    def retire(session: Session) -> None:
        retire_payments(session, Order.lock(session, order_id), now=NOW)

    begun, _ = at_once(lambda session: begin_prepay(session, payment_id, now=NOW), retire)

    with Sessions.begin() as session:
        payment = session.get_one(Payment, payment_id)
        state = PaymentState.CLOSING if isinstance(begun, Prepay) else PaymentState.CLOSED
        assert payment.state == state
        assert (payment.asked_at is not None) == (state == PaymentState.CLOSING)
