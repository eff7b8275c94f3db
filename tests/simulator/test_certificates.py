"""Platform certificates: downloaded, rotated, and mixed with the public key while migrating."""
import pytest
import requests
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3 import core as wechatpayv3_core

from simulator import platform_keys
from tests.simulator.merchant import made, order, paid


@pytest.fixture
def old_merchant(world, receiver, monkeypatch):
    """wechatpayv3 in certificate mode: it asks for certificates while it is being made."""
    world.knobs.public_key_share = 0.0
    c = world.credentials
    real = requests.get
    monkeypatch.setattr(wechatpayv3_core.requests, "get", lambda url, **how: real(
        url.replace("https://api.mch.weixin.qq.com", world.base_url), **how))
    pay = WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI, mchid=c.mch_id, cert_serial_no=c.cert_serial,
        private_key=c.merchant_key.read_text(), apiv3_key=c.api_v3_key, appid=c.app_id,
        notify_url=receiver.notify_url)
    pay._core._gate_way = world.base_url
    return pay


def downloads(world):
    return len(world.journal.calls("/v3/certificates"))


def test_answers_and_notices_by_certificate(world, old_merchant, receiver, lin):
    paid(world, old_merchant, lin)

    serial = platform_keys.valid(world)[0].serial
    assert receiver.notices[0][0]["Wechatpay-Serial"] == serial
    assert old_merchant.callback(*receiver.notices[0])["event_type"] == "TRANSACTION.SUCCESS"
    assert downloads(world) == 1


def test_a_new_certificate_is_there_before_it_is_used(world, old_merchant, lin):
    first = platform_keys.valid(world)[0].serial
    second = platform_keys.rotate(world, used_in_s=3600)
    told = made(old_merchant._core.request("/v3/certificates"))[1]["data"]
    assert [c["serial_no"] for c in told] == [second, first]

    def signer():
        return platform_keys.signature_headers(world, "")["Wechatpay-Serial"]

    assert signer() == first
    world.advance(3601)
    assert signer() == second
    assert order(old_merchant, lin)[0] == 200


def test_a_merchant_may_ask_for_the_key_it_knows(world, old_merchant):
    """Wechatpay-Serial in the request chooses between the old and the new certificate."""
    first = platform_keys.valid(world)[0].serial
    second = platform_keys.rotate(world)

    assert platform_keys.signature_headers(world, "", asked=first)["Wechatpay-Serial"] == first
    assert platform_keys.signature_headers(world, "")["Wechatpay-Serial"] == second


def test_both_kinds_while_migrating(world, receiver, merchant, lin):
    world.knobs.public_key_share = 0.5
    for number in range(12):
        paid(world, merchant, lin, f"ORDER{number:04}")

    serials = {headers["Wechatpay-Serial"] for headers, _ in receiver.notices}
    assert world.credentials.public_key_id in serials
    assert len(serials) == 2


def test_certificates_expire_and_are_kept_across_a_restart(world):
    serial = platform_keys.rotate(world)

    assert platform_keys.is_known(world, serial)
    world.advance(6 * 365 * 86400)
    assert not platform_keys.is_known(world, serial)
