"""WeChat Pay by npm's wechatpay-axios-plugin, which we did not write (skipped without node)."""
from datetime import datetime, timedelta

import pytest

from simulator import platform_keys
from simulator.cashier import CHINA
from tests.simulator.peers import NodeMerchant

ORDER = "v3/pay/transactions/jsapi"
NUMBER = "ORDER0001"


@pytest.fixture
def public_key(world):
    return {world.credentials.public_key_id: world.credentials.platform_public_key.read_text()}


@pytest.fixture
def merchant(world, public_key):
    merchant = NodeMerchant(world, public_key)
    yield merchant
    merchant.close()


def order(world, merchant, receiver, phone, number=NUMBER, total=1750, **other):
    c = world.credentials
    return merchant.call(ORDER, {
        "appid": c.app_id, "mchid": c.mch_id, "description": "黄焖鸡(大)等2件",
        "out_trade_no": number, "notify_url": receiver.notify_url,
        "amount": {"total": total, "currency": "CNY"}, "payer": {"openid": phone.openid},
        **other})


def query(world, merchant, number=NUMBER):
    return merchant.call(f"v3/pay/transactions/out-trade-no/{number}",
                         params={"mchid": world.credentials.mch_id})


def paid(world, merchant, receiver, phone, **other):
    prepay_id = order(world, merchant, receiver, phone, **other)["data"]["prepay_id"]
    request = merchant.ask("request", appId=world.credentials.app_id, prepayId=prepay_id)
    assert world.pay(phone, prepay_id, request) == {"err_msg": "get_brand_wcpay_request:ok"}
    assert world.settle()


def test_order_pay_and_query(world, merchant, receiver, lin):
    assert order(world, merchant, receiver, lin)["status"] == 200
    assert query(world, merchant)["data"]["trade_state"] == "NOTPAY"
    paid(world, merchant, receiver, lin)

    seen = query(world, merchant)["data"]
    assert (seen["trade_state"], seen["amount"]["payer_total"]) == ("SUCCESS", 1750)
    headers, body = receiver.notices[0]
    assert merchant.ask("notice", headers=headers, body=body.decode())["resource"] == seen


def test_close_and_refusals(world, merchant, receiver, lin):
    path = f"v3/pay/transactions/out-trade-no/{NUMBER}/close"
    mine = {"mchid": world.credentials.mch_id}
    order(world, merchant, receiver, lin)

    assert merchant.call(path, mine) == {"status": 204, "data": None}
    assert order(world, merchant, receiver, lin)["data"]["code"] == "ORDER_CLOSED"
    refused = order(world, merchant, receiver, lin, number="1")
    assert (refused["status"], refused["data"]["detail"]["field"]) == (400, "/out_trade_no")
    assert query(world, merchant, "NOSUCH01")["data"]["code"] == "ORDER_NOT_EXIST"


def test_refund_and_its_notice(world, merchant, receiver, lin):
    paid(world, merchant, receiver, lin)
    asked = {"out_trade_no": NUMBER, "out_refund_no": "R1", "reason": "商品已售完",
             "notify_url": receiver.notify_url,
             "amount": {"refund": 1750, "total": 1750, "currency": "CNY"}}
    told = merchant.call("v3/refund/domestic/refunds", asked)
    assert (told["status"], told["data"]["status"]) == (200, "PROCESSING")
    assert world.settle()

    assert merchant.call("v3/refund/domestic/refunds/R1")["data"]["status"] == "SUCCESS"
    headers, body = receiver.notices[-1]
    heard = merchant.ask("notice", headers=headers, body=body.decode())["resource"]
    assert (heard["refund_status"], heard["amount"]["refund"]) == ("SUCCESS", 1750)


def test_answers_that_it_does_not_believe(world, merchant, receiver, lin, public_key):
    order(world, merchant, receiver, lin)
    assert query(world, merchant)["status"] == 200
    world.knobs.public_key_share = 0.0
    assert query(world, merchant)["error"] == "EV3_RES_HEADER_PLATFORM_SERIAL"


def test_forged_notices_and_probes(world, merchant, receiver, lin):
    world.faults.add("notify/transaction", forge=True)
    world.faults.add("notify/transaction", signtest=True)
    receiver.notice_answers = [401, 401]
    paid(world, merchant, receiver, lin)
    world.settle(ahead_s=1)
    believed = ["resource" in merchant.ask("notice", headers=headers, body=body.decode())
                for headers, body in receiver.notices]

    assert believed == [False, False, True]


def test_by_certificate(world, receiver, lin):
    world.knobs.public_key_share = 0.0
    serial = platform_keys.rotate(world)
    merchant = NodeMerchant(world, {serial: world.certificates[serial].certificate_pem})
    try:
        paid(world, merchant, receiver, lin)
        assert query(world, merchant)["data"]["trade_state"] == "SUCCESS"
        headers, body = receiver.notices[0]
        assert "resource" in merchant.ask("notice", headers=headers, body=body.decode())
    finally:
        merchant.close()


def test_a_bill_by_its_own_reader(world, merchant, receiver, lin):
    now = datetime.fromtimestamp(world.now(), CHINA)
    noon = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), CHINA)
    world.advance(noon.timestamp() + 12 * 3600 - world.now())
    paid(world, merchant, receiver, lin)
    day = str(datetime.fromtimestamp(world.now(), CHINA).date())
    world.advance(86400)
    offered = merchant.call("v3/bill/tradebill", params={"bill_date": day})["data"]
    token = offered["download_url"].rpartition("token=")[2]
    bill = merchant.ask("bill", path="v3/billdownload/file", params={"token": token})

    assert [(r["商户订单号"], r["订单金额"], r["交易状态"]) for r in bill["rows"]] == [
        (NUMBER, "17.50", "SUCCESS")]
    assert (bill["summary"]["总交易单数"], bill["summary"]["订单总金额"]) == ("1", "17.50")


def test_a_transfer_with_a_sealed_name(world, merchant, receiver, lin):
    c = world.credentials
    sealed = merchant.ask("seal", text="林同学", serial=c.public_key_id)["sealed"]
    told = merchant.call("v3/fund-app/mch-transfer/transfer-bills", {
        "appid": c.app_id, "out_bill_no": "T0001", "transfer_scene_id": "1005",
        "openid": lin.openid, "transfer_amount": 200_000, "transfer_remark": "配送费",
        "user_name": sealed, "notify_url": receiver.notify_url, "transfer_scene_report_infos": [
            {"info_type": "岗位类型", "info_content": "骑手"},
            {"info_type": "报酬说明", "info_content": "配送费"}]},
        headers={"Wechatpay-Serial": c.public_key_id})

    assert (told["status"], told["data"]["state"]) == (200, "WAIT_USER_CONFIRM")
    assert platform_keys.unsealed(world, c.public_key_id, sealed) == "林同学"
