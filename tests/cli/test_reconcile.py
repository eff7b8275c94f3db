"""`reconcile` finds what was planted, and says nothing where all agrees."""
import re
from datetime import datetime, time, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text, update

from cli.reconcile import reconcile
from config import settings
from gateways.bills import Flowed, Traded
from handlers.reconcile import CHINA, owe_reconciling
from models.base import Sessions, utcnow
from models.outbox import Outbox
from models.payment import Payment, Refund
from tests.support.payment import balances
from tests.transcripts.test_money import CONFIRMED, states
from workers.reconcile import _moved

PAID = CONFIRMED + """
    (小林 pays)
    (work)
"""
NOTICES = "notify/transaction"


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")

    def once(*arguments):
        return CliRunner().invoke(reconcile, list(arguments))
    yield once
    settings.load.cache_clear()


@pytest.fixture
def at_lunch(chat):
    chat.stage.wait_until(12, 0)
    chat.day = utcnow().astimezone(CHINA).date()
    return chat


def next_morning(chat, hour=11):
    chat.stage.wait_until(hour, 0)


def test_a_day_that_agrees_is_one_line_and_books_the_fees(at_lunch, run):
    chat = at_lunch
    chat.play(PAID + """
        小林  确定取消$c
        (61 s pass)
        (work)
        小林  来份黄焖鸡微辣 送12栋302
        小林  〔确认付款〕
        (小林 pays)
        (work)
    """)
    next_morning(chat)
    told = run("--date", str(chat.day))

    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout == f"{chat.day}: 3 movements compared, 3 fees and transfers booked, " \
                          "0 differences\n"
    assert "0 fees and transfers booked" in run().stdout  # the same day, without being named
    with Sessions() as session:
        booked = balances(session)
    assert (booked["wechat"], booked["wechat_fees"]) == (1300 - 8, 8)


def test_money_that_we_missed_is_listed_and_then_booked(at_lunch, run):
    chat = at_lunch
    chat.play(CONFIRMED)
    chat.stage.world.faults.add(NOTICES, 99, drop=True)
    signed = chat.stage.open_sheet("小林", chat.pay_link("小林"))
    assert chat.stage.confirm("小林", signed).endswith("ok")
    with Sessions.begin() as session:  # every question about it died
        session.execute(update(Outbox).where(Outbox.kind == "payment.check").values(
            settled_at=utcnow(), outcome="dead: gone"))
    next_morning(chat)
    number, = chat.stage.world.orders
    first = run("--date", str(chat.day))

    assert first.exit_code == 1
    assert re.search(rf"payment +{number} +not booked +ours +- +WeChat's +\+13.00\n", first.stdout)
    chat.play("""
        (work)
        push  小林  refund.late  code=$c  amount=¥13.00
    """)
    assert states() == ("expired", ["paid"], ["succeeded"])
    assert run("--date", str(chat.day)).exit_code == 0


def test_what_only_one_side_knows_is_listed(at_lunch, run):
    chat = at_lunch
    chat.play(PAID)
    world = chat.stage.world
    with Sessions.begin() as session:
        payment = session.scalars(select(Payment)).one()
        number, payment.out_trade_no = payment.out_trade_no, "P000000000000"
    next_morning(chat)
    told = run("--date", str(chat.day))

    assert told.exit_code == 1
    assert re.search(rf"payment +{number} +not ours +ours +- +WeChat's +\+13.00\n", told.stdout)
    assert re.search(r"payment +P0+ +not theirs +ours +\+13.00 +WeChat's +-\n", told.stdout)
    assert "2 differences" in told.stdout
    assert world.orders[number].total == 1300


@pytest.mark.parametrize(("statement", "wrong"), [
    ("UPDATE payments SET paid_fen = 1299", "another amount"),
    ("UPDATE payments SET transaction_id = '42'", "another WeChat number"),
    ("UPDATE payments SET state = 'closed', paid_at = NULL, transaction_id = NULL", "not booked"),
])
def test_our_own_slips_are_found(at_lunch, run, statement, wrong):
    at_lunch.play(PAID)
    with Sessions.begin() as session:
        session.execute(text(statement))
    next_morning(at_lunch)
    told = run("--date", str(at_lunch.day))

    assert told.exit_code == 1
    assert wrong in told.stdout
    assert "1 difference\n" in told.stdout


@pytest.mark.parametrize(("row", "effect", "line"), [
    ("bill/flow/交易/*", {"drop": True}, r"no fund flow +ours +\+13.00 +WeChat's +-"),
    ("bill/trade/*", {"drop": True}, r"not in trade bill +ours +\+13.00 +WeChat's +-"),
    ("bill/flow/交易手续费/*", {"change": {"收支金额(元)": "0.10"}},
     r"another fee +trade's +-0.08 +fund flow's +-0.10"),
])
def test_where_wechat_pays_own_bills_differ_it_is_said(at_lunch, run, row, effect, line):
    at_lunch.play(PAID)
    at_lunch.stage.world.faults.add(row, None, **effect)
    number, = at_lunch.stage.world.orders
    next_morning(at_lunch)
    told = run("--date", str(at_lunch.day))

    assert told.exit_code == 1
    assert re.search(rf"payment +{number} +{line}\n", told.stdout)
    assert "1 difference\n" in told.stdout


def test_fees_that_are_charged_nowhere_are_one_line(at_lunch, run):
    at_lunch.play(PAID)
    at_lunch.stage.world.faults.add("bill/flow/交易手续费/*", None, drop=True)
    next_morning(at_lunch)
    told = run("--date", str(at_lunch.day))

    assert re.search(r"other +all fees +another fee +trade's +-0.08 +fund flow's +0.00\n",
                     told.stdout)
    assert "1 difference\n" in told.stdout


def test_a_refund_without_a_fund_flow_is_said_too(at_lunch, run):
    at_lunch.play(PAID + """
        小林  确定取消$c
        (61 s pass)
        (work)
    """)
    at_lunch.stage.world.faults.add("bill/flow/退*/*", None, drop=True)
    next_morning(at_lunch)
    told = run("--date", str(at_lunch.day))

    assert re.search(r"refund +R\w+ +no fund flow +ours +-13.00 +WeChat's +-\n", told.stdout)
    assert "1 difference\n" in told.stdout


def paid_at_midnight(chat, minutes_before):
    """A payment that was made so shortly before the day was over, in our books and in theirs."""
    chat.play(PAID)
    at = datetime.combine(chat.day + timedelta(days=1), time(), CHINA) - timedelta(
        minutes=minutes_before)
    with Sessions.begin() as session:
        session.execute(update(Payment).values(paid_at=at))
    order, = chat.stage.world.orders.values()
    order.paid_at = at.timestamp()
    chat.stage.world.knobs.flow_lag_s = 60 * minutes_before + 1
    next_morning(chat)
    chat.stage.pass_time(minutes=24 * 60)
    return str(chat.day), str(chat.day + timedelta(days=1))


def test_a_payment_at_midnight_whose_money_flows_on_the_next_day_agrees(at_lunch, run):
    days = paid_at_midnight(at_lunch, 5)
    assert [run("--date", day).exit_code for day in days] == [0, 0]


def test_a_payment_at_midnight_whose_money_never_flows_is_said_a_day_later(at_lunch, run):
    at_lunch.stage.world.faults.add("bill/flow/*", None, drop=True)
    days = paid_at_midnight(at_lunch, 5)
    told = [run("--date", day) for day in days]
    assert [each.exit_code for each in told] == [0, 1]
    assert "no fund flow" in told[1].stdout


def test_a_payment_well_before_midnight_may_not_flow_on_the_next_day(at_lunch, run):
    day, _ = paid_at_midnight(at_lunch, 11)
    assert "no fund flow" in run("--date", day).stdout


def test_a_refund_that_did_not_arrive_is_found(at_lunch, run):
    chat = at_lunch
    chat.play(PAID + """
        小林  确定取消$c
        (61 s pass)
        (work)
    """)
    with Sessions.begin() as session:
        refund = session.scalars(select(Refund)).one()
        refund.amount_fen -= 1
    next_morning(chat)

    assert re.search(r"refund +R\w+ +another amount +ours +-12.99 +WeChat's +-13.00\n",
                     run("--date", str(chat.day)).stdout)


def test_a_day_without_trade_agrees(at_lunch, run):
    next_morning(at_lunch)
    assert run("--date", str(at_lunch.day)).stdout == (
        f"{at_lunch.day}: 0 movements compared, 0 fees and transfers booked, 0 differences\n")


def test_a_day_whose_bills_are_not_ready_is_one_line(at_lunch, run):
    at_lunch.play(PAID)
    next_morning(at_lunch, hour=8)
    told = run("--date", str(at_lunch.day))

    assert (told.exit_code, told.stdout) == (1, "")
    assert "about ten the next morning" in told.stderr
    assert run().stdout.startswith(str(at_lunch.day - timedelta(days=1)))


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "20260921", "2026-W39-1"])
def test_a_day_that_is_none_is_bad_usage(run, day):
    told = run("--date", day)
    assert told.exit_code == 2
    assert "is no day such as" in told.stderr


def test_a_file_that_is_not_the_one_offered_is_not_believed(at_lunch, run, monkeypatch):
    at_lunch.play(PAID)
    next_morning(at_lunch)
    from gateways import wxpay
    whole = wxpay._Core.download
    monkeypatch.setattr(wxpay._Core, "download", lambda self, path: whole(self, path)[:-1])

    told = run("--date", str(at_lunch.day))
    assert told.exit_code == 1
    assert "not the one that was offered" in told.stderr


def test_every_morning_the_clock_has_it_compared(at_lunch):
    chat = at_lunch
    chat.play(PAID)
    next_morning(chat)
    chat.play("(work)\n(work)")
    with Sessions() as session:
        debts = session.scalars(select(Outbox).filter_by(kind="reconcile")).all()
    assert [debt.outcome for debt in debts] == ["1 movements agree"]


def test_a_morning_that_differs_is_a_dead_letter(at_lunch):
    chat = at_lunch
    chat.play(PAID)
    with Sessions.begin() as session:
        session.execute(text("UPDATE payments SET paid_fen = 1299"))
    next_morning(chat)
    chat.play("(work)\n(work)")
    with Sessions() as session:
        debt = session.scalars(select(Outbox).filter_by(kind="reconcile")).one()
    assert debt.outcome.startswith("dead: 1 differences on")


def reconciled():
    with Sessions() as session:
        debts = session.scalars(select(Outbox).filter_by(kind="reconcile").order_by(Outbox.key))
        return [(debt.key.partition(":")[2], debt.outcome) for debt in debts]


def test_a_day_whose_only_payment_we_missed_is_compared_too(at_lunch):
    chat = at_lunch
    chat.play(CONFIRMED)
    chat.stage.world.faults.add(NOTICES, 99, drop=True)
    signed = chat.stage.open_sheet("小林", chat.pay_link("小林"))
    assert chat.stage.confirm("小林", signed).endswith("ok")
    with Sessions.begin() as session:
        session.execute(update(Outbox).where(Outbox.kind == "payment.check").values(
            settled_at=utcnow(), outcome="dead: gone"))
        session.execute(text("UPDATE payments SET state = 'closed'"))
    next_morning(chat)
    with Sessions.begin() as session:
        owe_reconciling(session, now=utcnow())
    assert [day for day, _ in reconciled()] == [str(chat.day)]


def test_a_morning_without_a_clock_is_made_up_for(at_lunch):
    chat = at_lunch
    chat.play(PAID)
    next_morning(chat)
    chat.stage.pass_time(minutes=24 * 60)
    chat.play("(work)\n(work)")
    assert reconciled() == [(str(chat.day), "1 movements agree"),
                            (str(chat.day + timedelta(days=1)), "0 movements agree")]


def test_bills_that_differ_from_each_other_are_both_heard():
    trade = [Traded(False, "P1", "w1", 1300, "SUCCESS"), Traded(True, "R1", "w2", 500, "SUCCESS")]
    flow = [Flowed("s1", "交易", "P1", 1299), Flowed("s2", "退款", "R1", -400)]
    told = {(each.number, each.amount_fen) for each in _moved(trade, flow)}
    assert told == {("P1", 1300), ("P1", 1299), ("R1", -500), ("R1", -400)}
    twice = [*flow, Flowed("s3", "交易", "P1", 1300), Flowed("s4", "交易", "P1", 1300)]
    assert [each.amount_fen for each in _moved(trade[:1], twice[2:])] == [1300, 1300]
