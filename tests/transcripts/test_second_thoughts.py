"""Journey 6 and 撤回: cancelling in all three stages, and what can be taken back."""
import pytest
from sqlalchemy import func, select

from models.base import Sessions
from models.ledger import LedgerEntry
from models.order import Order
from tests.transcripts.stories import COOKING, ON_THE_WAY, PAID


def accounts():
    """What each account of the ledger holds, in fen; accounts at zero left out."""
    with Sessions() as session:
        rows = session.execute(select(LedgerEntry.account, func.sum(LedgerEntry.amount_fen))
                               .group_by(LedgerEntry.account))
        return {account.partition(":")[0]: int(fen) for account, fen in rows if fen}


def state():
    with Sessions() as session:
        return session.scalars(select(Order.state)).one()


# Before the kitchen has said yes


def test_a_cancellation_is_taken_back_within_its_minute(chat):
    chat.play(PAID + """
        小林  取消$c
        bot   cancel.sure
        小林  〔确定取消〕
        bot   cancel.refunding  code=$c  seconds=60
        小林  〔撤回〕
        bot   undo.restored  code=$c
        (2 min pass)
        (work)
        阿香  接$c
        bot   kitchen.accepted
    """)
    assert accounts() == {"wechat": 1300, "order": -1300}


def test_after_its_minute_a_cancellation_stands_and_the_money_goes_back(chat):
    chat.play(PAID + """
        小林  取消$c
        小林  确定取消$c
        bot   cancel.refunding
        (30 s pass)
        (work)
        quiet 小林
        (31 s pass)
        小林  撤回取消$c
        bot   undo.nothing
        (work)
        card  阿香  merchant_order
        card  阿香  progress  已取消
        card  小林  refunded  ¥13.00
    """)
    assert accounts() == {}


def test_a_kitchen_may_take_back_its_no_and_its_yes(chat):
    chat.play(PAID + """
        阿香  拒$c
        bot   kitchen.rejected
        阿香  〔撤回〕
        bot   kitchen.undone  code=$c
        阿香  〔接单〕
        bot   kitchen.accepted
        阿香  撤回
        bot   kitchen.undone
        小林  到哪了
        bot   status.under_way  付好了
        阿香  接$c
        bot   kitchen.accepted
        阿香  $c出餐
        bot   kitchen.cooked
        阿香  撤回$c
        bot   kitchen.not_cooked
        (2 min pass)
        (work)
        quiet 小林
    """)
    assert state() == "cooking"


def test_what_is_sold_out_by_a_slip_is_there_again(chat):
    chat.play("""
        阿香  可乐卖完了
        bot   kitchen.sold_out
        阿香  撤回
        bot   kitchen.menu_undone  可乐
        阿香  撤回
        bot   undo.nothing
    """)


# While the kitchen cooks


@pytest.mark.parametrize(("tap", "agreed", "back", "booked"), [
    ("没下锅，全退", "all", "¥13.00", {}),
    ("在做，退一半", "half", "¥7.50", {"wechat": 550, "shop": -550}),
])
def test_the_kitchen_says_what_goes_back(chat, tap, agreed, back, booked):
    chat.play(COOKING + f"""
        小林  取消$c
        bot   cancel.ask_kitchen  code=$c  half=¥7.50  配送¥2.00先退你
        小林  〔问商家能不能退〕
        bot   cancel.asked  half=¥7.50
        小林  取消$c
        bot   cancel.being_asked
        (work)
        push  阿香  kitchen.wants_to_cancel  code=$c
        阿香  〔{tap}〕
        bot   kitchen.wish_{agreed}
        (work)
        push  小林  cancel.agreed_{agreed}  amount={back}
        card  小林  refunded  {back}
    """)
    assert accounts() == booked
    assert state() == "cancelled"


def test_a_kitchen_that_is_done_delivers(chat):
    chat.play(COOKING + """
        小林  $c申请退
        (work)
        阿香  〔做好了，不退〕
        bot   kitchen.wish_none
        (work)
        push  小林  cancel.goes_on
        (5 min pass)
        (work)
        阿香  $c全退
        bot   kitchen.as_it_stands
    """)
    assert accounts() == {"wechat": 1300, "order": -1300}


def test_silence_for_three_minutes_means_half_and_the_rider_hears_of_it(chat):
    chat.play(COOKING + """
        阿哲  上线
        bot   rider.online
        (work)
        push  阿哲  rider.offer
        阿哲  接$c
        bot   rider.taken
        (work)
        push  小林  buyer.taken
        小林  $c申请退
        bot   cancel.asked
        (4 min pass)
        (work)
        push  小林  cancel.agreed_half
        push  阿哲  rider.called_off
        card  小林  refunded  ¥7.50
        阿哲  $c取到
        bot   rider.as_it_stands  已取消
    """)
    assert accounts() == {"wechat": 550, "shop": -550}


# Once the rider has it


def test_a_collected_order_goes_elsewhere_near_by_or_to_somebody_else(chat):
    chat.play(ON_THE_WAY + """
        小林  取消$c
        bot   cancel.picked_up  code=$c
        小林  〔换个楼收〕
        bot   redirect.where
        小林  东区9号楼 405
        bot   redirect.done  东区9号楼
        (work)
        push  阿哲  rider.redirected  where=东区9号楼
        小林  $c改送
        bot   redirect.other_person
        (work)
        push  阿哲  rider.other_person
        小林  $c改地址
        bot   redirect.where
        小林  西3
        bot   redirect.too_far
        小林  〔放餐架我晚点拿〕
        bot   redirect.rack
        (work)
        push  阿哲  rider.may_leave_on_rack
    """)


def test_whoever_is_not_the_buyer_or_the_cook_moves_nothing(chat):
    chat.stage.add("路人", "student")
    chat.play(COOKING + """
        小林  $c申请退
        bot   cancel.asked
        路人  $c全退
        bot   order.unknown
        路人  $c申请退
        bot   order.unknown
        路人  $c改地址
        bot   order.unknown
        路人  撤回$c
        bot   undo.nothing
        小林  $c全退
        bot   order.unknown
        阿哲  $c不退
        bot   order.unknown
    """)
    assert state() == "cooking"


# A rider's slips


def test_a_rider_takes_back_a_yes_and_steps_too_early(chat):
    chat.play(ON_THE_WAY + """
        阿哲  撤回
        bot   rider.step_undone  取到
        阿哲  $c取到
        bot   rider.picked_up
        阿哲  $c到了
        bot   rider.arrived
        阿哲  撤回$c
        bot   rider.step_undone
        小林  到哪了
        bot   status.under_way  阿哲在送
        阿哲  $c转单
        bot   rider.too_late_to_give_back
    """)


def test_an_order_given_back_goes_to_the_next_rider(chat):
    chat.play(COOKING + """
        阿哲  上线
        (work)
        阿哲  接$c
        bot   rider.taken
        阿哲  〔转给别人〕
        bot   rider.given_back  code=$c
        (work)
        阿哲  $c取到
        bot   rider.not_yours
        小林  到哪了
        bot   status.under_way  正在找骑手
        (4 min pass)
        (work)
        push  阿哲  rider.offer  code=$c
        阿哲  接$c
        bot   rider.taken
        阿哲  撤回接$c
        bot   rider.given_back
    """)


# A student's draft


def test_the_last_change_of_a_draft_is_taken_back(chat):
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c  payable=¥13.00
        小林  〔换大份〕
        bot   order.quoted  payable=¥16.00
        小林  撤回$c
        bot   order.quoted  code=$c  payable=¥13.00  撤回了
        小林  撤回
        bot   undo.nothing
        小林  改到东区9号楼 105
        bot   order.quoted  东区9号楼
        小林  撤回
        bot   order.quoted  东区12号楼
    """)


def test_a_sentence_behind_the_code_of_a_paid_order_begins_no_other(chat):
    chat.play(PAID + """
        小林  $c换酸梅汤
        bot   order.too_late_to_change  code=$c
        小林  $c不要香菜
        bot   relay.told_shop  不要香菜
        小林  $c加个卤蛋
        bot   order.too_late_to_change  code=$c
        小林  $c改成两份
        bot   order.too_late_to_change  code=$c
        小林  来份黄焖鸡爪
        bot   order.quoted
    """)
    with Sessions() as session:
        assert session.query(Order).count() == 2
