"""WeChat's door: one answer a message, one person's turns in order, nothing lost or done twice."""
import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select, text

from bot import accounts, routes, webhook
from bot.turn import take_turn
from bot.wire import seal, sign, unseal
from config import settings
from config.texts import CATALOG
from handlers.campus import ensure_account, load_campus
from models.base import Clock, Sessions, utcnow
from models.inbox import Inbox
from models.order import LINES, Order
from models.outbox import Outbox
from models.person import Person
from models.turn import keep
from tests.conftest import CAMPUS
from tests.support.simulator import credentials
from workers import clock, turn
from wsgi import create_app

OPENID = "oABCDEFGHIJKLMNOPQRSTUVWXY_-"
SALT = b"0123456789abcdef"
ORDER = "来份黄焖鸡微辣 送12栋302"


@dataclass
class Door:
    """What WeChat sees of us."""

    app: Flask
    next_id: int = 1000

    def client(self) -> FlaskClient:
        return self.app.test_client()

    def push(self, words: str, msg_id: int | None = None, *, openid: str = OPENID,
             tap: str = "", **other: str) -> Any:
        """Deliver one text, sealed; the raw response."""
        self.next_id += 1
        return self.deliver({"MsgType": "text", "Content": words, "bizmsgmenuid": tap,
                             "MsgId": str(msg_id or self.next_id), **other}, openid)

    def deliver(self, fields: dict[str, str], openid: str = OPENID) -> Any:
        told = {"ToUserName": credentials().original_id, "FromUserName": openid,
                "CreateTime": str(int(utcnow().timestamp())), **fields}
        inner = "".join(f"<{k}><![CDATA[{v}]]></{k}>" for k, v in told.items())
        sealed = seal(credentials().aes_key, credentials().app_id,
                      f"<xml>{inner}</xml>".encode(), SALT)
        return self.post(f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode(),
                         signed=sealed)

    def post(self, body: bytes, *, signed: str = "", app_id: str = "", **args: str) -> Any:
        stamp = str(int(utcnow().timestamp()))
        query = {"timestamp": stamp, "nonce": "n",
                 "signature": sign(credentials().token, stamp, "n"), "encrypt_type": "aes",
                 "msg_signature": sign(credentials().token, stamp, "n", signed), **args}
        return self.client().post(f"/wechat/{app_id or credentials().app_id}",
                                  query_string=query, data=body)

    def says(self, words: str, msg_id: int | None = None, **other: Any) -> str:
        return heard(self.push(words, msg_id, **other))


def heard(response: Any) -> str:
    """The words of a passive reply; "" for `success`."""
    assert response.status_code == 200, response.data
    if response.data == b"success":
        return ""
    sealed = re.search(rb"<Encrypt><!\[CDATA\[(.*?)\]\]>", response.data)
    assert sealed
    inner = unseal(credentials().aes_key, credentials().app_id, sealed[1].decode()).decode()
    content = re.search(r"<Content><!\[CDATA\[(.*)\]\]></Content>", inner, re.DOTALL)
    assert content
    return content[1]


@pytest.fixture
def door(database: Any, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    for name, value in credentials().environ(9).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SECRET_KEY", "a secret of the tests, and long enough")
    Clock.ahead = timedelta()
    settings.load.cache_clear()
    accounts.forget()
    with Sessions.begin() as session:
        ensure_account(session, settings.load().wechat_account)
        load_campus(session, json.loads(CAMPUS.read_text("utf-8")),
                    app_id=credentials().app_id, now=utcnow())
    yield Door(create_app())
    settings.load.cache_clear()
    accounts.forget()


def rows(table: Any, **by: Any) -> list[Any]:
    query = select(table).filter_by(**by).order_by(table.id)
    with Sessions() as session:
        return list(session.scalars(query.options(LINES) if table is Order else query))


def debts(kind: str) -> list[Outbox]:
    return rows(Outbox, kind=kind)


def spoken() -> list[str]:
    """Keys of what has been owed as answers to late turns, in order."""
    return [json.loads(debt.words)["chat"]["key"] for debt in debts("notice")
            if debt.key.startswith("notice:turn:")]


def work_off() -> None:
    """Take every late turn that is owed, in the order in which it was."""
    for debt in debts("turn"):
        turn.take(debt.id, now=utcnow())


# --- one answer a message


def test_a_message_that_comes_again_gets_the_same_words_and_does_nothing_twice(door):
    first = door.says(ORDER, 7)
    assert "合计 ¥13.00" in first
    assert [door.says(ORDER, 7) for _ in range(3)] == [first] * 3
    assert len(rows(Order)) == len(rows(Inbox)) == 1


def test_the_same_words_in_another_message_are_another_turn(door):
    assert door.says("看菜单", 7) == door.says("看菜单", 8)
    assert len(rows(Inbox)) == 2


def test_two_people_may_use_the_same_message_number(door):
    other = "oZBCDEFGHIJKLMNOPQRSTUVWXY_-"
    assert "合计" in door.says(ORDER, 7)
    assert "合计" in door.says(ORDER, 7, openid=other)
    assert len(rows(Order)) == 2


def test_twins_at_the_same_moment_hear_one_answer(door):
    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(lambda _: door.says(ORDER, 7), range(4)))
    assert len(answers - {""}) == 1  # a twin that had to wait too long hears `success`
    assert len(rows(Order)) == 1


def test_a_stored_answer_is_sealed_and_forgotten_after_an_hour(door):
    door.says(ORDER, 7)
    with Sessions() as session:
        body, answer = session.execute(text("SELECT body, answer FROM inbox")).one()
    assert "黄焖鸡".encode() not in bytes(body) + bytes(answer)
    clock.sweep(now=utcnow() + timedelta(minutes=59))
    assert rows(Inbox)[0].answer is not None
    clock.sweep(now=utcnow() + timedelta(minutes=61))
    assert rows(Inbox)[0].answer is rows(Inbox)[0].body is None
    assert door.says(ORDER, 7) == ""  # the words are gone; it is still not done again
    assert len(rows(Order)) == 1


def test_events_that_need_no_answer_get_success(door):
    told = door.deliver({"MsgType": "event", "Event": "VIEW", "EventKey": "https://x.cn"})
    assert told.data == b"success"
    assert rows(Inbox)[0].is_event


# --- one person's turns in order


def test_changes_said_at_once_are_all_made_and_in_the_order_they_were_heard(door):
    """Goes red when turns do not wait for one another: a change is lost, or two share a quote."""
    door.says(ORDER)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: door.says("加瓶可乐", 100 + n), range(6)))
    work_off()
    order = rows(Order)[0]
    assert {line.name: int(line.quantity) for line in order.lines}["可乐"] == 6
    assert order.revision == 7
    assert all(row.answered_at for row in rows(Inbox))


def test_who_must_wait_too_long_hears_success_and_a_worker_answers(door):
    door.says("看菜单")
    with Sessions.begin() as session:
        Person.lock(session, credentials().app_id, OPENID, now=utcnow())
        assert door.push(ORDER, 7).data == b"success"
        assert door.push(ORDER, 7).data == b"success"  # at once: its answer is stored
        assert door.push("到哪了", 8).data == b"success"
        assert rows(Order) == []
    work_off()
    work_off()
    assert spoken() == ["order.quoted", "order.quoted"]
    assert len(rows(Order)) == 1
    assert all(debt.settled_at for debt in debts("turn"))
    assert door.says(ORDER, 7) == ""


def test_a_later_message_does_not_overtake_one_that_waits(door):
    door.says("看菜单")
    with Sessions.begin() as session:
        Person.lock(session, credentials().app_id, OPENID, now=utcnow())
        door.push(ORDER, 7)
    assert door.push("加瓶可乐", 8).data == b"success"
    work_off()
    assert spoken() == ["order.quoted", "order.quoted"]
    assert {line.name for line in rows(Order)[0].lines} == {"黄焖鸡米饭", "可乐"}


def test_a_slow_statement_is_left_to_a_worker_too(door, engine):
    """The database is slow while the turn runs: the statement gives up after 2.5 s."""
    slow = threading.Event()

    def dawdle(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO orders") and not slow.is_set():
            slow.set()
            cursor.execute("SELECT pg_sleep(5)")

    event.listen(engine, "before_cursor_execute", dawdle)
    try:
        assert door.push(ORDER, 7).data == b"success"
    finally:
        event.remove(engine, "before_cursor_execute", dawdle)
    assert rows(Order) == []
    work_off()
    assert spoken() == ["order.quoted"]


def test_a_turn_that_was_given_up_for_a_twin_speaks_up_itself(door, monkeypatch):
    """WeChat has been told `success`, so the first one's own answer would be heard by nobody."""
    door.says("看菜单")
    begun, go_on = threading.Event(), threading.Event()
    answer = routes.answer

    def dawdle(*args: Any, **kwargs: Any) -> Any:
        begun.set()
        assert go_on.wait(10)
        return answer(*args, **kwargs)

    monkeypatch.setattr(routes, "answer", dawdle)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(door.push, ORDER, 7)
        assert begun.wait(10)
        assert door.push(ORDER, 7).data == b"success"
        go_on.set()
        assert first.result().data == b"success"
    work_off()
    assert spoken() == ["order.quoted"]
    assert len(rows(Order)) == 1


def test_a_message_to_a_busy_process_is_kept_for_a_worker(door, monkeypatch):
    door.says("看菜单")
    monkeypatch.setattr(webhook, "TURN_WAIT_S", 0.01)
    monkeypatch.setattr(webhook.Turns, "free", threading.Semaphore(0))
    assert door.push(ORDER, 7).data == b"success"
    assert rows(Order) == []
    work_off()
    assert spoken() == ["order.quoted"]


def test_turns_are_taken_one_by_one(door, monkeypatch):
    under_way, most = [], []

    def watch(*_: Any, **__: Any) -> None:
        under_way.append(1)
        most.append(len(under_way))
        time.sleep(0.05)
        under_way.pop()

    monkeypatch.setattr(routes, "answer", watch)
    monkeypatch.setattr(webhook.Turns, "free", threading.Semaphore(1))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: door.push("谢谢", 10 + n, openid=f"o{n:027d}"), range(4)))
    assert most == [1, 1, 1, 1]


def test_a_message_whose_process_died_is_taken_up_by_the_clock(door):
    with Sessions.begin() as session:
        assert keep(session, app_id=credentials().app_id, openid=OPENID, key="k", now=utcnow(),
                    body=webhook.write_down(_told(ORDER)), is_event=False)
    clock.sweep(now=utcnow() + timedelta(seconds=19))
    assert debts("turn") == []  # WeChat may still ask again
    clock.sweep(now=utcnow() + timedelta(seconds=21))
    clock.sweep(now=utcnow() + timedelta(seconds=22))
    assert len(debts("turn")) == 1
    work_off()
    assert spoken() == ["order.quoted"]


def _told(words: str) -> Any:
    return webhook.Heard(credentials().app_id, OPENID, "k", "text", 0,
                         credentials().original_id, 1, text=words)


def test_a_mistake_of_ours_changes_nothing_and_is_not_tried_again(door, monkeypatch):
    calls = []

    def breaks(session: Any, *_: Any, **__: Any) -> None:
        calls.append(1)
        session.execute(text("UPDATE people SET name = 'half done'"))
        raise RuntimeError("our own")

    monkeypatch.setattr(routes, "answer", breaks)
    sorry = CATALOG["talk"]["sorry"]
    assert door.says(ORDER, 7) == sorry
    assert door.says(ORDER, 7) == sorry
    assert calls == [1]
    assert rows(Person)[0].name is None


def test_a_worker_that_cannot_take_a_turn_says_sorry_once(door, monkeypatch):
    door.says("看菜单")
    with Sessions.begin() as session:
        Person.lock(session, credentials().app_id, OPENID, now=utcnow())
        door.push(ORDER, 7)
    monkeypatch.setattr(routes, "answer", lambda *_, **__: 1 / 0)
    work_off()
    work_off()
    assert spoken() == ["talk.sorry"]


def test_a_turn_can_only_be_taken_once_whoever_asks(door):
    """Web and worker at the same moment: one answers, the other hears the same."""
    door.says(ORDER)
    with Sessions() as session:
        inbox_id = session.scalar(select(func.max(Inbox.id)))
    with Sessions.begin() as session:
        again = take_turn(session, inbox_id, now=utcnow())
    assert "合计 ¥13.00" in again
    assert len(rows(Order)) == 1


# --- strangers


def test_the_handshake_gives_back_the_very_bytes(door):
    stamp = str(int(utcnow().timestamp()))
    told = door.client().get(f"/wechat/{credentials().app_id}", query_string={
        "signature": sign(credentials().token, stamp, "n"), "timestamp": stamp, "nonce": "n",
        "echostr": "5927782489442352469"})
    assert (told.status_code, told.data) == (200, b"5927782489442352469")


def test_an_unknown_account_a_wrong_signature_and_an_old_stamp_are_refused(door):
    assert door.post(b"<xml/>", app_id="wxnobody").status_code == 404
    assert door.client().get("/wechat/wxnobody").status_code == 404
    assert door.client().get(f"/wechat/{credentials().app_id}").status_code == 403
    assert door.post(b"<xml/>", signed="x", msg_signature="0" * 40).status_code == 403
    old = str(int(utcnow().timestamp()) - 400)
    assert door.post(b"<xml/>", timestamp=old).status_code == 403
    assert rows(Inbox) == rows(Person) == []


def test_plaintext_counts_for_nothing_where_there_is_a_key(door):
    body = (f"<xml><ToUserName>{credentials().original_id}</ToUserName>"
            f"<FromUserName>{OPENID}</FromUserName><CreateTime>1</CreateTime>"
            "<MsgType>text</MsgType><Content>x</Content><MsgId>1</MsgId></xml>")
    assert door.post(body.encode(), encrypt_type="raw").status_code == 403
    assert rows(Inbox) == []


@pytest.mark.parametrize("body", [b"x" * 65_537, b"x" * 3_000_000])
def test_a_body_that_is_too_large_is_refused_unread(door, body):
    assert door.post(body).status_code == 413


def test_a_body_without_a_length_is_no_way_around_it(door):
    import io

    path = f"/wechat/{credentials().app_id}"
    for size in (70_000, 3_000_000):
        told = door.client().post(path, query_string={"timestamp": str(int(
            utcnow().timestamp()))}, input_stream=io.BytesIO(b"x" * size),
            environ_overrides={"CONTENT_LENGTH": None, "wsgi.input_terminated": True})
        assert 400 <= told.status_code < 500


# --- a database that is away


def test_without_a_database_wechat_is_asked_to_come_again(door, engine, caplog):
    door.says("看菜单")  # the account is known by now
    with _away():
        told = door.push(ORDER, 7)
        assert told.status_code == 503
        assert told.headers["Retry-After"]
        assert b"Traceback" not in told.data
    assert not [record for record in caplog.records
                if record.exc_info or "exc_info" in str(record.msg)]
    assert "合计 ¥13.00" in door.says(ORDER, 7)


def test_an_account_that_was_known_stays_known_while_the_database_is_away(door, monkeypatch):
    door.says("看菜单")
    monkeypatch.setattr(accounts, "KEPT_S", 0.0)
    with _away():
        stamp = str(int(utcnow().timestamp()))
        told = door.client().get(f"/wechat/{credentials().app_id}", query_string={
            "signature": sign(credentials().token, stamp, "n"), "timestamp": stamp,
            "nonce": "n", "echostr": "1"})
        assert told.data == b"1"


class _away:
    """The database's address leads nowhere."""

    def __enter__(self) -> None:
        from sqlalchemy import create_engine

        self.was = Sessions.kw["bind"]
        Sessions.configure(bind=create_engine(
            "postgresql+psycopg://x@127.0.0.1:9/x", hide_parameters=True))

    def __exit__(self, *_: object) -> None:
        Sessions.configure(bind=self.was)
