"""The people's side over HTTP: what the phones page, demos and other processes use."""
import shutil
import subprocess
import sys
import threading
import time

import pytest
import requests

from simulator.cashier import OK
from tests.simulator.clients import wechatpayv3_client


class Sim:
    def __init__(self, base):
        self.base = base

    def get(self, path, **params):
        return requests.get(f"{self.base}/sim{path}", params, timeout=30).json()

    def post(self, path, body=None):
        return requests.post(f"{self.base}/sim{path}", json=body or {}, timeout=30).json()


@pytest.fixture
def sim(world):
    return Sim(world.base_url)


def test_phones(world, sim):
    added = sim.post("/phones", {"name": "小林", "role": "student", "follow": False})

    assert added["followed"] is False
    assert set(added) >= {"id", "name", "role", "openid", "app_id", "followed", "web_port"}
    assert sim.get("/phones")["phones"] == [added]
    assert sim.post("/phones", {"role": "student"})["error"].startswith("name ")
    assert sim.post("/phones/9/text", {"content": "a"}) == {"error": "no phone 9"}


def test_a_conversation(world, receiver, sim):
    receiver.answer = lambda message: "好"
    phone = sim.post("/phones", {"name": "小林", "role": "student", "follow": False})["id"]

    assert sim.post(f"/phones/{phone}/follow", {"scene": "b_zy7"}) == {
        "answered": True, "reply": "好"}
    told = sim.post(f"/phones/{phone}/text",
                    {"content": "确认A27", "msgmenuid": "27.1", "times": 2})
    assert told == {"answered": True, "reply": "好"}
    for path, body in (("scan", {"scene": "g_G5"}), ("menu", {"key": "MINE"}), ("image", {}),
                       ("location", {"lat": 29.5, "lng": 106.4, "label": "竹园7栋"}),
                       ("position", {"lat": 29.5, "lng": 106.4}), ("voice", {}), ("unfollow", {})):
        assert sim.post(f"/phones/{phone}/{path}", body)["answered"] is True
    news = sim.get("/events", after=0)

    assert news["last"] == len(news["events"])
    assert [e["type"] for e in news["events"]][:3] == ["notice", "heard", "said"]
    place = next(e for e in news["events"] if e.get("kind") == "location")
    assert (place["lat"], place["lng"], place["label"]) == (29.5, 106.4, "竹园7栋")
    assert len(receiver.heard) == 10


def test_long_poll(world, sim, lin):
    threading.Timer(0.1, lambda: world.say(lin, "来了")).start()
    started = time.monotonic()
    news = sim.get("/events", after=0, wait=20)

    assert news["events"][0]["content"] == "来了"
    assert time.monotonic() - started < 5
    assert sim.get("/events", after=1, wait=0.05) == {"events": [], "last": 1}


def test_paying(world, receiver, sim, lin):
    merchant = wechatpayv3_client(world, receiver.notify_url)
    prepay = merchant.pay(description="饭", out_trade_no="ORDER0001", amount={"total": 1450},
                          payer={"openid": lin.openid})[1].split('"')[3]

    sheet = sim.post(f"/phones/{lin.id}/pay-sheet", {"prepay_id": prepay})
    assert (sheet["amount_fen"], sheet["description"]) == (1450, "饭")
    assert sim.post(f"/phones/{lin.id}/pay", {"prepay_id": prepay}) == {"err_msg": OK}
    assert "error" in sim.post(f"/phones/{lin.id}/pay-sheet", {"prepay_id": prepay})
    world.settle()
    assert sim.get("/payments")["orders"][0]["notified"] is True
    sim.post("/payments/ORDER0001/notify")
    world.settle()
    assert len(receiver.notices) == 2
    assert sim.get("/state")["orders"] == 1


def test_menu_time_knobs_and_faults(world, api, sim, lin):
    api.post("/cgi-bin/menu/create", {"button": [{"type": "click", "name": "我的", "key": "ME"}]})
    assert sim.get("/menu", phone=lin.id)["button"][0]["key"] == "ME"

    before = world.now()
    assert sim.post("/time", {"advance_s": 3600})["now"] >= before + 3600
    assert sim.post("/knobs", {"message_quota": 20})["message_quota"] == 20
    assert "error" in sim.post("/knobs", {"nonsense": 1})
    sim.post("/faults", {"where": "/cgi-bin/menu/get", "errcode": -1, "errmsg": "system error"})
    sim.post("/faults", {"where": "/cgi-bin/menu/get", "status": 503})
    assert len(sim.get("/faults")["faults"]) == 2
    assert api.get("/cgi-bin/menu/get")["errmsg"].startswith("system error rid: ")
    assert requests.get(f"{world.base_url}/cgi-bin/menu/get", timeout=5).status_code == 503
    assert "error" in sim.post("/faults", {"where": "x", "explode": 1})
    world.faults.add("/cgi-bin/menu/get", cut=True)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{world.base_url}/cgi-bin/menu/get", timeout=5)


def test_the_journal_has_both_directions(world, api, receiver, sim, lin):
    receiver.answer = lambda message: "好"
    world.say(lin, "在吗")
    api.send_text(lin.openid, "你好")
    entries = sim.get("/journal")["entries"]
    push, call = entries[-2:]

    assert (push["kind"], push["request"]["Content"], push["status"]) == ("push", "在吗", 200)
    assert (call["path"], call["request"]["text"]) == (
        "/cgi-bin/message/custom/send", {"content": "你好"})
    assert call["response"] == {"errcode": 0, "errmsg": "ok"}
    assert sim.get("/journal", after=call["seq"])["entries"] == []


def test_the_servers_address_is_checked(world, receiver, sim):
    assert sim.post("/handshake") == {"ok": True}
    receiver.credentials = None
    assert sim.post("/handshake") == {"ok": False}


def test_tokens_can_be_killed(api, sim):
    sim.post("/tokens/expire")

    assert api.get("/cgi-bin/menu/get")["errcode"] == 40001


@pytest.mark.parametrize("headers", [
    {"Origin": "https://example.com"}, {"Host": "example.com"}, {"Origin": "null"}])
def test_other_peoples_pages_may_not_play(world, lin, headers):
    told = requests.post(f"{world.base_url}/sim/phones/{lin.id}/text", json={"content": "a"},
                         headers=headers, timeout=5)

    assert told.status_code == 403
    assert world.events() == []


def test_it_runs_as_a_program_and_remembers(credentials, tmp_path):
    shutil.copytree(credentials.directory, tmp_path, dirs_exist_ok=True)

    def program():
        return subprocess.Popen(
            [sys.executable, "-m", "simulator", "--dir", str(tmp_path), "--port", "0",
             "--phone", "小林:student", "--webhook", ""], stdout=subprocess.PIPE, text=True)

    for round_ in (1, 2):
        process = program()
        assert process.stdout is not None
        try:
            base = process.stdout.readline().strip().removesuffix("/sim/")
            phones = Sim(base).get("/phones")["phones"]
            assert [p["name"] for p in phones] == ["小林"]
            Sim(base).post("/phones/1/text", {"content": "在吗"})
            assert Sim(base).get("/events")["last"] == round_
        finally:
            process.terminate()
            assert process.wait(10) == 0
            process.stdout.close()
