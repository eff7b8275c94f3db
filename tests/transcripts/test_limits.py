"""Limits that are fair: by person, said politely, and never where it matters."""
import requests
from sqlalchemy import func, select

from models.base import Sessions
from models.order import Order
from models.outbox import Outbox
from models.person import Person
from tests.transcripts.stories import AT_THE_DOOR, TAKEN
from tests.transcripts.test_bad_days import pin_of

FULL = 20


def fill(chat, who="小林", said=0):
    """All that may be said in a minute, where so much has been said already."""
    for _ in range(FULL - said):
        chat.stage.says(who, "看菜单")


def everything():
    with Sessions() as session:
        return [session.scalar(select(func.count()).select_from(table))
                for table in (Order, Outbox)], session.scalars(
            select(Person.dialogue).order_by(Person.id)).all()


def test_over_the_limit_nothing_is_done_until_the_time_that_was_told(chat):
    fill(chat)
    chat.play("""
        小林  来份黄焖鸡送12栋302
        bot   talk.too_many  seconds=$s
    """)
    before = everything()
    for words in ("来份黄焖鸡送12栋302", "我要当骑手", "拼单 一食堂 23:40截止", "取消"):
        assert chat.stage.says("小林", words) is None
    assert everything() == before
    chat.stage.pass_time(seconds=int(chat.kept["$s"]))
    chat.play("""
        小林  来份黄焖鸡送12栋302
        bot   order.quoted
    """)


def test_taps_on_the_menu_count_like_words(chat):
    for _ in range(FULL):
        assert chat.stage.world.tap_menu("小林", "看菜单").reply
        chat.stage.pass_time(seconds=1)  # two equal taps in one second are one
    chat.play("""
        小林  看菜单
        bot   talk.too_many
    """)


def test_a_neighbour_is_not_limited_with_them(chat):
    chat.stage.add("小陈", "student")
    fill(chat)
    chat.play("""
        小林  看菜单
        bot   talk.too_many
        小陈  来份黄焖鸡送12栋303
        bot   order.quoted
    """)


def test_a_code_at_the_door_is_taken_however_much_was_said(chat):
    chat.play(AT_THE_DOOR)
    pin = pin_of(chat)
    chat.stage.pass_time(seconds=61)
    fill(chat, "阿哲")
    chat.play(f"""
        阿哲  到哪了
        bot   talk.too_many
        阿哲  {pin}
        bot   rider.delivered
    """)


def test_steps_of_the_work_that_come_in_a_burst_are_all_taken(chat):
    chat.play(TAKEN)
    fill(chat, "阿哲", said=2)
    fill(chat, "阿香", said=1)
    chat.play("""
        阿香  $c到了
        bot   talk.too_many
        阿香  $c出餐
        bot   kitchen.cooked
        阿哲  $c到店
        bot   rider.at_shop
        阿哲  $c取到
        bot   rider.picked_up
        阿哲  $c到了
        bot   rider.arrived
        阿哲  看菜单
        bot   talk.too_many
    """)


def test_four_digits_from_who_carries_nothing_are_words_like_others(chat):
    for _ in range(FULL):
        chat.stage.says("小林", "1234")
    chat.play("""
        小林  1234
        bot   talk.too_many
    """)


def test_the_way_to_pay_stays_open(chat):
    chat.play("""
        小林  来份黄焖鸡送12栋302
        bot   order.quoted  code=$c
    """)
    fill(chat, said=1)
    chat.play("""
        小林  看菜单
        bot   talk.too_many
        小林  确认$c
        bot   order.confirmed
        (小林 pays)
        (work)
        card  小林  paid  $c
    """)


def test_limits_need_no_redis(chat, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    fill(chat)
    chat.play("""
        小林  看菜单
        bot   talk.too_many
    """)


def test_three_unpaid_orders_are_enough_until_one_is_paid_or_gone(chat):
    for i in range(3):
        chat.play(f"""
            小林  来份黄焖鸡送12栋302
            bot   order.quoted  code=$c{i}
            小林  确认$c{i}
            bot   order.confirmed
        """)
    chat.play("""
        小林  来份黄焖鸡送12栋302
        bot   order.quoted  code=$d
        小林  确认$d
        bot   order.too_many_unpaid  count=3
        小林  取消$c0
        bot   cancel.free
        # the newcomers' discount has come free with it, so the quote is another
        小林  确认$d
        bot   order.quoted  code=$d
        小林  确认$d
        bot   order.confirmed
    """)


def test_ten_orders_an_hour_are_enough(chat, monkeypatch):
    monkeypatch.setattr("handlers.order.confirm.MOST_AN_HOUR", 2)
    for i in range(2):
        chat.play(f"""
            小林  来份黄焖鸡送12栋302
            bot   order.quoted  code=$c{i}
            小林  确认$c{i}
            bot   order.confirmed
            (小林 pays)
            (work)
        """)
    chat.play("""
        小林  来份黄焖鸡送12栋302
        bot   order.quoted  code=$d
        小林  确认$d
        bot   order.too_many_an_hour  most=2  code=$d
    """)
    with Sessions() as session:
        assert session.scalar(select(Order.state).order_by(Order.id.desc()).limit(1)) == "draft"
    chat.stage.pass_time(hours=1, minutes=1)
    said = chat.stage.says("小林", f"确认{chat.kept['$d']}")
    assert "/p/" in said or chat.kept["$d"] in said


def looks_at_the_pay_page(chat, who):
    requests.get(chat.stage.world.open(who, chat.pay_link(who)), timeout=10).raise_for_status()


def unpaid(chat, who, times):
    for _ in range(times):
        chat.kept.pop("$x", None)
        chat.play(f"""
            {who}  来份黄焖鸡送12栋302
            bot   order.quoted  code=$x
            {who}  确认$x
            bot   order.confirmed
        """)
        looks_at_the_pay_page(chat, who)
    return chat.kept["$x"]


def test_many_accounts_on_one_phone_hold_only_so_many_unpaid_orders(chat):
    for name in ("小周", "小陈"):
        chat.stage.add(name, "student")
        chat.stage.share_phone("小林", name)
    code = unpaid(chat, "小林", 3)
    unpaid(chat, "小周", 3)
    unpaid(chat, "小陈", 1)  # whose phone it is shows only when its page was looked at
    chat.play(f"""
        小陈  来份黄焖鸡送12栋302
        bot   order.quoted  code=$d
        小陈  确认$d
        bot   order.too_many_on_phone  count=6  code=$d
        小林  取消{code}
        bot   cancel.free
        小陈  确认$d
        bot   order.confirmed
    """)


def test_phones_of_their_own_behind_one_address_are_not_counted_together(chat):
    for name in ("小周", "小陈"):
        chat.stage.add(name, "student")
        unpaid(chat, name, 3)
    unpaid(chat, "小林", 2)


def test_what_one_phone_holds_is_free_again_when_its_time_is_over(chat):
    for name in ("小周", "小陈"):
        chat.stage.add(name, "student")
        chat.stage.share_phone("小林", name)
    unpaid(chat, "小陈", 1)
    unpaid(chat, "小林", 3)
    unpaid(chat, "小周", 3)
    chat.play("""
        小陈  来份黄焖鸡送12栋302
        bot   order.quoted  code=$d
        小陈  确认$d
        bot   order.too_many_on_phone
        (16 min pass)
        小陈  确认$d
        bot   order.quoted  code=$d
        小陈  确认$d
        bot   order.confirmed
    """)
