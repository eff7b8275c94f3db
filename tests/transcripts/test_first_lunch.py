"""The happy road of the journeys, from following to the hand-over code."""
import re

from tests.support.transcript import Chat


def pin_of(chat: Chat, who: str) -> str:
    """The hand-over code on the newest template card of a phone."""
    cards = [e for e in chat.stage.world.events(0, who) if e.get("template_id") == "arrived"]
    values = [row["value"] for row in cards[-1]["rows"]]
    return next(value for value in values if re.fullmatch(r"\d{4}", value))


def test_a_sentence_becomes_a_delivered_lunch(chat):
    chat.play("""
        小林  来份黄焖鸡微辣不要香菜 送12栋302
        bot   order.quoted  code=$c
        小林  〔确认付款〕
        bot   order.confirmed  code=$c
        (小林 pays)
        (work)
        card  小林  paid  $c
        card  阿香  merchant_order  $c  黄焖鸡米饭
        阿香  接$c
        bot   kitchen.accepted  code=$c
        阿哲  上线
        bot   rider.online  count=0
        (work)
        push  阿哲  rider.offer  code=$c
        阿哲  〔接〕
        bot   rider.taken
        (work)
        push  小林  buyer.taken  code=$c  rider=阿哲
        阿香  〔出餐了〕
        bot   kitchen.cooked  code=$c
        (work)
        push  阿哲  rider.food_ready  code=$c
        阿哲  〔到店了〕
        bot   rider.at_shop
        阿哲  〔取到了〕
        bot   rider.picked_up
        (work)
        card  小林  progress  配送中  阿哲
        小林  到哪了
        bot   status.under_way  code=$c
        阿哲  〔到了〕
        bot   rider.arrived
        (work)
    """)
    pin = pin_of(chat, "小林")
    wrong = f"{(int(pin) + 1) % 10_000:04d}"
    chat.play(f"""
        card  小林  arrived  $c  {pin}
        阿哲  {wrong}
        bot   rider.pin_wrong  left=2
        阿哲  {pin}
        bot   rider.delivered  code=$c  count=1
        (work)
        push  小林  buyer.delivered  code=$c
        小林  到哪了
        bot   status.delivered  code=$c
    """)


def test_a_poster_knows_the_building_and_asks_for_the_room(chat):
    chat.stage.add("小陈", "student", followed=False)
    chat.play("""
        (小陈 follows b_ap02)
        bot   welcome.at_place  place=东区12号楼
        小陈  412 小陈
        bot   address.saved  东区12号楼412  小陈
        小陈  来份黄焖鸡米饭
        bot   order.quoted  code=$c
    """)


def test_without_a_poster_the_address_is_asked_for(chat):
    chat.stage.add("小周", "student", followed=False)
    chat.play("""
        (小周 follows)
        bot   welcome.where
        小周  东区9号楼 302 小周
        bot   address.saved  东区9号楼302  小周
    """)


def test_a_change_makes_a_new_quote_and_the_old_tap_acts_on_nothing(chat):
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c  payable=¥13.00
        小林  〔换大份〕
        bot   order.quoted  code=$c  payable=¥16.00  大份
    """)
    chat.play("""
        小林  〔¥13.00 确认付款〕
        bot   order.quoted  code=$c  payable=¥16.00  刚才改过
        小林  到哪了
        bot   order.quoted  code=$c  payable=¥16.00  等你点头
        小林  确认$c
        bot   order.confirmed  code=$c  payable=¥16.00
    """)


def test_confirming_twice_gives_the_same_link(chat):
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        bot   order.confirmed  url=$u
        小林  确认$c
        bot   order.confirmed  url=$u
        小林  好的
        bot   order.confirmed  url=$u
    """)


def test_nobody_else_can_confirm_cancel_or_see_an_order(chat):
    chat.stage.add("路人", "student")
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c
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
        小林  到哪了
        bot   order.quoted  code=$c
    """)


def test_an_unpaid_order_closes_on_time_and_says_so(chat):
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        bot   order.confirmed
        (16 min pass)
        (work)
        小林  到哪了
        bot   status.expired  code=$c
    """)


def test_cancelling_before_the_kitchen_answers_gives_all_money_back(chat):
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        bot   order.confirmed
        (小林 pays)
        (work)
        card  小林  paid  $c  待接单
        小林  取消$c
        bot   cancel.sure  ¥13.00
        小林  〔确定取消〕
        bot   cancel.refunding  amount=¥13.00
        (61 s pass)
        (work)
        card  小林  refunded  ¥13.00  已退回
        阿香  接$c
        bot   kitchen.as_it_stands
    """)


def test_a_silent_kitchen_costs_the_student_nothing(chat):
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        bot   order.confirmed
        (小林 pays)
        (6 min pass)
        (work)
        card  小林  paid  $c
        card  小林  progress  商家未接
        (work)
        card  小林  refunded  ¥13.00
    """)


def test_a_kitchen_that_says_no_sends_the_money_back(chat):
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        bot   order.confirmed
        (小林 pays)
        (work)
        阿香  拒$c
        bot   kitchen.rejected
        (61 s pass)
        (work)
        card  小林  paid
        card  小林  progress  商家未接
        card  小林  refunded  ¥13.00
    """)
