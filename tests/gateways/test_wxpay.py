"""WeChat Pay v3 against the simulator, whose reading of the protocol is not ours."""
import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from wechatpayv3.utils import aes_decrypt

from config.settings import ConfigurationError, PaySettings
from gateways.errors import GatewayError, Refused, Unreachable
from gateways.wxpay import AlreadyPaid, BadNotice, PaymentNotice, RefundNotice, WxPay
from tests.support.scripted import hangs_up, says, scripted
from tests.support.simulator import credentials, pay_settings

NO = "A27x20260921T1"
NOTIFY = "http://127.0.0.1:9/notify"
NOW = datetime(2026, 9, 21, 4, 0, tzinfo=UTC)
STAMP = int(NOW.timestamp())
OTHER_KEY = rsa.generate_private_key(65537, 2048)


@pytest.fixture
def pay(world):
    return WxPay(pay_settings(world), api_base=world.base_url)


@pytest.fixture
def ming(world):
    return world.add_phone("小明", "student")


@pytest.fixture
def order(pay, world, ming):
    """Places the order NO of ¥17.50, which lasts a quarter of an hour."""
    def place(out_trade_no=NO, **changed):
        asked = {"app_id": world.credentials.app_id, "openid": ming.openid, "amount_fen": 1750,
                 "description": "跑堂 A27 黄焖鸡等2件", "notify_url": NOTIFY, "attach": "7",
                 "expires_at": datetime.fromtimestamp(world.now() + 900, UTC)}
        return pay.prepay(out_trade_no, **{**asked, **changed})
    return place


def calls(world, part):
    return [e for e in world.journal.entries(0) if e["kind"] == "call" and part in e["path"]]


# --- orders


def test_a_page_can_pay_and_a_query_tells(pay, world, ming, order):
    prepay_id = order()
    assert pay.query(NO).state == "NOTPAY"
    assert pay.query(NO).is_paid is False

    params = pay.page_params(world.credentials.app_id, prepay_id, now=NOW, nonce="n" * 32)
    assert world.pay(ming, prepay_id, params) == {"err_msg": "get_brand_wcpay_request:ok"}

    told = pay.query(NO)
    assert (told.state, told.is_paid, told.amount_fen, told.payer_openid, told.attach) == (
        "SUCCESS", True, 1750, ming.openid, "7")
    assert (told.app_id, told.mch_id, told.out_trade_no) == (
        world.credentials.app_id, world.credentials.mch_id, NO)
    assert told.transaction_id.startswith("4200")
    assert told.success_at.timestamp() == pytest.approx(world.now(), abs=5)


def test_a_page_param_changed_on_the_way_does_not_pay(pay, world, ming, order):
    prepay_id = order()
    params = pay.page_params(world.credentials.app_id, prepay_id, now=NOW, nonce="n")
    for name in ("timeStamp", "nonceStr", "paySign"):
        changed = {**params, name: params[name].swapcase().translate(str.maketrans("01", "10"))}
        answer = world.pay(ming, prepay_id, changed)
        assert answer["err_msg"] == "get_brand_wcpay_request:fail"
    assert pay.query(NO).state == "NOTPAY"


def test_ordering_twice_is_harmless_and_differently_is_refused(order):
    expires_at = datetime.now(UTC) + timedelta(minutes=15)
    assert order(expires_at=expires_at) != order(expires_at=expires_at)
    with pytest.raises(Refused) as caught:
        order(expires_at=expires_at, amount_fen=1)
    assert caught.value.code == "OUT_TRADE_NO_USED"


def test_no_such_order(pay):
    for ask in (pay.query, pay.close):
        with pytest.raises(Refused) as caught:
            ask("Z1234567")
        assert caught.value.code == "ORDER_NOT_EXIST"


def test_a_closed_order_cannot_be_paid(pay, world, ming, order):
    prepay_id = order()
    pay.close(NO)
    pay.close(NO)
    assert pay.query(NO).state == "CLOSED"
    assert world.pay(ming, prepay_id)["err_msg"].endswith(":fail")


@pytest.mark.parametrize("code", ["ORDERPAID", "ORDER_PAID", "TRADE_ERROR", "INVALID_REQUEST"])
def test_a_paid_order_cannot_be_closed_whatever_they_call_it(pay, world, ming, order, code):
    world.knobs.close_paid_code = code
    world.pay(ming, order())
    with pytest.raises(AlreadyPaid):
        pay.close(NO)
    assert pay.query(NO).state == "SUCCESS"


def test_a_refusal_to_close_that_has_another_reason_stays_one(pay, world, order):
    order()
    world.faults.add("/v3/pay/*/close", status=403, code="RULE_LIMIT")
    with pytest.raises(Refused) as caught:
        pay.close(NO)
    assert type(caught.value) is Refused
    assert caught.value.code == "RULE_LIMIT"


def test_closing_what_is_closed_is_done(pay, world, order):
    order()
    world.faults.add("/v3/pay/*/close", status=400, code="ORDER_CLOSED")
    pay.close(NO)


@pytest.mark.parametrize("number", [
    "A2|7xxx", "short", "../../x/y", "A27?mchid=1", "A27中文x", "x" * 33, "A27xxx\n", ""])
def test_a_number_that_would_spoil_the_path_is_refused_here(pay, world, order, number):
    for ask in (order, pay.query, pay.close):
        with pytest.raises(Refused) as caught:
            ask(number)
        assert caught.value.code == "PARAM_ERROR"
    assert not calls(world, "/v3/")


def test_long_words_are_cut_and_the_hour_is_chinas(pay, world, ming, order):
    order(description="饭" * 100, expires_at=NOW.replace(year=2030))
    (call,) = calls(world, "/jsapi")
    assert call["request"]["description"] == "饭" * 42
    assert call["request"]["time_expire"] == "2030-09-21T12:00:00+08:00"


def test_what_the_request_carries(pay, world, order):
    order()
    (call,) = calls(world, "/jsapi")
    assert call["headers"]["Wechatpay-Serial"] == credentials().public_key_id
    assert call["request"]["notify_url"] == NOTIFY
    assert call["request"]["amount"] == {"total": 1750, "currency": "CNY"}


# --- refunds


def test_a_refund_in_two_parts(pay, world, ming, order):
    world.knobs.refunds_apart_s = 0
    world.pay(ming, order())
    first = pay.refund("R82", out_trade_no=NO, refund_fen=1285, total_fen=1750,
                       reason="洒了" * 40, notify_url=NOTIFY)
    assert (first.state, first.refund_fen, first.total_fen, first.out_refund_no) == (
        "PROCESSING", 1285, 1750, "R82")
    assert first.success_at is None
    pay.refund("R83", out_trade_no=NO, refund_fen=465, total_fen=1750, reason="x",
               notify_url=NOTIFY)
    assert world.settle()
    told = pay.query_refund("R82")
    assert (told.state, told.refund_id, told.out_trade_no) == ("SUCCESS", first.refund_id, NO)
    assert told.success_at is not None
    assert pay.query(NO).state == "REFUND"
    assert pay.query(NO).is_paid


def test_the_same_refund_number_refunds_once(pay, world, ming, order):
    world.pay(ming, order())
    asked = {"out_trade_no": NO, "refund_fen": 100, "total_fen": 1750, "reason": "x",
             "notify_url": NOTIFY}
    assert pay.refund("R1", **asked).refund_id == pay.refund("R1", **asked).refund_id
    assert len(world.refunds) == 1
    with pytest.raises(Refused):
        pay.refund("R1", **{**asked, "refund_fen": 200})


def test_no_such_refund(pay):
    with pytest.raises(Refused) as caught:
        pay.query_refund("R404")
    assert caught.value.code == "RESOURCE_NOT_EXISTS"
    with pytest.raises(Refused) as caught:
        pay.query_refund("R/../x")
    assert caught.value.code == "PARAM_ERROR"


# --- trouble


@pytest.mark.parametrize("fault", [
    {"status": 500, "code": "SYSTEM_ERROR"}, {"status": 502}, {"status": 503},
    {"status": 429, "code": "FREQUENCY_LIMITED"}, {"status": 202, "body": "{}"},
    {"cut": True}, {"lose_answer": True},
])
def test_what_may_be_tried_again(pay, world, order, fault):
    world.faults.add("/v3/pay/transactions/jsapi", **fault)
    with pytest.raises(Unreachable) as caught:
        order()
    assert caught.value.perhaps_done
    order()


def test_our_clock_being_wrong_is_refused(world, order):
    late = WxPay(pay_settings(world), api_base=world.base_url,
                 now=lambda: datetime.now(UTC) - timedelta(minutes=6))
    with pytest.raises(Refused) as caught:
        late.query(NO)
    assert caught.value.code == "SIGN_ERROR"


def test_an_answer_from_another_time_or_hand_is_not_believed(pay, world, order):
    order()
    world.knobs.wire_skew_s = 400
    our_clock = iter([datetime.now(UTC) + timedelta(seconds=200), datetime.now(UTC)])
    ours = WxPay(pay_settings(world), api_base=world.base_url, now=lambda: next(our_clock))
    with pytest.raises(Unreachable, match="five minutes"):
        ours.query(NO)
    world.knobs.wire_skew_s = 0
    stranger = replace(pay_settings(world), public_key=_pem(OTHER_KEY))
    with pytest.raises(Unreachable, match="wrong signature"):
        WxPay(stranger, api_base=world.base_url).query(NO)
    assert pay.query(NO).state == "NOTPAY"


@pytest.mark.parametrize("script", [
    says(b"<html>", content_type="text/html"), says(b""), says(b"[1]"), says(b'{"prepay_id": 1}'),
    says(b"", 204), says(b"x" * (2 << 20)), says(b"", 302, Location="http://127.0.0.1:1/"),
    says(b"not json", 400), says(b'["x"]', 403), says(b"[" * 9999, 400), hangs_up,
])
def test_whatever_comes_back_only_a_gateway_error_leaves(world, script):
    with scripted(script) as told:
        pay = WxPay(pay_settings(world), api_base=told.base)
        for ask in (lambda: pay.query(NO), lambda: pay.close(NO), lambda: pay.query_refund("R1")):
            with pytest.raises(GatewayError):
                ask()


@pytest.mark.parametrize("changed", [
    {"private_key": "-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----"},
    {"public_key": "nonsense"}, {"api_v3_key": "short"},
])
def test_a_key_that_cannot_be_read_is_a_wrong_setting(world, changed):
    with pytest.raises(ConfigurationError, match="WECHAT_PAY_"):
        WxPay(replace(pay_settings(world), **changed), api_base=world.base_url)


def test_pay_sign_is_over_four_lines(world):
    params = WxPay(pay_settings(world), api_base=world.base_url).page_params(
        "wx2421b1c4370ec43b", "wx201410272009395522657a690389285100",
        now=datetime.fromtimestamp(1554208460, UTC), nonce="593BEC0C930BF1AFEB40B4A08C8FB242")
    assert {k: v for k, v in params.items() if k != "paySign"} == {
        "appId": "wx2421b1c4370ec43b", "timeStamp": "1554208460", "signType": "RSA",
        "nonceStr": "593BEC0C930BF1AFEB40B4A08C8FB242",
        "package": "prepay_id=wx201410272009395522657a690389285100"}
    merchant = serialization.load_pem_private_key(credentials().merchant_key.read_bytes(), None)
    merchant.public_key().verify(
        base64.b64decode(params["paySign"]),
        b"wx2421b1c4370ec43b\n1554208460\n593BEC0C930BF1AFEB40B4A08C8FB242\n"
        b"prepay_id=wx201410272009395522657a690389285100\n",
        padding.PKCS1v15(), hashes.SHA256())


def test_the_resource_cipher_is_wechat_pays():
    """The example of wechatpay-go's utils/aes_test.go."""
    assert aes_decrypt("wCq51qZv4Yfg", "FsdXzxryWfKwvLJKf8LG/ToRPTRh8RN9wROC",
                       "Dl56FrqWQJF1t9LtC3vEUsniZKvbqdR8", "testAPIv3Key0000") == "Hello World"


# --- notifications


class Desk:
    """WeChat Pay's side of a notification, made by hand."""

    def __init__(self):
        self.key = rsa.generate_private_key(65537, 2048)
        self.serial = "PUB_KEY_ID_0116"
        self.api_v3_key = "k" * 32
        self.pay = WxPay(PaySettings(
            mch_id="1900000001", api_v3_key=self.api_v3_key, cert_serial="AB",
            private_key=_private_pem(OTHER_KEY), public_key_id=self.serial,
            public_key=_pem(self.key)), api_base="http://127.0.0.1:1")

    def sealed(self, plain, *, event="TRANSACTION.SUCCESS", key=None, **resource):
        data = plain if isinstance(plain, bytes) else json.dumps(plain).encode()
        cipher = AESGCM((key or self.api_v3_key).encode()).encrypt(b"abcdefghijkl", data, b"x")
        return json.dumps({"id": "N1", "event_type": event, "resource_type": "encrypt-resource",
                           "resource": {"algorithm": "AEAD_AES_256_GCM", "nonce": "abcdefghijkl",
                                        "ciphertext": base64.b64encode(cipher).decode(),
                                        "associated_data": "x", **resource}}).encode()

    def signed(self, body, *, stamp=STAMP, key=None, **headers):
        told = b"%d\nn1\n%b\n" % (stamp, body)
        signature = (key or self.key).sign(told, padding.PKCS1v15(), hashes.SHA256())
        return {"Wechatpay-Timestamp": str(stamp), "Wechatpay-Nonce": "n1",
                "Wechatpay-Signature": base64.b64encode(signature).decode(),
                "Wechatpay-Serial": self.serial,
                "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048", **headers}

    def open(self, body, headers=None):
        return self.pay.open_notice(self.signed(body) if headers is None else headers, body,
                                    now=NOW)


def _pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def _private_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


DESK = Desk()
PAID = {"appid": "wx1", "mchid": "1900000001", "out_trade_no": NO, "transaction_id": "4200",
        "trade_state": "SUCCESS", "success_time": "2026-09-21T12:00:00+08:00", "attach": "",
        "payer": {"openid": "o1"}, "amount": {"total": 1750, "currency": "CNY"}}
REFUNDED = {"mchid": "1900000001", "out_trade_no": NO, "transaction_id": "4200",
            "out_refund_no": "R82", "refund_id": "5030", "refund_status": "SUCCESS",
            "success_time": "2026-09-21T12:00:00+08:00",
            "amount": {"total": 1750, "refund": 1285, "payer_total": 1750, "payer_refund": 1285}}


def test_a_payment_notice():
    notice = DESK.open(DESK.sealed(PAID))
    assert isinstance(notice, PaymentNotice)
    assert notice.notice_id == "N1"
    told = notice.transaction
    assert (told.state, told.out_trade_no, told.app_id, told.mch_id, told.transaction_id,
            told.amount_fen, told.payer_openid, told.success_at) == (
        "SUCCESS", NO, "wx1", "1900000001", "4200", 1750, "o1", NOW)


def test_a_refund_notice():
    notice = DESK.open(DESK.sealed(REFUNDED, event="REFUND.SUCCESS"))
    assert isinstance(notice, RefundNotice)
    assert notice.mch_id == "1900000001"
    assert (notice.refund.state, notice.refund.refund_fen, notice.refund.total_fen,
            notice.refund.success_at) == ("SUCCESS", 1285, 1750, NOW)
    stuck = {k: v for k, v in REFUNDED.items() if k != "success_time"} | {
        "refund_status": "ABNORMAL"}
    notice = DESK.open(DESK.sealed(stuck, event="REFUND.ABNORMAL"))
    assert (notice.refund.state, notice.refund.success_at) == ("ABNORMAL", None)


def test_the_simulators_own_notices_are_read(pay, world, ming, order):
    """The headers and bytes that the simulator sent; who has other keys cannot read them."""
    with scripted(says(b"", 204)) as told:
        world.pay(ming, order(notify_url=f"{told.base}/notify"))
        assert world.settle()
    (sent,) = [e for e in world.journal.entries(0) if e["kind"] == "notify"]
    body = json.dumps(sent["request"], ensure_ascii=False, separators=(",", ":")).encode()
    notice = pay.open_notice(sent["headers"], body, now=datetime.now(UTC))
    assert notice.transaction == pay.query(NO)
    with pytest.raises(BadNotice):
        DESK.pay.open_notice(sent["headers"], body, now=datetime.now(UTC))


def test_header_names_in_any_case_by_a_mapping_that_ignores_it():
    from werkzeug.datastructures import Headers
    body = DESK.sealed(PAID)
    lower = Headers({name.lower(): value for name, value in DESK.signed(body).items()})
    assert DESK.open(body, lower).transaction.out_trade_no == NO


def test_the_signature_type_may_be_left_out():
    body = DESK.sealed(PAID)
    headers = DESK.signed(body)
    del headers["Wechatpay-Signature-Type"]
    assert DESK.open(body, headers).transaction.is_paid


@pytest.mark.parametrize("changed", [
    {"Wechatpay-Signature": ""}, {"Wechatpay-Signature": "QUJD"},
    {"Wechatpay-Signature": "é\ud800"}, {"Wechatpay-Nonce": "n2"}, {"Wechatpay-Nonce": ""},
    {"Wechatpay-Timestamp": str(STAMP + 1)}, {"Wechatpay-Timestamp": ""},
    {"Wechatpay-Timestamp": "now"}, {"Wechatpay-Timestamp": "１"},
    {"Wechatpay-Serial": ""}, {"Wechatpay-Serial": "PUB_KEY_ID_0117"},
    {"Wechatpay-Serial": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"},
    {"Wechatpay-Signature-Type": "WECHATPAY2-SM2-WITH-SM3"},
])
def test_a_notice_whose_headers_are_wrong_is_refused(changed):
    body = DESK.sealed(PAID)
    with pytest.raises(BadNotice):
        DESK.open(body, DESK.signed(body) | changed)


def test_a_probe_fails_like_a_forgery():
    body = DESK.sealed(PAID)
    headers = DESK.signed(body)
    headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]
    with pytest.raises(BadNotice, match="signature"):
        DESK.open(body, headers)


def test_another_hand_another_body_and_another_hour_are_refused():
    body = DESK.sealed(PAID)
    with pytest.raises(BadNotice, match="signature"):
        DESK.open(body, DESK.signed(body, key=OTHER_KEY))
    with pytest.raises(BadNotice, match="signature"):
        DESK.open(body + b" ", DESK.signed(body))
    for age_s in (300, -300):
        assert DESK.open(body, DESK.signed(body, stamp=STAMP - age_s))
    for age_s in (301, -301, 3600):
        with pytest.raises(BadNotice, match="five minutes"):
            DESK.open(body, DESK.signed(body, stamp=STAMP - age_s))


def test_the_key_must_be_ours():
    with pytest.raises(BadNotice, match="decrypted"):
        DESK.open(DESK.sealed(PAID, key="z" * 32))


def without(told, name):
    return {k: v for k, v in told.items() if k != name}


@pytest.mark.parametrize("body", [
    b"", b"{}", b"[]", b"null", b"7", b"\xff", b"{", b"[" * 50_000, b'{"resource": 7}',
    DESK.sealed(b"not json"), DESK.sealed(b"\xff"), DESK.sealed(b"[]"), DESK.sealed(b"null"),
    DESK.sealed(PAID, ciphertext="!"), DESK.sealed(PAID, ciphertext="QUJD"),
    DESK.sealed(PAID, ciphertext=7), DESK.sealed(PAID, ciphertext=""),
    DESK.sealed(PAID, nonce="short"), DESK.sealed(PAID, nonce=None), DESK.sealed(PAID, nonce=[]),
    DESK.sealed(PAID, algorithm="ROT13"), DESK.sealed(PAID, associated_data="y"),
    DESK.sealed(PAID, associated_data={}), DESK.sealed(PAID, event="COUPON.USE"),
    DESK.sealed(PAID, event=""), DESK.sealed(PAID, event="REFUND.SUCCESS"),
    DESK.sealed(REFUNDED), DESK.sealed(without(PAID, "mchid")),
    DESK.sealed(without(PAID, "trade_state")), DESK.sealed(PAID | {"amount": {"total": "1750"}}),
    DESK.sealed(PAID | {"amount": {"total": 17.5}}), DESK.sealed(PAID | {"amount": [1]}),
    DESK.sealed(PAID | {"amount": {"total": True}}), DESK.sealed(PAID | {"payer": "o1"}),
    DESK.sealed(PAID | {"success_time": "soon"}), DESK.sealed(PAID | {"success_time": 7}),
    DESK.sealed(PAID | {"success_time": "0001-01-01T00:00:00+14:00"}),
    DESK.sealed(without(REFUNDED, "amount"), event="REFUND.SUCCESS"),
    DESK.sealed(without(REFUNDED, "refund_status"), event="REFUND.SUCCESS"),
], ids=range(39))
def test_malformed_notices_are_refused_though_signed(body):
    with pytest.raises(BadNotice):
        DESK.open(body)


def test_an_endless_notice_is_refused():
    body = DESK.sealed(PAID, padding="x" * 65536)
    with pytest.raises(BadNotice, match="bytes"):
        DESK.open(body)


@settings(deadline=None, max_examples=60)
@given(body=st.binary() | st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["id", "event_type", "resource", "resource_type", "algorithm", "nonce", "ciphertext"]),
        inner, max_size=7), max_leaves=9).map(lambda told: json.dumps(told).encode()))
def test_any_signed_bytes_are_a_bad_notice(body):
    with pytest.raises(BadNotice):
        DESK.open(body)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(list(DESK.signed(b""))), st.text(st.characters())))
def test_any_headers_are_a_bad_notice(headers):
    with pytest.raises(BadNotice):
        DESK.open(b"{}", headers)
