"""Certificate mode: downloads, rotation, and the public key beside them while migrating."""
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug.serving import make_server

from gateways.errors import Unreachable
from gateways.wxpay import BadNotice, WxPay
from gateways.wxpay_keys import PlatformKeys
from simulator import cashier, pay_crypto, platform_keys
from tests.support.simulator import credentials, pay_settings, running_simulator

NO = "A27x0001"
CERTIFICATES = "/v3/certificates"


def utcnow():
    return datetime.now(UTC)


@dataclass
class Ear:
    """Where notices arrive: (headers, body), as they came."""

    url: str = ""
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Any) -> list[bytes]:
        headers = {name[5:].replace("_", "-").title(): value
                   for name, value in environ.items() if name.startswith("HTTP_")}
        self.heard.append((headers, environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))))
        start("204 No Content", [])
        return []


@contextmanager
def listening() -> Iterator[Ear]:
    ear = Ear()
    server = make_server("127.0.0.1", 0, ear, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    ear.url = f"http://127.0.0.1:{server.server_port}/n"
    try:
        yield ear
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def around():
    """(world, ear): one WeChat Pay of a merchant with certificates, for all of these."""
    with running_simulator(public_key_share=0.0) as world, listening() as ear:
        world.add_phone("小明")
        yield world, ear


@pytest.fixture
def world(around):
    world, ear = around
    world.faults.clear()
    world.settle()
    ear.heard.clear()
    world.journal.clear()
    world.orders.clear()
    world.knobs.public_key_share = 0.0
    return world


@pytest.fixture
def ear(around):
    return around[1]


def certificate_mode(world):
    settings = replace(pay_settings(world), public_key=None, public_key_id=None)
    return WxPay(settings, api_base=world.base_url, now=utcnow)


@pytest.fixture
def pay(world):
    return certificate_mode(world)


def keys_of(pay):
    """Keys that ask by the real clock, whatever `now` they are told."""
    return PlatformKeys(None, None, credentials().api_v3_key,
                        lambda: pay._core.request(CERTIFICATES, skip_verify=True))


def notice(world, pay, ear, number=NO):
    """Order, pay, and what WeChat Pay said of it."""
    phone = world.phone("小明")
    prepay_id = pay.prepay(number, app_id=credentials().app_id, openid=phone.openid,
                           amount_fen=1750, description="黄焖鸡", notify_url=ear.url,
                           expires_at=utcnow() + timedelta(minutes=15))
    count = len(ear.heard)
    assert world.pay(phone, prepay_id)["err_msg"] == cashier.OK
    assert world.settle()
    return ear.heard[count]


def downloads(world):
    return len(world.journal.calls(CERTIFICATES))


def test_one_download_serves_answers_and_notices(world, pay, ear):
    headers, body = notice(world, pay, ear)

    assert headers["Wechatpay-Serial"] == platform_keys.valid(world)[-1].serial
    assert pay.open_notice(headers, body, now=utcnow()).transaction.is_paid
    assert downloads(world) == 1


def test_a_process_that_only_hears_notices_learns_the_keys_by_itself(world, pay, ear):
    headers, body = notice(world, pay, ear)
    other = certificate_mode(world)

    assert other.open_notice(headers, body, now=utcnow()).transaction.is_paid


def test_rotation_before_and_after(world, pay, ear):
    """Old and new are believed at the same time; a serial never seen is asked for."""
    old = notice(world, pay, ear, "A27x0001")
    platform_keys.rotate(world)
    new = notice(world, pay, ear, "A27x0002")  # its prepay's answer was signed by the new one

    assert old[0]["Wechatpay-Serial"] != new[0]["Wechatpay-Serial"]
    for headers, body in (old, new):
        assert pay.open_notice(headers, body, now=utcnow()).transaction.is_paid
    assert pay.query("A27x0001").is_paid


def test_what_is_known_is_asked_for_again_within_twelve_hours(world, pay):
    keys, now = keys_of(pay), utcnow()
    keys.key_of("00", now=now, is_answer=False)
    known = {c.serial_number for c in keys.known(now=now)}
    serial = int(platform_keys.rotate(world, used_in_s=3600), 16)
    assert serial not in known
    now += timedelta(hours=11, minutes=59)
    keys.key_of(f"{max(known):X}", now=now, is_answer=False)

    assert serial in {c.serial_number for c in keys.known(now=now)}


def test_while_migrating_both_kinds_are_believed(world, ear):
    """With the public key configured, notices by certificate still come for a week."""
    world.knobs.public_key_share = 0.5
    pay = WxPay(pay_settings(world), api_base=world.base_url)
    serials = set()
    for number in range(12):
        headers, body = notice(world, pay, ear, f"A27x{number:04}")
        serials.add(headers["Wechatpay-Serial"])
        assert pay.open_notice(headers, body, now=utcnow()).transaction.is_paid

    assert credentials().public_key_id in serials
    assert len(serials) == 2
    assert downloads(world) == 1


def test_a_notice_by_a_key_of_nobody(world, pay, ear):
    headers, body = notice(world, pay, ear)
    before = downloads(world)
    for serial in ("", "x" * 40, "AB" * 20, "F" * 65, credentials().public_key_id):
        with pytest.raises(BadNotice):
            pay.open_notice(headers | {"Wechatpay-Serial": serial}, body, now=utcnow())
    assert downloads(world) - before <= 1


def test_strangers_make_us_ask_once_a_minute(world):
    now = utcnow()
    pay = certificate_mode(world)
    keys = keys_of(pay)
    for _ in range(20):
        assert keys.key_of("AB" * 20, now=now, is_answer=False) is None
    assert downloads(world) == 1
    keys.key_of("AB" * 20, now=now + timedelta(seconds=61), is_answer=False)
    assert downloads(world) == 2
    keys.key_of("AB" * 20, now=now + timedelta(seconds=62), is_answer=True)
    assert downloads(world) == 3


def test_known_keys_outlive_a_wechat_pay_that_is_away(world, pay, ear):
    headers, body = notice(world, pay, ear)
    world.faults.add(CERTIFICATES, times=None, status=500, code="SYSTEM_ERROR")
    later = utcnow() + timedelta(hours=7)

    assert pay._core.keys.key_of(headers["Wechatpay-Serial"], now=later, is_answer=False)
    with pytest.raises(Unreachable):
        pay.fetch_certificates()
    assert pay.open_notice(headers, body, now=utcnow()).transaction.is_paid


def test_an_expired_certificate_is_no_key(world, pay, ear):
    headers, _ = notice(world, pay, ear)
    keys = pay._core.keys

    late = utcnow() + timedelta(days=6 * 365)
    assert keys.key_of(headers["Wechatpay-Serial"], now=late, is_answer=False) is None
    assert pay.fetch_certificates() < utcnow() + timedelta(days=6 * 365)


@pytest.mark.parametrize("body", [
    "", "[]", "{}", '{"data": 1}', '{"data": [7]}', '{"data": [{"encrypt_certificate": {}}]}',
    '{"data": [{"encrypt_certificate": {"nonce": "abcdefghijkl", "ciphertext": "AAAA",'
    ' "associated_data": "certificate"}}]}', '{"data": []}', "[" * 9999])
def test_what_is_no_list_of_certificates(body):
    keys = PlatformKeys(None, None, "k" * 32, lambda: (200, body))

    with pytest.raises(Unreachable):
        keys.refresh(now=utcnow())
    assert keys.key_of("AB", now=utcnow(), is_answer=False) is None


def test_a_certificate_sealed_by_somebody_else_is_not_believed(world):
    """Only who knows our APIv3 key can have made it."""
    status, body = certificate_mode(world)._core.request(CERTIFICATES, skip_verify=True)
    stranger = PlatformKeys(None, None, "x" * 32, lambda: (status, body))

    with pytest.raises(Unreachable):
        stranger.refresh(now=utcnow())


def test_many_threads_ask_once(world):
    platform_keys.rotate(world)
    serial = platform_keys.valid(world)[-1].serial
    world.faults.add(CERTIFICATES, delay_s=0.2)
    keys, gate, found = certificate_mode(world)._core.keys, threading.Barrier(8), []

    def one():
        gate.wait(5)
        found.append(keys.key_of(serial, now=utcnow(), is_answer=False))
    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(found)
    assert len(found) == 8
    assert downloads(world) == 1


def test_sealed_fields_name_the_certificate_they_are_sealed_for(world, pay):
    rider = world.phone("小明")
    status, _ = pay._client.mch_transfer_bills(
        "T0001", "1005", rider.openid, 200_000, "配送费", user_name="李哲",
        appid=credentials().app_id, notify_url="http://127.0.0.1:9/n", transfer_scene_report_infos=[
            {"info_type": "岗位类型", "info_content": "校园骑手"},
            {"info_type": "报酬说明", "info_content": "配送费"}])

    assert status == 200
    sealed = world.transfers["T0001"].params["user_name"]
    serial = platform_keys.valid(world)[-1].serial
    assert platform_keys.unsealed(world, serial, sealed) == "李哲"


def test_a_merchant_with_a_public_key_only_has_no_certificates(world):
    world.knobs.public_key_share = 1.0
    pay = WxPay(pay_settings(world), api_base=world.base_url)

    with pytest.raises(Unreachable):
        pay.fetch_certificates()


def test_a_signature_of_the_right_key_over_something_else(world, pay, ear):
    headers, body = notice(world, pay, ear)
    signer = platform_keys.valid(world)[-1]
    forged = pay_crypto.sign(pay_crypto.loaded_key(signer.key_pem), "another text")

    with pytest.raises(BadNotice):
        pay.open_notice(headers | {"Wechatpay-Signature": forged}, body, now=utcnow())
