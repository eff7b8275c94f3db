"""Journey 10: the kitchen takes an order or does not, and says what there is."""
import json
from datetime import datetime

import pytest
from sqlalchemy import select

from handlers.kitchen.menu import day_s_end
from models.base import Sessions
from models.order import Order
from tests.conftest import CAMPUS
from tests.transcripts.test_ordering import PAID
from tests.transcripts.test_riding import cooking


def test_a_cook_who_talks_hears_of_the_order_in_the_chat_with_its_taps(chat):
    chat.play("""
        阿香  在吗
        小林  来份黄焖鸡微辣不要香菜 再来个卤蛋 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        (小林 pays)
        (work)
        push  阿香  kitchen.new_order  code=$c  payable=¥15.00  黄焖鸡米饭 微辣 不要香菜  卤蛋
        阿香  〔接单〕
        bot   kitchen.accepted  code=$c
        阿香  接$c
        bot   kitchen.as_it_stands  制作中
        阿香  〔出餐了〕
        bot   kitchen.cooked  正在叫骑手
        阿香  $c出餐
        bot   kitchen.as_it_stands  待取餐
    """)


def test_sentences_without_a_code_mean_the_only_order_there_is(chat):
    chat.play(PAID + """
        阿香  好的
        bot   kitchen.accepted  code=$c
        阿香  做好了
        bot   kitchen.cooked  code=$c
        阿香  好了
        bot   kitchen.none
        阿香  接单
        bot   kitchen.none
    """)


def test_with_several_orders_waiting_it_is_asked_which(chat):
    chat.stage.add("小陈", "student")
    chat.play(PAID + PAID.replace("小林", "小陈").replace("$c", "$d").replace("302", "303") + """
        阿香  接单
        bot   talk.which  $c  $d
        阿香  接$d
        bot   kitchen.accepted  code=$d
        阿香  接
        bot   kitchen.accepted  code=$c
        阿香  做好了
        bot   kitchen.which_order  $c  $d
        阿香  $d好了
        bot   kitchen.cooked  code=$d
    """)


@pytest.mark.parametrize("words", ["你好", "您好啊", "在吗", "没好"])
def test_a_greeting_accepts_nothing(chat, words):
    chat.play(PAID)
    chat.stage.says("阿香", words)
    with Sessions() as session:
        assert session.scalars(select(Order.state)).all() == ["paid"]


def test_a_sentence_alone_sends_no_money_back(chat):
    chat.play(PAID + """
        阿香  做不了，卖完了
        bot   kitchen.reject_sure  code=$c
        小林  到哪了
        bot   status.under_way  等阿香黄焖鸡米饭接单
        阿香  〔拒单〕
        bot   kitchen.rejected  code=$c
    """)


def test_no_other_shops_cook_can_answer(chat):
    campus = json.loads(CAMPUS.read_text("utf-8"))
    chat.stage.add("马哥", "merchant")
    for shop in campus["shops"]:
        shop["owners"] = [chat.stage.openid("马哥" if shop["id"] == "as03" else "阿香")]
    chat.stage.load(campus)
    chat.play(PAID + """
        马哥  接$c
        bot   order.unknown
        马哥  拒$c
        bot   order.unknown
        马哥  $c出餐
        bot   order.unknown
        马哥  黄焖鸡卖完了
        bot   kitchen.which_dish
        马哥  牛肉拉面卖完了
        bot   kitchen.sold_out  牛肉拉面
        小林  来份黄焖鸡
        bot   order.quoted
        阿香  接$c
        bot   kitchen.accepted
    """)


def test_nobody_cooks_for_themselves(chat):
    chat.play("""
        阿香  来份黄焖鸡 送12栋101
        bot   order.quoted  code=$c
        阿香  确认$c
        (阿香 pays)
        (work)
        card  阿香  paid
        阿香  接$c
        bot   kitchen.own_order
        (6 min pass)
        (work)
        card  阿香  progress  商家未接
        card  阿香  refunded  ¥13.00
    """)


def test_a_shop_that_nobody_answers_for_takes_the_order_by_itself(chat):
    campus = json.loads(CAMPUS.read_text("utf-8"))
    campus["riders"] = [{"openid": chat.stage.openid("阿哲"), "name": "阿哲",
                         "phone": "13800000001"}]
    chat.stage.load(campus)
    chat.play("""
        阿哲  上线
        小林  来份黄焖鸡 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        (小林 pays)
        (work)
        card  小林  paid  $c  制作中
        push  阿哲  rider.offer  code=$c
        quiet 阿香
    """)


def test_a_cook_may_call_the_food_done_after_the_rider_has_taken_it(chat):
    chat.play(cooking("小林", "$c") + """
        阿哲  上线
        (work)
        阿哲  接$c
        bot   rider.taken
        阿哲  $c取到
        bot   rider.picked_up
        阿香  $c出餐
        bot   kitchen.as_it_stands  配送中
        阿香  好了
        bot   kitchen.none
    """)


def test_where_one_person_cooks_and_rides_two_open_questions_are_told_apart(chat):
    campus = json.loads(CAMPUS.read_text("utf-8"))
    chat.stage.add("小陈", "student")
    for shop in campus["shops"]:
        shop["owners"] = [chat.stage.openid("阿哲")] if shop["id"] == "as03" else []
    campus["riders"] = [{"openid": chat.stage.openid("阿哲"), "name": "阿哲",
                         "phone": "13800000001"}]
    chat.stage.load(campus)
    chat.play("""
        阿哲  上线
        小林  来份黄焖鸡 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        (小林 pays)
        小陈  来份牛肉拉面 送12栋303
        bot   order.quoted  code=$d
        小陈  确认$d
        (小陈 pays)
        (work)
        阿哲  接
        bot   talk.which  $c  $d
        阿哲  接$d
        bot   kitchen.accepted  code=$d
        阿哲  接
        bot   rider.taken
    """)


def test_the_menu_as_it_is_now_is_what_everybody_sees(chat):
    chat.play("""
        阿香  黄焖鸡米饭卖完了
        bot   kitchen.sold_out  黄焖鸡米饭
        小林  看看阿香黄焖鸡米饭的菜单
        bot   menu.dishes  黄焖鸡米饭  今天卖完
        小林  黄焖鸡多少钱
        bot   menu.prices  今天卖完
        小林  来份黄焖鸡
        bot   order.all_sold_out
        阿香  黄焖鸡米饭又有了
        bot   kitchen.restocked
        小林  来份黄焖鸡
        bot   order.where_to
        阿香  可乐卖完了
        bot   kitchen.sold_out
        小林  一瓶可乐
        bot   order.nothing_changed
        (it is 05:00)
        小林  可乐多少钱
        bot   menu.prices  dishes=$drinks
    """)
    assert "卖完" not in chat.kept["$drinks"]


@pytest.mark.parametrize(("said_at", "until"), [
    ("2026-09-21T12:30", "2026-09-22T04:00"), ("2026-09-21T00:40", "2026-09-21T04:00"),
    ("2026-09-21T04:00", "2026-09-22T04:00"), ("2026-09-30T23:59", "2026-10-01T04:00")])
def test_a_kitchen_s_day_ends_at_four_in_the_morning(said_at, until):
    assert day_s_end(datetime.fromisoformat(said_at)) == datetime.fromisoformat(until)
