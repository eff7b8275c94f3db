"""Orders and refunds, by wechatpayv3 and by hand, and everything WeChat Pay refuses."""
import json
import secrets
import time
from datetime import UTC, datetime, timedelta

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from simulator import pay_crypto
from simulator.pay import PayError
from simulator.pay.orders import checked_order
from tests.simulator.merchant import made, order, paid


class ByHand:
    """Signs like any merchant would; each test breaks one thing."""

    def __init__(self, world):
        self.world, self.key = world, pay_crypto.private_key(world.credentials.merchant_key)

    def authorization(self, method, path, body, **other):
        c = self.world.credentials
        timestamp, nonce = other.get("timestamp", str(int(time.time()))), secrets.token_hex(16)
        signature = pay_crypto.sign(
            self.key, pay_crypto.message(method, path, timestamp, nonce, body))
        values = {"mchid": c.mch_id, "nonce_str": nonce, "signature": signature,
                  "timestamp": timestamp, "serial_no": c.cert_serial, **other}
        return "WECHATPAY2-SHA256-RSA2048 " + ",".join(f'{k}="{v}"' for k, v in values.items())

    def call(self, method, path, body=None, headers=None, **other):
        text = "" if body is None else json.dumps(body, ensure_ascii=False)
        return requests.request(
            method, self.world.base_url + path, data=text.encode(), timeout=5, headers={
                "Authorization": self.authorization(method, path, text, **other),
                "Accept": "application/json", "Content-Type": "application/json",
                **(headers or {})})

    def order(self, phone, **other):
        c = self.world.credentials
        body = {"appid": c.app_id, "mchid": c.mch_id, "description": "饭",
                "out_trade_no": "ORDER0001", "notify_url": "https://example.com/n",
                "amount": {"total": 1, "currency": "CNY"}, "payer": {"openid": phone.openid}}
        body = {k: v for k, v in (body | other).items() if v is not None}
        return self.call("POST", "/v3/pay/transactions/jsapi", body)


@pytest.fixture
def by_hand(world):
    return ByHand(world)


def test_order_query_and_payment(world, merchant, lin):
    status, told = order(merchant, lin)
    assert status == 200
    assert made(merchant.query(out_trade_no="ORDER0001"))[1]["trade_state"] == "NOTPAY"

    world.pay(lin, told["prepay_id"])
    status, seen = made(merchant.query(out_trade_no="ORDER0001"))

    assert (seen["trade_state"], seen["payer"]) == ("SUCCESS", {"openid": lin.openid})
    assert seen["amount"] == {"total": 1750, "payer_total": 1750, "currency": "CNY",
                              "payer_currency": "CNY"}
    assert made(merchant.query(transaction_id=seen["transaction_id"]))[1] == seen
    assert datetime.fromisoformat(seen["success_time"]).utcoffset() == timedelta(hours=8)


def test_the_same_order_again_is_the_same_order(world, merchant, lin):
    first, second = order(merchant, lin)[1], order(merchant, lin)[1]
    assert first["prepay_id"] != second["prepay_id"]
    assert order(merchant, lin, total=1)[1]["code"] == "OUT_TRADE_NO_USED"
    assert order(merchant, lin, time_expire=(
        datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds"))[0] == 200

    world.pay(lin, first["prepay_id"])
    assert world.pay(lin, second["prepay_id"])["err_desc"] == "该订单已支付"
    assert order(merchant, lin)[1]["code"] == "ORDERPAID"


def test_close(world, merchant, lin):
    prepay_id = order(merchant, lin)[1]["prepay_id"]

    assert [merchant.close("ORDER0001")[0] for _ in range(2)] == [204, 204]
    assert made(merchant.query(out_trade_no="ORDER0001"))[1]["trade_state"] == "CLOSED"
    assert world.pay(lin, prepay_id)["err_msg"] == "get_brand_wcpay_request:fail"
    assert order(merchant, lin)[1]["code"] == "ORDER_CLOSED"
    assert made(merchant.close("ORDER0009")) == (404, {
        "code": "ORDER_NOT_EXIST", "message": "订单不存在"})


def test_a_paid_order_is_not_closed(world, merchant, lin):
    paid(world, merchant, lin)

    assert made(merchant.close("ORDER0001"))[1]["code"] == "ORDERPAID"
    assert made(merchant.query(out_trade_no="ORDER0001"))[1]["trade_state"] == "SUCCESS"


def test_an_order_closes_by_itself_after_seven_days(world, merchant, lin):
    order(merchant, lin)
    world.advance(7 * 86400 + 1)

    assert made(merchant.query(out_trade_no="ORDER0001"))[1]["trade_state"] == "CLOSED"


def test_refund_in_two_parts(world, merchant, receiver, lin):
    paid(world, merchant, lin)

    def refund(number, fen, total=1750):
        return made(merchant.refund(
            out_refund_no=number, out_trade_no="ORDER0001", notify_url=receiver.notify_url,
            amount={"refund": fen, "total": total, "currency": "CNY"}))

    status, first = refund("R1", 750)
    assert (status, first["status"]) == (200, "PROCESSING")
    assert world.settle()
    assert made(merchant.query_refund("R1"))[1]["status"] == "SUCCESS"
    assert refund("R1", 750)[1]["refund_id"] == first["refund_id"]
    assert refund("R1", 751)[1]["code"] == "INVALID_REQUEST"
    assert refund("R2", 1001)[1]["code"] == "INVALID_REQUEST"
    assert refund("R2", 1000, total=1000)[1]["code"] == "INVALID_REQUEST"
    assert refund("R2", 1000)[1]["code"] == "FREQUENCY_LIMITED"
    world.advance(60)
    assert refund("R2", 1000)[0] == 200
    assert made(merchant.query(out_trade_no="ORDER0001"))[1]["trade_state"] == "REFUND"
    assert world.settle()
    notices = [merchant.callback(*notice) for notice in receiver.notices]
    assert [n["event_type"] for n in notices] == ["TRANSACTION.SUCCESS"] + ["REFUND.SUCCESS"] * 2
    assert notices[2]["resource"]["amount"]["refund"] == 1000


def test_a_refund_that_ends_badly(world, merchant, receiver, lin):
    from simulator import cashier

    paid(world, merchant, lin)
    world.knobs.refund_takes_s = 3600
    merchant.refund(out_refund_no="R1", out_trade_no="ORDER0001", notify_url=receiver.notify_url,
                    amount={"refund": 1, "total": 1750, "currency": "CNY"})
    cashier.settle_refund(world, "R1", "ABNORMAL")
    world.settle()

    assert made(merchant.query_refund("R1"))[1]["status"] == "ABNORMAL"
    notice = merchant.callback(*receiver.notices[-1])
    assert notice["event_type"] == "REFUND.ABNORMAL"
    assert "success_time" not in notice["resource"]


def test_refunds_of_nothing(world, merchant, lin):
    order(merchant, lin)
    amount = {"refund": 1, "total": 1750, "currency": "CNY"}

    assert made(merchant.query_refund("R1"))[1]["code"] == "RESOURCE_NOT_EXISTS"
    assert made(merchant.refund(out_refund_no="R1", out_trade_no="ORDER0001", amount=amount)) == (
        400, {"code": "INVALID_REQUEST", "message": "订单未支付，不能退款"})
    assert made(merchant.refund(out_refund_no="R1", out_trade_no="NOSUCH01", amount=amount))[1][
        "code"] == "RESOURCE_NOT_EXISTS"
    assert world.refunds == {}


@pytest.mark.parametrize(("change", "field"), [
    ({"out_refund_no": "a b"}, "/out_refund_no"), ({"out_refund_no": "1" * 65}, "/out_refund_no"),
    ({"reason": "x" * 81}, "/reason"), ({"notify_url": "http://example.com/n"}, "/notify_url"),
    ({"amount": {"refund": 0, "total": 1, "currency": "CNY"}}, "/amount/refund"),
    ({"amount": {"refund": 1, "total": 1}}, "/amount/currency")])
def test_refund_fields(world, merchant, by_hand, lin, change, field):
    paid(world, merchant, lin)
    body = {"out_trade_no": "ORDER0001", "out_refund_no": "R1",
            "amount": {"refund": 1, "total": 1750, "currency": "CNY"}} | change
    told = by_hand.call("POST", "/v3/refund/domestic/refunds", body)

    assert (told.status_code, told.json()["detail"]["field"]) == (400, field)
    assert world.refunds == {}


@pytest.mark.parametrize(("change", "field"), [
    ({"description": ""}, "/description"), ({"description": "汉" * 128}, "/description"),
    ({"out_trade_no": "12345"}, "/out_trade_no"), ({"out_trade_no": "1" * 33}, "/out_trade_no"),
    ({"out_trade_no": "ORDER 001"}, "/out_trade_no"), ({"out_trade_no": 1}, "/out_trade_no"),
    ({"amount": {"total": 0}}, "/amount/total"), ({"amount": {"total": 1.5}}, "/amount/total"),
    ({"amount": {"total": "1"}}, "/amount/total"), ({"amount": {"total": True}}, "/amount/total"),
    ({"amount": {"total": 1, "currency": "USD"}}, "/amount/currency"),
    ({"amount": None}, "/amount/total"), ({"payer": None}, "/payer/openid"),
    ({"payer": {"openid": "oNobody"}}, "/payer/openid"), ({"attach": "x" * 129}, "/attach"),
    ({"notify_url": None}, "/notify_url"), ({"notify_url": "https://a.cn/n?x=1"}, "/notify_url"),
    ({"notify_url": "http://example.com/n"}, "/notify_url"),
    ({"notify_url": "/notify"}, "/notify_url"),
    ({"time_expire": "2026-01-01 12:00:00"}, "/time_expire"),
    ({"time_expire": "2099-01-01T12:00:00"}, "/time_expire"),
    ({"time_expire": "2020-01-01T12:00:00+08:00"}, "/time_expire"),
])
def test_order_fields(world, by_hand, lin, change, field):
    told = by_hand.order(lin, **change)

    assert (told.status_code, told.json()["code"]) == (400, "PARAM_ERROR")
    assert told.json()["detail"]["field"] == field
    assert not [name for name in told.headers if name.startswith("Wechatpay-")]
    assert world.orders == {}


@given(number=st.text("0123456789abcXYZ_-|* 汉", max_size=40))
def test_order_numbers(credentials, number):
    from simulator.world import World

    here = World(credentials)
    phone = here.add_phone("小林")
    body = {"appid": credentials.app_id, "mchid": credentials.mch_id, "description": "饭",
            "out_trade_no": number, "notify_url": "https://example.com/n",
            "amount": {"total": 1}, "payer": {"openid": phone.openid}}
    if 6 <= len(number) <= 32 and " " not in number and "汉" not in number:
        assert checked_order(here, body)[0] == number
    else:
        with pytest.raises(PayError, match="out_trade_no"):
            checked_order(here, body)


def test_strangers_account_and_merchant(world, by_hand, lin):
    assert by_hand.order(lin, appid="wx0000000000000000").json()["code"] == "APPID_MCHID_NOT_MATCH"
    assert by_hand.order(lin, mchid="1900000000").json()["code"] == "PARAM_ERROR"
    world.add_account("wx00000000000000b1", "sb", "tok", None, "gh_b1")
    assert by_hand.order(lin, appid="wx00000000000000b1").json()["code"] == "PARAM_ERROR"
    assert world.orders == {}


def test_time_expire_has_a_floor_and_a_ceiling(world, by_hand, lin):
    def expires(number, **ahead):
        at = datetime.now(UTC) + timedelta(**ahead)
        by_hand.order(lin, out_trade_no=number, time_expire=at.isoformat(timespec="seconds"))
        return world.orders[number].expires_at - world.now()

    assert 55 < expires("ORDER0001", seconds=5) <= 60
    assert 895 < expires("ORDER0002", minutes=15) <= 900
    assert 7 * 86400 - 5 < expires("ORDER0003", days=30) <= 7 * 86400


def test_answers_are_signed_with_the_public_key(world, by_hand, lin):
    told = by_hand.order(lin)
    h = told.headers
    public = pay_crypto.private_key(world.credentials.platform_key).public_key()

    assert h["Wechatpay-Serial"] == world.credentials.public_key_id
    assert h["Wechatpay-Signature-Type"] == "WECHATPAY2-SHA256-RSA2048"
    assert pay_crypto.verifies(public, pay_crypto.message(
        h["Wechatpay-Timestamp"], h["Wechatpay-Nonce"], told.text), h["Wechatpay-Signature"])


QUERY = "/v3/pay/transactions/out-trade-no/ORDER0001?mchid="


@pytest.mark.parametrize(("other", "message"), [
    ({"timestamp": "1554208460"}, "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"),
    ({"signature": "AAAA"}, "签名错误"), ({"nonce_str": "another"}, "签名错误"),
    ({"serial_no": "00"}, "商户证书序列号有误，请使用签名私钥匹配的证书序列号"),
    ({"mchid": "1900000000"}, "商户号不存在或证书不属于该商户")])
def test_bad_signatures(world, by_hand, other, message):
    told = by_hand.call("GET", QUERY + world.credentials.mch_id, **other)

    assert (told.status_code, told.json()["code"]) == (401, "SIGN_ERROR")
    assert told.json()["message"] == message


def test_the_signature_covers_query_and_body(world, by_hand, lin):
    path, mch_id = QUERY + world.credentials.mch_id, world.credentials.mch_id
    stolen = {"Authorization": by_hand.authorization("GET", path, "")}
    assert by_hand.call("GET", path + "&x=1", headers=stolen).status_code == 401

    close = "/v3/pay/transactions/out-trade-no/ORDER0001/close"
    stolen = {"Authorization": by_hand.authorization("POST", close, '{"mchid":"1"}')}
    assert by_hand.call("POST", close, {"mchid": mch_id}, headers=stolen).status_code == 401


def test_headers_that_must_be_there(world, by_hand):
    certificates = "/v3/certificates"
    lacking = by_hand.call("GET", certificates, headers={"User-Agent": ""})
    assert lacking.json() == {"code": "INVALID_REQUEST", "message": "Http头缺少Accept或User-Agent"}
    none = by_hand.call("GET", certificates, headers={"Authorization": ""})
    assert none.json()["message"].startswith("Http头Authorization值格式错误")
    none = by_hand.call("GET", QUERY, headers={"Authorization": ""})
    assert none.json()["message"] == "签名信息错误，验签失败"
    wrong = by_hand.call("GET", certificates, headers={"Wechatpay-Serial": "PUB_KEY_ID_0"})
    assert wrong.json()["code"] == "PARAM_ERROR"


def test_a_public_key_merchant_has_no_certificates(by_hand):
    told = by_hand.call("GET", "/v3/certificates")

    assert (told.status_code, told.json()["code"]) == (404, "RESOURCE_NOT_EXISTS")


def test_wrong_method_and_unknown_path_are_empty(by_hand):
    wrong = by_hand.call("GET", "/v3/pay/transactions/jsapi")
    unknown = by_hand.call("GET", "/v3/pay/nothing")

    assert (wrong.status_code, wrong.content) == (405, b"")
    assert (unknown.status_code, unknown.content) == (404, b"")


def test_a_body_that_is_no_json(world, by_hand):
    path = "/v3/pay/transactions/jsapi"
    told = requests.post(world.base_url + path, data=b"{", timeout=5, headers={
        "Authorization": by_hand.authorization("POST", path, "{"), "Accept": "application/json",
        "Content-Type": "application/json"})

    assert (told.status_code, told.json()["code"]) == (400, "PARAM_ERROR")


def test_query_needs_the_merchant(world, by_hand, lin):
    by_hand.order(lin)

    assert by_hand.call("GET", QUERY).status_code == 400
    assert by_hand.call("GET", QUERY + "1900000000").status_code == 400
    assert by_hand.call("GET", QUERY + world.credentials.mch_id).status_code == 200
