"""传话: buyer, rider and kitchen speak to each other through the chat, and nobody sees a number."""
import pytest

from models.base import Sessions
from models.order import Order
from tests.transcripts.stories import AT_THE_DOOR, COOKING, ON_THE_WAY, PAID, TAKEN


def test_words_for_the_rider_reach_them_and_the_answer_comes_back(chat):
    chat.play(ON_THE_WAY + """
        小林  跟骑手说我马上下来
        bot   relay.told_rider  转给阿哲了：我马上下来
        (work)
        push  阿哲  relay.from_buyer  $c 同学说：我马上下来
        阿哲  〔好的〕
        bot   relay.told_buyer  $c
        (work)
        push  小林  relay.to_buyer  阿哲说：好的
        阿哲  告诉同学 我在大厅等你
        bot   relay.told_buyer
        (work)
        push  小林  relay.to_buyer  我在大厅等你
    """)


def test_a_wish_after_payment_goes_to_whoever_has_the_order_in_hand(chat):
    chat.play(PAID + """
        小林  多给双筷子
        bot   relay.told_shop  来得及会照做
        (work)
        card  阿香  merchant_order
        card  阿香  delayed  同学捎话  多给双筷子
    """)
    chat.play(ON_THE_WAY.replace(PAID, "").replace("小林  来份", "小林  来份"))
    chat.play("""
        小林  放门口就行
        bot   relay.told_rider  放门口就行
        (work)
        push  阿哲  relay.from_buyer  放门口就行
    """)


def test_there_may_be_nobody_to_hear_it_yet(chat):
    chat.play(COOKING + """
        小林  跟骑手说放门口
        bot   relay.no_rider_yet
        小林  让骑手快点
        bot   urge.kitchen
    """)


def test_a_note_is_read_by_the_rider_as_well(chat):
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        小林  放门口就行
        bot   order.quoted  code=$c  备注：放门口就行
    """)
    chat.play(PAID.split("bot   order.quoted  code=$c\n", 1)[1] + """
        阿香  接$c
        阿哲  上线
        (work)
        阿哲  接$c
        bot   rider.taken
        阿哲  $c取到
        bot   rider.picked_up  备注：放门口就行
    """)


def test_words_that_mean_nothing_here_are_offered_to_the_other_end(chat):
    chat.play(ON_THE_WAY + """
        小林  我在东门那棵树下
        bot   relay.for_rider  阿哲
        小林  〔转给骑手〕
        bot   relay.told_rider  我在东门那棵树下
        (work)
        push  阿哲  relay.from_buyer  我在东门那棵树下
        阿哲  看不到你啊穿啥颜色
        bot   relay.for_buyer  $c
        阿哲  〔转给同学〕
        bot   relay.told_buyer
    """)


def test_one_side_says_six_things_of_an_order_and_no_more(chat):
    chat.play(ON_THE_WAY)
    for number in range(6):
        chat.play(f"""
            小林  跟骑手说第{number}句
            bot   relay.told_rider
        """)
    chat.play("""
        小林  跟骑手说再来一句
        bot   relay.too_many
        阿哲  跟同学说我还有话
        bot   relay.told_buyer
    """)


@pytest.mark.parametrize("words", ["$c跟骑手说我是别人", "$c跟同学说我是别人"])
def test_a_stranger_says_nothing_through_somebody_elses_order(chat, words):
    chat.stage.add("路人", "student")
    chat.play(ON_THE_WAY + f"""
        路人  {words}
    """)
    chat.stage.pump()
    chat.play("quiet 阿哲")


def test_a_rider_asks_what_is_in_hand_and_says_what_is_in_the_way(chat):
    chat.play(TAKEN + """
        阿哲  在哪取
        bot   rider.in_hand  阿香黄焖鸡米饭→东区12号楼
        阿哲  车坏了
        bot   rider.trouble  $c
        阿哲  $c取到
        阿哲  找不到12栋在哪
        bot   rider.find_door  东区12号楼
        阿哲  学生电话多少
        bot   relay.contact_of
        阿哲  $c到了
        bot   rider.arrived
        阿哲  打不通电话没人接
        bot   rider.wait_at_door
    """)
    assert "302" not in chat.last("阿哲")


def test_a_rider_with_nothing_to_do_hears_so(chat):
    chat.play("""
        阿哲  上线
        阿哲  手上还有几单
        bot   rider.nothing_now
    """)


def test_another_door_and_another_dish_after_payment(chat):
    chat.play(COOKING + """
        小林  能换个地址吗
        bot   redirect.where
        小林  12栋415
        bot   redirect.done  415
        小林  饭做好了吗
        bot   status.under_way
        小林  骑手电话多少
        bot   relay.contact
        小林  再加一份可乐
        bot   order.quoted  另开的一单
    """)
    with Sessions() as session:
        rooms = {order.room for order in session.query(Order)}
    assert "415" in rooms


def test_the_door_still_hears_the_code(chat):
    chat.play(AT_THE_DOOR + """
        小林  我下来了
        bot   relay.for_rider
    """)
