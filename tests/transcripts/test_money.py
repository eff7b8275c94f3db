"""Money's bad days: each heals by itself, is told in one sentence, and leaves a balanced ledger."""
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from models.base import Sessions
from models.order import Order
from models.payment import Payment, Refund
from tests.support.payment import balances
from tests.support.transcript import Chat

CONFIRMED = """
    小林  来份黄焖鸡微辣 送12栋302
    bot   order.quoted  code=$c  payable=¥13.00
    小林  确认$c
    bot   order.confirmed
"""
NOTICES = "notify/transaction"
REFUND = "/v3/refund/domestic/refunds"


@dataclass(frozen=True)
class Sheet:
    """WeChat's pay sheet, open on 小林's phone while the chat goes on without it."""

    chat: Chat
    signed: dict[str, str]

    def pay(self) -> str:
        told = self.chat.stage.confirm("小林", self.signed)
        self.chat.stage.world.settle()
        return told.rpartition(":")[2]


def sheet(chat: Chat) -> Sheet:
    return Sheet(chat, chat.stage.open_sheet("小林", chat.pay_link("小林")))


def accounts() -> dict[str, int]:
    with Sessions() as session:
        return balances(session)


def states() -> tuple[str, list[str], list[str]]:
    """The newest order's state, its payments', all refunds'."""
    with Sessions() as session:
        order = session.scalars(select(Order).order_by(Order.id.desc()).limit(1)).one()
        payments = session.scalars(select(Payment).order_by(Payment.id))
        refunds = session.scalars(select(Refund).order_by(Refund.id))
        return (order.state, [p.state for p in payments], [r.state for r in refunds])


def test_a_sheet_left_open_cannot_be_paid_after_the_time_is_over(chat):
    chat.play(CONFIRMED)
    open_sheet = sheet(chat)
    chat.play("""
        (16 min pass)
        (work)
    """)

    assert open_sheet.pay() == "fail"
    assert states() == ("expired", ["closed"], [])
    assert accounts() == {}


def test_money_that_beats_the_close_at_the_till_still_buys_lunch(chat):
    chat.play(CONFIRMED)
    open_sheet = sheet(chat)
    chat.stage.world.faults.add(NOTICES, 99, drop=True)
    chat.play("(14 min pass)")
    assert open_sheet.pay() == "ok"
    chat.play("""
        (2 min pass)
        (work)
        card  小林  paid  $c  待接单
    """)

    assert states() == ("paid", ["paid"], [])


@pytest.mark.parametrize("late", ["取消$c", "换大份"])
def test_money_after_a_change_of_mind_goes_back_and_is_told_once(chat, late):
    chat.play(CONFIRMED)
    sheet(chat)
    chat.stage.world.faults.add("/v3/pay/transactions/out-trade-no/*/close", pay_first=True)
    chat.play(f"小林  {late}\n(work)")
    key = "refund.late" if late.startswith("取消") else "refund.revised"
    chat.play(f"""
        (2 min pass)
        (work)
        push  小林  {key}  code=$c  amount=¥13.00
        (10 min pass)
        (work)
        quiet 小林
    """)

    assert accounts() == {}
    assert states()[1:] == (["paid"], ["succeeded"])


def test_of_two_links_paid_the_later_goes_back(chat):
    chat.play(CONFIRMED)
    first = sheet(chat)
    chat.stage.world.faults.add("/v3/pay/transactions/out-trade-no/*/close", 99, status=500)
    chat.play("""
        小林  换大份
        bot   order.quoted
        小林  确认$c
        bot   order.confirmed  payable=¥16.00
        (小林 pays)
    """)
    assert first.pay() == "ok"
    chat.stage.world.faults.clear()
    chat.play("""
        (work)
        push  小林  refund.second  code=$c  amount=¥13.00
        (1 min pass)
        (work)
        card  小林  paid  $c  ¥16.00
        quiet 小林
    """)

    assert states() == ("paid", ["paid", "paid"], ["succeeded"])
    assert {fen for account, fen in accounts().items()} == {1600, -1600}


@pytest.mark.parametrize("trouble", [
    {"drop": True}, {"repeat": 3}, {"delay_s": 20}, {"forge": True}, {"signtest": True},
    {"change": {"amount.total": 1}}, {"change": {"appid": "wx0000000000000000"}},
    {"change": {"payer.openid": "o-nobody"}}, {"lose_answer": True}, {"drop": True, "times": 99}],
    ids=lambda trouble: "-".join(map(str, trouble)))
def test_whatever_becomes_of_the_news_the_lunch_is_paid_once(chat, trouble):
    times = trouble.pop("times", 1)
    chat.play(CONFIRMED)
    chat.stage.world.faults.add(NOTICES, times, **trouble)
    assert sheet(chat).pay() == "ok"
    chat.play("""
        (31 s pass)
        (work)
        card  小林  paid  $c  ¥13.00
        card  阿香  merchant_order  $c
        (1 min pass)
        (work)
        quiet 小林
    """)

    assert states() == ("paid", ["paid"], [])
    assert sorted(accounts().values()) == [-1300, 1300]


CANCELLED = CONFIRMED + """
    (小林 pays)
    (work)
    card  小林  paid  $c
    小林  确定取消$c
    bot   cancel.refunding
    (61 s pass)
"""


def test_a_refund_that_is_stuck_is_followed_and_the_payer_knows(chat):
    stuck = chat.stage.world.faults.add("refund", stay=True)
    chat.play(CANCELLED + """
        (work)
        quiet 小林
        (61 min pass)
        (work)
        push  小林  refund.slow  code=$c  amount=¥13.00
        (60 min pass)
        (work)
        quiet 小林
    """)
    assert states() == ("cancelled", ["paid"], ["processing"])
    chat.stage.world.faults.add("notify/refund", 99, drop=True)
    chat.stage.world.faults.remove(stuck.id)
    chat.play("""
        (61 min pass)
        (work)
        card  小林  refunded  ¥13.00  已退回
    """)

    assert states()[2] == ["succeeded"]
    assert accounts() == {}


def test_a_refund_that_wechat_pay_closed_goes_under_a_new_number(chat):
    chat.stage.world.faults.add("refund", outcome="CLOSED")
    chat.play(CANCELLED + """
        (work)
        (2 min pass)
        (work)
        (1 min pass)
        (work)
        card  小林  refunded  ¥13.00  已退回
    """)

    assert states()[2] == ["closed", "succeeded"]
    assert accounts() == {}
    with Sessions() as session:
        old, new = session.scalars(select(Refund).order_by(Refund.id))
        assert (new.replaces_id, new.code) == (old.id, old.code)
        assert new.out_refund_no != old.out_refund_no


def test_an_abnormal_refund_calls_a_person_and_the_payer_knows(chat, demo_campus):
    chat.stage.add("王老师")
    demo_campus["operators"] = [{"openid": chat.stage.openid("王老师"), "name": "王老师"}]
    chat.stage.load(demo_campus)
    chat.play("王老师  在吗")
    chat.stage.world.faults.add("refund", outcome="ABNORMAL")
    chat.play(CANCELLED + """
        (work)
        (11 s pass)
        (work)
        (work)
        push  小林  refund.troubled  code=$c  amount=¥13.00
        push  王老师  duty.refund_stuck  code=$c
        (1 h pass)
        (work)
        quiet 小林
        quiet 王老师
    """)
    assert states()[2] == ["abnormal"]


@pytest.mark.parametrize("refusal", ["NO_AUTH", "INVALID_REQUEST"])
def test_a_refund_that_was_refused_is_tried_again_another_day(chat, refusal):
    chat.stage.wait_until(12, 0)
    chat.stage.world.faults.add(REFUND, 2, status=403, code=refusal)
    chat.play(CANCELLED + """
        (work)
        (work)
        push  小林  refund.troubled  code=$c
        (24 h pass)
        (work)
        (1 min pass)
        (work)
        card  小林  refunded  ¥13.00
    """)

    assert states()[2] == ["succeeded"]
    # The morning's comparison books what WeChat Pay kept of the payment.
    assert accounts() == {"wechat": -8, "wechat_fees": 8}


def test_a_close_that_was_refused_is_tried_again_within_the_hour(chat):
    chat.play(CONFIRMED)
    sheet(chat)
    chat.stage.world.faults.add("/v3/pay/transactions/out-trade-no/*/close", status=403,
                                code="NO_AUTH")
    chat.stage.world.faults.add("/v3/pay/transactions/out-trade-no/*", 2, status=403,
                                code="NO_AUTH")
    chat.play("""
        (16 min pass)
        (work)
    """)
    assert states()[:2] == ("awaiting_payment", ["closing"])
    chat.play("""
        (61 min pass)
        (work)
    """)

    assert states()[:2] == ("expired", ["closed"])


def test_what_was_closed_is_asked_after_once_more(chat):
    chat.play(CONFIRMED)
    sheet(chat)
    chat.play("""
        (16 min pass)
        (work)
    """)
    world = chat.stage.world
    order, = world.orders.values()
    order.state = "NOTPAY"  # the close had not reached every till
    order.expires_at = world.now() + 9999
    world.faults.add(NOTICES, 99, drop=True)
    assert world.pay("小林", next(iter(world.prepays)))["err_msg"].endswith("ok")
    chat.play("""
        (61 min pass)
        (work)
        (work)
        push  小林  refund.late  code=$c  amount=¥13.00
        (2 h pass)
        (work)
        quiet 小林
    """)

    assert states() == ("expired", ["paid"], ["succeeded"])
    assert accounts() == {}
