"""Rewards for an invited first order, told by many at once: both get one coupon, and no more."""
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from handlers import coupon
from handlers.referral import note_delivered, note_invited, reward
from handlers.risk import door_hash
from handlers.speaker import Speaker
from models.base import Session, Sessions
from models.campus import Campus
from models.coupon import Coupon
from models.order import Order
from models.payment import Payment, PaymentState
from models.person import Person
from models.referral import Referral, ReferralState
from models.rules.codes import base36
from models.rules.order_state import OrderEvent, OrderState
from models.rules.referral import Tie, Ties, held_back
from tests.support.payment import NOW, a_campus, a_person, an_order, at_once, debts, wechat_pay

OFFER = {"off_fen": 300, "threshold_fen": 1500, "days": 30, "most": 3}
TERM = NOW + timedelta(days=90)
TO_THE_DOOR = (OrderEvent.PAID, OrderEvent.ACCEPTED, OrderEvent.COOKED, OrderEvent.COLLECTED)
pytestmark = pytest.mark.usefixtures("world")


@pytest.fixture(scope="module")
def wechat():
    with wechat_pay() as world:
        yield world


@pytest.fixture
def world(database, wechat):
    with Sessions.begin() as session:
        a_campus(session)
        session.scalars(select(Campus)).one().file = {"referral": OFFER}


def invited(session: Session, name: str = "o-new", by: str = "o-old") -> Person:
    newcomer = a_person(session, name)
    newcomer.invited_by_id = a_person(session, by).id
    return newcomer


def came(session: Session, buyer: Person, *, at=NOW, payer: Person | None = None,
         room: str = "302", phone: str | None = None) -> int:
    """An order of theirs that has reached them; its id."""
    order = an_order(session, buyer, now=at)
    order.room, order.paid_at = room, at
    order.door_hash = door_hash(order)
    session.add(Payment(
        order_id=order.id, payer_id=(payer or buyer).id, app_id=buyer.app_id, revision=1,
        amount_fen=order.payable_fen, out_trade_no=f"P{order.id}", token=f"{order.id:0>43}",
        created_at=at, expires_at=at, state=PaymentState.PAID, device_hash=phone))
    for event in TO_THE_DOOR:
        order.apply(session, event, now=at)
    return order.id


def owners(session: Session) -> list[str]:
    return sorted(session.scalars(select(Person.openid).join(
        Coupon, Coupon.person_id == Person.id)))


def test_told_eight_times_at_once_both_get_one(world):
    with Sessions.begin() as session:
        order_id = came(session, invited(session))
    outcomes = at_once(*[lambda s: reward(s, order_id, now=NOW)] * 8)
    assert sorted(outcomes) == ["rewarded"] + ["rewarded before"] * 7
    with Sessions() as session:
        assert owners(session) == ["o-new", "o-old"]
        assert len(debts(session, "notice")) == 2


def test_two_orders_that_come_at_once_earn_once(world):
    with Sessions.begin() as session:
        newcomer = invited(session)
        ids = [came(session, newcomer), came(session, newcomer)]
    outcomes = at_once(*[lambda s, i=i: reward(s, i, now=NOW) for i in ids * 3])
    assert outcomes.count("rewarded") == 1
    assert set(outcomes) == {"rewarded", "rewarded before", "not needed"}
    with Sessions() as session:
        assert owners(session) == ["o-new", "o-old"]


def test_an_inviters_month_is_full_for_all_who_come_at_once(world):
    with Sessions.begin() as session:
        ids = [came(session, invited(session, f"o-{n}")) for n in range(6)]
    assert at_once(*[lambda s, i=i: reward(s, i, now=NOW) for i in ids]) == ["rewarded"] * 6
    with Sessions.begin() as session:
        assert owners(session) == [f"o-{n}" for n in range(6)] + ["o-old"] * OFFER["most"]
        later = NOW + timedelta(days=31)
        assert reward(session, came(session, invited(session, "o-7"), at=later), now=later) \
            == "rewarded"
        assert owners(session).count("o-old") == OFFER["most"] + 1


def test_only_what_is_first_is_owed_a_look(world):
    with Sessions.begin() as session:
        newcomer = invited(session)
        first = session.get_one(Order, came(session, newcomer))
        for _ in range(2):
            note_delivered(session, first, now=NOW)
        reward(session, first.id, now=NOW)
        note_delivered(session, session.get_one(Order, came(session, newcomer)), now=NOW)
        note_delivered(session, session.get_one(Order, came(session, a_person(session, "o-x"))),
                       now=NOW)
        assert [debt.order_id for debt in debts(session, "referral")] == [first.id]


@pytest.mark.parametrize(("tie", "theirs"), [
    (None, {}), (Tie.ROOM, {"room": "101"}), (Tie.DEVICE, {"phone": "d" * 32}),
    (Tie.PAYER, {"payer": "o-old"}), (Tie.PAYER, {"payer": "o-uncle"})])
def test_what_ties_the_two_holds_it_back_until_both_have_a_card(world, tie, theirs):
    with Sessions.begin() as session:
        newcomer, uncle = invited(session), a_person(session, "o-uncle")
        inviter = a_person(session, "o-old")
        came(session, inviter, room="101", phone="d" * 32)
        came(session, inviter, room="102", payer=uncle)
        payer = a_person(session, theirs["payer"]) if "payer" in theirs else None
        order_id = came(session, newcomer, **{**theirs, "payer": payer})
        for _ in range(2):
            told = reward(session, order_id, now=NOW)
        if tie is None:
            assert told == "rewarded before"
            return
        assert told == f"held: {tie}"
        assert owners(session) == []
        assert len(debts(session, "notice")) == 2  # each is told once
        newcomer.student_until = TERM
        assert reward(session, order_id, now=NOW) == f"held: {tie}"
        inviter.student_until = TERM
        assert reward(session, order_id, now=NOW) == "rewarded"
        assert owners(session) == ["o-new", "o-old"]
        assert session.scalars(select(Referral.why)).one() is None


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_a_reason_is_always_one_that_is_there_and_cards_answer_all(number, device, payer, room,
                                                                   are_verified):
    ties = Ties(number, device, payer, room, are_verified)
    there = {tie for tie in Tie if getattr(ties, tie.value)}
    assert (held_back(ties) is None) == (are_verified or not there)
    assert held_back(ties) in there | {None}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=8),
       st.lists(st.integers(0, 7), max_size=16))
def test_whoever_scans_whose_code_each_earns_once_as_newcomer(world, scans, told):
    """People scan one another's codes, eat, and are told of in any order and any number."""
    with Sessions() as session:  # nothing of it stays
        campus = session.scalars(select(Campus)).one()
        people = [a_person(session, f"o-{n}") for n in range(4)]
        for who, whose in scans:
            note_invited(session, Speaker(session, people[who], campus),
                         f"u_{base36(people[whose].id)}", now=NOW)
        session.flush()
        for person in people:
            assert person.invited_by_id != person.id
            inviter = session.get(Person, person.invited_by_id or 0)
            assert inviter is None or inviter.invited_by_id != person.id
        orders = [came(session, p, room=str(p.id)) for p in people for _ in range(2)]
        for number in told:
            reward(session, orders[number], now=NOW)
        rewarded = session.scalars(select(Referral).filter_by(state=ReferralState.REWARDED)).all()
        keys = set(session.scalars(select(Coupon.key)))
        assert keys == {f"referral:{each.newcomer_id}:{who}" for each in rewarded
                        for who in ("newcomer", "inviter")}
        assert all(session.get_one(Person, each.newcomer_id).invited_by_id == each.inviter_id
                   for each in rewarded)


def a_coupon(session: Session, person: Person) -> int:
    Coupon.give(session, person.id, "a gift", kind="referral", off_fen=300, threshold_fen=0,
                created_at=NOW, good_until=TERM)
    return session.scalars(select(Coupon.id)).one()


def test_the_database_lets_no_two_live_orders_hold_one_coupon(world):
    with Sessions.begin() as session:
        buyer = a_person(session, "o-1")
        coupon_id, ids = a_coupon(session, buyer), [an_order(session, buyer).id for _ in range(2)]

    def hold(order_id):
        def held(session: Session) -> bool:
            Order.lock(session, order_id).coupon_id = coupon_id
            session.flush()
            return True
        return held
    outcomes = at_once(*map(hold, ids))
    assert [type(outcome) for outcome in outcomes].count(IntegrityError) == 1
    assert outcomes.count(True) == 1


@pytest.mark.parametrize(("state", "later", "is_free"), [
    (OrderState.DRAFT, 0, True), (OrderState.AWAITING_PAYMENT, 0, False),
    (OrderState.PAID, 0, False), (OrderState.DELIVERED, 0, False),
    (OrderState.EXPIRED, 0, True), (OrderState.CANCELLED, 0, False),
    (OrderState.CANCELLED, 60, False), (OrderState.CANCELLED, 121, True),
    (OrderState.REJECTED, 60, False), (OrderState.REJECTED, 121, True)])
def test_which_orders_hold_their_coupon(world, state, later, is_free):
    with Sessions.begin() as session:
        buyer = a_person(session, "o-1")
        holder, other = an_order(session, buyer), an_order(session, buyer)
        holder.coupon_id = a_coupon(session, buyer)
        if state not in (OrderState.DRAFT, OrderState.AWAITING_PAYMENT, OrderState.EXPIRED):
            holder.paid_at = NOW
        holder.state, holder.ended_at = state, NOW
        session.flush()
        now = NOW + timedelta(seconds=later)
        assert bool(coupon.offers_of(session, other, now=now)) is is_free
        assert coupon.offers_of(session, holder, now=now)  # its own is its own
        assert coupon.offers_of(session, other, now=TERM) == []
