"""What a day has earned, and how it gets into wallets."""
import re

import pytest
import requests
from click.testing import CliRunner
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from cli.payouts import payouts
from config import settings
from models.base import Sessions, utcnow
from models.outbox import Outbox
from models.payout import Payout
from models.rider import Rider
from tests.support.browser import put_away, small_page
from tests.support.payment import at_once, balances
from tests.transcripts.stories import AT_THE_DOOR
from tests.transcripts.test_first_lunch import pin_of

SHOTS = settings.VAR / "screenshots"
TRANSFERS = "/v3/fund-app/mch-transfer/transfer-bills"


@pytest.fixture
def delivered(chat):
    """A lunch at noon, handed over; 阿哲 has earned ¥1.60 and 阿香 ¥16.00."""
    chat.stage.wait_until(12, 0)
    chat.play(AT_THE_DOOR)
    chat.play(f"阿哲  {pin_of(chat, '小林')}\nbot  rider.delivered")
    chat.stage.pump()
    for who in ("小林", "阿香", "阿哲"):
        chat._read(who)
        chat._unread[who] = []
    return chat


def booked(kind):
    with Sessions() as session:
        return sum(fen for account, fen in balances(session).items()
                   if account.partition(":")[0] == kind)


def newest():
    with Sessions() as session:
        return session.scalars(select(Payout).order_by(Payout.id.desc()).limit(1)).one()


def take(chat, who="阿哲"):
    """Open the newest link to a payout and confirm what WeChat asks; what the page hears."""
    return confirm(chat, who, asked_of(open_page(chat, who)))


def asked_of(page):
    return {name: re.search(rf'data-{key}="([^"]+)"', page)[1]
            for name, key in (("mchId", "mch"), ("appId", "app"), ("package", "package"))}


def confirm(chat, who, asked):
    chat.stage.world.knobs.transfer_takes_s = 0
    told = chat.stage.world.receive(who, asked)["err_msg"]
    chat.stage.world.settle()
    chat._read(who)  # WeChat's own word that money came is no word of ours
    chat._unread[who] = [event for event in chat._unread[who] if event["type"] != "notice"]
    return told.rpartition(":")[2]


def open_page(chat, who="阿哲"):
    return requests.get(address(chat, who), timeout=10).text


def address(chat, who="阿哲"):
    """Where `who`'s phone opens the newest link that 阿哲 was sent."""
    url = re.findall(r'href="([^"]+/r/[^"]+)"', "".join(chat._shown["阿哲"]))[-1]
    return chat.stage.world.open(who, url)


CLOSE = """
    (it is 22:30)
    (work)
    (work)
    push  阿香  payout.shop_day  count=1  sold=¥16.00  cut=¥0.00  total=¥16.00  $c
    push  阿哲  payout.rider_day  count=1  total=¥1.60  $c
    push  阿哲  payout.waiting  amount=¥1.60
"""


def test_the_day_is_closed_and_the_rider_takes_the_money(delivered):
    chat = delivered
    chat.play(CLOSE)
    assert booked("payout") == -160
    assert "收进零钱" in open_page(chat)
    assert take(chat) == "ok"
    chat.play("""
        (work)
        push  阿哲  payout.paid  amount=¥1.60
        (24 h pass)
        (work)
        quiet 阿哲
    """)

    assert newest().state == "paid"
    assert booked("rider") == booked("payout") == 0
    transfer, = chat.stage.world.transfers.values()
    assert (transfer.amount, transfer.params["transfer_scene_id"]) == (160, "1005")
    assert "已经进你的零钱" in open_page(chat)


def test_what_nobody_took_in_a_day_is_the_riders_as_before(delivered):
    chat = delivered
    chat.play("""
        阿哲  提现
        (work)
        push  阿哲  payout.waiting
        (it is 22:30)
        (work)
        (work)
        push  阿哲  payout.rider_day  收进零钱
        (it is 12:30)
        (work)
        push  阿哲  payout.failed  amount=¥1.60
    """)
    assert newest().state == "failed"
    assert (booked("rider"), booked("payout")) == (-160, 0)
    chat.play("""
        阿哲  〔提现〕
        bot   payout.begun  amount=¥1.60
        (work)
        push  阿哲  payout.waiting  amount=¥1.60
    """)
    assert take(chat) == "ok"
    chat.play("(work)\npush  阿哲  payout.paid")
    assert len(chat.stage.world.transfers) == 2


def test_money_is_had_before_the_day_is_over(delivered):
    delivered.play("""
        阿哲  今天赚了多少
        bot   payout.rider_day  count=1  left=¥1.60
        阿哲  提现
        bot   payout.begun  amount=¥1.60
        (work)
        push  阿哲  payout.waiting
        阿哲  提现
        bot   payout.waiting  amount=¥1.60
        阿哲  账单
        bot   payout.rider_day  left=¥0.00  收进零钱
    """)
    assert take(delivered) == "ok"
    delivered.play("""
        (work)
        push  阿哲  payout.paid
        阿哲  提现
        bot   payout.too_little
    """)


def test_the_cook_sees_commission(delivered, demo_campus):
    chat = delivered
    demo_campus["fees"]["commission_percent"] = 6
    chat.stage.load(demo_campus)
    chat.play(AT_THE_DOOR.replace("bot   rider.online", "").replace("$c", "$d"))
    chat.play(f"阿哲  {pin_of(chat, '小林')}")
    chat.play("""
        阿香  今天账单
        bot   payout.shop_day  count=2  sold=¥32.00  cut=¥0.96  total=¥31.04
    """)


def test_who_earns_nothing_is_understood_as_before(chat):
    chat.play("小林  帮助")
    said = chat.stage.says("小林", "账单")
    assert "单 ¥" not in said


@pytest.mark.parametrize("fault", [{"status": 500}, {"cut": True}, {"lose_answer": True},
                                   {"status": 403, "code": "NOT_ENOUGH"}])
def test_a_transfer_without_a_clear_answer_is_sent_once(delivered, fault):
    delivered.stage.world.faults.add(TRANSFERS, **fault)
    delivered.play("""
        阿哲  提现
        bot   payout.begun
        (work)
        (11 s pass)
        (work)
        push  阿哲  payout.waiting  amount=¥1.60
    """)
    assert len(delivered.stage.world.transfers) == 1
    assert take(delivered) == "ok"


def test_a_refused_transfer_leaves_the_money_with_the_rider(delivered):
    delivered.stage.world.faults.add(TRANSFERS, status=403, code="NO_AUTH")
    delivered.play("""
        阿哲  提现
        bot   payout.begun
        (work)
        (work)
        push  阿哲  payout.failed  amount=¥1.60
        阿哲  提现
        (work)
        push  阿哲  payout.waiting
    """)
    assert (booked("rider"), booked("payout")) == (0, -160)


@pytest.mark.parametrize("trouble", [{"drop": True, "times": 99}, {"repeat": 3},
                                     {"forge": True}, {"change": {"transfer_amount": 1}},
                                     {"change": {"mch_id": "1900000000"}}],
                         ids=lambda trouble: next(iter(trouble)))
def test_whatever_becomes_of_the_news_it_is_paid_once(delivered, trouble):
    times = trouble.pop("times", 1)
    delivered.play("阿哲  提现\n(work)\npush  阿哲  payout.waiting")
    delivered.stage.world.faults.add("notify/transfer", times, **trouble)
    assert take(delivered) == "ok"
    delivered.play("""
        (1 min pass)
        (work)
        push  阿哲  payout.paid
        (10 min pass)
        (work)
        quiet 阿哲
    """)
    assert booked("rider") == booked("payout") == 0
    assert booked("wechat") == 1300 - 160


def test_a_transfer_that_wechat_pay_fails_is_the_riders_again(delivered):
    delivered.play("阿哲  提现\n(work)\npush  阿哲  payout.waiting")
    delivered.stage.world.faults.add("transfer", outcome="FAIL", code="PAYEE_ACCOUNT_ABNORMAL")
    take(delivered)
    delivered.play("(work)\npush  阿哲  payout.failed")
    assert (booked("rider"), booked("payout")) == (-160, 0)


def test_somebody_elses_link_shows_and_pays_nothing(delivered):
    delivered.play("阿哲  提现\n(work)\npush  阿哲  payout.waiting")
    assert "1.60" not in open_page(delivered, "小林")
    with pytest.raises(TypeError):  # no package on the page
        take(delivered, "小林")


def test_two_wishes_at_once_make_one_payout(delivered):
    from handlers.payout import pay_out

    with Sessions() as session:
        rider_id = session.scalars(select(Rider.id)).one()
    made = at_once(*[lambda session: pay_out(session, rider_id, now=utcnow()).id] * 6)
    assert len(set(made)) == 1
    assert (booked("rider"), booked("payout")) == (0, -160)


def test_waiting_at_the_shop_is_paid_and_shown(chat):
    chat.stage.wait_until(12, 0)
    story = AT_THE_DOOR.replace("bot   rider.at_shop", "bot   rider.at_shop\n    (10 min pass)")
    chat.play(story)
    chat.play(f"""
        阿哲  {pin_of(chat, "小林")}
        bot   rider.delivered  fee=¥1.60+等待¥0.50=¥2.10  earned=¥2.10
        阿哲  账单
        bot   payout.rider_day  count=1  total=¥2.10  等待¥0.50
    """)
    assert (booked("rider"), booked("platform")) == (-210, 10)


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")

    def once(*arguments):
        return CliRunner().invoke(payouts, list(arguments))
    yield once
    settings.load.cache_clear()


def test_a_shop_is_paid_from_our_bank_and_booked_once(delivered, run):
    stated = run("shops").stdout
    assert re.search(r"as01 +1 orders  sold +¥16.00  commission +¥0.00  earned +¥16.00  "
                     r"owed +¥16.00  阿香黄焖鸡米饭", stated)
    assert "as01,阿香黄焖鸡米饭,A1," in run("shops", "--csv").stdout
    assert run("paid", "as01", "16.01", "--ref", "B1").exit_code == 1
    assert run("paid", "as01", "10.00", "--ref", "B1").exit_code == 0
    assert "booked before" in run("paid", "as01", "10.00", "--ref", "B1").stdout
    assert run("paid", "as01", "x", "--ref", "B2").exit_code == 2
    assert (booked("shop"), booked("bank")) == (-600, -1000)


def test_transfers_are_reconciled_too(delivered, run):
    from cli.reconcile import reconcile

    delivered.play("阿哲  提现\n(work)\npush  阿哲  payout.waiting")
    take(delivered)
    delivered.play("(work)")
    day = str(utcnow().astimezone().date())
    delivered.stage.wait_until(11, 0)
    told = CliRunner().invoke(reconcile, ["--date", day])
    assert (told.exit_code, told.stdout.count("2 movements compared")) == (0, 1), told.output
    with Sessions.begin() as session:
        payout = session.scalars(select(Payout)).one()
        payout.amount_fen += 1
    told = CliRunner().invoke(reconcile, ["--date", day])
    assert re.search(r"transfer +T\w+ +another amount +ours +-1.61 +WeChat's +-1.60", told.stdout)
    assert "1.60" in run("list").stdout or "1.61" in run("list").stdout


@pytest.mark.browser
def test_the_rider_takes_the_money_on_a_small_phone(delivered, chromium: Browser):
    delivered.stage.world.knobs.transfer_takes_s = 0
    delivered.play("""
        阿哲  提现
        (work)
        push  阿哲  payout.waiting
    """)
    page = small_page(chromium, address(delivered))
    expect(page.locator(".amount")).to_have_text("¥1.60")
    button = page.get_by_role("button", name="收进零钱")
    button.click()
    page.locator("[data-transfer-sheet]").wait_for()
    page.screenshot(path=SHOTS / "payout.png")
    page.keyboard.press("Escape")
    expect(page.locator("#standing")).to_contain_text("还没收")
    button.click()
    page.locator("[data-transfer-confirm]").click()
    delivered.stage.world.settle()
    delivered.stage.pump()
    expect(page.locator("#standing")).to_contain_text("已经进你的零钱")
    expect(button).to_have_count(0)
    assert newest().state == "paid"
    put_away(page)
    other = small_page(chromium, address(delivered, "小林"))
    expect(other.get_by_role("button", name="收进零钱")).to_have_count(0)
    put_away(other)


@pytest.mark.parametrize("code", ["NO_AUTH", "SIGN_ERROR"])
def test_a_question_that_is_refused_says_nothing_of_the_transfer(delivered, code):
    faults = delivered.stage.world.faults
    faults.add(TRANSFERS, lose_answer=True)
    delivered.play("阿哲  提现\nbot  payout.begun\n(work)")
    faults.add(TRANSFERS + "/out-bill-no/*", status=403, code=code)
    delivered.play("""
        (11 s pass)
        (work)
        quiet 阿哲
    """)
    assert (booked("rider"), booked("payout")) == (0, -160)
    delivered.play("""
        (1 min pass)
        (work)
        push  阿哲  payout.waiting  amount=¥1.60
    """)
    assert take(delivered) == "ok"
    assert len(delivered.stage.world.transfers) == 1


def test_what_reached_wechat_late_waits_for_the_rider_as_long_as_any(delivered):
    delivered.stage.world.knobs.transfer_confirm_s = 60 * 86400
    delivered.stage.world.faults.add(TRANSFERS + "*", None, status=500, code="SYSTEM_ERROR")
    delivered.play("阿哲  提现\n(work)\n(60 h pass)\n(work)\n阿哲  账单")
    delivered.stage.world.faults.clear()
    delivered.play("(2 h pass)\n(work)\n(2 h pass)\n(work)")
    assert states_of_payouts() == ["waiting"]


def states_of_payouts():
    with Sessions() as session:
        return list(session.scalars(select(Payout.state).order_by(Payout.id)))


def heard(chat, who):
    """All that came since; it counts as read."""
    chat._read(who)
    news, chat._unread[who] = chat._unread[who], []
    return "".join(event.get("content", "") for event in news)


def test_what_wechat_does_not_let_lapse_is_cancelled_and_paid_with_the_next(delivered):
    delivered.stage.world.knobs.transfer_confirm_s = 60 * 86400
    delivered.play("""
        阿哲  提现
        (work)
        push  阿哲  payout.waiting
        (47 h pass)
        (work)
    """)
    assert states_of_payouts() == ["waiting"]
    delivered.play("阿哲  账单\n(2 h pass)\n(work)\n(2 h pass)\n(work)")
    first, *_ = delivered.stage.world.transfers.values()
    assert (first.state, states_of_payouts()[0]) == ("CANCELLED", "failed")
    assert "¥1.60 没领成，钱还在你名下" in heard(delivered, "阿哲")
    delivered.play("""
        阿哲  提现
        (work)
    """)
    assert states_of_payouts() == ["failed", "waiting"]
    heard(delivered, "阿哲")
    assert take(delivered) == "ok"
    delivered.play("(work)\npush  阿哲  payout.paid  amount=¥1.60")
    assert booked("rider") == booked("payout") == 0


def test_what_is_being_cancelled_is_not_said_to_be_on_its_way_to_the_wallet(delivered):
    delivered.stage.world.knobs.transfer_confirm_s = 60 * 86400
    delivered.play("阿哲  提现\n(work)\npush  阿哲  payout.waiting\n(47 h pass)\n(work)")
    delivered.stage.world.knobs.transfer_takes_s = 6 * 3600
    delivered.play("阿哲  账单\n(2 h pass)\n(work)")
    transfer, = delivered.stage.world.transfers.values()
    assert transfer.state == "CANCELING"
    assert "转进你的零钱" not in open_page(delivered)


@pytest.fixture
def stuck(delivered):
    """¥1.60 that the rider has taken, and that WeChat has been moving for ten days."""
    held = delivered.stage.world.faults.add("transfer", stay=True)
    delivered.play("阿哲  提现\n(work)\npush  阿哲  payout.waiting")
    assert take(delivered) == "ok"
    delivered.play("(239 h pass)\n(work)")
    assert states_of_payouts() == ["moving"]
    delivered.play("阿哲  账单\n(3 h pass)\n(work)")
    assert states_of_payouts() == ["stuck"]
    assert "¥1.60 那笔微信十天还没给结果" in heard(delivered, "阿哲")
    delivered.play("阿哲  账单\nbot  payout.rider_day  left=¥0.00  微信还没给结果的")
    return held


def test_what_is_stuck_keeps_nobody_from_the_next_payout_and_is_asked_about(delivered, stuck):
    chat = delivered
    chat.stage.wait_until(12, 0)
    chat.play(AT_THE_DOOR.replace("$c", "$d"))
    chat.play(f"阿哲  {pin_of(chat, '小林')}\nbot  rider.delivered\n(work)")
    heard(chat, "阿哲")
    chat.play("""
        阿哲  提现
        bot   payout.begun  amount=¥1.60
        (work)
        push  阿哲  payout.waiting  amount=¥1.60
    """)
    assert take(chat) == "ok"
    chat.play("(work)\npush  阿哲  payout.paid")
    assert states_of_payouts() == ["stuck", "paid"]
    assert booked("payout") == -160
    chat.stage.world.faults.add("notify/transfer", 99, drop=True)
    chat.stage.world.faults.remove(stuck.id)
    chat.play("阿哲  账单\n(it is 22:30)\n(work)\n(work)")
    assert states_of_payouts() == ["paid", "paid"]
    assert booked("rider") == booked("payout") == 0
    assert "已经进你的零钱" in heard(chat, "阿哲")


def test_what_is_stuck_and_never_reached_wechat_is_the_riders_again(delivered):
    delivered.stage.world.faults.add(TRANSFERS + "*", None, status=500, code="SYSTEM_ERROR")
    delivered.play("阿哲  提现\n(work)\n(239 h pass)\n(work)\n阿哲  账单\n(3 h pass)\n(work)")
    assert states_of_payouts() == ["stuck"]
    delivered.stage.world.faults.clear()
    delivered.play("(it is 22:30)\n(work)\n(work)\n(work)")
    assert states_of_payouts()[0] == "failed"
    assert "没领成，钱还在你名下" in heard(delivered, "阿哲")


def test_what_is_stuck_is_sent_no_more(delivered):
    from handlers.payout import note_unsettled

    delivered.stage.world.faults.add(TRANSFERS + "*", None, status=500, code="SYSTEM_ERROR")
    delivered.play("阿哲  提现\n(work)\n(239 h pass)\n(work)\n(2 h pass)")
    with Sessions.begin() as session:  # as a question about it does, which was asked meanwhile
        assert note_unsettled(session, newest().id, now=utcnow())
    delivered.stage.world.faults.clear()
    delivered.play("(work)\n(work)")
    assert not delivered.stage.world.transfers
    with Sessions() as session:
        outcomes = session.scalars(select(Outbox.outcome).filter_by(kind="payout.send")).all()
    assert any(outcome and outcome.startswith("dead: not settled") for outcome in outcomes)


def test_what_wechat_no_longer_tells_of_after_thirty_days_is_not_paid_again(delivered, stuck):
    delivered.play("(480 h pass)\n(it is 22:30)\n(work)\n(work)\n(work)")
    assert states_of_payouts() == ["stuck"]
    assert (booked("rider"), booked("payout")) == (0, -160)
    assert "没领成" not in heard(delivered, "阿哲")
    delivered.stage.world.faults.remove(stuck.id)
    delivered.stage.world.settle()
    delivered.play("(work)")
    assert states_of_payouts() == ["paid"]
    assert booked("rider") == booked("payout") == 0


def test_what_wechat_had_before_our_own_month_off_is_neither_sent_nor_paid_again(delivered):
    delivered.stage.world.faults.add("notify/transfer", 99, drop=True)
    delivered.play("阿哲  提现\n(work)\npush  阿哲  payout.waiting")
    assert take(delivered) == "ok"
    delivered.play("(744 h pass)\n(work)\n(work)")
    assert states_of_payouts() == ["stuck"]
    assert (booked("rider"), booked("payout")) == (0, -160)


def test_what_is_sent_late_has_ten_days_from_then(delivered):
    delivered.play("阿哲  提现\n(264 h pass)\n(work)")
    assert states_of_payouts() == ["waiting"]
    delivered.play("阿哲  账单\nbot  payout.rider_day  收进零钱")
    assert take(delivered) == "ok"
    delivered.play("(work)\npush  阿哲  payout.paid  amount=¥1.60")


def test_a_question_about_what_failed_is_given_up_at_last(delivered):
    from handlers.payout import look_again, note_refused

    delivered.play("阿哲  提现\n(work)\npush  阿哲  payout.waiting")
    with Sessions.begin() as session:
        note_refused(session, newest().id, "a mistake", now=utcnow())
        look_again(session, newest(), "bill", now=utcnow())
    delivered.stage.world.faults.add(TRANSFERS + "/out-bill-no/*", None, status=403, code="NO_AUTH")
    delivered.play("(work)\n(239 h pass)\n(work)")
    assert question().settled_at is None
    delivered.play("阿哲  账单\n(3 h pass)\n(work)")
    assert question().outcome.startswith("dead:")


def question():
    with Sessions() as session:
        return session.scalars(select(Outbox).where(Outbox.key.endswith(":bill"))).one()


@pytest.fixture
def arrived_after_all(delivered):
    """A transfer that we took for refused, confirmed by the rider in WeChat."""
    from handlers.payout import note_refused

    def make(hears):
        delivered.play("阿哲  提现\n(work)\npush  阿哲  payout.waiting")
        asked = asked_of(open_page(delivered, "阿哲"))
        with Sessions.begin() as session:
            note_refused(session, newest().id, "a mistake", now=utcnow())
        delivered.stage.world.faults.add("notify/transfer", 0 if hears else 99, drop=True)
        assert confirm(delivered, "阿哲", asked) == "ok"
        return delivered
    return make


PAID_AFTER_ALL = """
    (work)
    push  阿哲  payout.failed
    push  阿哲  payout.paid  amount=¥1.60
    阿哲  提现
    bot   payout.too_little  earned=¥0.00
"""


def test_a_transfer_that_arrives_after_all_is_booked_and_not_paid_again(arrived_after_all):
    arrived_after_all(hears=True).play(PAID_AFTER_ALL)
    assert (booked("rider"), booked("payout"), booked("wechat")) == (0, 0, 1300 - 160)


def test_a_transfer_that_only_the_bill_tells_of_is_booked(arrived_after_all):
    from cli.reconcile import reconcile

    chat = arrived_after_all(hears=False)
    day = str(utcnow().astimezone().date())
    chat.stage.wait_until(11, 0)
    told = CliRunner().invoke(reconcile, ["--date", day])
    assert re.search(r"transfer +T\w+ +not booked +ours +- +WeChat's +-1.60", told.stdout)
    chat.stage.pump()
    with Sessions() as session:
        first, second = session.scalars(select(Payout).order_by(Payout.id))
    assert (first.state, second.state) == ("paid", "waiting")  # by the day's close: it is too late
    assert (booked("rider"), booked("payout")) == (160, -160)  # what comes next makes up for it
    assert CliRunner().invoke(reconcile, ["--date", day]).exit_code == 0


def test_a_day_that_was_not_closed_in_time_is_closed_after_midnight(delivered):
    delivered.play("""
        (it is 00:40)
        (work)
        (work)
        push  阿香  payout.shop_day  count=1  sold=¥16.00  $c
        push  阿哲  payout.rider_day  count=1  total=¥1.60  $c
        push  阿哲  payout.waiting  amount=¥1.60
    """)
    assert "今天" not in delivered._shown["阿香"][-1]


def test_what_is_earned_after_the_close_is_in_the_next_days_bill(delivered):
    delivered.play(CLOSE)
    delivered.stage.wait_until(22, 50)
    delivered.play(AT_THE_DOOR.replace("$c", "$d"))
    delivered.play(f"阿哲  {pin_of(delivered, '小林')}\nbot  rider.delivered")
    delivered.stage.pump()
    for who in ("小林", "阿香", "阿哲"):
        delivered._read(who)
        delivered._unread[who] = []
    delivered.play("""
        (it is 22:30)
        (work)
        (work)
        push  阿香  payout.shop_day  count=1  sold=¥16.00
        push  阿哲  payout.rider_day  count=1  total=¥1.60
    """)
