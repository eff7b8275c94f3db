"""The world's memory, clock and people."""
import threading
import time

import pytest

from simulator import tokens
from simulator.credentials import ensure, openid_for
from simulator.message_templates import template
from simulator.schedule import Schedule
from simulator.state import Knobs
from simulator.world import UnknownPhone, World
from tests.simulator.clients import wechatpayv3_client


def test_credentials_are_made_once_and_kept_private(tmp_path):
    made = ensure(tmp_path / "wechat")

    assert ensure(tmp_path / "wechat") == made
    assert len(made.aes_key) == 43
    assert len(made.api_v3_key) == 32
    assert {p.stat().st_mode & 0o777 for p in (tmp_path / "wechat").iterdir()} == {0o600}
    environ = made.environ(8800)
    assert environ["WECHAT_API_BASE"] == "http://127.0.0.1:8800"
    assert environ["WECHAT_PAY_PRIVATE_KEY"] == str(tmp_path / "wechat" / "apiclient_key.pem")
    assert "secret" not in repr(made)


def test_openids_are_told_beforehand(world, credentials):
    phone = world.add_phone("小林", "student")

    assert phone.openid == openid_for(credentials.app_id, "小林")
    assert len(phone.openid) == 28
    assert phone.openid != openid_for("wx0", "小林")
    assert world.add_phone("小林") is phone
    assert world.phone("小林") is world.phone(phone.id) is world.phone(phone.openid) is phone
    with pytest.raises(UnknownPhone):
        world.phone("小张")


def test_a_restarted_world_knows_everyone_and_everything(credentials, tmp_path):
    first = World(credentials, directory=tmp_path)
    phone = first.add_phone("小林", "student")
    first.say(phone, "来份黄焖鸡")
    token = tokens.stable(first, first.account, force=False)["access_token"]
    first.account.menu = {"button": []}
    first.account.templates = [template("own", "自己的", {"thing1": "内容"})]
    first.save(first.account)
    first.ticket_for(credentials.app_id, "b_zy7")
    first.close()

    second = World(credentials, directory=tmp_path)
    again = second.phone("小林")

    assert again == phone
    assert again.windows["message"][1] == 5
    assert second.events()[0]["content"] == "来份黄焖鸡"
    assert tokens.holder(second, token) is second.account
    assert second.account.menu == {"button": []}
    assert {"own", "paid"} <= {t["template_id"] for t in second.account.templates}
    assert second.ticket_for(credentials.app_id, "b_zy7") == first.ticket_for(
        credentials.app_id, "b_zy7")
    assert second.say(again, "还在吗") is None
    assert [e["seq"] for e in second.events()] == [1, 2]
    assert second.add_phone("室友周").id == "2"
    second.close()


def test_money_under_way_goes_on_after_a_restart(credentials, tmp_path, receiver):
    from simulator import app

    knobs = Knobs(notify_scale=0.001, refund_takes_s=0)
    first = World(credentials, directory=tmp_path, knobs=knobs)
    phone = first.add_phone("小林")
    first.knobs.refund_takes_s = 3600
    with app.running(first):
        merchant = wechatpayv3_client(first, receiver.notify_url)
        prepay = merchant.pay(description="饭", out_trade_no="ORDER0001", amount={"total": 9},
                              payer={"openid": phone.openid})[1].split('"')[3]
        first.faults.add("notify/*", drop=True, times=99)
        first.pay(phone, prepay)
        merchant.refund(out_refund_no="R1", out_trade_no="ORDER0001",
                        notify_url=receiver.notify_url,
                        amount={"refund": 9, "total": 9, "currency": "CNY"})
    first.close()
    assert receiver.notices == []

    second = World(credentials, directory=tmp_path, knobs=Knobs(
        notify_scale=0.001, refund_takes_s=0))
    with app.running(second):
        assert second.settle(ahead_s=1)
    second.close()

    told = sorted(merchant.callback(*n)["event_type"] for n in receiver.notices)
    assert told == ["REFUND.SUCCESS", "TRANSACTION.SUCCESS"]
    assert second.refunds["R1"].status == "SUCCESS"


def test_waiting_for_news(world, lin):
    heard: list[str] = []

    def wait():
        heard.extend(e["content"] for e in world.events(after=0, wait_s=5))
    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.05)
    world.say(lin, "来了")
    waiting.join(2)

    assert heard == ["来了"]
    assert world.events(after=1, wait_s=0.01) == []


def test_jobs_start_when_their_moment_comes_by_this_clock():
    schedule, done = Schedule(), []
    schedule.after(3600, lambda: done.append("hour"))
    schedule.after(60, lambda: done.append("minute"))
    assert schedule.settle()
    assert done == []

    schedule.advance(60)
    assert schedule.settle()
    assert done == ["minute"]
    schedule.advance(3600)
    assert schedule.settle()
    assert done == ["minute", "hour"]
    schedule.close()


def test_settle_waits_for_what_a_job_started():
    schedule, done = Schedule(), []

    def job():
        time.sleep(0.05)
        schedule.after(0, lambda: done.append(True))
    schedule.after(0, job)

    assert schedule.settle()
    assert done == [True]
    schedule.after(0, lambda: time.sleep(0.3))
    assert not schedule.settle(within_s=0.01)
    assert schedule.settle()
    schedule.close()


def test_a_virtual_clock(credentials):
    world = World(credentials, clock=lambda: 1_000_000.0)
    world.advance(5)

    assert world.now() == 1_000_005.0
    assert abs(world.wire_now() - time.time()) < 5
    world.knobs.wire_follows_world = True
    assert world.wire_now() == 1_000_005.0
    world.close()


def test_faults_are_used_up_in_turn(world):
    world.faults.add("/cgi-bin/*", times=2, skip=1, errcode=-1)

    assert world.faults.take("/sns/auth") is None
    assert [world.faults.take("/cgi-bin/token") is not None for _ in range(4)] == [
        False, True, True, False]
    assert world.faults.listed() == []
    with pytest.raises(TypeError):
        world.faults.add("push/text", explode=True)
