"""What campaigns do to a quote, as students read it."""
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from handlers.kitchen.shortage import paid_for
from models.base import Sessions, utcnow
from models.order import LINES, Order
from models.person import Person
from models.rules.hours import WEEKDAYS
from tests.support.payment import balances

CAMPAIGNS = [
    {"kind": "first_order", "off_fen": 500, "threshold_fen": 1500, "days": 7},
    {"kind": "threshold", "threshold_fen": 3000, "off_fen": 400, "name": "满30减4"},
    {"kind": "student", "percent_off": 10},
    {"kind": "weekday", "weekdays": list(WEEKDAYS), "free_delivery": True, "name": "免配送"},
]


@pytest.fixture
def offering(chat, demo_campus):
    """The campus with other campaigns."""
    def load(*campaigns):
        demo_campus["campaigns"] = list(campaigns)
        chat.stage.load(demo_campus)
        return chat
    return load


def verify(chat, who="小林"):
    chat.play(f"{who}  帮助")
    with Sessions.begin() as session:
        session.execute(update(Person).where(Person.openid == chat.stage.openid(who)).values(
            student_until=utcnow() + timedelta(days=300)))


def newest():
    with Sessions() as session:
        newest = select(Order).options(LINES).order_by(Order.id.desc()).limit(1)
        return session.scalars(newest).one()


def test_the_best_of_each_layer_is_taken_and_each_is_shown(offering):
    chat = offering(*CAMPAIGNS)
    chat.play("""
        小林  来两份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥23.00  满30减4-¥4.00  首单-¥5.00  免配送-¥2.00
        小林  〔确认付款〕
        bot   order.confirmed  payable=¥23.00
        (小林 pays)
        (work)
        card  小林  paid  ¥23.00
    """)
    assert newest().discounts == [
        {"kind": "threshold", "name": "满30减4", "off_fen": 400},
        {"kind": "first_order", "name": "", "off_fen": 500},
        {"kind": "weekday", "name": "免配送", "off_fen": 200, "is_way": True}]
    with Sessions() as session:
        assert balances(session)["wechat"] == 2300


def test_why_one_of_two_was_chosen_is_said(offering):
    chat = offering(*CAMPAIGNS)
    verify(chat)
    chat.play("""
        小林  来两份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥23.00  学生优惠(-¥3.20)不能一起用，已选最省的：共减¥11.00
    """)


def test_a_little_more_that_saves_is_mentioned(offering):
    chat = offering({**CAMPAIGNS[1], "threshold_fen": 1800, "name": "满18减4"})
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c  payable=¥18.00  再点¥2.00，满18减4就减¥4.00
        小林  再来个卤蛋
        bot   order.quoted  code=$c  payable=¥16.00  满18减4-¥4.00
    """)


def test_a_student_who_is_verified_pays_less(offering):
    chat = offering({"kind": "student", "percent_off": 10, "most_off_fen": 150})
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥18.00
    """)
    verify(chat)
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥16.50  学生优惠-¥1.50
    """)


@pytest.mark.parametrize("more", [
    {"until": "2020-01-01"}, {"from": "2999-01-01"}, {"shops": ["as02"]}, {"threshold_fen": 9000}])
def test_what_does_not_run_today_or_here_is_not_counted(offering, more):
    chat = offering({"kind": "weekday", "weekdays": list(WEEKDAYS), "off_fen": 300, **more})
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥18.00
    """)


def on_the_stove_without_a_fee(offering):
    """小林 paid ¥16.00 for a dish, and nothing for its way."""
    chat = offering(CAMPAIGNS[3])
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c  payable=¥16.00  免配送-¥2.00
        小林  确认$c
        bot   order.confirmed
        (小林 pays)
        (work)
        card  小林  paid  ¥16.00
        阿香  接$c
        bot   kitchen.accepted
    """)
    return chat


def test_half_of_what_was_paid_goes_back_where_the_way_cost_nothing(offering):
    chat = on_the_stove_without_a_fee(offering)
    chat.play("""
        小林  取消$c
        bot   cancel.ask_kitchen  half=¥8.00
        小林  $c申请退
        阿香  $c退一半
        (work)
        push  小林  cancel.agreed_half  amount=¥8.00
    """)


def test_a_dish_that_is_missing_brings_back_all_that_was_paid_for_it(offering):
    on_the_stove_without_a_fee(offering)
    assert paid_for(newest(), newest().lines[0]) == 1600


def test_who_fetches_it_gets_no_fee_back_that_was_never_paid(offering):
    chat = on_the_stove_without_a_fee(offering)
    chat.play("""
        (11 min pass)
        (work)
        push  小林  stranded.choose
        小林  $c自取
        bot   stranded.come_free
        小林  $c拿到了
        bot   shelf.enjoy
    """)
    with Sessions() as session:
        assert {account.partition(":")[0]: fen for account, fen in balances(session).items()
                } == {"wechat": 1600, "shop": -1600}


def test_the_same_offer_under_another_name_is_the_quote_that_was_shown(offering, demo_campus):
    chat = offering(CAMPAIGNS[0])
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c  payable=¥13.00
    """)
    demo_campus["campaigns"] = []
    chat.stage.load(demo_campus)
    chat.play("""
        小林  确认$c
        bot   order.quoted  payable=¥18.00
        小林  确认$c
        bot   order.confirmed  payable=¥18.00
    """)
