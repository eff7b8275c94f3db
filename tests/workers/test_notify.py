"""The ledger of WeChat's windows: nothing goes that WeChat would refuse, what matters arrives."""
import random
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from config.notices import fit, marketing_words
from config.texts import Reply
from handlers.notice import Notice, tell
from models.base import Sessions, utcnow
from models.order import Order
from models.outbox import Outbox
from models.person import Person
from models.rules.order_state import OrderState
from tests.support.stage import Stage
from workers import notify

SENDS = ("/cgi-bin/message/custom/send", "/cgi-bin/message/template/send")
PEOPLE = ("甲", "乙", "丙", "丁")
FACTS = {"code": "A1-20260921", "state": "配送中", "rider": "阿哲", "eta": "12:30",
         "hint": "马上到"}


@pytest.fixture
def crowd(stage: Stage, demo_campus: dict[str, Any]) -> Stage:
    stage.load(demo_campus)
    for name in PEOPLE:
        stage.add(name, "student")
    return stage


def person(stage: Stage, name: str) -> Person:
    with Sessions() as session:
        return session.scalars(select(Person).filter_by(openid=stage.openid(name))).one()


def owe(stage: Stage, name: str, key: str, order_id: int | None = None, **more: Any) -> int:
    """Owe a notice; the debt's id."""
    now = utcnow()
    with Sessions.begin() as session:
        person_id = Person.ensure(session, stage.world.phone(name).app_id, stage.openid(name),
                                  now=now)
        tell(session, Notice(person_id, key, **{"chat": Reply("talk.fine"), **more}), now=now,
             order_id=order_id)
    with Sessions() as session:
        return session.scalars(select(Outbox.id).filter_by(key=f"notice:{key}:{person_id}")).one()


def owed(stage: Stage, name: str, key: str, **more: Any) -> str:
    """Owe a notice, and say how its delivery ended; "" while it is still owed."""
    debt_id = owe(stage, name, key, **more)
    for _ in range(3):
        notify.deliver(debt_id, now=utcnow())
    with Sessions() as session:
        return session.get_one(Outbox, debt_id).outcome or ""


def refusals(stage: Stage) -> list[dict[str, Any]]:
    return [call for path in SENDS for call in stage.world.journal.calls(path)
            if call["response"].get("errcode")]


MUST = {"template": "progress", "facts": FACTS}


def test_chatter_stops_two_short_of_the_window_and_what_must_arrive_goes_on(crowd):
    crowd.says("甲", "在吗")
    assert [owed(crowd, "甲", f"chat{i}") for i in range(4)] == [
        *["delivered by chat"] * 3, "dropped: no room in WeChat's window"]
    assert [owed(crowd, "甲", f"must{i}", prefer="chat", **MUST) for i in range(3)] == [
        "delivered by chat", "delivered by chat", "delivered by template"]
    crowd.says("甲", "在吗")
    assert owed(crowd, "甲", "again") == "delivered by chat"
    assert not refusals(crowd)


@pytest.mark.parametrize("opens", [
    lambda world: world.tap_menu("甲", "帮助"), lambda world: world.scan("甲", "b_x"),
    lambda world: (world.unfollow("甲"), world.follow("甲"))])
def test_a_tap_a_scan_and_a_follow_open_three_for_a_minute(crowd, opens):
    opens(crowd.world)
    assert owed(crowd, "甲", "one") == "delivered by chat"
    assert owed(crowd, "甲", "two").startswith("dropped")
    assert owed(crowd, "甲", "must1", prefer="chat", **MUST) == "delivered by chat"
    crowd.pass_time(seconds=1)  # WeChat tells two events of one kind apart by their second
    opens(crowd.world)
    crowd.pass_time(seconds=61)
    assert owed(crowd, "甲", "three").startswith("dropped")
    assert owed(crowd, "甲", "must2", prefer="chat", **MUST) == "delivered by template"
    assert not refusals(crowd)


def test_what_opens_nothing_is_not_taken_for_more(crowd):
    crowd.world.report_position("甲", 30.0, 120.0)
    crowd.world.tap_menu("甲", "http://127.0.0.1:9/")
    assert owed(crowd, "甲", "chat").startswith("dropped")
    crowd.says("甲", "在吗")
    crowd.pass_time(hours=48)
    assert owed(crowd, "甲", "later").startswith("dropped")
    assert not refusals(crowd)


def test_who_left_is_sent_nothing_and_who_came_back_has_no_old_window(crowd):
    crowd.says("甲", "在吗")
    crowd.world.unfollow("甲")
    assert owed(crowd, "甲", "gone", **MUST).startswith("dropped")
    crowd.world.follow("甲")
    crowd.pass_time(seconds=61)
    assert owed(crowd, "甲", "back").startswith("dropped")
    assert owed(crowd, "甲", "must", **MUST) == "delivered by template"
    assert not refusals(crowd)


def test_a_refusal_is_learnt_from(crowd):
    """Where WeChat knows better, as after an unfollow that it never told us of."""
    crowd.says("甲", "在吗")
    crowd.world.phone("甲").windows.clear()
    assert owed(crowd, "甲", "one").startswith("dropped: refused")
    assert len(refusals(crowd)) == 1
    assert owed(crowd, "甲", "two") == "dropped: no room in WeChat's window"
    assert len(refusals(crowd)) == 1


def test_two_workers_at_once_do_not_spend_the_last_message_twice(crowd):
    crowd.says("甲", "在吗")
    for i in range(3):
        assert owed(crowd, "甲", f"chat{i}") == "delivered by chat"
    assert owed(crowd, "甲", "must", prefer="chat", **MUST) == "delivered by chat"
    debts = [owe(crowd, "甲", f"race{i}", prefer="chat", **MUST) for i in range(2)]
    together = Barrier(2)

    def deliver(debt_id: int) -> None:
        together.wait(10)
        notify.deliver(debt_id, now=utcnow())
    threads = [Thread(target=deliver, args=(debt_id,)) for debt_id in debts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    with Sessions() as session:
        outcomes = sorted(session.get_one(Outbox, debt_id).outcome or "" for debt_id in debts)
    assert outcomes == ["delivered by chat", "delivered by template"]
    assert not refusals(crowd)


@pytest.mark.parametrize("seed", range(4))
def test_a_crowd_over_days_meets_no_refusal_and_misses_nothing_that_must_arrive(crowd, seed):
    chance = random.Random(seed)
    world, fates = crowd.world, []
    for step in range(150):
        who = chance.choice(PEOPLE)
        deed = chance.random()
        if deed < 0.15:
            crowd.says(who, "在吗")
        elif deed < 0.3:
            act, *more = chance.choice([
                (world.tap_menu, "帮助"), (world.scan, "b_x"), (world.unfollow,),
                (world.report_position, 30.0, 120.0), (world.follow,)])
            act(who, *more)
        elif deed < 0.4:
            crowd.pass_time(seconds=chance.choice([20, 50, 70, 3600, 13 * 3600]))
        else:
            must = MUST if chance.random() < 0.5 else {}
            outcome = owed(crowd, who, f"{step}", prefer=chance.choice(["chat", "template"]),
                           **must)
            fates.append((bool(must), world.phone(who).followed, outcome))
    assert not refusals(crowd)
    assert {outcome for must, followed, outcome in fates if must and followed} <= {
        "delivered by chat", "delivered by template"}
    assert any(outcome == "delivered by chat" for _, _, outcome in fates)
    assert any(outcome.startswith("dropped") for must, _, outcome in fates if not must)


def test_a_dish_that_is_called_a_bargain_loses_that_word_in_a_card(crowd):
    crowd.says("甲", "在吗")
    facts = {"code": "A1-20260921", "items": "特价黄焖鸡(限时优惠)", "amount": "¥12.00",
             "state": "待接单", "eta": "12:30"}
    assert owed(crowd, "甲", "paid", template="paid", facts=facts) == "delivered by template"
    card = [e for e in crowd.world.events(0, "甲") if e["type"] == "template"][-1]
    assert card["rows"][1]["value"] == "黄焖鸡()"
    assert not refusals(crowd)


@given(st.text(alphabet="特价优惠券满减黄焖鸡 ", max_size=30))
def test_no_card_ever_advertises(words):
    assert not marketing_words().search(fit("thing1", words))


@pytest.mark.parametrize(("meanwhile", "minutes", "outcome"), [
    ({}, 5, "delivered by chat"), ({"state": OrderState.CANCELLED}, 5, "dropped: no longer true"),
    ({"revision": 2}, 5, "dropped: no longer true"), ({}, -1, "dropped: no longer worth saying")])
def test_what_is_no_longer_true_is_not_said(crowd, meanwhile, minutes, outcome):
    """It was true when it was owed; then the order went on, or was quoted anew, or time passed."""
    crowd.says("甲", "来份黄焖鸡 送12栋302")
    now = utcnow()
    with Sessions() as session:
        order_id = session.scalars(select(Order.id)).one()
    debt_id = owe(crowd, "甲", "soon", order_id, only_while={OrderState.DRAFT}, revision=1,
                  good_until=now + timedelta(minutes=minutes))
    with Sessions.begin() as session:
        for name, value in meanwhile.items():
            session.execute(update(Order).values({name: value}))
    notify.deliver(debt_id, now=now)
    with Sessions() as session:
        assert session.get_one(Outbox, debt_id).outcome == outcome
