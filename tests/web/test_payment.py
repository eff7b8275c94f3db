"""The pay page as a phone sees it, and WeChat Pay's news as it comes in."""
import json
import re
from datetime import timedelta
from threading import Barrier, Thread

import pytest
import requests

from gateways.wxpay import WxPay
from handlers.payment import refund_order, retire_payments
from models.base import Sessions, utcnow
from models.ledger import held_for
from models.order import Order
from models.payment import Payment, PaymentState, Refund, RefundState
from models.rules.order_state import OrderEvent, OrderState
from simulator import cashier, pay_crypto, platform_keys
from tests.support.payment import (
    House,
    a_campus,
    a_payment,
    a_person,
    an_order,
    balances,
    debts,
    revise,
)
from tests.support.simulator import credentials, pay_settings

APP, MCH = credentials().app_id, credentials().mch_id
PARAMS = {"appId", "timeStamp", "nonceStr", "package", "signType", "paySign"}
NOTIFY = "/wxpay/notify/payment"


@pytest.fixture
def payment(house: House) -> Payment:
    """小明's order of ¥17.50, confirmed just now, the link not opened yet."""
    with Sessions.begin() as session:
        a_campus(session, app_id=APP, secret=credentials().secret)
        buyer = a_person(session, house.world.phone("小明").openid, app_id=APP)
        payment = a_payment(session, an_order(session, buyer, now=utcnow()), now=utcnow(),
                            asked=False)
        assert payment.order  # loaded, for the tests to read
        return payment


def path(payment: Payment) -> str:
    return f"/p/{payment.token}"


def prepay(house: House, payment: Payment, **headers: str) -> requests.Response:
    house.visit("小明", path(payment))
    return house.send("小明", path(payment) + "/prepay", **headers)


def pay(house: House, payment: Payment) -> dict:
    params = prepay(house, payment).json()
    return house.world.pay("小明", params["package"].removeprefix("prepay_id="), params)


def the(payment: Payment) -> Payment:
    with Sessions.begin() as session:
        payment = session.get_one(Payment, payment.id)
        assert payment.order
        return payment


def words_of(page: requests.Response) -> str:
    text = re.sub(r"(?s)<head>.*?</head>|<[^>]+>", " ", page.text)
    return " ".join(text.split())


# The page

def test_the_page_shows_what_where_when_and_how_much(house, payment):
    page = house.visit("小明", path(payment))

    assert page.status_code == 200
    shown = words_of(page)
    for part in (f"阿香黄焖鸡 · {payment.order.code}", "合计 ¥17.50", "黄焖鸡米饭 微辣 ¥15.50",
                 "配送 ¥2.00", "送到 12栋 302", "预计送达", "微信支付", "付款有效"):
        assert part in shown
    assert re.search(r'id="left" role="timer">1[45]:\d\d<', page.text)


def test_the_page_is_small_and_needs_nothing_from_elsewhere(house, payment):
    page = house.visit("小明", path(payment))
    loaded = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text)
    sizes = [len(requests.get(house.url + name, timeout=5).content) for name in loaded]

    assert len(loaded) == 2
    assert len(page.content) + sum(sizes) < 30_000


def test_the_page_runs_no_script_but_ours_and_wechats(house, payment):
    page = house.visit("小明", path(payment))
    policy = requests.get(house.url + path(payment) + "x", timeout=5).headers[
        "Content-Security-Policy"]

    assert f"script-src 'self' {house.world.base_url};" in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style", page.text)
    assert f'src="{house.world.base_url}/sim/static/jweixin.js"' in page.text \
        or "/sim/static/jweixin.js" in page.text


def test_pages_are_kept_nowhere(house, payment):
    page = requests.get(house.url + path(payment), timeout=5, allow_redirects=False)

    assert page.headers["Cache-Control"] == "no-store"


def test_somebody_else_sees_nothing_of_the_order(house, payment):
    page = house.visit("小红", path(payment))

    assert page.status_code == 403
    for secret in (payment.order.code, "阿香", "17.50", "302", "12栋"):
        assert secret not in page.text
    assert house.send("小红", path(payment) + "/prepay").status_code == 403
    state = requests.get(house.world.open("小红", house.url + path(payment) + "/state"), timeout=5)
    assert (state.status_code, "state" in state.json()) == (403, False)
    assert the(payment).asked_at is None


@pytest.mark.parametrize("token", ["x" * 43, "short", "%00" * 20, "a/b", "x" * 3000, "%F0%9F%98"])
def test_an_unknown_link_is_404_before_anybody_is_asked_who_they_are(house, token):
    for call in (requests.get(f"{house.url}/p/{token}", timeout=5, allow_redirects=False),
                 requests.post(f"{house.url}/p/{token}/prepay", timeout=5),
                 requests.get(f"{house.url}/p/{token}/state", timeout=5)):
        assert call.status_code == 404


def test_whoever_pays_for_another_does_not_see_the_room(house, payment):
    with Sessions.begin() as session:
        order = Order.lock(session, payment.order_id)
        friend = a_person(session, house.world.phone("小红").openid, app_id=APP)
        for_friend = a_payment(session, order, friend, now=utcnow(), asked=False)
    page = house.visit("小红", path(for_friend))

    assert page.status_code == 200
    assert "12栋" in page.text
    assert "302" not in page.text


@pytest.mark.parametrize(("happens", "state", "words"), [
    (lambda s, o: o.apply(s, OrderEvent.CANCELLED, now=utcnow()), "cancelled", "已经取消"),
    (lambda s, o: o.apply(s, OrderEvent.EXPIRED, now=utcnow()), "expired", "付款时间过了"),
    (lambda s, o: revise(s, o, payable_fen=2050), "revised", "单子改过了"),
    (lambda s, o: retire_payments(s, o, now=utcnow()), "replaced", "有了新的付款链接"),
])
def test_a_link_that_is_no_longer_good_says_why_and_has_no_button(
        house, payment, happens, state, words):
    assert house.visit("小明", path(payment)).ok
    with Sessions.begin() as session:
        happens(session, Order.lock(session, payment.order_id))

    page = house.visit("小明", path(payment))
    assert page.status_code == 200
    assert words in words_of(page)
    assert "<button" not in page.text
    told = house.send("小明", path(payment) + "/prepay")
    assert (told.status_code, told.json()["state"]) == (409, state)
    assert words in told.json()["error"]
    assert house.world.orders == {}


def test_an_old_quote_shows_its_sum_and_not_the_new_lines(house, payment):
    assert house.visit("小明", path(payment)).ok
    with Sessions.begin() as session:
        revise(session, Order.lock(session, payment.order_id), payable_fen=2050)
    page = words_of(house.visit("小明", path(payment)))

    assert "¥17.50" in page
    assert "黄焖鸡米饭" not in page


# Before the sheet

def test_prepay_gives_what_the_sheet_wants_and_nothing_else(house, payment):
    params = prepay(house, payment).json()

    assert set(params) == PARAMS
    assert params["appId"] == APP
    assert params["signType"] == "RSA"
    order = house.world.orders[payment.out_trade_no]
    assert (order.total, order.openid) == (1750, house.world.phone("小明").openid)
    assert order.params["description"] == f"阿香黄焖鸡 · {payment.order.code}"
    assert order.params["notify_url"] == house.url + NOTIFY
    shown = cashier.pay_sheet(house.world, house.world.phone("小明"),
                              params["package"].removeprefix("prepay_id="), params)
    assert shown["amount_fen"] == 1750


def test_tapping_again_reuses_the_prepay_id(house, payment):
    first, again = (prepay(house, payment).json()["package"] for _ in range(2))

    assert first == again
    assert len(house.world.prepays) == 1


@pytest.mark.parametrize("fault", [{"status": 500}, {"cut": True}, {"lose_answer": True}])
def test_after_no_answer_the_same_number_is_tried_again(house, payment, fault):
    house.world.faults.add("/v3/pay/transactions/jsapi", **fault)
    failed = prepay(house, payment)
    assert failed.status_code == 503
    assert failed.json()["state"] == "open"
    assert "还没扣钱" in failed.json()["error"]
    assert the(payment).asked_at is not None  # WeChat may know of it

    assert set(prepay(house, payment).json()) == PARAMS
    assert list(house.world.orders) == [payment.out_trade_no]


def test_a_refusal_is_said_and_nothing_is_taken(house, payment):
    house.world.faults.add("/v3/pay/transactions/jsapi", status=403, code="NO_AUTH")
    refused = prepay(house, payment)

    assert refused.status_code == 502
    assert "还没扣钱" in refused.json()["error"]


def test_an_order_closed_at_wechat_pay_is_not_offered_again(house, payment):
    prepay(house, payment)
    house.world.orders[payment.out_trade_no].state = "CLOSED"
    with Sessions.begin() as session:
        session.get_one(Payment, payment.id).prepaid_at = utcnow() - timedelta(hours=3)
    told = prepay(house, payment)

    assert (told.status_code, told.json()["state"]) == (409, "replaced")
    assert the(payment).state == PaymentState.CLOSED


def test_money_found_at_prepay_is_asked_after(house, payment):
    house.world.faults.add("notify/transaction", 99, drop=True)
    pay(house, payment)
    with Sessions.begin() as session:
        session.get_one(Payment, payment.id).prepaid_at = utcnow() - timedelta(hours=3)
    told = prepay(house, payment)

    assert (told.status_code, told.json()["state"]) == (409, "paying")
    with Sessions.begin() as session:
        assert debts(session, "payment.check")[-1].due_at <= utcnow()


def test_a_link_retired_while_wechat_pay_was_thinking_gives_no_params(house, payment):
    house.visit("小明", path(payment))
    house.world.faults.add("/v3/pay/transactions/jsapi", delay_s=1.0)
    answers: list[requests.Response] = []
    asking = Thread(target=lambda: answers.append(
        house.send("小明", path(payment) + "/prepay")))
    asking.start()
    while the(payment).asked_at is None:
        pass
    with Sessions.begin() as session:  # would hang if the call stood inside a transaction
        retire_payments(session, Order.lock(session, payment.order_id), now=utcnow())
    assert asking.is_alive()
    asking.join()

    assert answers[0].status_code == 409
    assert set(answers[0].json()) == {"state", "error"}
    assert the(payment).state == PaymentState.CLOSING


@pytest.mark.parametrize("headers", [
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"}])
def test_another_sites_page_cannot_start_a_payment(house, payment, headers):
    with visitor_of(house, payment) as browser:
        refused = browser.post(house.url + path(payment) + "/prepay", headers=headers, timeout=5)
    assert refused.status_code == 403
    assert the(payment).asked_at is None


def test_another_origin_cannot_start_a_payment(house, payment):
    with visitor_of(house, payment) as browser:
        url = house.url + path(payment) + "/prepay"
        assert browser.post(url, headers={"Origin": "https://evil.test"},
                            timeout=5).status_code == 403
        assert the(payment).asked_at is None
        assert browser.post(url, headers={"Origin": house.url}, timeout=5).ok


def visitor_of(house: House, payment: Payment) -> requests.Session:
    """小明's browser without the phone around it: cookies after OAuth, headers of our choice."""
    browser = requests.Session()
    away = browser.get(house.url + path(payment), timeout=5, allow_redirects=False)
    back = browser.get(away.headers["Location"], timeout=5, allow_redirects=False,
                       headers={"X-Sim-Phone": house.world.phone("小明").id})
    assert browser.get(back.headers["Location"], timeout=5).ok
    return browser


def test_without_a_visit_nothing_is_told(house, payment):
    assert requests.post(house.url + path(payment) + "/prepay", timeout=5).status_code == 401
    assert requests.get(house.url + path(payment) + "/state", timeout=5).status_code == 401
    assert the(payment).asked_at is None


# Paid

def test_paying_pays_the_order_and_the_page_says_so(house, payment):
    assert pay(house, payment)["err_msg"] == cashier.OK
    assert house.world.settle()

    assert the(payment).order.state == OrderState.PAID
    state = requests.get(house.world.open("小明", house.url + path(payment) + "/state"), timeout=5)
    assert state.json() == {"state": "paid"}
    page = house.visit("小明", path(payment))
    assert "付好了" in words_of(page)
    assert "<button" not in page.text
    assert attempts(house) == [204]


def attempts(house: House) -> list[int]:
    """How our door answered WeChat Pay's news of this payment."""
    return [entry["status"] for entry in house.world.journal.entries()
            if entry["kind"] == "notify" and entry["url"].startswith(house.url)]


def test_notices_lost_repeated_and_out_of_order_end_in_one_payment(house, payment):
    house.world.faults.add("notify/transaction", drop=True)
    house.world.faults.add("notify/transaction", repeat=3, lose_answer=True)
    pay(house, payment)
    assert house.world.settle(ahead_s=1)

    assert the(payment).order.state == OrderState.PAID
    with Sessions.begin() as session:
        assert balances(session) == {"wechat": 1750, held_for(payment.order_id): -1750}
        assert [d.payload["template"] for d in debts(session, "notice")] == [
            "paid", "merchant_order", None]  # the last: the ring that a kitchen may need


@pytest.mark.parametrize("fault", [{"forge": True}, {"signtest": True},
                                   {"change": {"amount.total": 1}},
                                   {"change": {"payer.openid": "o-nobody"}},
                                   {"change": {"appid": "wx0000000000000000"}},
                                   {"change": {"mchid": "1900000000"}},
                                   {"change": {"out_trade_no": "P0000000000"}},
                                   {"change": {"trade_state": "NOTPAY"}},
                                   {"change": {"amount": "much"}},
                                   {"change": {"success_time": "yesterday"}}])
def test_a_false_notice_is_refused_and_the_true_one_counts(house, payment, fault):
    house.world.faults.add("notify/transaction", **fault)
    pay(house, payment)
    assert house.world.settle(ahead_s=1)

    first, *_, last = attempts(house)
    assert 400 <= first < 500
    assert last == 204
    assert the(payment).order.state == OrderState.PAID
    with Sessions.begin() as session:
        assert balances(session) == {"wechat": 1750, held_for(payment.order_id): -1750}


def test_money_after_closing_goes_back_and_is_told_once(house, payment):
    params = prepay(house, payment).json()
    with Sessions.begin() as session:
        order = Order.lock(session, payment.order_id)
        order.apply(session, OrderEvent.EXPIRED, now=utcnow())
    house.world.pay("小明", params["package"].removeprefix("prepay_id="), params)
    assert house.world.settle(ahead_s=1)

    assert the(payment).is_surplus
    assert "原路退给你" in words_of(house.visit("小明", path(payment)))
    with Sessions.begin() as session:
        refund, = Refund.of_payment(session, payment.id)
        assert (refund.amount_fen, refund.reason) == (1750, "late")


def test_refund_news_is_believed_once_committed(house, payment):
    pay(house, payment)
    assert house.world.settle(ahead_s=1)
    with Sessions.begin() as session:
        order = Order.lock(session, payment.order_id)
        order.apply(session, OrderEvent.CANCELLED, now=utcnow())
        refund = refund_order(session, order, "cancelled", now=utcnow())
    house.world.faults.add("notify/refund", change={"amount.refund": 1}, repeat=1)
    WxPay(pay_settings(house.world), api_base=house.world.base_url).refund(
        refund.out_refund_no, out_trade_no=payment.out_trade_no, refund_fen=1750,
        total_fen=1750, reason="test", notify_url=house.url + "/wxpay/notify/refund")
    assert house.world.settle(ahead_s=1)

    assert attempts(house) == [204, 400, 400, 204]
    with Sessions.begin() as session:
        assert session.get_one(Refund, refund.id).state == RefundState.SUCCEEDED
        assert balances(session) == {}


# Whatever a stranger sends

def signed(house: House, body: str, **other: str) -> dict[str, str]:
    return platform_keys.signature_headers(house.world, body) | other


def test_a_notice_older_than_five_minutes_is_refused(house, payment):
    house.world.knobs.wire_skew_s = -301
    body = "{}"
    assert requests.post(house.url + NOTIFY, data=body, timeout=5,
                         headers=signed(house, body)).status_code == 401


STRANGE = ["", "{}", "null", "[]", "\x00", "{" * 5000, '{"resource": 1}', "a" * 70_000,
           '{"id": "x", "event_type": "TRANSACTION.SUCCESS"}']


@pytest.mark.parametrize("kind", ["payment", "refund"])
def test_nothing_a_stranger_sends_is_a_5xx(house, kind):
    for body in STRANGE:
        for headers in (signed(house, body), {"Wechatpay-Timestamp": "x"}, {}):
            answer = requests.post(f"{house.url}/wxpay/notify/{kind}", data=body.encode(),
                                   timeout=5, headers=headers)
            assert 400 <= answer.status_code < 500, (body[:50], headers)
            assert answer.json()["code"] == "FAIL"


def test_a_body_of_more_than_64_kb_is_cut_off(house, payment):
    answer = requests.post(house.url + NOTIFY, data=b"x" * (64 * 1024 + 1), timeout=5)
    assert answer.status_code == 413


def test_a_well_signed_notice_about_nothing_known_is_refused(house, payment):
    told = json.dumps({"mchid": MCH, "appid": APP, "out_trade_no": "P00000000", "attach": "",
                       "trade_state": "SUCCESS", "transaction_id": "42",
                       "amount": {"total": 1}, "payer": {"openid": "o"}})
    ciphertext, nonce = pay_crypto.seal(told, credentials().api_v3_key, "transaction")
    body = json.dumps({"id": "1", "event_type": "TRANSACTION.SUCCESS",
                       "resource_type": "encrypt-resource", "resource": {
                           "original_type": "transaction", "algorithm": "AEAD_AES_256_GCM",
                           "ciphertext": ciphertext, "associated_data": "transaction",
                           "nonce": nonce}})
    answer = requests.post(house.url + NOTIFY, data=body, headers=signed(house, body), timeout=5)

    assert answer.status_code == 404


def test_the_same_notice_eight_times_at_once_is_one_payment(house, payment):
    house.world.faults.add("notify/transaction", 99, drop=True)
    pay(house, payment)
    order = house.world.orders[payment.out_trade_no]
    told = json.dumps(cashier.transaction(house.world, order), ensure_ascii=False)
    ciphertext, nonce = pay_crypto.seal(told, credentials().api_v3_key, "transaction")
    body = json.dumps({"id": "1", "event_type": "TRANSACTION.SUCCESS",
                       "resource_type": "encrypt-resource", "resource": {
                           "original_type": "transaction", "algorithm": "AEAD_AES_256_GCM",
                           "ciphertext": ciphertext, "associated_data": "transaction",
                           "nonce": nonce}})
    barrier, answers = Barrier(8), []

    def send() -> None:
        barrier.wait(10)
        answers.append(requests.post(house.url + NOTIFY, data=body, timeout=10,
                                     headers=signed(house, body)).status_code)

    senders = [Thread(target=send) for _ in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert answers == [204] * 8
    with Sessions.begin() as session:
        assert balances(session) == {"wechat": 1750, held_for(payment.order_id): -1750}
