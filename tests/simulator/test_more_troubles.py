"""The slow, late and refused ones of the page's troubles; and none is without a test."""
import time
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from simulator.control import troubles
from simulator.control.troubles import TROUBLES
from tests.simulator.merchant import made, order, paid, refund
from tests.simulator.test_bills import fetched, tables, ten_next_morning, today, until_noon
from tests.simulator.test_control import Sim
from tests.simulator.test_transfers import asked, page_request

SEND = "/cgi-bin/message/custom/send"
JSAPI = "/v3/pay/transactions/jsapi"


@pytest.fixture
def on(world):
    sim = Sim(world.base_url)

    def switch(name, **how):
        told = sim.post(f"/troubles/{name}", how)
        assert "error" not in told, told
        return told["id"]
    return switch


@pytest.fixture
def quick(monkeypatch):
    """The same trouble, its wait shortened; the real one outlasts any client's patience."""
    def shorten(name, longer_than_s):
        trouble = TROUBLES[name]
        assert trouble.effect["delay_s"] > longer_than_s
        monkeypatch.setitem(troubles.TROUBLES, name,
                            replace(trouble, effect={"delay_s": 0.3}))
    return shorten


def took(deed):
    started = time.monotonic()
    told = deed()
    return time.monotonic() - started, told


def test_every_trouble_has_a_test():
    here = Path(__file__).parent
    tests = "".join((here / name).read_text("utf-8")
                    for name in ("test_troubles.py", "test_more_troubles.py"))
    assert [name for name in TROUBLES if f'"{name}"' not in tests] == []


def test_every_trouble_is_on_the_page(world):
    """The page's switches are made from this list, and each place can be chosen."""
    told = Sim(world.base_url).get("/troubles")["troubles"]
    assert [t["name"] for t in told] == list(TROUBLES)
    assert {t["group"] for t in told} == {"接口", "推送", "支付", "通知", "资金"}


def test_a_slow_api_answers_late_but_answers(world, api, receiver, lin, on, quick):
    quick("api-slow", 5)
    world.say(lin, "在吗")
    on("api-slow", where=SEND)
    seconds, code = took(lambda: api.send_text(lin.openid))
    assert (seconds >= 0.3, code) == (True, 0)


def test_a_late_push_arrives_all_the_same(world, receiver, lin, on, quick):
    quick("push-late", 5)
    receiver.answer = lambda message: "好"
    on("push-late", where="push/text")
    seconds, reply = took(lambda: world.say(lin, "在吗"))
    assert (seconds >= 0.3, reply) == (True, "好")


def test_slow_and_broken_pay(world, merchant, lin, on, quick):
    quick("pay-slow", 5)
    on("pay-slow", where=JSAPI)
    seconds, told = took(lambda: order(merchant, lin))
    assert (seconds >= 0.3, told[0]) == (True, 200)
    on("pay-5xx", where=JSAPI)
    status, told = order(merchant, lin, "ORDER0002")
    assert (status, told["code"]) == (500, "SYSTEM_ERROR")
    assert "ORDER0002" not in world.orders
    assert order(merchant, lin, "ORDER0002")[0] == 200


def test_an_order_that_was_made_though_its_answer_was_lost(world, merchant, lin, on):
    on("pay-answer-lost", where=JSAPI)
    with pytest.raises(requests.ConnectionError):
        order(merchant, lin)
    assert world.orders["ORDER0001"].total == 1750
    assert order(merchant, lin)[0] == 200


def test_pay_that_is_asked_too_often(merchant, lin, on):
    on("pay-too-often", where=JSAPI)
    status, told = order(merchant, lin)
    assert (status, told["code"]) == (429, "FREQUENCY_LIMITED")


def test_no_money_to_give_back(world, merchant, lin, on):
    paid(world, merchant, lin)
    on("refund-no-money")
    status, told = refund(merchant, "R1", 100)
    assert (status, told["code"]) == (403, "NOT_ENOUGH")
    assert world.refunds == {}
    assert refund(merchant, "R1", 100)[0] == 200


def test_transfers_that_are_stuck_or_fail(world, merchant, lin, on):
    world.knobs.transfer_takes_s = 0
    stuck = on("transfer-stuck")
    told = asked(world, merchant, lin)[1]
    world.receive(lin, page_request(world, told))
    world.settle()
    assert state_of(merchant, "T0001") not in ("SUCCESS", "FAIL")
    requests.delete(f"{world.base_url}/sim/faults/{stuck}", timeout=5)
    world.settle()
    assert state_of(merchant, "T0001") == "SUCCESS"

    on("transfer-failed")
    told = asked(world, merchant, lin, out_bill_no="T0002")[1]
    world.receive(lin, page_request(world, told))
    world.settle()
    assert state_of(merchant, "T0002") == "FAIL"


def test_a_row_that_the_fund_flow_lacks_and_a_fee_that_differs(world, merchant, lin, on):
    world.advance(until_noon(world))
    day = today(world)
    paid(world, merchant, lin)
    ten_next_morning(world)

    def flows():
        rows, _ = tables(fetched(merchant, merchant.fundflow_bill(str(day))))
        return [(row["业务类型"], row["收支金额(元)"]) for row in rows]

    assert flows() == [("交易", "17.50"), ("交易手续费", "0.11")]
    lost = on("bill-row-lost")
    assert flows() == [("交易手续费", "0.11")]
    requests.delete(f"{world.base_url}/sim/faults/{lost}", timeout=5)
    on("fee-differs")
    assert flows() == [("交易", "17.50"), ("交易手续费", "0.99")]


def state_of(merchant, number):
    return made(merchant.mch_transfer_bills_query(out_bill_no=number))[1]["state"]


def test_what_was_refused_is_counted(world, api, receiver, lin, on):
    world.say(lin, "在吗")
    on("window-closed")
    on("window-used")
    assert [api.send_text(lin.openid) for _ in range(3)] == [45015, 45047, 0]
    assert Sim(world.base_url).get("/state")["refused"] == {f"{SEND} 45015": 1, f"{SEND} 45047": 1}
