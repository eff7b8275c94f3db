"""A day's bills, asked for and fetched by wechatpayv3 and read by header."""
import csv
import gzip
import hashlib
import json
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from simulator.cashier import CHINA
from tests.simulator.merchant import made, paid, refund


@pytest.fixture(autouse=True)
def at_noon(world):
    """Noon in China, whenever the test runs: a day's rows must not straddle midnight."""
    world.advance(until_noon(world))
    world.knobs.refunds_apart_s = 0


def until_noon(world):
    """Seconds until tomorrow's noon in China."""
    now = datetime.fromtimestamp(world.now(), CHINA)
    noon = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), CHINA)
    return noon.timestamp() + 12 * 3600 - world.now()


def today(world):
    return datetime.fromtimestamp(world.now(), CHINA).date()


def ten_next_morning(world):
    world.advance(22 * 3600 + 60)


def fetched(merchant, asked, tar_type="GZIP"):
    status, told = made(asked)
    assert status == 200, told
    status, content = merchant.download_bill(told["download_url"])
    assert status == 200
    text = gzip.decompress(content) if tar_type == "GZIP" else content
    assert told["hash_value"] == hashlib.sha1(text).hexdigest()
    return text.decode("utf-8-sig")


def tables(text):
    """The bill's rows and its summary, as dicts by header."""
    lines = text.split("\r\n")[:-1]
    head, *rows, summary_head, summary = list(csv.reader(lines))
    assert all(value.startswith("`") for row in (*rows, summary) for value in row)
    read = [dict(zip(head, (value[1:] for value in row), strict=True)) for row in rows]
    return read, dict(zip(summary_head, (value[1:] for value in summary), strict=True))


def test_the_trade_bill_of_a_day(world, merchant, receiver, lin):
    day = today(world)
    first = paid(world, merchant, lin, "ORDER0001", 1750)
    paid(world, merchant, lin, "ORDER0002", 600)
    refund(merchant, "R1", 250, notify_url=receiver.notify_url)
    assert world.settle()
    ten_next_morning(world)
    rows, summary = tables(fetched(merchant, merchant.trade_bill(str(day))))

    assert [(r["商户订单号"], r["交易状态"], r["订单金额"], r["退款金额"]) for r in rows] == [
        ("ORDER0001", "SUCCESS", "17.50", "0.00"), ("ORDER0002", "SUCCESS", "6.00", "0.00"),
        ("ORDER0001", "REFUND", "0.00", "2.50")]
    assert rows[0]["微信订单号"] == first
    assert rows[0]["交易时间"].startswith(str(day))
    assert (rows[0]["用户标识"], rows[0]["特约商户号"]) == (lin.openid, "0")
    assert (rows[0]["手续费"], rows[0]["费率"]) == ("0.10500", "0.60%")
    assert (rows[2]["商户退款单号"], rows[2]["退款状态"]) == ("R1", "SUCCESS")
    assert len(rows[0]) == 27
    assert summary == {
        "总交易单数": "3", "应结订单总金额": "23.50", "退款总金额": "2.50",
        "充值券退款总金额": "0.00", "手续费总金额": "0.12600", "订单总金额": "23.50",
        "申请退款总金额": "2.50"}


def test_one_kind_only_and_plain_text(world, merchant, lin):
    day = today(world)
    paid(world, merchant, lin)
    refund(merchant, "R1", 250)
    assert world.settle()
    ten_next_morning(world)

    payments, _ = tables(fetched(merchant, merchant.trade_bill(str(day), "SUCCESS")))
    refunds, _ = tables(fetched(merchant, merchant.trade_bill(str(day), "REFUND", ""), ""))
    assert "退款金额" not in payments[0]
    assert [r["商户订单号"] for r in payments] == ["ORDER0001"]
    columns = list(refunds[0])
    assert columns[columns.index("微信退款单号") - 2:columns.index("微信退款单号")] == [
        "退款申请时间", "退款成功时间"]


def test_a_bill_is_frozen_at_ten(world, merchant, lin):
    """A refund that came through later is still under way in it, for ever."""
    day = today(world)
    paid(world, merchant, lin)
    stuck = world.faults.add("refund", stay=True)
    refund(merchant, "R1", 250)
    ten_next_morning(world)
    world.faults.remove(stuck.id)
    assert world.settle()

    assert world.refunds["R1"].status == "SUCCESS"
    rows, _ = tables(fetched(merchant, merchant.trade_bill(str(day), "REFUND")))
    assert (rows[0]["退款状态"], rows[0]["退款成功时间"]) == ("PROCESSING", "")


def test_free_text_keeps_its_column(world, merchant, lin):
    day = today(world)
    made(merchant.pay(description='饭,"大"\n份', out_trade_no="ORDER0001", attach="a,b",
                      amount={"total": 100}, payer={"openid": lin.openid}))
    world.pay(lin, next(iter(world.prepays)))
    world.settle()
    ten_next_morning(world)

    text = fetched(merchant, merchant.trade_bill(str(day)))
    assert len(text.split("\r\n")[1].split(",`")) == 27


def test_when_there_is_no_bill(world, merchant, lin):
    def code(day, **more):
        return made(merchant.trade_bill(str(day), **more))[1]["code"]

    day = today(world)
    paid(world, merchant, lin)
    assert code(day) == "INVALID_REQUEST"
    world.advance(21 * 3600)
    assert code(day) == "STATEMENT_CREATING"
    world.advance(3600 + 60)
    assert code(day - timedelta(days=1)) == "NO_STATEMENT_EXIST"
    assert code(day - timedelta(days=100)) == "INVALID_REQUEST"
    assert code("26-11-2026") == "PARAM_ERROR"
    assert code(day, bill_type="ANY") == "PARAM_ERROR"


def test_the_link_lasts_five_minutes(world, merchant, lin):
    day = today(world)
    paid(world, merchant, lin)
    ten_next_morning(world)
    url = made(merchant.trade_bill(str(day)))[1]["download_url"]
    world.advance(301)

    status, told = merchant.download_bill(url)
    assert (status, json.loads(told)["code"]) == (404, "RESOURCE_NOT_EXISTS")


def test_the_fund_flow(world, merchant, lin):
    day = today(world)
    paid(world, merchant, lin)
    refund(merchant, "R1", 1750)
    assert world.settle()
    ten_next_morning(world)
    rows, summary = tables(fetched(merchant, merchant.fundflow_bill(str(day))))

    assert [(r["业务类型"], r["收支类型"], r["收支金额(元)"], r["账户结余(元)"]) for r in rows] == [
        ("交易", "收入", "17.50", "17.50"), ("交易手续费", "支出", "0.11", "17.39"),
        ("退款", "支出", "17.50", "-0.11"), ("退还手续费", "收入", "0.11", "0.00")]
    assert summary == {"资金流水总笔数": "4", "收入笔数": "2", "收入金额": "17.61",
                       "支出笔数": "2", "支出金额": "17.61"}
    assert made(merchant.fundflow_bill(str(day), "OPERATION"))[1]["code"] == "NO_STATEMENT_EXIST"
    assert made(merchant.fundflow_bill(str(day), "X"))[1]["code"] == "PARAM_ERROR"


def test_a_bill_adds_up_over_many_days(world, merchant, lin):
    """What all the days' flows leave is what the last balance says."""
    first = today(world)
    for number in range(4):
        paid(world, merchant, lin, f"ORDER000{number}", 1001 + number)
        world.advance(86400)
    ten_next_morning(world)
    moved = Decimal(0)
    for ahead in range(4):
        rows, _ = tables(fetched(merchant, merchant.fundflow_bill(
            str(date.fromordinal(first.toordinal() + ahead)))))
        moved += sum(Decimal(r["收支金额(元)"]) * (1 if r["收支类型"] == "收入" else -1)
                     for r in rows)
        assert rows[-1]["账户结余(元)"] == str(moved)
