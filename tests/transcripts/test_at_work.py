"""What riders and cooks ask and say in passing, in sloppy words: of their work, never of lunch."""
import pytest

from tests.transcripts.stories import AT_THE_DOOR, COOKING, ON_THE_WAY, PAID

OFFERED = COOKING + """
    阿哲  上线
    (work)
    push  阿哲  rider.offer  code=$c
"""


@pytest.mark.parametrize("said", ["多少钱", "给多少", "去哪", "什么东西", "送哪里", "等会"])
def test_an_offer_is_told_again_to_who_asks_about_it(chat, said):
    chat.play(OFFERED + f"""
        阿哲  {said}
        bot   rider.in_hand  $c  东区12号楼  黄焖鸡米饭  跑腿¥
        阿哲  〔接〕
        bot   rider.taken
    """)


@pytest.mark.parametrize("said", ["太远了不去", "不顺路啊", "来不及了不去"])
def test_an_offer_is_declined_in_many_words(chat, said):
    chat.play(OFFERED + f"""
        阿哲  {said}
        bot   rider.declined
    """)


@pytest.mark.parametrize(("said", "key"), [
    ("在哪栋", "rider.in_hand"), ("几楼", "rider.in_hand"), ("房间号多少", "rider.in_hand"),
    ("码多少", "rider.ask_pin"), ("顾客电话", "relay.contact_of"), ("多少钱", "rider.in_hand")])
def test_a_rider_on_the_way_hears_of_the_way(chat, said, key):
    chat.play(ON_THE_WAY + f"""
        阿哲  {said}
        bot   {key}
    """)
    assert "302" not in chat.last("阿哲")


@pytest.mark.parametrize(("said", "key"), [
    ("到了", "rider.ask_pin"), ("放架子上了", "rider.wait_at_door"),
    ("我先走了", "rider.wait_at_door"), ("等了好久了", "rider.wait_at_door"),
    ("他忘了码", "rider.ask_pin")])
def test_a_rider_at_the_door_hears_what_to_do_there(chat, said, key):
    chat.play(AT_THE_DOOR + f"""
        阿哲  {said}
        bot   {key}
    """)


@pytest.mark.parametrize(("said", "key"), [
    ("暂停接单", "kitchen.close_how"), ("今天不营业", "kitchen.close_how"),
    ("关门了", "kitchen.close_how"), ("有单吗", "kitchen.none"), ("怎么改价", "kitchen.price_how"),
    ("黄焖鸡涨价一块", "kitchen.price_how"), ("怎么接单", "talk.help_at_work"),
    ("帮助", "talk.help_at_work"), ("来份黄焖鸡送12栋302", "order.quoted")])
def test_a_cook_without_an_order(chat, said, key):
    chat.play(f"""
        阿香  {said}
        bot   {key}
    """)


@pytest.mark.parametrize("said", ["提现", "今天生意咋样", "今天多少单"])
def test_a_cook_asks_for_the_days_bill_in_many_words(chat, said):
    chat.play(PAID + f"""
        阿香  {said}
    """)
    assert "今天共" in chat.last("阿香")


@pytest.mark.parametrize("said", ["有单吗", "谁点的", "多少钱", "微辣还是特辣", "送哪"])
def test_a_cook_is_told_what_waits(chat, said):
    chat.play(PAID + f"""
        阿香  {said}
        bot   kitchen.board  $c  黄焖鸡米饭 微辣
        阿香  〔接单〕
        bot   kitchen.accepted
        阿香  {said}
        bot   kitchen.board  $c
        阿香  〔出餐了〕
        bot   kitchen.cooked
    """)


@pytest.mark.parametrize(("said", "minutes"), [
    ("再等五分钟", "5"), ("还要10分钟", "10"), ("忙不过来 晚十分钟", "10")])
def test_a_cook_needs_longer(chat, said, minutes):
    chat.play(COOKING + f"""
        阿香  {said}
        bot   kitchen.delayed  code=$c  minutes={minutes}
    """)


def test_a_cook_asks_who_comes_for_it(chat):
    chat.play(COOKING + """
        阿香  骑手呢
        bot   kitchen.fetching  还没有骑手
        阿香  鸡没了
        bot   kitchen.lacks_how
        阿香  〔缺货〕
        bot   kitchen.which_lacks
        阿香  顾客电话
        bot   relay.contact_of  $c
        阿哲  上线
        (work)
        阿哲  接$c
        阿香  骑手怎么还不来
        bot   kitchen.fetching  阿哲来取
    """)
