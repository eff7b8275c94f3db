"""Journey 2: one sentence becomes a quote, and the quote what was meant."""
import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.base import Sessions
from models.order import Order
from models.shop import Dish, Shop
from tests.conftest import CAMPUS

QUOTED = """
    小林  来份黄焖鸡微辣 送12栋302
    bot   order.quoted  code=$c  payable=¥13.00
"""
PAID = f"""
    {QUOTED}
    小林  〔确认付款〕
    bot   order.confirmed  code=$c
    (小林 pays)
    (work)
    card  小林  paid  $c
"""


def test_a_quote_grows_and_shrinks_as_it_is_talked_about(chat):
    chat.play("""
        (it is 10:00)
        小林  来份黄焖鸡微辣不要香菜 再来个卤蛋 12点半送12栋302
        bot   order.quoted  code=$c  payable=¥15.00  when=12:30  微辣  不要香菜  卤蛋
        小林  加瓶可乐
        bot   order.quoted  code=$c  payable=¥19.00  可乐
        小林  可乐不要了
        bot   order.quoted  code=$c  payable=¥15.00
        小林  大份
        bot   order.quoted  code=$c  payable=¥18.00  大份
        小林  改送9栋
        bot   order.quoted  code=$c  payable=¥18.00  东区9号楼
        小林  415
        bot   order.quoted  code=$c  415
        小林  下午一点送
        bot   order.quoted  code=$c  when=13:00
    """)


def test_a_change_makes_a_new_quote_and_the_old_tap_acts_on_nothing(chat):
    chat.play(QUOTED + """
        小林  〔换大份〕
        bot   order.quoted  code=$c  payable=¥16.00  大份
        小林  〔¥13.00 确认付款〕
        bot   order.quoted  code=$c  payable=¥16.00  刚才改过
        小林  到哪了
        bot   order.quoted  code=$c  payable=¥16.00  等你点头
        小林  确认$c
        bot   order.confirmed  code=$c  payable=¥16.00
    """)


@pytest.mark.parametrize("tap", ["不要了", "换大份"])
def test_no_old_tap_acts_whatever_it_says(chat, tap):
    chat.play(QUOTED + f"""
        小林  加瓶可乐
        bot   order.quoted  code=$c  payable=¥17.00
        小林  〔¥13.00 {tap}〕
        bot   order.quoted  code=$c  payable=¥17.00  刚才改过
        小林  到哪了
        bot   order.quoted  code=$c  payable=¥17.00
    """)


def test_an_old_tap_does_not_reach_the_next_order_of_the_same_code(chat):
    chat.play(QUOTED)
    with Sessions.begin() as session:  # as eight days and 200 000 orders later
        order = session.scalars(select(Order)).one()
        order.revision += 1
    chat.play("""
        小林  〔不要了〕
        bot   order.quoted  code=$c  刚才改过
    """)


def test_confirming_twice_gives_the_same_link(chat):
    chat.play(QUOTED + """
        小林  确认$c
        bot   order.confirmed  url=$u
        小林  确认$c
        bot   order.confirmed  url=$u
        小林  好的
        bot   order.confirmed  url=$u
    """)


@pytest.mark.parametrize("words", ["你好", "您好呀", "好吃吗", "对了能不能快点", "没确认", "好饿"])
def test_what_only_sounds_like_yes_confirms_nothing(chat, words):
    chat.play(QUOTED)
    chat.stage.says("小林", words)
    with Sessions() as session:
        assert session.scalars(select(Order.state)).all() == ["draft"]


def test_an_order_of_another_shop_is_named_and_left_out(chat):
    chat.play(QUOTED + """
        小林  再来一份牛肉拉面送9栋
        bot   order.quoted  code=$c  payable=¥13.00  东区9号楼  牛肉拉面是老马家兰州拉面的
        小林  来一份牛肉拉面和一杯珍珠奶茶
        bot   order.nothing_changed  牛肉拉面  珍珠奶茶
    """)


def test_what_is_sold_out_is_left_out_and_named_even_before_the_address_is_known(chat):
    chat.stage.add("小陈", "student")
    chat.play("""
        阿香  可乐卖完了
        bot   kitchen.sold_out  可乐
        小陈  一份黄焖鸡 一瓶可乐
        bot   order.where_to  code=$c  可乐今天卖完了
        小陈  12栋302
        bot   order.quoted  code=$c  payable=¥13.00
        小陈  加瓶可乐
        bot   order.nothing_changed  可乐今天卖完了
        小陈  取消
        bot   cancel.free
        小陈  一瓶可乐
        bot   order.all_sold_out  可乐
    """)


def test_more_than_one_can_carry_is_too_many(chat):
    chat.play("""
        小林  来100份黄焖鸡 送12栋302
        bot   order.quoted  ×99  一单最多99份
    """)


def test_a_second_order_can_be_placed_while_the_first_is_under_way(chat):
    chat.play(PAID + """
        小林  来份黄焖鸡微辣不要香菜 送12栋302
        bot   order.quoted  code=$d  payable=¥18.00  已经付款，改不了了；这是另开的一单
        小林  确认$d
        bot   order.confirmed  code=$d  payable=¥18.00
        小林  到哪了
        bot   status.several  $c  $d
        小林  $c到哪了
        bot   status.under_way  code=$c
    """)


def test_what_cannot_be_an_order_of_its_own_is_too_late_once_paid(chat):
    chat.play(PAID + """
        小林  换大份
        bot   order.too_late_to_change  code=$c
        小林  $c不要香菜
        bot   relay.told_shop  不要香菜
    """)


def test_one_unpaid_order_at_a_time_holds_the_newcomers_discount(chat):
    chat.play(QUOTED + """
        小林  确认$c
        bot   order.confirmed  code=$c  payable=¥13.00
        小林  来份牛肉拉面大份 送12栋302
        bot   order.quoted  code=$d
    """)
    with Sessions() as session:
        first, second = session.scalars(select(Order).order_by(Order.id))
        assert (first.discount_fen, second.discount_fen) == (500, 0)
    chat.play("""
        小林  $c加个卤蛋
        bot   order.quoted  code=$c  payable=¥15.00
        小林  $d加个茶叶蛋
        bot   order.quoted  code=$d  首单
        小林  确认$d
        bot   order.confirmed  code=$d
        小林  确认$c
        bot   order.quoted  code=$c  payable=¥20.00  刚才改过
    """)


def test_money_that_came_back_leaves_the_discount_for_another_day(chat):
    chat.play(PAID + """
        阿香  拒$c
        bot   kitchen.rejected
        小林  来份黄焖鸡 送12栋302
        bot   order.quoted  payable=¥13.00
    """)


def test_a_quote_from_this_morning_is_no_longer_talked_about(chat):
    chat.play(QUOTED + """
        (3 h pass)
        小林  来份黄焖鸡
        bot   order.quoted  code=$d  payable=¥13.00
        小林  $c到哪了
        bot   status.cancelled  code=$c
    """)
    assert chat.kept["$c"] != chat.kept["$d"]


def test_an_old_quote_keeps_its_price_but_not_its_time(chat):
    chat.play("""
        (it is 10:00)
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c  when=$t
        (5 min pass)
        小林  〔不要了〕
        bot   cancel.free
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$d
        (40 min pass)
        小林  确认$d
        bot   order.quoted  code=$d  刚才改过
        小林  确认$d
        bot   order.confirmed  code=$d
    """)


def test_a_quote_is_not_confirmed_past_what_has_changed_since(chat):
    chat.play(QUOTED)
    with Sessions.begin() as session:
        session.execute(update(Dish).where(Dish.name == "黄焖鸡米饭").values(price_fen=1800))
    chat.play("""
        小林  〔确认付款〕
        bot   order.quoted  code=$c  payable=¥15.00  刚才改过
        阿香  黄焖鸡米饭卖完了
        bot   kitchen.sold_out
        小林  〔¥15.00 确认付款〕
        bot   order.gone_meanwhile  黄焖鸡米饭
        阿香  黄焖鸡米饭又有了
        bot   kitchen.restocked
    """)
    with Sessions.begin() as session:
        session.execute(update(Shop).values(hours=[["03:00", "03:01"]]))
    chat.play("""
        小林  确认$c
        bot   order.shop_closed
    """)


def test_a_quote_that_nobody_comes_back_to_makes_way_for_its_code(chat):
    chat.play(QUOTED + """
        (25 h pass)
        (work)
        小林  $c到哪了
        bot   status.cancelled  code=$c
    """)


def test_only_so_much_can_be_had_as_there_is(stage, chat):
    campus = json.loads(CAMPUS.read_text("utf-8"))
    campus["shops"][0]["dishes"][0]["stock"] = 3
    stage.load(campus)
    chat.play("""
        小林  来4份黄焖鸡 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        bot   order.not_enough  left=3
        小林  改成3份黄焖鸡
        bot   order.quoted  code=$c  ×3
        小林  确认$c
        bot   order.confirmed  code=$c
    """)


def test_below_the_shops_minimum_it_says_what_is_missing(stage, chat):
    campus = json.loads(CAMPUS.read_text("utf-8"))
    campus["shops"][0]["min_order_fen"] = 1500
    stage.load(campus)
    chat.play("""
        小林  来一份黄焖豆腐饭 送12栋302
        bot   order.quoted  code=$c  满¥15起送
        小林  确认$c
        bot   order.below_minimum
        小林  来份黄焖鸡
        bot   order.quoted  code=$c
        小林  确认$c
        bot   order.confirmed
    """)


def test_a_dish_that_several_shops_have_is_asked_for_and_chosen_by_number(stage, chat):
    campus = json.loads(CAMPUS.read_text("utf-8"))
    for shop in campus["shops"]:
        if shop["id"] in ("as02", "as03"):
            shop["dishes"].append({"id": f"{shop['id']}x", "name": "红烧肉饭", "price_fen": 1500,
                                   "options": []})
    stage.load(campus)
    chat.play("""
        小林  来份红烧肉饭 送12栋302
        bot   order.which_dish  count=2
        小林  2
        bot   order.quoted  code=$c  红烧肉饭  东区12号楼 302
    """)
    with Sessions() as session:
        assert [line.dish_key for line in session.scalars(select(Order)).one().lines] == ["as03x"]
    chat.play("""
        小林  取消
        小林  来份红烧肉饭 送12栋302
        bot   order.which_dish
        小林  〔红烧肉饭 渝小妹麻辣烫 ¥15.00〕
        bot   order.quoted  code=$d
    """)
    with Sessions() as session:
        newest = session.scalars(select(Order).order_by(Order.id.desc())).first()
        assert [line.dish_key for line in newest.lines] == ["as02x"]
    chat.play("""
        小林  取消
    """)
    with Sessions.begin() as session:
        session.execute(update(Dish).where(Dish.key == "as03x").values(stock=0))
    chat.play("""
        小林  来份红烧肉饭 送12栋302
        bot   order.quoted  红烧肉饭
    """)


def test_many_dishes_and_long_remarks_still_make_nine_lines(chat):
    chat.play("""
        小林  来份黄焖鸡微辣不要香菜 黄焖排骨饭 黄焖牛腩饭 黄焖豆腐饭 金牌鸡排饭 卤蛋 可乐 送12栋302
        bot   order.quoted  code=$c  黄焖排骨饭  金牌鸡排饭  卤蛋  可乐
        小林  来份黄焖鸡爪 再来个牛肉拉面 一杯珍珠奶茶 一份冰粉 100份酸梅汤
        bot   order.quoted  code=$c  黄焖鸡爪  牛肉拉面  珍珠奶茶  冰粉  一单最多99份
    """)


def test_nobody_else_can_confirm_cancel_or_see_an_order(chat):
    chat.stage.add("路人", "student")
    chat.play(QUOTED + """
        路人  确认$c
        bot   order.unknown
        路人  取消$c
        bot   order.unknown
        路人  $c到哪了
        bot   order.unknown
        路人  接$c
        bot   order.unknown
        路人  $c出餐
        bot   order.unknown
        路人  $c取到
        bot   order.unknown
        路人  $c到了
        bot   order.unknown
        小林  到哪了
        bot   order.quoted  code=$c
    """)


def test_another_persons_tap_with_its_id_acts_on_nothing(chat):
    chat.stage.add("路人", "student")
    chat.play(QUOTED)
    words, tap = chat._tapped("小林", "确认付款")
    assert "没找到" in (chat.stage.says("路人", words, tap) or "")
    with Sessions() as session:
        assert session.scalars(select(Order.state)).all() == ["draft"]


def test_after_so_many_messages_in_a_minute_one_line_says_how_long_to_wait(chat):
    for _ in range(20):
        assert chat.stage.says("小林", "看菜单")
    chat.play("""
        小林  救命
        bot   sos.nobody
        小林  来份黄焖鸡
        bot   talk.too_many  seconds=$s
        小林  来份黄焖鸡
        bot   talk.hushed
    """)
    assert 0 < int(chat.kept["$s"]) <= 60
    for _ in range(30):
        chat.stage.world.report_position("小林", 30.0, 120.0)
    chat.stage.pass_time(seconds=61)
    chat.play("""
        小林  来份黄焖鸡送12栋302
        bot   order.quoted
    """)


def test_whoever_waits_as_long_as_told_is_heard(chat):
    for _ in range(20):
        chat.stage.says("小林", "看菜单")
        chat.stage.pass_time(seconds=1)
    chat.play("""
        小林  来份黄焖鸡送12栋302
        bot   talk.too_many  seconds=$s
    """)
    chat.stage.pass_time(seconds=int(chat.kept["$s"]))
    chat.play("""
        小林  来份黄焖鸡送12栋302
        bot   order.quoted
    """)
    with Sessions() as session:
        assert session.scalars(select(Order.created_at)).one() is not None


def test_positions_that_a_phone_reports_are_nothing_that_is_said(chat):
    for _ in range(25):
        chat.stage.world.report_position("小林", 30.0, 120.0)
    chat.play("""
        小林  来份黄焖鸡送12栋302
        bot   order.quoted
    """)


def test_an_order_for_tomorrow_says_the_day(chat):
    chat.play("""
        (it is 20:00)
        小林  明天中午12点来份黄焖鸡 送12栋302
        bot   order.quoted  code=$c  12:00
    """)
    with Sessions() as session:
        order = session.scalars(select(Order)).one()
        assert order.wanted_at is not None
        assert timedelta(hours=15) < order.wanted_at - order.created_at < timedelta(hours=17)


@pytest.mark.parametrize(("words", "at"), [
    ("晚半小时送", "12:20"), ("推迟20分钟送", "12:10"), ("晚一个小时再送", "12:50")])
def test_later_by_so_much_is_later_than_was_promised(chat, words, at):
    chat.stage.wait_until(11, 30)
    chat.play(f"""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  11:50
        小林  {words}
        bot   order.quoted  {at}
    """)


def test_a_dish_is_taken_off_in_many_words(chat):
    for words in ("去掉可乐", "删掉可乐", "可乐去掉", "把可乐去掉", "不要可乐了", "可乐不要了"):
        chat.play(f"""
            小林  来份黄焖鸡米饭加个可乐 送12栋302
            bot   order.quoted  可乐
            小林  {words}
            bot   order.quoted
        """)
        assert "可乐" not in chat.last("小林")
    chat.play("""
        小林  去掉雪碧
        bot   order.nothing_heard
        小林  改成三份
        bot   order.quoted  ×3
        小林  去掉一份黄焖鸡
        bot   order.quoted  ×2
    """)
