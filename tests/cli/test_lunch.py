"""The books of a lunch, and what makes them unclean."""
from datetime import timedelta

import pytest

from cli import lunch
from config.texts import yuan
from models.base import Sessions, utcnow
from models.ledger import held_for, post
from models.order import Order
from models.outbox import Outbox, owe
from tests.transcripts.stories import PAID
from tests.transcripts.test_first_lunch import eat

SEND = "/cgi-bin/message/custom/send 45047"


@pytest.fixture
def since():
    return utcnow()


def test_a_lunch_that_was_eaten(chat, since):
    eat(chat)
    books = lunch.read(since, refused={})

    assert [(f.state, f.payable_fen, f.is_paid) for f in books.fates] == [("delivered", 1300, True)]
    assert (books.in_fen, books.back_fen, books.held["wechat"]) == (1300, 0, 1300)
    assert books.balances
    assert books.is_clean
    assert lunch.is_settled(since)
    text = books.text(3)
    for words in ("What became of 1 orders of 3 people", f"money in {yuan(1300)}, back {yuan(0)}: "
                  "the ledger balances", "paid → delivered: median 0:0",
                  "messages refused by WeChat 0", "dead letters 0, debts left 0"):
        assert words in text, text


def test_what_a_lunch_before_left_is_owed_until_it_is_sent(chat):
    chat.play(PAID.partition("(work)")[0])
    assert not lunch.owes_nothing()
    chat.play("(work)")
    assert lunch.owes_nothing()


def test_a_lunch_that_was_called_off(chat, since):
    chat.play(PAID + """
        小林  取消$c
        小林  确定取消$c
        (work)
    """)
    assert not lunch.is_settled(since)
    chat.play("(2 min pass)\n(work)")
    books = lunch.read(since, refused={})
    assert [f.state for f in books.fates] == ["cancelled"]
    assert (books.in_fen, books.back_fen) == (1300, 1300)
    assert books.is_clean
    assert "paid → delivered: none" in books.text(3)


def test_an_order_that_still_waits_is_not_clean(chat, since):
    chat.play(PAID)
    books = lunch.read(since, refused={})
    assert books.balances
    assert not books.is_clean
    assert not lunch.is_settled(since)


def test_dead_letters_refused_messages_and_stray_money_are_told(chat, since):
    eat(chat)
    assert not lunch.read(since, refused={SEND: 2}).is_clean
    assert f"messages refused by WeChat 2 {SEND} × 2" in lunch.read(
        since, refused={SEND: 2, "/cgi-bin/menu/get 46003": 1}).text(3)
    assert lunch.read(since, refused={"/cgi-bin/menu/get 46003": 1}).is_clean

    now = utcnow()
    with Sessions.begin() as session:
        session.add(Outbox(key="k", kind="notice", payload={}, created_at=now, due_at=now,
                           settled_at=now, outcome="dead: 47003"))
    books = lunch.read(since, refused={})
    assert (books.dead, books.is_clean, books.balances) == (1, False, True)

    with Sessions.begin() as session:
        order = session.query(Order).one()
        post(session, "odd", key="odd", now=now, order_id=order.id,
             entries={held_for(order.id): 5, "platform": -5})
    books = lunch.read(since, refused={})
    assert (books.strays, books.balances) == (5, False)
    assert "THE LEDGER DOES NOT BALANCE" in books.text(3)


def test_what_came_before_and_reminders_for_later_are_not_counted(chat, since):
    eat(chat)
    later = utcnow()
    assert lunch.read(later, refused={}).fates == []
    with Sessions.begin() as session:
        owe(session, "notice", key="later", payload={}, now=utcnow() + timedelta(minutes=3))
    assert lunch.read(since, refused={}).owed == 0
