"""Journey 4: not said clearly, asked in between, and a person where words fail."""
import json

import pytest

from models.base import Sessions
from models.human_call import HumanCall
from tests.conftest import CAMPUS
from tests.transcripts.stories import PAID


@pytest.fixture
def duty_chat(chat):
    chat.stage.add("老周", "other")
    chat.stage.add("小陈", "student")
    campus = json.loads(CAMPUS.read_text("utf-8"))
    campus["emergency"] = {"phone": "0571-110", "on_duty": [
        {"openid": chat.stage.openid("老周"), "name": "老周"}]}
    chat.stage.load(campus)
    return chat


def test_somebody_who_does_not_know_is_offered_what_they_had(chat):
    chat.play("""
        小林  帮我带个饭
        bot   suggest.what  随便，20块内你挑
    """ + PAID + """
        小林  帮我带个饭
        bot   suggest.what  黄焖鸡米饭(今天点过)
        小林  1
        bot   order.quoted  黄焖鸡米饭
    """)


def test_anything_within_a_budget_is_quoted_and_nothing_more(chat):
    chat.play("""
        小林  我住12栋302
        小林  15以内随便
        bot   order.quoted
        小林  帮我带个饭
        小林  〔随便，20块内你挑〕
        bot   order.quoted
        小林  3以内随便
        bot   order.quoted  烤肠
        小林  1块以内随便
        bot   suggest.nothing_within
    """)


def test_what_many_have_is_called_liked_and_what_few_have_is_not(chat):
    for name in ("小王", "小李", "小陈"):
        chat.stage.add(name, "student")
    chat.play(PAID + PAID.replace("小林", "小王").replace("$c", "$d"))
    assert "黄焖鸡" not in chat.stage.says("小陈", "帮我带个饭")
    chat.play(PAID.replace("小林", "小李").replace("$c", "$e") + """
        小陈  帮我带个饭
        bot   suggest.what  黄焖鸡米饭 阿香
    """)


def test_a_taste_chooses_among_what_was_offered(chat):
    chat.play("""
        小林  我住12栋302
        小林  帮我带个饭
        bot   suggest.what
        小林  就那个辣的
        bot   suggest.so  辣
        小林  1
        bot   order.quoted
        小林  有什么喝的
        bot   suggest.so  喝
    """)


def test_a_question_in_between_is_answered_and_the_draft_offered_back(chat):
    chat.play(PAID + """
        小林  取消$c
        小林  〔确定取消〕
        bot   cancel.refunding
        (61 s pass)
        (work)
        小林  来份黄焖鸡 送12栋302
        bot   order.quoted  code=$d
        小林  先等等 我昨天那单退了没
        bot   back.with  退了：R
        小林  〔继续点〕
        bot   order.quoted  code=$d  等你点头
        小林  黄焖鸡多少钱
        bot   back.with  ¥
        小林  〔算了〕
        bot   cancel.free  code=$d
        小林  退了没
        bot   back.refunded
    """)


def test_a_choice_is_offered_back_too(chat):
    chat.play("""
        小林  帮我带个饭
        小林  退款到账没
        bot   back.with
        小林  〔继续点〕
        bot   suggest.what
        小林  不点了
        bot   back.dropped
        小林  继续点餐
        bot   back.nothing
    """)


def test_a_question_that_was_understood_in_between_ends_the_misses(chat):
    chat.play("""
        小林  来份黄焖鸡 送12栋302
        bot   order.quoted
        小林  呜哩哇啦呜哩
        bot   talk.lost
        小林  哇啦呜哩哇啦
        bot   talk.lost_again
        小林  黄焖鸡多少钱
        bot   back.with
        小林  呜哩哇啦呜哩
        bot   talk.lost
    """)


def test_two_misses_bring_numbers_and_a_third_brings_a_human(duty_chat):
    duty_chat.play("""
        老周  帮助
        小林  呜哩哇啦呜哩
        bot   talk.lost
        小林  哇啦呜哩哇啦
        bot   talk.lost_again
        小林  2
        bot   status.none
        小林  呜哩哇啦呜哩
        bot   talk.lost
        小林  哇啦呜哩哇啦
        bot   talk.lost_again
        小林  呜呜哩哩哇哇
        bot   human.called
        (work)
        push  老周  human.call  number=$n  呜呜哩哩哇哇
        小林  人工
        bot   human.called_before
        老周  答$n 在呢，马上给你看。
        bot   human.passed_on  number=$n
        (work)
        push  小林  human.answer  在呢，马上给你看。
    """)


def test_only_those_on_duty_answer_and_only_calls_of_their_campus(duty_chat):
    duty_chat.play("""
        老周  帮助
        老周  答1 喂
        bot   human.no_such_call
        小林  人工
        bot   human.called
        (work)
        push  老周  human.call  number=$n
        小陈  答$n 我是值班的
        bot   human.not_on_duty
        (work)
        quiet 小林
    """)
    with Sessions() as session:
        assert session.query(HumanCall).one().answered_at is None


def test_where_nobody_is_on_duty_there_is_a_phone(chat):
    chat.play("""
        小林  人工
        bot   human.phone
    """)
