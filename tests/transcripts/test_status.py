"""Journeys 5 and 7: paying in time or not, and where an order stands in each of its states."""
from models.base import Sessions
from tests.support.payment import balances
from tests.transcripts.test_first_lunch import HAND_OVER, LUNCH, pin_of
from tests.transcripts.test_ordering import PAID, QUOTED


def test_each_state_has_its_answer(chat):
    chat.play("""
        小林  到哪了
        bot   status.none
        小林  来份黄焖鸡
        bot   order.where_to  code=$c
        小林  到哪了
        bot   order.where_to  code=$c
        小林  12栋302
        bot   order.quoted  code=$c
        小林  到哪了
        bot   order.quoted  code=$c  等你点头
        小林  确认$c
        bot   order.confirmed  url=$u
        小林  到哪了
        bot   status.awaiting_payment  code=$c  url=$u
        (小林 pays)
        小林  到哪了
        bot   status.under_way  等阿香黄焖鸡米饭接单  付款✓
        (work)
        阿香  接$c
        小林  到哪了
        bot   status.under_way  正在找骑手  接单✓
        阿香  $c出餐
        bot   kitchen.cooked  正在叫骑手
        小林  到哪了
        bot   status.under_way  做好了，正在找骑手
        阿哲  上线
        (work)
        阿哲  接$c
        小林  到哪了
        bot   status.under_way  做好了，等阿哲来取
        阿哲  $c到店
        阿哲  $c取到
        小林  到哪了
        bot   status.under_way  阿哲在送  取餐✓
        阿哲  $c到了
        (work)
        小林  到哪了
        bot   status.under_way  阿哲到楼下了，取餐码
        小林  取餐码
        bot   status.under_way  取餐码
    """)
    pin = pin_of(chat, "小林")
    chat.play(f"""
        小林  $c到哪了
        bot   status.under_way  {pin}
        阿哲  {pin}
        bot   rider.delivered
        小林  到哪了
        bot   status.delivered  code=$c  东区12号楼 302
        小林  取消$c
        bot   cancel.over  已完成
        小林  确认$c
        bot   order.nothing_to_confirm
        (25 h pass)
        小林  到哪了
        bot   status.none
    """)


def test_only_the_buyer_ever_reads_the_code(chat):
    chat.play(LUNCH)
    pin = pin_of(chat, "小林")
    chat.play(HAND_OVER.format(pin=pin, wrong=f"{(int(pin) + 1) % 10_000:04d}"))
    for name in ("阿哲", "阿香"):
        heard = [e for e in chat.stage.world.events(0, name) if e["type"] != "said"]
        assert heard
        assert pin not in str([e.get("content") or e.get("rows") for e in heard])


def test_an_unpaid_order_closes_on_time_and_says_so(chat):
    chat.play(QUOTED + """
        小林  确认$c
        bot   order.confirmed
        (14 min pass)
        (work)
        小林  到哪了
        bot   status.awaiting_payment
        (2 min pass)
        小林  到哪了
        bot   status.expired  code=$c
        小林  确认$c
        bot   status.expired  code=$c
        (work)
        小林  到哪了
        bot   status.expired  code=$c
        小林  确认$c
        bot   order.nothing_to_confirm
        小林  来份黄焖鸡
        bot   order.quoted  code=$d  payable=¥13.00
    """)


def test_changing_an_order_takes_its_pay_link_back(chat):
    chat.play(QUOTED + """
        小林  确认$c
        bot   order.confirmed  url=$old
        小林  加瓶可乐
        bot   order.quoted  code=$c  payable=¥17.00
        小林  〔¥17.00 确认付款〕
        bot   order.confirmed  url=$new  payable=¥17.00
        (小林 pays)
        (work)
        card  小林  paid  ¥17.00
    """)
    assert chat.kept["$old"] != chat.kept["$new"]


def test_cancelling_before_the_kitchen_answers_gives_all_money_back(chat):
    chat.play(PAID + """
        小林  到哪了
        bot   status.under_way  code=$c
        小林  〔取消〕
        bot   cancel.sure  ¥13.00
        小林  〔再等等〕
        bot   status.under_way
        小林  取消
        bot   cancel.sure
        小林  〔确定取消〕
        bot   cancel.refunding  amount=¥13.00
        (61 s pass)
        (work)
        card  小林  refunded  ¥13.00  已退回
        阿香  接$c
        bot   kitchen.as_it_stands
        小林  $c到哪了
        bot   status.cancelled  ¥13.00
        小林  确定取消$c
        bot   cancel.over
    """)
    with Sessions() as session:
        assert balances(session) == {}


def test_a_question_that_is_no_yes_cancels_nothing(chat):
    chat.play(PAID + """
        小林  取消
        bot   cancel.sure
        小林  你好
        bot   question.greeting
        小林  到哪了
        bot   status.under_way
    """)


def test_a_silent_kitchen_costs_the_student_nothing(chat):
    chat.play(PAID.replace("(work)", "") .replace("card  小林  paid  $c", "") + """
        (6 min pass)
        (work)
        card  小林  paid  $c
        card  小林  progress  商家未接
        (work)
        card  小林  refunded  ¥13.00
        小林  到哪了
        bot   status.rejected  ¥13.00
    """)


def test_a_kitchen_that_says_no_sends_the_money_back(chat):
    chat.play(PAID + """
        阿香  拒$c
        bot   kitchen.rejected
        (61 s pass)
        (work)
        card  小林  progress  商家未接
        card  小林  refunded  ¥13.00
        阿香  接$c
        bot   kitchen.as_it_stands  商家未接
    """)
    with Sessions() as session:
        assert balances(session) == {}


def test_cancelling_before_payment_is_free_and_kills_the_link(chat):
    chat.play(QUOTED + """
        小林  确认$c
        bot   order.confirmed
        小林  〔取消〕
        bot   cancel.free
        小林  到哪了
        bot   status.cancelled  code=$c
    """)
