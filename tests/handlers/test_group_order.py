"""Group orders where people act at the same moment, or leave at random: the money is right."""
import random
from datetime import timedelta

import pytest
from sqlalchemy import select

from config.texts import say
from handlers import group_order as groups
from handlers.group_order.kitchen import for_all
from handlers.group_order.leaving import LeaveGroup
from handlers.group_order.opening import opened
from handlers.kitchen import accept_order
from handlers.order import Item
from handlers.payment import Recorded, begin_prepay, record_payment
from handlers.speaker import Speaker
from models.base import Session, Sessions
from models.campus import Campus, Place
from models.group_order import GroupOrder, GroupState
from models.order import Order
from models.outbox import Outbox
from models.payment import Payment, PaymentState, Refund
from models.person import Person
from models.rules.order_state import ENDED, OrderState
from models.shop import Dish, Shop
from tests.support.payment import (
    APP,
    MCH,
    NOW,
    a_campus,
    a_person,
    at_once,
    balances,
    debts,
    paid,
    wechat_pay,
)

LOCK_AT = NOW + timedelta(minutes=20)
LONG_AFTER = LOCK_AT + timedelta(minutes=10)
PRICES = (700, 1100, 1600, 2300)
pytestmark = pytest.mark.usefixtures("world")


@pytest.fixture
def world(database):
    with wechat_pay() as world, Sessions.begin() as session:
        shop = a_campus(session)
        for n, price in enumerate(PRICES):
            session.add(Dish(campus_id=shop.campus_id, shop_id=shop.id, key=f"d{n}",
                             name=f"菜{n}", price_fen=price, options=[]))
        session.commit()
        yield world


def speaker(session: Session, name: str) -> Speaker:
    person = a_person(session, name)
    return Speaker(session, Person.lock(session, APP, person.openid, now=NOW),
                   session.scalars(select(Campus)).one())


def open_one(*people: str) -> int:
    """A group of these people, the first its opener; each has ordered, nobody has paid."""
    with Sessions.begin() as session:
        for name in people:  # known beforehand, or two at once would make them
            a_person(session, name)
        boss = speaker(session, people[0])
        opened(session, boss, session.scalars(select(Shop)).first(), None,
               session.scalars(select(Place)).first(), LOCK_AT, now=NOW)
        group_id = session.scalars(select(GroupOrder)).one().id
    for name in people:
        with Sessions.begin() as session:
            join(session, group_id, name)
    return group_id


def join(session: Session, group_id: int, name: str, dish: str = "k1"):
    return groups.join(session, speaker(session, name),
                       groups.JoinGroup(group_id, (Item(dish),)), now=NOW)


def payment_of(session: Session, name: str) -> Payment:
    query = select(Payment).join(Person, Person.id == Payment.payer_id).where(
        Person.openid == name, Payment.state.in_([PaymentState.OPEN, PaymentState.CLOSING]))
    return session.scalars(query.order_by(Payment.id.desc())).first()


def pay(name: str, at=NOW + timedelta(minutes=1)) -> Recorded:
    with Sessions.begin() as session:
        told = paid(payment_of(session, name), paid_at=at)
    with Sessions.begin() as session:
        return record_payment(session, told, our_mch_id=MCH, now=at)


def close(group_id: int, now=LONG_AFTER) -> None:
    with Sessions.begin() as session:
        groups.close_due(session, group_id, now=now)


def is_consistent(group_id: int) -> None:
    """Every fen that came is held for a live order or goes back; nobody sits there unpaid."""
    with Sessions() as session:
        group = session.get_one(GroupOrder, group_id)
        orders = list(session.scalars(select(Order).filter_by(group_id=group_id)))
        live = [order for order in orders if order.state not in ENDED]
        books = balances(session)
        assert sum(books.values()) == 0
        for order in orders:
            held = -books.get(f"order:{order.id}", 0)
            assert held == (order.payable_fen if order in live and order.paid_at else 0)
        came = sum(p.paid_fen or 0 for p in session.scalars(select(Payment)))
        back = sum(refund.amount_fen for refund in session.scalars(select(Refund)))
        assert came - back == sum(order.payable_fen for order in live if order.paid_at)
        if group.state != GroupState.OPEN:
            assert all(order.paid_at for order in live)
            eaters = {order.buyer_id for order in live}
            assert {m.person_id for m in group.seated} - {group.opener_id} <= eaters


@pytest.mark.parametrize("again", range(4))
def test_joining_while_the_opener_locks_is_in_or_out_and_never_between(again):
    group_id = open_one("o-a", "o-b")
    with Sessions.begin() as session:
        for name in ("o-c", "o-d", "o-e"):
            a_person(session, name)
    pay("o-a")
    pay("o-b")

    def lock(session):
        return groups.lock_now(session, speaker(session, "o-a"), groups.ChangeGroup(group_id),
                               now=NOW + timedelta(minutes=2))

    late = [lambda session, name=name: join(session, group_id, name)
            for name in ("o-c", "o-d", "o-e")]
    replies = at_once(*late, lock)
    assert {reply.key for reply in replies[:3]} <= {"group.joined", "group.is_locked"}
    close(group_id)
    with Sessions() as session:
        group = session.get_one(GroupOrder, group_id)
        assert group.state == GroupState.LOCKED
        assert len(group.seated) == 2
    is_consistent(group_id)


@pytest.mark.parametrize("again", range(4))
def test_money_and_the_deadline_at_once_he_eats_or_has_it_back(again):
    group_id = open_one("o-a", "o-b", "o-c")
    pay("o-a")
    with Sessions.begin() as session:
        told = [paid(payment_of(session, name), paid_at=LOCK_AT) for name in ("o-b", "o-c")]
    outcomes = at_once(
        *[lambda session, one=one: record_payment(session, one, our_mch_id=MCH, now=LOCK_AT)
          for one in told],
        lambda session: groups.close_due(session, group_id, now=LOCK_AT),
        lambda session: groups.close_due(session, group_id, now=LOCK_AT))
    assert {outcome for outcome in outcomes[:2]} <= {Recorded.COUNTED, Recorded.SURPLUS}
    assert outcomes[2:] == [None, None]
    close(group_id)
    with Sessions() as session:
        assert session.get_one(GroupOrder, group_id).state == GroupState.LOCKED
        assert len(list(session.scalars(select(Outbox).where(
            Outbox.key.like(f"notice:group:{group_id}:summary%"))))) == 1
    is_consistent(group_id)


def test_several_clocks_lock_it_once_and_give_back_once():
    group_id = open_one("o-a", "o-b", "o-c")
    for name in ("o-a", "o-b", "o-c"):
        pay(name)
    at_once(*[lambda session: groups.close_due(session, group_id, now=LOCK_AT)] * 4)
    with Sessions() as session:
        shares = session.scalars(select(Refund.amount_fen).filter_by(reason="group_share"))
        assert sorted(shares) == [100, 200]  # alone he was quoted 2.00, the second 1.00
        assert len(debts(session, "refund.ask")) == 2
    is_consistent(group_id)


def test_the_last_to_pay_and_the_number_that_locks():
    group_id = open_one("o-a", "o-b", "o-c")
    with Sessions.begin() as session:
        groups.lock_when(session, speaker(session, "o-a"), groups.ChangeGroup(group_id), 2,
                         now=NOW)
    with Sessions.begin() as session:
        told = [paid(payment_of(session, name)) for name in ("o-a", "o-b")]
    at_once(*[lambda session, one=one: record_payment(session, one, our_mch_id=MCH, now=NOW)
              for one in told])
    at_once(*[lambda session: groups.close_due(session, group_id, now=NOW)] * 2)
    close(group_id, now=NOW + timedelta(minutes=4))
    with Sessions() as session:
        group = session.get_one(GroupOrder, group_id)
        assert group.state == GroupState.LOCKED
        assert len(group.seated) == 2
    is_consistent(group_id)


@pytest.mark.parametrize("seed", range(25))
def test_random_groups_with_random_drop_outs(seed):
    """Through the real handlers: whoever leaves, the others' shares stay or fall."""
    dice = random.Random(seed)
    names = [f"o-{n}" for n in range(dice.randint(1, 6))]
    group_id = open_one(*names)
    for name in names:
        if dice.random() < 0.4:
            with Sessions.begin() as session:
                join(session, group_id, name, f"d{dice.randrange(len(PRICES))}")
    most = shares(group_id)
    for name in dice.sample(names, len(names)):
        deed = dice.random()
        if deed < 0.65:
            pay(name)
        elif deed < 0.8:
            leave(group_id, name)
        most = not_above(shares(group_id), most)
    close(group_id)
    most = not_above(shares(group_id), most)
    for name in dice.sample(names, dice.randint(0, len(names))):
        leave(group_id, name)
        most = not_above(shares(group_id), most)
        is_consistent(group_id)
    is_consistent(group_id)


def shares(group_id: int) -> dict[int, int]:
    with Sessions() as session:
        told: dict[int, int] = {}
        for order in session.scalars(select(Order).where(
                Order.group_id == group_id, Order.state.not_in([*ENDED, OrderState.DRAFT]))):
            told[order.buyer_id] = told.get(order.buyer_id, 0) + order.payable_fen
        return told


def not_above(now: dict[int, int], before: dict[int, int]) -> dict[int, int]:
    assert all(fen <= before[person] for person, fen in now.items())
    return now


def leave(group_id: int, name: str) -> None:
    with Sessions.begin() as session:
        groups.leave(session, speaker(session, name), LeaveGroup(group_id, is_sure=True),
                     now=NOW + timedelta(minutes=2))


@pytest.mark.parametrize("is_late", [False, True])
def test_a_pay_sheet_that_is_open_at_the_deadline_is_waited_for_but_not_for_ever(is_late):
    """WeChat Pay knows of his payment: the lock waits for its word, three minutes at most."""
    group_id = open_one("o-a", "o-b")
    pay("o-a")
    with Sessions.begin() as session:
        payment = payment_of(session, "o-b")
        begin_prepay(session, payment.id, now=LOCK_AT - timedelta(seconds=5))
        told = paid(payment, paid_at=LOCK_AT)
    close(group_id, now=LOCK_AT)
    with Sessions() as session:
        assert session.get_one(GroupOrder, group_id).state == GroupState.OPEN
    assert join_key(group_id) == "group.is_locked"
    if is_late:
        close(group_id)
    with Sessions.begin() as session:
        outcome = record_payment(session, told, our_mch_id=MCH, now=LONG_AFTER)
    assert outcome is (Recorded.SURPLUS if is_late else Recorded.COUNTED)
    close(group_id)
    with Sessions() as session:
        group = session.get_one(GroupOrder, group_id)
        assert group.state == GroupState.LOCKED
        assert len(group.seated) == (1 if is_late else 2)
    is_consistent(group_id)


def test_the_kitchen_reads_the_note_of_every_bag_of_a_big_group():
    names = [f"o-{n}" for n in range(8)]
    group_id = open_one(*names)
    for name in names:
        with Sessions.begin() as session:
            groups.join(session, speaker(session, name),
                        groups.JoinGroup(group_id, note=f"{name}不要辣"), now=NOW)
        pay(name)
    close(group_id)
    with Sessions.begin() as session:
        reply = for_all(session, speaker(session, "o-owner"), session.get_one(GroupOrder, group_id),
                        accept_order, now=LONG_AFTER)
        said = say(reply)
        assert all(f"{name}不要辣" in said for name in names)


def join_key(group_id: int) -> str:
    with Sessions.begin() as session:
        reply = groups.join(session, speaker(session, "o-late"),
                            groups.JoinGroup(group_id, (Item("k1"),)), now=LOCK_AT)
        return reply.key
