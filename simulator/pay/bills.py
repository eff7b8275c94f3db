"""Trade bills and fund-flow bills: the day's rows, and the file to download (fact sheet C7).

A bill is frozen at ten in the morning of the next day: what happened to a refund later is not in
it. Amounts are yuan with two decimals, fees with five; every value but the headers' carries `.
The file begins with a byte order mark: clients of others skip its three bytes unseen.
"""
import gzip
import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flask import Response, request

from simulator import cashier
from simulator.cashier import CHINA
from simulator.pay import fields
from simulator.pay.door import Body, PayError, authenticate, blueprint, refused, serve
from simulator.state import Order, Refund
from simulator.wechat_api import this_world
from simulator.world import World

READY_AT, KEPT = time(10, 0, tzinfo=CHINA), timedelta(days=92)
LINK_S = 300
FEE_RATE, CENT, FEE_UNIT = Decimal("0.0060"), Decimal("0.01"), Decimal("0.00001")
PAY_COLUMNS = ("交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号",
               "商户订单号", "用户标识", "交易类型", "交易状态", "付款银行", "货币种类",
               "应结订单金额", "代金券金额")
REFUND_TIMES = ("退款申请时间", "退款成功时间")
REFUND_COLUMNS = ("微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型",
                  "退款状态")
LAST_COLUMNS = ("商品名称", "商户数据包", "手续费", "费率", "订单金额", "申请退款金额", "费率备注")
SUMMARY = ("总交易单数", "应结订单总金额", "退款总金额", "充值券退款总金额", "手续费总金额",
           "订单总金额", "申请退款总金额")
FLOW_COLUMNS = ("记账时间", "微信支付业务单号", "资金流水单号", "业务名称", "业务类型", "收支类型",
                "收支金额(元)", "账户结余(元)", "资金变更提交申请人", "备注", "业务凭证号")
FLOW_SUMMARY = ("资金流水总笔数", "收入笔数", "收入金额", "支出笔数", "支出金额")
REFUND_STATES = {"PROCESSING": "PROCESSING", "SUCCESS": "SUCCESS", "CLOSED": "FAIL",
                 "ABNORMAL": "CHANGE"}
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Day:
    """One day of China's calendar, and the moment at which its bill is frozen; epoch seconds."""

    start: float
    end: float
    frozen_at: float

    def holds(self, at: float) -> bool:
        return self.start <= at < self.end


def trade_bill(world: World, args: Body) -> Body:
    """GET /v3/bill/tradebill: bill_date, bill_type (ALL), tar_type."""
    day = _day(world, args)
    kind = _one_of(args, "bill_type", ("ALL", "SUCCESS", "REFUND"), "ALL")
    with world.lock:
        rows = list(_trade_rows(world, day, kind))
    rows = _as_it_went_wrong(world, rows, "trade/{商户订单号}")
    if not rows:
        raise PayError(400, "NO_STATEMENT_EXIST", "账单文件不存在")
    return _offered(world, args, _trade_text(rows, kind))


def fund_flow_bill(world: World, args: Body) -> Body:
    """GET /v3/bill/fundflowbill: bill_date, account_type (BASIC), tar_type."""
    day = _day(world, args)
    account = _one_of(args, "account_type", ("BASIC", "OPERATION", "FEES"), "BASIC")
    with world.lock:
        rows = list(_flow_rows(world, day, account))
    rows = _as_it_went_wrong(world, rows, "flow/{业务类型}/{业务凭证号}")
    if not rows:
        raise PayError(400, "NO_STATEMENT_EXIST", "账单文件不存在")
    return _offered(world, args, _flow_text(rows))


def _as_it_went_wrong(world: World, rows: list[Row], name: str) -> list[Row]:
    """The rows of a bill with whatever was asked to be wrong in it, each time it is asked for."""
    kept = []
    for row in rows:
        fault = world.faults.take("bill/" + name.format(**row))
        if fault is None or not fault.drop:
            kept.append(row | (fault.change if fault else {}))
    return kept


def _one_of(args: Body, name: str, allowed: tuple[str, ...], usual: str) -> str:
    value = args.get(name) or usual
    if value not in allowed:
        raise fields.bad(f"/{name}", value, f"应为 {'、'.join(allowed)} 之一", location="query")
    return str(value)


def _day(world: World, args: Body) -> Day:
    written = args.get("bill_date")
    try:
        day = date.fromisoformat(str(written))
    except ValueError as error:
        raise fields.bad("/bill_date", written, "应为 yyyy-MM-dd", location="query") from error
    now = datetime.fromtimestamp(world.now(), CHINA)
    if day >= now.date() or day < now.date() - KEPT:
        raise PayError(400, "INVALID_REQUEST", "只能申请三个月内、当天之前的账单")
    frozen_at = datetime.combine(day + timedelta(days=1), READY_AT)
    if now < frozen_at:
        raise PayError(400, "STATEMENT_CREATING", "账单生成中，请在次日10点后再获取")
    return Day(_midnight(day), _midnight(day + timedelta(days=1)), frozen_at.timestamp())


def _midnight(day: date) -> float:
    return datetime.combine(day, time(0, tzinfo=CHINA)).timestamp()


def _trade_rows(world: World, day: Day, kind: str) -> Iterator[Row]:
    """By time: each payment of the day, each refund that was asked for on it."""
    found: list[tuple[float, Row]] = []
    if kind != "REFUND":
        found += [(o.paid_at, _payment_row(world, o)) for o in world.orders.values()
                  if o.state in cashier.PAID and day.holds(o.paid_at)]
    if kind != "SUCCESS":
        found += [(r.made_at, _refund_row(world, r, day)) for r in world.refunds.values()
                  if day.holds(r.made_at)]
    for _, row in sorted(found, key=lambda each: each[0]):
        yield row


def _common(world: World, order: Order) -> Row:
    return {"公众账号ID": order.app_id, "商户号": world.credentials.mch_id, "特约商户号": "0",
            "设备号": "", "微信订单号": order.transaction_id, "商户订单号": order.out_trade_no,
            "用户标识": order.openid, "交易类型": order.trade_type, "付款银行": "OTHERS",
            "货币种类": "CNY", "代金券金额": _yuan(0), "充值券退款金额": _yuan(0),
            "商品名称": _free(order.params["description"]),
            "商户数据包": _free(order.params.get("attach", "")), "费率": f"{FEE_RATE * 100:.2f}%",
            "费率备注": ""}


def _payment_row(world: World, order: Order) -> Row:
    return _common(world, order) | {
        "交易时间": _clock(order.paid_at), "交易状态": "SUCCESS",
        "应结订单金额": _yuan(order.total), "微信退款单号": "0", "商户退款单号": "0",
        "退款金额": _yuan(0), "退款类型": "", "退款状态": "",
        "手续费": f"{fee(order.total):.5f}", "订单金额": _yuan(order.total),
        "申请退款金额": _yuan(0)}


def _refund_row(world: World, refund: Refund, day: Day) -> Row:
    order = world.orders[refund.out_trade_no]
    settled = refund.success_at and refund.success_at <= day.frozen_at
    unsettled = "PROCESSING" if refund.status == "SUCCESS" else refund.status
    return _common(world, order) | {
        "交易时间": _clock(refund.made_at), "交易状态": "REFUND", "应结订单金额": _yuan(0),
        "退款申请时间": _clock(refund.made_at),
        "退款成功时间": _clock(refund.success_at) if settled else "",
        "微信退款单号": refund.refund_id, "商户退款单号": refund.out_refund_no,
        "退款金额": _yuan(refund.amount), "退款类型": "ORIGINAL",
        "退款状态": "SUCCESS" if settled else REFUND_STATES[unsettled],
        "手续费": f"{-fee(refund.amount):.5f}", "订单金额": _yuan(0),
        "申请退款金额": _yuan(refund.amount)}


def _trade_text(rows: list[Row], kind: str) -> str:
    columns = {"ALL": (*PAY_COLUMNS, *REFUND_COLUMNS, *LAST_COLUMNS),
               "SUCCESS": (*PAY_COLUMNS, *LAST_COLUMNS),
               "REFUND": (*PAY_COLUMNS, *REFUND_TIMES, *REFUND_COLUMNS, *LAST_COLUMNS)}[kind]

    def total(name: str, places: int = 2) -> str:
        return f"{sum(Decimal(row[name]) for row in rows):.{places}f}"

    summary = (str(len(rows)), total("应结订单金额"), total("退款金额"), total("充值券退款金额"),
               total("手续费", 5), total("订单金额"), total("申请退款金额"))
    return _text(columns, rows, SUMMARY, summary)


def _text(columns: tuple[str, ...], rows: list[Row], summary_columns: tuple[str, ...],
          summary: tuple[str, ...]) -> str:
    lines = [",".join(columns), *(",".join(f"`{row[name]}" for name in columns) for row in rows),
             ",".join(summary_columns), ",".join(f"`{value}" for value in summary)]
    return "".join(f"{line}\r\n" for line in lines)


def _flow_rows(world: World, day: Day, account: str) -> Iterator[Row]:
    """Each movement of the day on one of the merchant's accounts, with the balance after it."""
    balance = Decimal(world.knobs.operation_balance_fen if account == "OPERATION" else 0) / 100
    for at, amount, row in sorted(_movements(world, account), key=lambda each: each[0]):
        balance += amount
        if day.holds(at):
            yield row | {"记账时间": _clock(at), "收支类型": "收入" if amount > 0 else "支出",
                         "收支金额(元)": f"{abs(amount):.2f}", "账户结余(元)": f"{balance:.2f}",
                         "资金变更提交申请人": "system"}


def _movements(world: World, account: str) -> Iterator[tuple[float, Decimal, Row]]:
    if account == "BASIC":
        yield from _trade_movements(world)
    elif account == "OPERATION":
        for each in world.transfers.values():
            if each.state == "SUCCESS":
                yield (each.updated_at, -Decimal(each.amount) / 100, _moved(
                    each.transfer_bill_no, "商家转账", "商家转账", each.out_bill_no,
                    each.params["transfer_remark"]))


def _trade_movements(world: World) -> Iterator[tuple[float, Decimal, Row]]:
    for order in world.orders.values():
        if order.state in cashier.PAID:
            at = order.paid_at + world.knobs.flow_lag_s
            yield (at, Decimal(order.total) / 100, _moved(
                order.transaction_id, "交易", "交易", order.out_trade_no, "结算总金额"))
            if charged := fee(order.total).quantize(CENT, ROUND_HALF_UP):
                yield (at, -charged, _moved(
                    order.transaction_id, "扣除交易手续费", "交易手续费", order.out_trade_no, ""))
    for refund in world.refunds.values():
        if refund.status == "SUCCESS":
            yield (refund.success_at, -Decimal(refund.amount) / 100, _moved(
                refund.refund_id, "退款", "退款", refund.out_refund_no, "退款总金额"))
            if returned := fee(refund.amount).quantize(CENT, ROUND_HALF_UP):
                yield (refund.success_at, returned, _moved(
                    refund.refund_id, "退款", "退还手续费", refund.out_refund_no, ""))


def _moved(number: str, name: str, kind: str, proof: str, remark: str) -> Row:
    serial = hashlib.sha1(f"{number} {kind}".encode()).hexdigest()[:24]
    return {"微信支付业务单号": number, "资金流水单号": serial, "业务名称": name, "业务类型": kind,
            "备注": _free(remark), "业务凭证号": proof}


def _flow_text(rows: list[Row]) -> str:
    def both(way: str) -> tuple[str, str]:
        amounts = [Decimal(row["收支金额(元)"]) for row in rows if row["收支类型"] == way]
        return str(len(amounts)), f"{sum(amounts, Decimal(0)):.2f}"

    return _text(FLOW_COLUMNS, rows, FLOW_SUMMARY,
                 (str(len(rows)), *both("收入"), *both("支出")))


def fee(total_fen: int) -> Decimal:
    """What WeChat Pay keeps of a payment, in yuan."""
    return (Decimal(total_fen) / 100 * FEE_RATE).quantize(FEE_UNIT, ROUND_HALF_UP)


def _yuan(amount_fen: int) -> str:
    return f"{Decimal(amount_fen) / 100:.2f}"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, CHINA).strftime("%Y-%m-%d %H:%M:%S")


def _free(text: str) -> str:
    """Free text may hold neither a comma nor a newline."""
    return text.replace(",", "，").replace("\r", " ").replace("\n", " ")


def _offered(world: World, args: Body, text: str) -> Body:
    """The file behind a link that is good for five minutes; the hash is of the plain text."""
    packed = _one_of(args, "tar_type", ("GZIP", ""), "") == "GZIP"
    token = secrets.token_hex(32)
    content = text.encode("utf-8-sig")
    with world.lock:
        world.bill_files[token] = (world.now() + LINK_S, content, packed)
    tar = "&tartype=gzip" if packed else ""
    return {"hash_type": "SHA1", "hash_value": hashlib.sha1(content).hexdigest(),
            "download_url": f"{world.base_url}/v3/billdownload/file?token={token}{tar}"}


@blueprint.get("/v3/billdownload/file")
def download() -> Response:
    """The request is signed like any other; the answer is not."""
    world = this_world()
    try:
        authenticate(world)
        until, content, packed = world.bill_files.get(request.args.get("token", ""),
                                                      (0.0, b"", False))
        if until <= world.now():
            raise PayError(404, "RESOURCE_NOT_EXISTS", "账单下载地址已失效，请重新申请账单")
    except PayError as error:
        return refused(error)
    if packed:
        return Response(gzip.compress(content), content_type="application/x-gzip")
    return Response(content, content_type="text/plain; charset=utf-8")


serve("/v3/bill/tradebill", "GET", trade_bill)
serve("/v3/bill/fundflowbill", "GET", fund_flow_bill)
