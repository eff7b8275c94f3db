"""代付: a roommate pays; each payer their own number and link, and nobody pays twice."""
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from config.settings import VAR
from handlers.payment import Recorded, RecordPayment, record_payment
from models.base import Sessions, utcnow
from models.order import Order
from models.payment import Payment, PaymentState, Refund
from tests.support.browser import put_away, small_page
from tests.support.payment import at_once, balances
from tests.support.simulator import credentials
from tests.transcripts.test_group_order import gathered

SHOTS = VAR / "screenshots"


def offered(chat) -> str:
    """小林 has a link to forward."""
    chat.stage.add("小周", "student", followed=False)
    chat.stage.add("小陈", "student", followed=False)
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        bot   order.confirmed  url=$own
        小林  〔让室友付〕
        bot   paying_for.forward  code=$c  payable=¥13.00  url=$d
    """)
    return chat.kept["$d"]


def take(chat, who: str, url: str) -> requests.Response:
    page = chat.stage.world.open(who, url)
    requests.get(page, timeout=10).raise_for_status()
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(page))
    return requests.post(f"{origin}{urlsplit(url).path}/take", timeout=10, headers={
        "Origin": origin, "Sec-Fetch-Site": "same-origin"})


def test_a_roommate_pays_and_the_buyer_eats(chat):
    url = offered(chat)
    page = requests.get(chat.stage.world.open("小周", url), timeout=10).text
    assert "¥13.00" in page
    assert "黄焖鸡米饭 微辣" in page
    assert "302" not in page.split("assets")[0]
    assert "302" not in page.partition("<main>")[2]
    chat.stage.pay("小周", take(chat, "小周", url).json()["url"])
    chat.play("""
        (work)
        card  小林  paid  ¥13.00
        小林  $c到哪了
        bot   status.under_way
        小林  $c代付
        bot   paying_for.not_now
        小林  取消$c
        小林  确定取消$c
        bot   cancel.refunding
        (2 min pass)
        (work)
    """)
    with Sessions() as session:
        payer, = session.scalars(select(Payment).filter_by(state=PaymentState.PAID))
        assert payer.payer.openid == chat.stage.openid("小周")
        assert session.scalars(select(Refund)).one().payment_id == payer.id
        assert sum(balances(session).values()) == 0
    assert take(chat, "小陈", url).status_code == 409


def test_a_reminder_does_not_close_the_sheet_of_whoever_is_paying(dorm):
    gathered(dorm)
    dorm.play("""
        (小林 pays)
        小周  $g代付
        bot   paying_for.forward  url=$d
    """)
    sheet = dorm.stage.open_sheet("小王", take(dorm, "小王", dorm.kept["$d"]).json()["url"])
    dorm.play("""
        (18 min pass)
        (work)
        push  小周  group.remind  payable=¥20.00
    """)
    assert dorm.stage.confirm("小王", sheet).endswith(":ok")
    dorm.stage.world.settle()
    with Sessions() as session:
        assert [p.is_surplus for p in session.scalars(
            select(Payment).filter_by(state=PaymentState.PAID))] == [False, False]


def test_looking_changes_nothing_and_taking_it_closes_the_older_link_first(chat):
    url = offered(chat)
    requests.get(chat.stage.world.open("小周", url), timeout=10)
    with Sessions() as session:
        assert [p.state for p in session.scalars(select(Payment))] == [PaymentState.OPEN]
    first = take(chat, "小周", url).json()["url"]
    second = take(chat, "小陈", url).json()["url"]
    assert len({first, second, chat.kept["$own"]}) == 3
    with Sessions() as session:
        rows = list(session.scalars(select(Payment).order_by(Payment.id)))
        assert [p.state for p in rows] == [PaymentState.CLOSED, PaymentState.CLOSED,
                                           PaymentState.OPEN]
        assert len({p.out_trade_no for p in rows}) == 3
    stranger = requests.post(f"{url}/take", timeout=10,
                             headers={"Sec-Fetch-Site": "same-origin"})
    assert stranger.status_code == 401
    assert requests.get(url[:-1] + "!", timeout=10).status_code == 404


def test_both_pay_and_the_later_money_goes_back(chat):
    url = offered(chat)
    numbers = []
    for who in ("小周", "小陈"):
        link = take(chat, who, url).json()["url"]
        numbers.append(link.rpartition("/")[2])
    with Sessions() as session:
        payments = [Payment.by_token(session, token) for token in numbers]
        news = [RecordPayment(
            p.out_trade_no, f"42{p.id:026d}", p.amount_fen, "CNY", p.payer.openid, p.app_id,
            credentials().mch_id, utcnow()) for p in payments]
    heard = [lambda session, told=told: record_payment(
        session, told, our_mch_id=credentials().mch_id, now=utcnow()) for told in news]
    assert sorted(at_once(*heard)) == [Recorded.COUNTED, Recorded.SURPLUS]
    with Sessions() as session:
        order = session.scalars(select(Order)).one()
        back = session.scalars(select(Refund)).one()
        assert back.payment.is_surplus
        assert back.amount_fen == order.payable_fen
        assert sum(balances(session).values()) == 0


def test_a_changed_order_is_not_paid_by_an_old_invitation(chat):
    url = offered(chat)
    chat.play("""
        小林  $c换大份
        bot   order.quoted
    """)
    assert "单子改过了" in requests.get(chat.stage.world.open("小周", url), timeout=10).text
    assert take(chat, "小周", url).status_code == 409


def test_a_draft_is_confirmed_by_it_and_a_share_of_a_group_may_be_paid_for(dorm):
    gathered(dorm)
    dorm.stage.add("路人", "student", followed=False)
    dorm.play("""
        小周  $g代付
        bot   paying_for.forward  payable=¥20.00  url=$d
        小王  $g代付
        bot   group.nothing_to_pay
    """)
    dorm.stage.pay("路人", take(dorm, "路人", dorm.kept["$d"]).json()["url"])
    dorm.stage.world.settle()
    dorm.play("""
        小周  $g进度
        bot   group.standing  你的 ¥20.00 付好了
        小王  来份黄焖鸡微辣 送12栋303
        bot   order.quoted  code=$w
        小王  $w代付
        bot   paying_for.forward  code=$w
    """)


@pytest.mark.browser
def test_a_roommate_says_yes_and_pays_on_two_pages(chat, chromium: Browser):
    page = small_page(chromium, chat.stage.world.open("小周", offered(chat)))
    expect(page.locator(".amount")).to_contain_text("¥13.00")
    expect(page.get_by_text("黄焖鸡米饭 微辣")).to_be_visible()
    page.screenshot(path=SHOTS / "paying-for.png")
    page.locator("button[data-post]").click()
    page.get_by_role("button", name="微信支付").click(no_wait_after=True)
    page.get_by_role("button", name="确认支付").click(no_wait_after=True)
    expect(page.locator("#standing")).to_contain_text("付好了")
    late = small_page(chromium, chat.stage.world.open("小陈", chat.kept["$d"]), scheme="dark")
    expect(late.locator("button[data-post]")).to_have_count(0)
    late.screenshot(path=SHOTS / "paying-for-late.png")
    chat.play("(work)\ncard  小林  paid  ¥13.00")
    put_away(page)
    put_away(late)
