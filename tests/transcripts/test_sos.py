"""Journey 12: a call for help, whatever else is down, and no word of it that is not so."""
import socket
import time
from threading import Thread

import pytest
from sqlalchemy import create_engine, select

from bot import accounts
from bot.nlu import understand as nlu
from bot.routes import base as routes
from config import settings
from handlers.sos import guards, journal
from models.alarm import AlarmRecord
from models.base import Sessions, utcnow
from models.outbox import Outbox
from models.person import Person
from tests.support.transcript import Chat
from tests.transcripts.stories import ON_THE_WAY
from web import gateways
from web.sos import Ringer

CALLED = """
    小林  救命
    bot   sos.raised
    (help is called)
    push  小林  sos.rung  names=王老师、李保安
    card  王老师  sos  请回
    push  王老师  sos.call  words=救命
    push  李保安  sos.call
"""


@pytest.fixture
def campus(demo_campus, stage):
    demo_campus["emergency"] = {"phone": "023-55550110", "on_duty": [
        {"openid": stage.openid(name), "name": name} for name in ("王老师", "李保安", "赵主任")]}
    return demo_campus


@pytest.fixture
def chat(stage, campus):
    for name, role in (("小林", "student"), ("小陈", "student"), ("阿香", "merchant"),
                       ("阿哲", "rider"), ("王老师", "other"), ("李保安", "other"),
                       ("赵主任", "other")):
        stage.add(name, role)
    stage.load(campus)
    chat = Chat(stage)
    for name in ("王老师", "李保安"):
        chat.play(f"{name}  在吗")
    return chat


def records():
    with Sessions() as session:
        return list(session.scalars(select(AlarmRecord)))


def test_who_calls_is_answered_and_those_on_duty_are_called_and_their_answer_is_told(chat):
    chat.play(CALLED + """
        王老师  收到
        bot   sos.taken
        (help is called)
        push  小林  sos.seen  name=王老师
        push  李保安  sos.told_seen  王老师点了收到
        quiet 赵主任
        王老师  〔处理完了〕
        bot   sos.closed
        (help is called)
        (5 min pass)
        (help is called)
        quiet 赵主任
    """)
    (row,) = records()
    assert row.seen_at
    assert row.over_at


def test_the_first_words_claim_nothing_that_has_not_happened(chat):
    chat.play("""
        小林  救命
        bot   sos.raised
    """)
    said = chat.last("小林")
    assert "110" in said
    assert "023-55550110" in said
    assert "已通知" not in said
    assert "正在叫" in said


def test_a_minute_without_an_answer_calls_the_next(chat):
    chat.play(CALLED + """
        quiet 赵主任
        (61 s pass)
        (help is called)
        card  赵主任  sos
        quiet 王老师
        (60 s pass)
        (help is called)
        card  王老师  sos
    """)


def test_silence_is_one_word_and_then_nothing_until_they_speak(chat):
    chat.play(CALLED + """
        小林  1
        bot   sos.silent
        (help is called)
        push  王老师  sos.told_silent
        (小林 is at 29.5,106.5)
    """)
    assert chat._answer is None
    chat.play("""
        (help is called)
        push  王老师  sos.told_position
        王老师  收到
        bot   sos.taken  别打电话
        (help is called)
        quiet 小林
    """)
    assert chat.stage.says("小林", "在三教后门") is None
    chat.play("""
        (help is called)
        push  王老师  sos.told_words  words=在三教后门
        quiet 小林
        小林  我没事
        bot   sos.fine
        (help is called)
        push  王老师  sos.told_fine
    """)


def test_while_silent_no_notice_reaches_the_phone_and_afterwards_it_does(chat):
    chat.play(ON_THE_WAY + """
        小林  救命
        bot   sos.raised
        (help is called)
        push  小林  sos.rung
        小林  1
        bot   sos.silent
        (help is called)
        阿哲  $c到了
        bot   rider.arrived
        (work)
        quiet 小林
        小林  误按，我没事
        bot   sos.fine
        (help is called)
        (61 s pass)
        (work)
        card  小林  progress
        card  小林  arrived
    """)


def test_a_false_alarm_costs_nothing_and_is_told(chat):
    chat.play(CALLED + """
        小林  〔误按，我没事〕
        bot   sos.fine
        (help is called)
        push  王老师  sos.told_fine
        (3 min pass)
        (help is called)
        quiet 赵主任
        王老师  收到
        bot   question.ack
        小林  我没事
        bot   sos.fine_alone
        小林  来份黄焖鸡 送12栋302
        bot   order.quoted
    """)


def test_praise_is_asked_about_and_danger_is_not(chat):
    chat.play("""
        小林  救命太好吃了吧
        bot   sos.no_joke
        小林  〔夸的〕
        bot   sos.praise
        (help is called)
        quiet 王老师
        小林  救命太好吃了吧
        bot   sos.no_joke
        小林  〔真有事〕
        bot   sos.raised
        小陈  救命有人跟踪我
        bot   sos.raised
    """)


def test_what_only_understanding_can_tell_is_asked_about(chat):
    chat.play("""
        小林  有人偷拍我怎么办
        bot   sos.really
        (help is called)
        quiet 王老师
        小林  〔真有事，快叫人〕
        bot   sos.raised
    """)


def test_more_words_and_a_place_are_passed_on(chat):
    chat.play(CALLED + """
        小林  在三教后门的小路上
        bot   sos.passed_on
        (小林 is at 29.5,106.5)
        bot   sos.passed_on
        (help is called)
        push  王老师  sos.told_words  words=在三教后门的小路上
        push  王老师  sos.told_position
        小林  救命啊
        bot   sos.again  已通知值班的王老师、李保安
    """)
    assert len(records()) == 1


def test_nobody_else_can_confirm_or_close_it(chat):
    chat.play(CALLED)
    ref = journal.alarms()[0].ref
    for words in (f"{ref}收到", f"{ref}处理完了", "收到"):
        assert "SOS-" not in (chat.stage.says("小陈", words) or "")
    assert len(journal.alarms()) == 1
    assert not journal.alarms()[0].seen
    assert not journal.alarms()[0].is_over


def test_a_repeat_of_the_message_is_one_alarm_and_hears_the_same(chat):
    chat.times = 3
    chat.play("""
        小林  救命
        bot   sos.raised
        (help is called)
        card  王老师  sos
        push  王老师  sos.call
        quiet 王老师
    """)
    assert len(journal.alarms()) == 1


def test_a_menu_tap_and_a_voice_call_too(chat):
    assert "110" in (chat.stage.world.tap_menu("小林", "SOS").reply or "")
    assert "110" in (chat.stage.world.send_voice("小陈", "救命有人跟踪我").reply or "")
    assert len(journal.alarms()) == 2


def test_where_nobody_is_on_duty_that_is_said(chat, campus):
    del campus["emergency"]["on_duty"]
    chat.stage.load(campus)
    chat.play("""
        小林  救命
        bot   sos.nobody
        (30 s pass)
        (help is called)
        quiet 小林
    """)


def test_those_who_cannot_be_reached_are_not_said_to_be(chat):
    for name in ("王老师", "李保安", "赵主任"):
        chat.stage.world.unfollow(name)
    chat.play("""
        小林  救命
        bot   sos.raised
        (help is called)
        (21 s pass)
        (help is called)
        push  小林  sos.not_rung
        小林  救命
        bot   sos.again  还没叫通
    """)


# Whatever is down


def test_it_needs_no_understanding(chat, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("understanding is broken")
    monkeypatch.setattr(routes, "understand", broken)
    monkeypatch.setattr(nlu, "understand", broken)
    chat.play(CALLED)


def test_it_needs_no_workers_and_no_redis(chat, monkeypatch):
    """Nothing in the story above runs a worker; here Redis is another's closed door as well."""
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    settings.load.cache_clear()
    gateways._wechat.cache_clear()
    began_at = time.monotonic()
    chat.play(CALLED)
    assert time.monotonic() - began_at < 5
    settings.load.cache_clear()


@pytest.fixture
def no_database(chat):
    """Sessions that lead to a closed door; yields a way to open it again."""
    bound = Sessions.kw["bind"]

    def away(url="postgresql+psycopg://x:x@127.0.0.1:1/x"):
        Sessions.configure(bind=create_engine(url, connect_args={"connect_timeout": 3}))
        accounts._DOORS.update({k: (0.0, door) for k, (_, door) in accounts._DOORS.items()})
        guards._read_at = 0.0

    def back():
        Sessions.configure(bind=bound)
    yield away, back
    back()


def test_it_needs_no_database_and_is_brought_there_when_there_is_one(chat, no_database):
    away, back = no_database
    away()
    chat.play(CALLED + """
        王老师  收到
        bot   sos.taken
        (help is called)
        push  小林  sos.seen
    """)
    back()
    assert not records()
    chat.stage.ring()
    (row,) = records()
    assert row.ref == journal.alarms()[0].ref
    assert row.seen_at
    with Sessions() as session:
        wang = session.scalars(select(Person).filter_by(openid=chat.stage.openid("王老师"))).one()
        assert wang.service_sent == 1
        assert session.scalars(select(Outbox).where(Outbox.key.like("notice:sos:%"),
                                                    Outbox.settled_at.is_(None))).all() == []
    chat.stage.ring()
    assert len(records()) == 1


def test_a_database_that_hangs_costs_the_caller_no_time(chat, no_database):
    away, _ = no_database
    with socket.create_server(("127.0.0.1", 0)) as silent:
        away(f"postgresql+psycopg://x:x@127.0.0.1:{silent.getsockname()[1]}/x")
        began_at = time.monotonic()
        chat.play("""
            小林  救命
            bot   sos.raised
        """)
        assert time.monotonic() - began_at < 2.5
        for _ in range(40):
            if any(e["type"] == "heard" for e in chat.stage.world.events(0, "王老师")):
                break
            time.sleep(0.1)
        else:
            pytest.fail("nobody was called while the database hung")


def test_a_process_that_starts_without_a_database_knows_whom_to_call(chat, no_database):
    away, _ = no_database
    chat.play("小林  看菜单")
    accounts.forget()
    guards.forget()
    away()
    chat.play(CALLED)


def test_an_alarm_whose_web_process_died_is_called_by_the_next(chat):
    ringer = chat.stage.ringer
    ringer.poke, poke = (lambda: None), ringer.poke
    alarm = journal.raise_alarm(app_id=settings.load().wechat_account.app_id,
                                openid=chat.stage.openid("小林"), words="救命", now=utcnow())
    ringer.poke = poke
    ringer.recover()
    chat.play("""
        (help is called)
        push  王老师  sos.call
    """)
    assert alarm.ref in chat.last("王老师")


def test_two_web_processes_call_nobody_twice(chat):
    other = Ringer()
    chat.stage.ringer.poke, poke = (lambda: None), chat.stage.ringer.poke
    journal.raise_alarm(app_id=settings.load().wechat_account.app_id,
                        openid=chat.stage.openid("小林"), words="救命", now=utcnow())
    threads = [Thread(target=each.settle) for each in (chat.stage.ringer, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    chat.stage.ringer.poke = poke
    other.close()
    for name in ("王老师", "李保安"):
        calls = [e for e in chat.stage.world.events(0, name)
                 if e["type"] == "heard" and "有人求助" in e.get("content", "")]
        assert len(calls) == 1


def test_calls_that_no_web_process_places_are_placed_by_a_worker(chat, monkeypatch):
    monkeypatch.setattr("web.sos._sent_by", _dies)
    chat.stage.says("小林", "救命")
    chat.stage.ring()
    chat.play("""
        quiet 王老师
        (21 s pass)
        (work)
        card  王老师  sos
    """)


def _dies(*_, **__):
    raise MemoryError


def test_it_is_never_limited(chat):
    for _ in range(25):
        chat.stage.says("小林", "看菜单")
    chat.play("""
        小林  救命
        bot   sos.raised
    """)


def test_nothing_of_it_lies_about_in_clear(chat):
    chat.play(CALLED)
    for path in journal.directory().iterdir():
        if path.is_file():
            told = path.read_bytes()
            assert "救命".encode() not in told
            assert chat.stage.openid("小林").encode() not in told


def test_old_alarms_are_taken_away_once_the_database_has_them(chat):
    chat.play(CALLED)
    chat.stage.pass_time(hours=25)
    chat.stage.ring()
    journal.forget_old(now=utcnow(), is_recorded=lambda _: False)
    assert journal.alarms()
    chat.stage.ringer.recover()
    assert not journal.alarms()
