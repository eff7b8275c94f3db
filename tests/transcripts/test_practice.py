"""练习: the whole road, and nothing at the end of it but a student who knows the way."""
import pytest
from sqlalchemy import text

from models.base import Base, Sessions
from tests.transcripts.stories import PAID

OWN = {"people", "inbox"}  # where a conversation leaves its traces
ROAD = """
    小林  练习
    bot   practice.quoted  payable=¥18.00  不扣钱
    小林  〔确认付款〕
    bot   practice.paid  payable=¥18.00
    小林  〔到哪了〕
    bot   practice.cooking
    小林  到哪了
    bot   practice.on_the_way
    小林  到哪了啊
    bot   practice.at_the_door
    小林  〔拿到了〕
    bot   practice.done
"""


def counts():
    with Sessions() as session:
        return {table.name: session.scalar(text(f"SELECT count(*) FROM {table.name}"))
                for table in Base.metadata.sorted_tables if table.name not in OWN}


@pytest.fixture
def nothing_real(chat):
    chat.stage.pump()
    before, heard = counts(), len(chat.stage.world.journal.entries())
    yield
    chat.stage.pump()
    assert counts() == before
    calls = [e for e in chat.stage.world.journal.entries()[heard:] if e["kind"] == "call"]
    assert not calls
    assert not chat.stage.world.orders
    for name in ("小林", "阿香", "阿哲"):
        assert not [e for e in chat.stage.world.events(0, name)
                    if e["type"] == "template" or e.get("channel") == "custom"]


def test_the_whole_road_is_walked_and_nothing_was_real(chat, nothing_real):
    chat.play(ROAD)
    assert "一分钱没花" in chat.last("小林")
    chat.play("""
        小林  到哪了
        bot   status.none
    """)


def test_what_one_would_like_is_priced_from_the_real_menu(chat, nothing_real):
    chat.play("""
        小林  练习
        bot   practice.quoted
        小林  来两份黄焖鸡
        bot   practice.quoted  payable=¥34.00  黄焖鸡米饭 ×2
        小林  好的付款
        bot   practice.paid  payable=¥34.00
        小林  确认
        bot   practice.paid
    """)


def test_it_ends_at_a_word_and_by_itself(chat, nothing_real):
    chat.play("""
        小林  练习
        bot   practice.quoted
        小林  取消
        bot   practice.ended
        小林  练习付款
        bot   practice.none
        小林  练习
        bot   practice.quoted
        (31 min pass)
        小林  练习付款
        bot   practice.none
    """)


def test_one_cannot_skip_the_payment_and_a_repeat_changes_nothing(chat, nothing_real):
    chat.times = 3
    chat.play("""
        小林  练习
        bot   practice.quoted
        小林  到哪了
        bot   practice.pay_first
        小林  练习付款
        bot   practice.paid
        小林  到哪了
        bot   practice.cooking
    """)


def test_a_real_order_goes_on_beside_it(chat):
    chat.play(PAID + """
        小林  练习
        bot   practice.quoted
        小林  $c到哪了
        bot   status.under_way  code=$c
        小林  练习付款
        bot   practice.paid
        小林  取消$c
        bot   cancel.sure  code=$c
        小林  结束练习
        bot   practice.ended
        小林  到哪了
        bot   status.under_way  code=$c
    """)


def test_a_call_for_help_is_no_practice(chat):
    chat.play("""
        小林  练习
        bot   practice.quoted
        小林  救命
        bot   sos.nobody
    """)
