"""积分: brought by what was paid, spent by whoever says so, given back where nothing came of it."""
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from handlers import points
from handlers.order.confirm import ConfirmOrder, confirm_order
from handlers.payment import expire_unpaid
from handlers.speaker import Speaker
from models.base import Sessions, utcnow
from models.campus import Campus
from models.ledger import PROMOTION, balance, points_of, post
from models.order import Order
from models.person import Person
from models.points import give_points, points_left, take_points
from models.rules.points import PointRules, share
from tests.support.payment import at_once, balances
from tests.transcripts.test_offers import newest

LUNCH = """
    小林  来份黄焖鸡微辣 送12栋302
    bot   order.quoted  code=$c
    小林  〔确认付款〕
    (小林 pays)
    阿香  接$c
    阿哲  上线
    (work)
    阿哲  〔接〕
    阿香  $c出餐
    阿哲  $c取到
    阿哲  $c到了
    (work)
"""

HELD = """
    小林  用积分
    小林  来份黄焖鸡微辣 送12栋302
    bot   order.quoted  code=$c  payable=¥14.50
    小林  〔确认付款〕
"""
CANCELLED = HELD + """
    (小林 pays)
    小林  取消$c
    小林  〔确定取消〕
"""


@pytest.fixture
def giving(chat, demo_campus):
    """A campus that gives points, and no other offers."""
    def load(**rules):
        demo_campus["campaigns"] = []
        demo_campus["points"] = {"percent_back": 10, "most_percent": 50, **rules}
        chat.stage.load(demo_campus)
        return chat
    return load


def person(chat, who="小林"):
    with Sessions() as session:
        return session.scalars(select(Person).filter_by(openid=chat.stage.openid(who))).one()


def left(chat, who="小林"):
    with Sessions() as session:
        return points_left(session, person(chat, who).id)


def grant(chat, count, who="小林"):
    """So many, for an order of long ago."""
    chat.play(f"{who}  帮助")
    with Sessions.begin() as session:
        post(session, "points_earned", key=f"points:test:{who}", now=utcnow(), entries={
            PROMOTION: count, points_of(person(chat, who).id): -count})


def booked(kind):
    with Sessions() as session:
        return balances(session).get(kind, 0)


def test_nobody_has_any_at_first(giving):
    giving().play("""
        小林  我的积分
        bot   points.none
        小林  我有多少积分
        bot   points.none
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥18.00
        小林  用积分
        bot   points.none
    """)


def test_they_are_spent_by_whoever_says_so(giving):
    chat = giving()
    grant(chat, 350)
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥18.00  积分能抵¥3.50
        小林  〔用积分〕
        bot   order.quoted  payable=¥14.50  积分-¥3.50  抵完还剩0积分
        小林  〔不用积分〕
        bot   order.quoted  payable=¥18.00
        小林  用积分
        bot   order.quoted  payable=¥14.50
        小林  〔确认付款〕
        bot   order.confirmed  payable=¥14.50
    """)
    assert left(chat) == 0
    chat.play("""
        (小林 pays)
        小林  积分
        bot   points.none
    """)
    assert newest().points_taken == 350


def test_at_most_the_campus_s_share_of_the_dishes_is_paid_with_points(giving):
    chat = giving(most_percent=10)
    grant(chat, 5000)
    chat.play("""
        小林  用积分
        bot   points.used  5000
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥16.40  积分-¥1.60  抵完还剩4840积分
    """)


@pytest.mark.parametrize("ends", [
    "小林  取消$c", "小林  加瓶可乐",
    "(小林 pays)\n小林  取消$c\n小林  〔确定取消〕", "(小林 pays)\n阿香  拒单$c"])
def test_an_order_that_comes_to_nothing_gives_them_back(giving, ends):
    chat = giving()
    grant(chat, 350)
    chat.play(HELD)
    assert left(chat) == 0
    chat.play(ends)
    assert left(chat) == 350
    assert newest().points_taken == 0
    assert booked(PROMOTION) == 350


def test_an_order_that_nobody_paid_gives_them_back(giving):
    chat = giving()
    grant(chat, 350)
    chat.play(HELD)
    chat.stage.pass_time(minutes=16)
    with Sessions.begin() as session:
        expire_unpaid(session, newest().id, now=utcnow())
    assert (newest().state, left(chat)) == ("expired", 350)


def test_who_takes_a_cancellation_back_pays_with_them_after_all(giving):
    chat = giving()
    grant(chat, 350)
    chat.play(CANCELLED + """
        小林  〔撤回〕
        bot   undo.restored
    """)
    assert left(chat) == 0
    assert newest().points_taken == 350


def test_spent_elsewhere_meanwhile_a_cancellation_stays(giving):
    chat = giving()
    grant(chat, 350)
    chat.play(CANCELLED)
    with Sessions.begin() as session:
        assert take_points(session, person(chat).id, 350, key="elsewhere", kind="points_spent",
                           now=utcnow(), order_id=newest().id)
    chat.play("""
        小林  撤回
        bot   undo.too_late
    """)
    assert newest().state == "cancelled"


def test_half_back_gives_half_of_them_back(giving):
    chat = giving()
    grant(chat, 350)
    chat.play(HELD + """
        (小林 pays)
        阿香  接$c
        小林  取消$c
        小林  〔问商家能不能退〕
        阿香  $c退一半
    """)
    order = newest()
    assert order.state == "cancelled"
    assert left(chat) == share(350, 825, 1450) == 199  # 8.25 of 14.50 went back


def test_a_delivered_order_brings_some_and_a_complaint_takes_them_back(giving):
    chat = giving()
    chat.play(LUNCH)
    with Sessions() as session:
        order = session.get_one(Order, newest().id)
        code, pin = order.code, order.pin
    assert left(chat) == 0
    chat.play(f"阿哲  {code}码{pin}")
    assert left(chat) == 180
    with Sessions() as session:
        sums = balances(session)
        assert sums[points_of(person(chat).id)] == -180
        assert sum(sums.values()) == 0
    with Sessions.begin() as session:
        order = session.get_one(Order, newest().id)
        for _ in range(2):  # told twice, taken once
            points.take_back(session, order, 900, cause="complaint:1", now=utcnow())
    assert left(chat) == 90


def test_a_complaint_gives_back_the_points_that_had_paid(giving):
    chat = giving()
    grant(chat, 350)
    chat.play(HELD + LUNCH.partition("〔确认付款〕")[2])
    with Sessions() as session:
        order = session.get_one(Order, newest().id)
        code, pin = order.code, order.pin
    chat.play(f"阿哲  {code}码{pin}")
    assert left(chat) == 145  # a tenth of ¥14.50
    chat.play(f"""
        小林  {code}没收到
        小林  {code}退款
        bot   complaint.refunding  amount=¥14.50  points=，另退350积分
    """)
    assert left(chat) == 350
    with Sessions() as session:
        assert session.get_one(Order, newest().id).points_taken == 0
        assert sum(balances(session).values()) == 0


@pytest.mark.parametrize("rule", [{"percent_back": 1}, {"percent_back": 20}, None])
def test_what_is_taken_back_is_what_was_earned_whatever_the_rule_says_today(
        giving, demo_campus, rule):
    chat = giving()
    chat.play(LUNCH)
    with Sessions() as session:
        order = session.get_one(Order, newest().id)
        code, pin = order.code, order.pin
    chat.play(f"阿哲  {code}码{pin}")
    assert left(chat) == 180
    demo_campus["points"] = rule
    chat.stage.load(demo_campus)
    with Sessions.begin() as session:
        points.take_back(session, session.get_one(Order, newest().id), 900, cause="complaint:1",
                         now=utcnow())
    assert left(chat) == 90


def test_what_is_spent_already_is_not_taken_back(giving):
    chat = giving()
    chat.play(LUNCH)
    with Sessions.begin() as session:
        order = session.get_one(Order, newest().id)
        points.earn(session, order, now=utcnow())
        assert take_points(session, order.buyer_id, 100, key="spent", kind="points_spent",
                           now=utcnow(), order_id=order.id)
        points.take_back(session, order, order.payable_fen, cause="complaint:1", now=utcnow())
    assert left(chat) == 0


def test_a_campus_without_them_says_so(chat):
    chat.play("""
        小林  用积分
        bot   points.off
    """)


def test_two_orders_cannot_spend_the_same_points(giving):
    """Confirmed at the same moment, past the turn's own lock: one of them is quoted anew."""
    chat = giving()
    grant(chat, 350)
    chat.play("""
        小林  用积分
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c
    """)
    first = newest().id
    with Sessions.begin() as session:
        session.execute(text("UPDATE orders SET created_at = created_at - interval '1 minute', "
                             "buyer_id = buyer_id WHERE id = :id"), {"id": first})
    with Sessions.begin() as session:  # out of the way of the next quote
        session.execute(text("UPDATE orders SET state = 'awaiting_payment' WHERE id = :id"),
                        {"id": first})
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted
    """)
    second = newest().id
    assert second != first
    with Sessions.begin() as session:
        session.execute(text("UPDATE orders SET state = 'draft' WHERE id = :id"), {"id": first})

    def confirm(order_id):
        def call(session):
            who = session.get_one(Person, person(chat).id)
            campus = session.scalars(select(Campus)).one()
            return confirm_order(session, Speaker(session, who, campus), ConfirmOrder(order_id),
                                 now=utcnow()).key
        return call

    outcomes = at_once(confirm(first), confirm(second))
    assert sorted(map(str, outcomes)) == ["order.confirmed", "order.quoted"], outcomes
    assert left(chat) == 0


def test_the_database_refuses_an_overdrawn_account_by_itself(giving):
    chat = giving()
    grant(chat, 10)
    who = person(chat).id
    with pytest.raises(IntegrityError, match="overdrawn"), Sessions.begin() as session:
        post(session, "points_spent", key="too much", now=utcnow(), entries={
            points_of(who): 11, PROMOTION: -11})
    assert left(chat) == 10


@settings(max_examples=40, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["give", "take", "return"]),
                                st.integers(0, 400)), max_size=12))
def test_whatever_is_given_and_taken_the_account_is_never_below_zero(giving_once, steps):
    who, order_id = giving_once
    with Sessions() as session, session.begin() as transaction:
        had = points_left(session, who)
        for number, (what, count) in enumerate(steps):
            told = {"key": f"step:{number}", "now": utcnow(), "order_id": order_id}
            if what == "take":
                is_taken = take_points(session, who, count, kind="points_spent", **told)
                assert is_taken == (count <= had)
                had -= count if is_taken else 0
            else:
                give_points(session, who, count, kind=f"points_{what}", **told)
                had += count
            assert points_left(session, who) == had >= 0
        assert balance(session, PROMOTION) == had
        transaction.rollback()


@pytest.fixture
def giving_once(giving):
    chat = giving()
    chat.play("小林  来份黄焖鸡微辣 送12栋302")
    return person(chat).id, newest().id


@given(balance=st.integers(0, 10_000), dishes=st.integers(0, 10_000),
       payable=st.integers(1, 12_000), most=st.integers(1, 100))
def test_something_is_always_left_to_pay(balance, dishes, payable, most):
    used = PointRules(1, most).usable(balance, dishes_fen=dishes, payable_fen=payable)
    assert 0 <= used <= balance
    assert used < payable
    assert used * 100 <= dishes * most


@given(count=st.integers(0, 5000), whole=st.integers(1, 10_000),
       parts=st.lists(st.integers(0, 10_000), max_size=5))
def test_parts_of_an_order_never_give_back_more_than_it_took(count, whole, parts):
    used, given_back = 0, 0
    for part in parts:
        part = min(part, whole - used)
        used += part
        given_back += share(count, part, whole)
    assert given_back <= count
    assert share(count, whole, whole) == count
    assert share(count, 0, 0) == 0

