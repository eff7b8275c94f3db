"""The pay sheet's checks, and notices that must arrive through lost lines."""
import json
import time

import pytest

from simulator import pay_crypto
from simulator.cashier import FAIL, OK
from tests.simulator.clients import wechatpayv3_client


@pytest.fixture
def merchant(world, receiver):
    return wechatpayv3_client(world, receiver.notify_url)


@pytest.fixture
def prepay_id(merchant, lin):
    told = merchant.pay(description="饭", out_trade_no="ORDER0001", amount={"total": 1750},
                        payer={"openid": lin.openid})
    return json.loads(told[1])["prepay_id"]


def request_for(world, prepay_id, **other):
    """What a page gives to getBrandWCPayRequest."""
    asked = {"appId": world.account.app_id, "timeStamp": str(int(time.time())),
             "nonceStr": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS", "package": f"prepay_id={prepay_id}",
             "signType": "RSA"}
    key = pay_crypto.private_key(world.credentials.merchant_key)
    asked["paySign"] = pay_crypto.sign(key, pay_crypto.message(
        *(asked[k] for k in ("appId", "timeStamp", "nonceStr", "package"))))
    return asked | other


def test_a_signed_request_is_paid_once(world, lin, prepay_id):
    asked = request_for(world, prepay_id)

    assert world.pay(lin, prepay_id, asked) == {"err_msg": OK}
    assert world.pay(lin, prepay_id, asked)["err_msg"] == FAIL


def test_the_clients_own_pay_sign_is_good(world, merchant, lin, prepay_id):
    asked = request_for(world, prepay_id)
    asked["paySign"] = merchant.sign(
        [asked["appId"], asked["timeStamp"], asked["nonceStr"], asked["package"]])

    assert world.pay(lin, prepay_id, asked) == {"err_msg": OK}


@pytest.mark.parametrize("other", [
    {"paySign": "AAAA"}, {"paySign": None}, {"timeStamp": "1"}, {"timeStamp": 1554208460},
    {"nonceStr": "x"}, {"package": "prepay_id=wx0"}, {"signType": "MD5"}, {"appId": "wx0"}])
def test_a_request_that_was_tampered_with(world, lin, prepay_id, other):
    told = world.pay(lin, prepay_id, request_for(world, prepay_id, **other))

    assert told["err_msg"] == FAIL
    assert world.orders["ORDER0001"].state == "NOTPAY"


def test_only_the_payer_of_the_order_may_pay(world, prepay_id):
    other = world.add_phone("室友周")

    assert world.pay(other, prepay_id)["err_msg"] == FAIL
    assert world.pay(other, "wx0")["err_msg"] == FAIL
    assert world.orders["ORDER0001"].state == "NOTPAY"


def test_a_prepay_id_is_good_for_two_hours(world, lin, prepay_id):
    world.advance(7200)

    assert "已过期" in world.pay(lin, prepay_id)["err_desc"]


def test_nobody_pays_after_time_expire(world, merchant, lin):
    from datetime import UTC, datetime, timedelta

    at = (datetime.now(UTC) + timedelta(minutes=15)).isoformat(timespec="seconds")
    told = json.loads(merchant.pay(
        description="饭", out_trade_no="ORDER0002", amount={"total": 1},
        payer={"openid": lin.openid}, time_expire=at)[1])
    world.advance(901)

    assert "已过期" in world.pay(lin, told["prepay_id"])["err_desc"]
    assert json.loads(merchant.query(out_trade_no="ORDER0002")[1])["trade_state"] == "NOTPAY"


def test_the_notice_is_sealed_and_signed(world, merchant, receiver, lin, prepay_id):
    world.pay(lin, prepay_id)
    assert world.settle()
    notice = merchant.callback(*receiver.notices[0])

    assert notice["event_type"] == "TRANSACTION.SUCCESS"
    assert notice["resource"]["out_trade_no"] == "ORDER0001"
    assert notice["resource"]["amount"]["total"] == 1750
    assert notice["resource"]["payer"] == {"openid": lin.openid}
    assert world.orders["ORDER0001"].notified


def test_a_notice_is_resent_until_it_is_heard(world, merchant, receiver, lin, prepay_id):
    receiver.notice_answers = [500, 404, 302, 200]
    world.pay(lin, prepay_id)
    world.settle(ahead_s=1)
    ids = [json.loads(body)["id"] for _, body in receiver.notices]
    signatures = {headers["Wechatpay-Signature"] for headers, _ in receiver.notices}

    assert len(ids) == 4
    assert len(set(ids)) == 1
    assert len(signatures) == 4  # each is signed afresh
    assert world.orders["ORDER0001"].notified


def test_the_ladder_follows_the_worlds_clock(world, merchant, receiver, lin, prepay_id):
    world.knobs.notify_scale = 1
    receiver.notice_answers = [500, 500, 500]
    world.pay(lin, prepay_id)
    world.settle()
    heard = [len(receiver.notices)]
    for wait_s in (15, 15, 30):
        world.advance(wait_s - 1)
        world.settle()
        heard.append(len(receiver.notices))
        world.advance(1)
        world.settle()

    assert heard == [1, 1, 2, 3]
    assert len(receiver.notices) == 4


def test_nobody_hears_it_and_it_is_given_up(world, merchant, receiver, lin, prepay_id):
    world.knobs.notify_scale = 0.000001
    receiver.notice_answers = [500] * 30
    world.pay(lin, prepay_id)
    world.settle(ahead_s=1)

    assert len(receiver.notices) == 16
    assert not world.orders["ORDER0001"].notified


def test_faults_of_notices(world, merchant, receiver, lin, prepay_id):
    world.faults.add("notify/transaction", drop=True)
    world.faults.add("notify/transaction", forge=True)
    world.faults.add("notify/transaction", change={"amount.total": 1})
    receiver.notice_answers = [401, 400]
    world.pay(lin, prepay_id)
    world.settle(ahead_s=1)
    read = [merchant.callback(*notice) for notice in receiver.notices]

    assert read[0] is None  # forged
    assert read[1]["resource"]["amount"]["total"] == 1
    assert read[2]["resource"]["amount"]["total"] == 1750
    assert len(read) == 3


def test_a_probe_comes_first_and_must_be_refused(world, merchant, receiver, lin, prepay_id):
    world.faults.add("notify/*", signtest=True)
    world.pay(lin, prepay_id)
    world.settle(ahead_s=1)
    probe, real = receiver.notices

    assert probe[0]["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
    assert merchant.callback(*probe) is None
    assert merchant.callback(*real)["resource"]["out_trade_no"] == "ORDER0001"


def test_repeated_and_late_notices(world, merchant, receiver, lin, prepay_id):
    world.faults.add("notify/transaction", delay_s=60)
    world.faults.add("notify/transaction", repeat=2)
    world.pay(lin, prepay_id)
    world.settle()
    assert receiver.notices == []

    world.advance(60)
    world.settle()
    assert len(receiver.notices) == 3


def test_the_pay_apis_troubles(world, merchant, lin, prepay_id):
    path = "/v3/pay/transactions/out-trade-no/ORDER0001"
    world.faults.add(path, status=500)
    world.faults.add(path, status=429, code="FREQUENCY_LIMITED", message="频率过高")

    assert [merchant.query(out_trade_no="ORDER0001")[0] for _ in range(3)] == [500, 429, 200]


def test_an_order_may_be_made_although_nobody_hears_so(world, merchant, lin):
    world.faults.add("/v3/pay/transactions/jsapi", lose_answer=True)
    with pytest.raises(Exception, match=r"(?i)connection|closed|remote"):
        merchant.pay(description="饭", out_trade_no="ORDER0005", amount={"total": 1},
                     payer={"openid": lin.openid})

    assert "ORDER0005" in world.orders

    world.faults.add("/v3/pay/transactions/jsapi", lose_answer=True, status=502)
    assert merchant.pay(description="饭", out_trade_no="ORDER0006", amount={"total": 1},
                        payer={"openid": lin.openid})[0] == 502
    assert "ORDER0006" in world.orders
