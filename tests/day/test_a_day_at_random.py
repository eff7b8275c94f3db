"""People, clock, WeChat Pay and crashes, in any order: what must always hold is looked at after
every step. PAOTANG_DAYS=50 lives fifty days at random instead of the six that the suite lives."""
import copy
import os
from collections import Counter
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from models.base import Sessions, utcnow
from models.order import Order
from models.person import Person
from models.rules.order_state import UNPAID, OrderState
from tests.support import invariants
from tests.support.death import Death
from tests.support.stage import Stage, empty
from tests.support.transcript import ANCHOR, check_form

DAYS = int(os.environ.get("PAOTANG_DAYS", "0"))
STUDENTS, COOK, RIDERS = ("林", "陈", "王"), "香", ("哲", "涛")
STOCK = {"as01d01": 3, "as01d12": 2}
EATS = ("来份黄焖鸡微辣 送12栋302", "来份黄焖鸡和可乐", "我住12栋302", "可乐", "再加一份", "换大份",
        "取消", "撤回", "到哪了", "确认", "好的", "老样子", "人工", "帮我带个饭", "退了没",
        "不点了", "乱说一气", "明天中午12点 来份黄焖鸡 送12栋302", "拼单 阿香 23:40截止",
        "帮我取个快递 菜鸟 10-2-7507")
COOKS = ("接{code}", "拒{code}", "{code}出餐", "{code}缺可乐", "{code}加10分钟", "可乐卖完了",
         "撤回", "接", "{code}退一半", "{code}不退")
RIDES = ("上线", "下线", "接{code}", "不接{code}", "{code}到店", "{code}取到", "{code}到了",
         "{pin}", "{code} {pin}", "{code}转单", "{code}没人", "歇20分钟", "撤回", "1234")
SPANS = (20, 61, 200, 700, 1000, 3700)
FAULTS = ({"where": "notify/*", "drop": True}, {"where": "notify/*", "repeat": 2},
          {"where": "notify/*", "delay_s": 90.0}, {"where": "notify/*", "forge": True},
          {"where": "push/text", "lose_answer": True}, {"where": "push/text", "repeat": 1},
          {"where": "/v3/pay/*", "lose_answer": True}, {"where": "/v3/pay/*", "status": 500},
          {"where": "/v3/refund/*", "lose_answer": True}, {"where": "/v3/refund/*", "status": 500},
          {"where": "/cgi-bin/message/*", "errcode": -1},
          {"where": "/cgi-bin/message/*", "lose_answer": True})


class Day(RuleBasedStateMachine):
    """One lunch. `stage` and `campus` are given to the class by the test."""

    stage: Stage
    campus: dict[str, Any]
    engine: Any
    number = 0
    ended: Counter[str] = Counter()  # orders of all days by the state they ended in

    @initialize()
    def open_the_doors(self) -> None:
        type(self).number += 1
        empty(self.engine)
        self.stage.redis.flushall()
        self.before = set(self.stage.world.orders)
        for name in (*STUDENTS, COOK, *RIDERS):
            self.stage.add(self.named(name), "student")
        self.stage.load(self._campus())
        self.stage.wait_until(11, 0)
        self.shown: dict[str, list[str]] = {}
        for rider in RIDERS:
            self._say(rider, "上线")

    def named(self, name: str) -> str:
        return f"{name}{self.number}"

    def _campus(self) -> dict[str, Any]:
        campus = copy.deepcopy(self.campus)
        for shop in campus["shops"]:
            shop["owners"] = [self.stage.openid(self.named(COOK))]
            for dish in shop["dishes"]:
                dish["stock"] = STOCK.get(dish["id"])
                if dish["stock"] is None:
                    del dish["stock"]
        campus["riders"] = [{"openid": self.stage.openid(self.named(name)), "name": f"阿{name}"}
                            for name in RIDERS]
        return campus

    @rule(who=st.sampled_from(STUDENTS), words=st.sampled_from(EATS))
    def a_student_says(self, who: str, words: str) -> None:
        self._say(who, words)

    @rule(words=st.sampled_from(COOKS), which=st.integers(0, 5))
    def the_cook_says(self, words: str, which: int) -> None:
        self._say(COOK, self._filled(words, which))

    @rule(who=st.sampled_from(RIDERS), words=st.sampled_from(RIDES),
          which=st.integers(0, 5))
    def a_rider_says(self, who: str, words: str, which: int) -> None:
        self._say(who, self._filled(words, which))

    @rule(who=st.sampled_from((*STUDENTS, COOK, *RIDERS)), which=st.integers(0, 7))
    def somebody_taps(self, who: str, which: int) -> None:
        """One of the taps in the last bubbles, the way forward most often."""
        taps = [(url, label) for bubble in reversed(self._bubbles(who)[-3:])
                for url, label in ANCHOR.findall(bubble) if url.startswith("weixin:")]
        if taps:
            asked = parse_qs(urlsplit(taps[min(which // 2, len(taps) - 1)][0]).query)
            self._say(who, asked["msgmenucontent"][0], asked["msgmenuid"][0])

    @rule(who=st.sampled_from(STUDENTS))
    def a_student_pays(self, who: str) -> None:
        links = [url for bubble in self._bubbles(who) for url, _ in ANCHOR.findall(bubble)
                 if "/p/" in url]
        if links:
            with suppress(requests.RequestException):  # closed, paid, or WeChat Pay is away
                self.stage.pay(self.named(who), links[-1])
            self.stage.world.settle()

    @rule(who=st.sampled_from(STUDENTS))
    def a_student_orders_and_pays(self, who: str) -> None:
        self._say(who, "来份黄焖鸡微辣 送12栋302")
        self._say(who, "确认付款")
        self.a_student_pays(who)

    @rule(pumps=st.booleans())
    def everybody_does_their_part(self, pumps: bool) -> None:
        """The next step of each order, as it should be."""
        if pumps:
            self.stage.pump()
        for rider in RIDERS:
            self._say(rider, "接")
        self._go_on({"paid": (COOK, "接{}"), "cooking": (COOK, "{}出餐")})

    @rule()
    def all_that_is_due_is_done(self) -> None:
        self.stage.pump()

    @rule(number=st.integers(1, 6), after=st.booleans())
    def a_worker_dies(self, number: int, after: bool) -> None:
        """With the job in its hands; what else it had waits in nobody's memory but Postgres'."""
        try:
            with Death(number, after=after):
                self.stage.pump()
        except AssertionError as failed:  # RQ would have told of the death: kill -9 does not
            if "Died" not in str(failed):
                raise
        self.stage.lose_redis()

    @rule(number=st.integers(1, 3), after=st.booleans(), who=st.sampled_from(STUDENTS),
          words=st.sampled_from(EATS))
    def the_web_dies(self, number: int, after: bool, who: str, words: str) -> None:
        """WeChat hears nothing and asks again; the answer comes then, or later from a worker."""
        with Death(number, after=after):
            self._say(who, words)

    @rule(seconds=st.sampled_from(SPANS))
    def time_passes(self, seconds: int) -> None:
        self.stage.pass_time(seconds=seconds)
        self.stage.pump()

    @rule()
    def redis_forgets(self) -> None:
        self.stage.lose_redis()

    @rule(fault=st.sampled_from(FAULTS))
    def something_will_go_wrong(self, fault: dict[str, Any]) -> None:
        self.stage.world.faults.add(**fault)

    @invariant()
    def all_is_in_order(self) -> None:
        with Sessions() as session:
            invariants.holds(session, STOCK, now=utcnow())

    def teardown(self) -> None:
        """Everybody goes home; what is under way is given up or brought to its end."""
        self.stage.world.faults.clear()
        for span in (130, 300, 1000, 3700, 3700, 30 * 3600, 3700, 30 * 3600, 3700):
            self.stage.pass_time(seconds=span)
            self.stage.pump(rounds=12)
            self._bring_to_an_end()
        with Sessions() as session:
            invariants.holds(session, STOCK, now=utcnow())
            invariants.came_to_rest(session, self._really_held())
            type(self).ended.update(session.scalars(select(Order.state)))

    def _bring_to_an_end(self) -> None:
        self._go_on({"paid": (COOK, "拒{}"), "cooking": (COOK, "{}出餐")})

    def _go_on(self, words_of: dict[str, tuple[str, str]]) -> None:
        """A step onward for every order that is paid; `words_of`: what is said of those that the
        kitchen has, by state."""
        with Sessions() as session:
            live = [order for order in session.query(Order).order_by(Order.id)
                    if order.is_live and OrderState(order.state) not in UNPAID]
            for order in live:
                if said := self._next_words(order, words_of):
                    self._say(*said)

    def _next_words(self, order: Order, words_of: dict[str, tuple[str, str]]
                    ) -> tuple[str, str] | None:
        buyer = next(name for name in STUDENTS if self._is(name, order.buyer_id))
        rider = order.rider.name.removeprefix("阿") if order.rider else None
        if order.state in words_of and not (order.state == "cooking" and order.errand):
            who, words = words_of[order.state]
            return who, words.format(order.code)
        if rider is None and order.state == "ready":
            way = "拿到了" if order.is_self_pickup else "不等了" if order.errand else "自取"
            return buyer, order.code + way
        words = {"ready": "{}取到", "cooking": "{}取到", "delivering": "{}到了",
                 "arrived": "{} " + (order.pin or "")}.get(order.state)
        if words and rider:
            return rider, words.format(order.code)
        return (buyer, f"{order.code}拿到了") if order.state == "shelved" else None

    def _is(self, name: str, person_id: int) -> bool:
        with Sessions() as session:
            return session.get_one(Person, person_id).openid == self.stage.openid(
                self.named(name))

    def _really_held(self) -> int:
        """What WeChat Pay holds of today's orders, in fen."""
        world = self.stage.world
        todays = set(world.orders) - self.before
        paid = sum(order.total for number, order in world.orders.items()
                   if number in todays and order.transaction_id)
        back = sum(refund.amount for refund in world.refunds.values()
                   if refund.out_trade_no in todays and refund.status == "SUCCESS")
        return int(paid - back)

    def _say(self, who: str, words: str, tap: str | None = None) -> None:
        reply = self.stage.says(self.named(who), words, tap)
        check_form(reply or "")
        self.shown.setdefault(who, []).append(reply or "")

    def _bubbles(self, who: str) -> list[str]:
        for event in self.stage.news(self.named(who)):
            if event["type"] == "heard":
                check_form(event["content"])
                self.shown.setdefault(who, []).append(event["content"])
        return self.shown.get(who, [])

    def _filled(self, words: str, which: int) -> str:
        with Sessions() as session:
            live = [(order.code, order.pin or "0000") for order in session.query(Order)
                    if order.is_live] or [("A1", "0000")]
        code, pin = live[which % len(live)]
        return words.format(code=code, pin=pin)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_day_at_random(stage, demo_campus, engine):
    Day.stage, Day.campus, Day.engine = stage, demo_campus, engine
    run_state_machine_as_test(Day, settings=settings(
        max_examples=DAYS or 6, stateful_step_count=40, derandomize=not DAYS, deadline=None,
        database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)))
    assert DAYS or Day.ended["delivered"] > 2, Day.ended
