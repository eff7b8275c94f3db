"""Each trouble that the page offers does what it says, for as long as it is on."""
import threading
import time

import pytest
import requests

from simulator.control.troubles import TROUBLES
from simulator.official_push import OUT_OF_ORDER
from tests.simulator.merchant import made, order, paid, refund
from tests.simulator.test_control import Sim

SEND = "/cgi-bin/message/custom/send"


@pytest.fixture
def sim(world):
    return Sim(world.base_url)


@pytest.fixture
def on(sim):
    """Switch a trouble on by name, as the page does; its id."""
    def switch(name, **how):
        told = sim.post(f"/troubles/{name}", how)
        assert "error" not in told, told
        return told["id"]
    return switch


def off(sim, fault_id):
    return requests.delete(f"{sim.base}/sim/faults/{fault_id}", timeout=5).json()


@pytest.fixture
def chatting(world, api, receiver, lin):
    """小林 has just written, so five messages are free."""
    world.say(lin, "在吗")
    return lambda: api.send_text(lin.openid)


def test_the_list_names_places_and_what_is_on(world, sim, on):
    on("api-busy", where=SEND, times=3)
    told = sim.get("/troubles")

    assert {t["name"] for t in told["troubles"]} == set(TROUBLES)
    assert all(t["places"] and t["group"] and t["title"] for t in told["troubles"])
    assert [(f["label"], f["times"], f["struck"]) for f in told["on"]] == [
        ("客服消息：系统繁忙 -1", 3, 0)]
    assert sim.get("/state")["faults"] == 1


def test_a_count_and_until_off(world, sim, on, chatting):
    on("api-busy", where=SEND, times=2)
    assert [chatting() for _ in range(3)] == [-1, -1, 0]
    fault_id = on("window-closed", times=None)
    assert [chatting() for _ in range(3)] == [45015] * 3
    assert off(sim, fault_id) == {"faults": []}
    assert chatting() == 0
    assert "error" in off(sim, fault_id)


def test_for_one_person_only(world, api, sim, on, chatting, lin):
    zhe = world.add_phone("阿哲")
    world.say(zhe, "在吗")
    on("window-used", who="阿哲", times=None)

    assert (chatting(), api.send_text(zhe.openid)) == (0, 45047)
    assert sim.get("/faults")["faults"][0]["who"] == zhe.openid


def test_the_journal_says_which_trouble_struck(world, sim, on, chatting):
    on("quota-day", where=SEND)
    chatting()
    chatting()

    calls = world.journal.calls(SEND)
    assert [call["fault"] for call in calls] == ["客服消息：今天的次数用完 45009", None]


@pytest.mark.parametrize(("name", "errcode"), [
    ("api-busy", -1), ("quota-day", 45009), ("quota-minute", 45011), ("window-closed", 45015),
    ("window-used", 45047), ("messages-off", 48002)])
def test_refusals(on, chatting, name, errcode):
    on(name, where=SEND)
    assert (chatting(), chatting()) == (errcode, 0)


def test_slow_broken_and_lost(world, on, chatting, lin):
    world.faults.add(SEND, delay_s=0.2)
    started = time.monotonic()
    assert chatting() == 0
    assert time.monotonic() - started >= 0.2
    on("api-5xx", where=SEND)
    with pytest.raises(requests.JSONDecodeError):
        chatting()
    for name, said in (("api-cut", 1), ("api-answer-lost", 2)):
        on(name, where=SEND)
        with pytest.raises(requests.ConnectionError):
            chatting()
        assert len(world.heard(lin)) == said


def test_a_token_that_was_revoked(api, on, chatting):
    on("token-revoked", where=SEND)
    assert (chatting(), chatting()) == (40001, 40001)
    api.token = api.stable_token(force_refresh=True)["access_token"]
    assert chatting() == 0


def test_a_template_message_that_is_blocked(world, api, on, receiver, lin):
    def send():
        told = api.post("/cgi-bin/message/template/send", {
            "touser": lin.openid, "template_id": "delayed", "data": {
                "character_string1": {"value": "A27"}, "thing2": {"value": "雨"},
                "time3": {"value": "12:30"}, "thing4": {"value": "抱歉"}}})
        world.settle()
        return told["errcode"]

    on("not-following")
    assert send() == 43004
    on("template-blocked")
    on("template-failed")
    assert (send(), send(), send()) == (0, 0, 0)
    assert [e.status for e in receiver.heard] == [
        "failed:user block", "failed: system failed", "success"]
    assert len(world.heard(lin)) == 1


def test_a_person_who_blocks(world, api, sim, receiver, lin):
    assert sim.post(f"/phones/{lin.id}/block", {"templates": True})["blocks_templates"] is True
    api.post("/cgi-bin/message/template/send", {
        "touser": lin.openid, "template_id": "delayed", "data": {
            "character_string1": {"value": "A27"}, "thing2": {"value": "雨"},
            "time3": {"value": "12:30"}, "thing4": {"value": "抱歉"}}})
    world.settle()

    assert receiver.heard[0].status == "failed:user block"


def test_pushes_that_are_lost_twice_retried_or_forged(world, on, receiver, lin):
    receiver.answer = lambda message: "好"
    on("push-lost")
    assert world.say(lin, "一") is None
    on("push-twice", where="push/text")
    assert world.say(lin, "二") == "好"
    on("push-retried")
    assert world.send_text(lin, "三").deliveries == 3
    on("push-forged")
    assert world.send_text(lin, "四").deliveries == 2
    heard = [message.content for message in receiver.heard]
    assert heard == ["二"] * 3 + ["三"] * 3 + ["四"]
    assert [e["error"] for e in world.journal.pushes() if e["status"] is None] == [
        "lost on the way"]


def test_a_push_overtaken_by_the_next(world, on, receiver, lin):
    receiver.answer = lambda message: f"听到{message.content}"
    on("push-shuffled", where="push/text")

    assert world.say(lin, "一") is None
    assert world.say(lin, "二") == "听到二"
    assert world.settle()
    assert [message.content for message in receiver.heard] == ["二", "一"]
    assert [e["content"] for e in world.heard(lin)] == ["听到二", "听到一"]


def test_a_push_that_nothing_overtakes_arrives_all_the_same(world, on, receiver, lin):
    on("push-shuffled")
    world.say(lin, "一")
    world.advance(30)
    assert world.settle()

    assert [message.content for message in receiver.heard] == ["一"]


def test_a_server_that_fails_again_and_again_is_left_alone(world, receiver, lin):
    world.knobs.mark_fail_after, world.knobs.deliveries = 2, 1
    listening, world.webhook = world.webhook, "http://127.0.0.1:9/wechat"
    world.say(lin, "一")
    world.say(lin, "二")
    world.webhook = listening
    world.say(lin, "三")
    assert receiver.heard == []
    assert [e["content"] for e in world.heard(lin)] == [OUT_OF_ORDER] * 3

    world.advance(61)
    world.say(lin, "四")
    assert [message.content for message in receiver.heard] == ["四"]


def test_notices_in_another_order(world, on, merchant, receiver, lin):
    numbers = [f"ORDER000{n}" for n in range(3)]
    prepays = [order(merchant, lin, number)[1]["prepay_id"] for number in numbers]
    on("notice-shuffled")
    for prepay in prepays:
        world.pay(lin, prepay)
        world.settle()

    told = [merchant.callback(*notice)["resource"]["out_trade_no"] for notice in receiver.notices]
    assert sorted(told) == numbers
    assert told.index(numbers[0]) > told.index(numbers[1])


@pytest.mark.parametrize(("name", "heard", "believed"), [
    ("notice-lost", 1, 1), ("notice-twice", 3, 3), ("notice-retried", 2, 2),
    ("notice-forged", 1, 0), ("notice-probed", 2, 1)])
def test_notices(world, on, merchant, receiver, lin, name, heard, believed):
    on(name)
    prepay_id = order(merchant, lin)[1]["prepay_id"]
    world.pay(lin, prepay_id)
    assert world.settle()
    world.settle(ahead_s=1)
    opened = [merchant.callback(*notice) for notice in receiver.notices]

    assert (len(opened), len([n for n in opened if n])) == (heard, believed)


@pytest.mark.parametrize(("name", "wrong"), [
    ("notice-amount", {"amount": {"total": 1, "payer_total": 1, "currency": "CNY",
                                  "payer_currency": "CNY"}}),
    ("notice-payer", {"payer": {"openid": "oSomebodyElse000000000000000"}}),
    ("notice-app", {"appid": "wx0000000000000000"})])
def test_notices_that_say_something_else(world, on, merchant, receiver, lin, name, wrong):
    on(name)
    paid(world, merchant, lin)
    told = merchant.callback(*receiver.notices[0])["resource"]

    assert {key: told[key] for key in wrong} == wrong


def test_late_until_it_is_switched_off(world, sim, on, merchant, receiver, lin):
    fault_id = on("notice-late", times=None)
    paid(world, merchant, lin)
    assert receiver.notices == []
    world.advance(60)
    assert world.settle()
    assert len(receiver.notices) == 1
    off(sim, fault_id)


def test_a_close_that_comes_too_late(world, on, merchant, receiver, lin):
    order(merchant, lin)
    on("close-paid")

    assert made(merchant.close("ORDER0001"))[1]["code"] == "ORDERPAID"
    assert world.settle()
    assert merchant.callback(*receiver.notices[0])["resource"]["trade_state"] == "SUCCESS"


def test_a_refund_stuck_until_it_is_let_go(world, sim, on, merchant, receiver, lin):
    paid(world, merchant, lin)
    world.knobs.refunds_apart_s = 0
    for name, number in (("refund-stuck", "R1"), ("refund-abnormal", "R2"),
                         ("refund-closed", "R3")):
        fault_id = on(name)
        refund(merchant, number, 100, notify_url=receiver.notify_url)
        world.settle()
        if name == "refund-stuck":
            stuck = fault_id
    assert [world.refunds[n].status for n in ("R1", "R2", "R3")] == [
        "PROCESSING", "ABNORMAL", "CLOSED"]
    assert [f["id"] for f in sim.get("/faults")["faults"]] == [stuck]
    off(sim, stuck)
    world.settle()
    assert world.refunds["R1"].status == "SUCCESS"
    events = [merchant.callback(*n)["event_type"] for n in receiver.notices]
    assert events[1:] == ["REFUND.ABNORMAL", "REFUND.CLOSED", "REFUND.SUCCESS"]


def test_an_abnormal_refund_to_another_card(world, on, merchant, lin):
    paid(world, merchant, lin)
    on("refund-abnormal")
    told = refund(merchant, "R1", 100)[1]
    world.settle()
    ways = {"type": "USER_BANK_CARD", "bank_type": "ICBC_DEBIT", "bank_account": "6222",
            "real_name": "林"}
    again = made(merchant.abnormal_refund(told["refund_id"], "R1", **ways))

    assert (again[0], again[1]["status"]) == (200, "PROCESSING")
    world.settle()
    assert made(merchant.query_refund("R1"))[1]["user_received_account"] == "用户银行卡"
    assert world.refunds["R1"].status == "SUCCESS"
    assert made(merchant.abnormal_refund(told["refund_id"], "R1", **ways))[1][
        "code"] == "INVALID_REQUEST"
    assert made(merchant.abnormal_refund("no", "R1", type="MERCHANT_BANK_CARD"))[0] == 404


def test_the_banks_word_by_hand(world, sim, on, merchant, lin):
    paid(world, merchant, lin)
    on("refund-stuck")
    refund(merchant, "R1", 100)

    assert sim.post("/refunds/R1/settle", {"status": "ABNORMAL"}) == {"status": "ABNORMAL"}
    assert "error" in sim.post("/refunds/R9/settle")


@pytest.mark.parametrize("body", [
    {"times": 0}, {"times": "many"}, {"times": True}, {"where": 1}, {"who": "nobody"}])
def test_what_cannot_be_switched_on(world, sim, body):
    assert "error" in sim.post("/troubles/api-busy", body)
    assert world.faults.listed() == []


def test_unknown_troubles(world, sim):
    answer = requests.post(f"{sim.base}/sim/troubles/earthquake", json={}, timeout=5)
    assert answer.status_code == 404
    assert "error" in sim.post("/faults", {"where": "x", "when_off": []})


def test_a_fault_strikes_only_as_often_as_was_asked(world, on, chatting):
    """Sixteen calls at once, three of which are to fail."""
    on("api-busy", where=SEND, times=3)
    world.knobs.message_quota = 50
    gate, said = threading.Barrier(16), []

    def one():
        gate.wait(5)
        said.append(chatting())
    threads = [threading.Thread(target=one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert said.count(-1) == 3
