"""Two things at once about one paid order: what ran out, what is taken back, what was given."""
import pytest
from sqlalchemy import select

from handlers.kitchen import Swap, swap
from handlers.speaker import Speaker
from models.base import Sessions, utcnow
from models.campus import Campus
from models.order import Order
from models.payment import Refund, RefundState
from models.person import Person
from models.shop import Dish
from tests.transcripts.stories import PAID, TAKEN
from tests.transcripts.test_bad_days import TWO_DISHES
from tests.transcripts.test_first_lunch import pin_of
from tests.transcripts.test_points import booked, giving, grant, left  # noqa: F401
from tests.transcripts.test_second_thoughts import accounts

COOKING_TWO = TWO_DISHES + """
    阿香  接$c
    bot   kitchen.accepted
"""
TAKEN_TWO = COOKING_TWO + TAKEN.partition("bot   kitchen.accepted  code=$c")[2]


def order():
    with Sessions() as session:
        return session.scalars(select(Order).order_by(Order.id.desc()).limit(1)).one()


def lines():
    with Sessions() as session:
        return [line.name for line in session.scalars(select(Order)).one().lines]


def back():
    with Sessions() as session:
        return [r.amount_fen for r in session.scalars(select(Refund).order_by(Refund.id))
                if r.state != RefundState.WITHDRAWN]


# What ran out


def test_a_yes_is_not_taken_back_while_the_buyer_is_asked_what_else(chat):
    chat.play(COOKING_TWO + """
        阿香  $c缺可乐
        bot   kitchen.lacking
        阿香  撤回$c
        bot   undo.nothing
        (4 min pass)
        (work)
    """)
    assert order().state == "cooking"
    assert back() == [300]


@pytest.mark.parametrize(("choice", "reply", "taken", "given_back"), [
    ("$c换酸梅汤", "shortage.swapped", 4, 5), ("$c去掉可乐", "shortage.dropped", 5, 5)])
def test_what_ran_out_is_not_given_back_and_what_is_cooked_instead_is(
        chat, demo_campus, choice, reply, taken, given_back):
    chat.stage.add("香嫂", "merchant")
    shop = demo_campus["shops"][0]
    shop["owners"] = [chat.stage.openid(name) for name in ("阿香", "香嫂")]
    for dish in shop["dishes"]:
        if dish["name"] in ("可乐", "酸梅汤"):
            dish["stock"] = 5
    chat.stage.load(demo_campus)

    def stock():
        with Sessions() as session:
            return [session.scalars(select(Dish.stock).filter_by(name=name, shop_id=shop_id)).one()
                    for shop_id in session.scalars(select(Order.shop_id)) for name in (
                        "可乐", "酸梅汤")]

    chat.play(TWO_DISHES + f"""
        香嫂  接$c
        bot   kitchen.accepted
        阿香  $c缺可乐
        bot   kitchen.lacking
        小林  {choice}
        bot   {reply}
    """)
    assert stock() == [4, taken]
    chat.play("""
        香嫂  撤回$c
        bot   kitchen.undone
        香嫂  拒$c
        bot   kitchen.rejected
    """)
    assert stock() == [4, given_back]


def test_what_is_lacking_when_the_rider_leaves_is_paid_back_at_once(chat):
    chat.play(TAKEN_TWO + """
        阿香  $c缺可乐
        bot   kitchen.lacking
        阿哲  $c到店
        阿哲  $c取到
        bot   rider.picked_up  items=$items
        (work)
        小林  $c换酸梅汤
        阿哲  $c到了
        (work)
    """)
    assert "可乐" not in chat.kept["$items"]
    chat.play(f"""
        阿哲  {pin_of(chat, "小林")}
        bot   rider.delivered
        (4 min pass)
        (work)
    """)
    assert back() == [300]
    assert lines() == ["黄焖鸡米饭"]


def test_all_of_it_lacking_and_collected_all_the_same_was_found_after_all(chat):
    chat.play(TAKEN_TWO + """
        阿香  $c缺可乐
        阿香  $c缺黄焖鸡米饭
        bot   kitchen.lacking
        阿哲  $c到店
        阿哲  $c取到
        bot   rider.picked_up
        (4 min pass)
        (work)
    """)
    assert order().state == "delivering"
    assert order().shortage_until is None
    assert back() == []


def test_what_is_lacking_when_the_buyer_fetches_it_is_paid_back(chat):
    chat.play(COOKING_TWO + """
        (12 min pass)
        (work)
        小林  $c自取
        bot   stranded.come
        阿香  $c缺可乐
        bot   kitchen.lacking
        小林  $c拿到了
        bot   shelf.enjoy
        (4 min pass)
        (work)
    """)
    assert back() == [200, 300]
    assert lines() == ["黄焖鸡米饭"]


def test_what_was_swapped_may_run_out_as_well(chat):
    chat.play(COOKING_TWO + """
        阿香  $c缺可乐
        小林  在吗
        (work)
        push  小林  shortage.choose  dish=可乐
        小林  $c换酸梅汤
        bot   shortage.swapped
        (work)
        push  阿香  kitchen.line_swapped  dish=酸梅汤
        阿香  $c缺酸梅汤
        bot   kitchen.lacking
        (work)
        push  小林  shortage.choose  dish=酸梅汤
        小林  $c去掉酸梅汤
        bot   shortage.dropped
        (work)
        push  阿香  kitchen.line_dropped  dish=酸梅汤
    """)


def test_the_points_that_paid_for_what_ran_out_come_back(giving):  # noqa: F811
    chat = giving()
    grant(chat, 600)
    chat.play("""
        小林  用积分
        小林  来份黄焖鸡微辣 再来一瓶可乐 送12栋302
        bot   order.quoted  code=$c  payable=¥16.00
        小林  〔确认付款〕
        (小林 pays)
        阿香  接$c
        阿香  $c缺可乐
        (4 min pass)
        (work)
    """)
    assert back() == [280]
    assert left(chat) == 120
    assert order().points_taken == 480
    assert booked("promotion") == 120
    chat.play("""
        小林  取消$c
        小林  〔问商家能不能退〕
        阿香  $c全退
    """)
    assert left(chat) == 600


# What is taken back


def test_a_wish_to_cancel_stands_when_the_kitchen_takes_its_yes_back(chat):
    chat.play(PAID + """
        阿香  接$c
        小林  $c申请退
        bot   cancel.asked
        阿香  撤回$c
        bot   kitchen.wish_all
        (work)
    """)
    assert order().state == "cancelled"
    assert back() == [1300]


def test_a_tip_is_taken_back(chat):
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥13.00
        小林  小费5元
        bot   order.quoted  payable=¥18.00
        小林  撤回
        bot   order.quoted  payable=¥13.00  撤回了
    """)


def test_points_are_taken_back(giving):  # noqa: F811
    chat = giving()
    grant(chat, 350)
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥18.00
        小林  〔用积分〕
        bot   order.quoted  payable=¥14.50
        小林  撤回
        bot   order.quoted  payable=¥18.00  撤回了
    """)


def test_the_newcomers_discount_is_not_had_twice_by_taking_a_cancellation_back(chat):
    chat.play(PAID + """
        小林  取消$c
        小林  〔确定取消〕
        bot   cancel.refunding
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$d  payable=¥13.00
        小林  确认$d
        bot   order.confirmed
        小林  撤回取消$c
        bot   undo.too_late
    """)


def test_a_refund_that_was_taken_back_is_not_told_as_money_that_came(chat):
    chat.play(PAID + """
        小林  取消$c
        小林  〔确定取消〕
        小林  〔撤回〕
        bot   undo.restored
        阿香  拒$c
        (2 min pass)
        (work)
        小林  到哪了
        bot   status.rejected  ¥13.00
    """)


def test_a_delay_that_is_too_long_takes_no_order(chat):
    chat.play(PAID + """
        阿香  $c加60分钟
        bot   kitchen.too_long
    """)
    assert order().state == "paid"


def test_asking_where_it_is_does_not_close_the_sheet_of_whoever_pays(chat):
    from tests.transcripts.test_paying_for import offered, take

    sheet = chat.stage.open_sheet("小周", take(chat, "小周", offered(chat)).json()["url"])
    chat.play("""
        小林  到哪了
        bot   status.somebody_pays  payable=¥13.00
        (work)
    """)
    assert chat.stage.confirm("小周", sheet).endswith(":ok")


@pytest.mark.parametrize("words", ["〔算了照送〕", "不取消了", "$c不取消了", "算了照送"])
def test_who_wants_it_after_all_pays_no_half(chat, words):
    chat.play(PAID + f"""
        阿香  接$c
        小林  $c申请退
        bot   cancel.asked
        (work)
        push  阿香  kitchen.wants_to_cancel
        小林  {words}
        bot   cancel.kept  code=$c
        (work)
        push  阿香  kitchen.goes_on
        阿香  $c退一半
        bot   kitchen.as_it_stands
        (4 min pass)
        (work)
    """)
    assert order().state == "cooking"
    assert back() == []


def test_who_fetches_it_after_all_pays_no_half(chat):
    chat.play(COOKING_TWO + """
        (12 min pass)
        (work)
        小林  $c申请退
        bot   cancel.asked
        小林  $c自取
        bot   stranded.come
        (4 min pass)
        (work)
    """)
    assert order().state == "cooking"
    assert back() == [200]


def test_nothing_is_chosen_any_more_of_an_order_that_was_called_off(chat):
    chat.play(COOKING_TWO + """
        小林  $c申请退
        阿香  $c缺可乐
        阿香  $c全退
        bot   kitchen.wish_all
    """)
    chat.play("小林  $c换酸梅汤\n小林  $c去掉可乐")
    assert order().state == "cancelled"
    assert back() == [1700]
    with Sessions.begin() as session:
        buyer = session.scalars(select(Person).filter_by(openid=chat.stage.openid("小林"))).one()
        speaker = Speaker(session, buyer, session.scalars(select(Campus)).one())
        assert swap(session, speaker, Swap(order().id, None), now=utcnow()) is None


def test_what_was_lacking_is_not_made_good_to_the_cook(chat):
    chat.play(COOKING_TWO + """
        (12 min pass)
        (work)
        阿香  $c缺可乐
        小林  $c不等了
        bot   stranded.all_back  amount=¥17.00
    """)
    assert accounts()["shop"] == -1600


def test_what_an_errand_costs_is_as_it_was(chat):
    chat.play("""
        小林  帮我取快递 韵达 7-7-8001 东门驿站 送12栋302
        bot   errand.quoted  code=$c  payable=¥3.00
        小林  小费4元
        bot   errand.quoted  payable=¥7.00
        小林  撤回
        bot   errand.quoted  payable=¥3.00
        小林  〔是大件〕
        bot   errand.quoted  payable=¥6.00
        小林  撤回
        bot   errand.quoted  payable=¥3.00
    """)


def test_who_gives_up_what_is_not_there_gets_all_of_it(chat):
    chat.play(PAID + """
        阿香  接$c
        (12 min pass)
        (work)
        阿香  $c缺黄焖鸡米饭
        小林  $c不等了
        bot   stranded.all_back  amount=¥13.00
        (work)
    """)
    assert accounts() == {}


def test_what_was_to_be_fetched_may_be_missing_too(chat):
    chat.play(PAID + """
        阿香  接$c
        (12 min pass)
        (work)
        小林  $c自取
        bot   stranded.come
        阿香  $c取走了
        bot   kitchen.fetched
        小林  $c没收到
        bot   complaint.choose_lost  自取  amount=¥11.00
    """)


@pytest.mark.parametrize("answer", ["(4 min pass)\n(work)", "阿香  $c退一半"])
def test_no_half_of_what_was_lacking_is_the_shop_s(chat, answer):
    chat.play(COOKING_TWO + f"""
        阿香  $c缺可乐
        小林  $c申请退
        bot   cancel.asked
        {answer}
    """)
    assert order().state == "cancelled"
    assert back() == [300, 800]
    assert accounts()["shop"] == -600


def test_step_by_step_it_goes_no_farther_than_was_paid_for(chat):
    chat.play(TAKEN + """
        小林  $c改地址
        bot   redirect.where
        小林  东区9号楼 405
        bot   redirect.done  东区9号楼
        小林  $c改地址
        bot   redirect.where
        小林  博文打印店
        bot   redirect.too_far
    """)
