"""WeChat Pay's till: the pay sheet, settled refunds, and the notices of both (C3, C5, C6)."""
import secrets
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from simulator import notices, pay_crypto
from simulator.notices import Notice
from simulator.state import Order, Phone, Refund

if TYPE_CHECKING:
    from simulator.world import World

CHINA = timezone(timedelta(hours=8))
OK = "get_brand_wcpay_request:ok"
FAIL = "get_brand_wcpay_request:fail"
PAID = ("SUCCESS", "REFUND")
STATE_WORDS = {"SUCCESS": "支付成功", "NOTPAY": "订单未支付", "CLOSED": "订单已关闭",
               "REFUND": "转入退款"}
REFUND_WORDS = {"SUCCESS": "退款成功", "CLOSED": "退款关闭", "ABNORMAL": "退款异常"}


class CannotPay(Exception):
    """Why the pay sheet will not take the money."""


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(int(at), CHINA).isoformat()


def pay(world: "World", phone: Phone, prepay_id: str,
        request: dict[str, Any] | None = None) -> dict[str, Any]:
    """The person confirms: err_msg as the page hears it, err_desc when it failed."""
    try:
        with world.lock:
            order = _payable(world, phone, prepay_id, request)
            _take_money(world, order, phone)
    except CannotPay as reason:
        return {"err_msg": FAIL, "err_desc": str(reason)}
    notify_paid(world, order)
    return {"err_msg": OK}


def pay_sheet(world: "World", phone: Phone, prepay_id: str,
              request: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the sheet shows before the person confirms: amount in fen, description, payee.

    Raises CannotPay: the sheet does not come up.
    """
    with world.lock:
        return _sheet(world, _payable(world, phone, prepay_id, request))


def _sheet(world: "World", order: Order) -> dict[str, Any]:
    return {"amount_fen": order.total, "description": order.params["description"],
            "payee": world.knobs.payee, "out_trade_no": order.out_trade_no}


def pay_code(world: "World", phone: Phone, link: str) -> Order:
    """Pay by scanning a Native code (weixin://wxpay/bizpayurl?pr=…), or by an H5 link in a
    browser outside WeChat. Raises CannotPay."""
    query = {name: values[-1] for name, values in parse_qs(urlsplit(link).query).items()}
    kind = "NATIVE" if link.startswith("weixin://wxpay/bizpayurl?") else "MWEB"
    with world.lock:
        order = _payable(world, phone, query.get("pr" if kind == "NATIVE" else "prepay_id", ""),
                         None, kind)
        _take_money(world, order, phone)
    notify_paid(world, order)
    return order


def _payable(world: "World", phone: Phone, prepay_id: str, request: dict[str, Any] | None,
             trade_type: str = "JSAPI") -> Order:
    prepay = world.prepays.get(prepay_id)
    if prepay is None or world.orders[prepay.out_trade_no].trade_type != trade_type:
        raise CannotPay("缺少参数 prepay_id 或 prepay_id 无效")
    order = world.orders[prepay.out_trade_no]
    if request is not None:
        _check_request(world, order, prepay_id, request)
    if trade_type == "JSAPI" and phone.openid != order.openid:
        raise CannotPay("下单账号与支付账号不一致，请核实后再支付")
    if order.state in PAID:
        raise CannotPay("该订单已支付")
    if order.state == "CLOSED":
        raise CannotPay("该订单已关闭，请重新下单")
    if world.now() >= order.expires_at or world.now() >= prepay.until:
        raise CannotPay("该订单已过期，请重新下单")
    return order


def _check_request(world: "World", order: Order, prepay_id: str,
                   request: dict[str, Any]) -> None:
    """The page's own parameters. WeChat tells the page little more than that they are wrong."""
    for name in ("appId", "timeStamp", "nonceStr", "package", "signType", "paySign"):
        if not isinstance(request.get(name), str) or not request[name]:
            raise CannotPay(f"调用支付JSAPI缺少参数：{name}")
    if request["appId"] != order.app_id:
        raise CannotPay("支付验证签名失败：appId 与下单时不同")
    if request["package"] != f"prepay_id={prepay_id}" or request["signType"] != "RSA":
        raise CannotPay("支付验证签名失败")
    if not request["timeStamp"].isdigit() or len(request["nonceStr"]) > 32:
        raise CannotPay("支付验证签名失败：timeStamp 或 nonceStr 格式不对")
    signed = pay_crypto.message(
        *(request[name] for name in ("appId", "timeStamp", "nonceStr", "package")))
    key = pay_crypto.private_key(world.credentials.merchant_key).public_key()
    if not pay_crypto.verifies(key, signed, request["paySign"]):
        raise CannotPay("支付验证签名失败")


def _take_money(world: "World", order: Order, phone: Phone) -> None:
    order.state, order.paid_at, order.openid = "SUCCESS", world.now(), phone.openid
    day = datetime.fromtimestamp(order.paid_at, CHINA).strftime("%Y%m%d")
    order.transaction_id = f"4200{world.next_id() % 10**6:06d}{day}{secrets.randbelow(10**10):010d}"
    world.save(order)


def pay_at_last(world: "World", number: str) -> bool:
    """The payer confirms at this very moment, if the order still takes money."""
    with world.lock:
        order = world.orders.get(number)
        if order is None or order.state != "NOTPAY" or not order.openid:
            return False
        _take_money(world, order, world.phone(order.openid))
    notify_paid(world, order)
    return True


def transaction(world: "World", order: Order) -> dict[str, Any]:
    """An order as queries and notices tell it."""
    told: dict[str, Any] = {
        "appid": order.app_id, "mchid": world.credentials.mch_id,
        "out_trade_no": order.out_trade_no, "trade_state": order.state,
        "trade_state_desc": STATE_WORDS[order.state], "promotion_detail": []}
    if order.params.get("attach"):
        told["attach"] = order.params["attach"]
    payer = {"payer": {"openid": order.openid}} if order.openid else {}
    if order.state not in PAID:
        return told | {"amount": {"total": order.total, "currency": "CNY"}} | payer
    return told | payer | {
        "transaction_id": order.transaction_id, "trade_type": order.trade_type,
        "bank_type": "OTHERS", "success_time": rfc3339(order.paid_at),
        "amount": {"total": order.total, "payer_total": order.total, "currency": "CNY",
                   "payer_currency": "CNY"}}


def refund_told(world: "World", refund: Refund) -> dict[str, Any]:
    """A refund as the refund API tells it."""
    order = world.orders[refund.out_trade_no]
    told: dict[str, Any] = {
        "refund_id": refund.refund_id, "out_refund_no": refund.out_refund_no,
        "transaction_id": order.transaction_id, "out_trade_no": order.out_trade_no,
        "channel": "ORIGINAL", "user_received_account": refund.account,
        "create_time": rfc3339(refund.made_at), "status": refund.status,
        "funds_account": "AVAILABLE", "promotion_detail": [],
        "amount": {"total": order.total, "refund": refund.amount, "payer_total": order.total,
                   "payer_refund": refund.amount, "settlement_total": order.total,
                   "settlement_refund": refund.amount, "discount_refund": 0, "currency": "CNY"}}
    if refund.success_at:
        told["success_time"] = rfc3339(refund.success_at)
    return told


def settle_later(world: "World", number: str) -> None:
    """The bank's word comes when it comes: `refund_takes_s`, or as a fault at "refund" has it."""
    fault = world.faults.take("refund")
    status = fault.outcome if fault and fault.outcome else "SUCCESS"
    settled = partial(settle_refund, world, number, status)
    if fault:
        world.note("refund", out_refund_no=number, fault=fault.label)
    if fault and fault.stay:
        fault.when_off.append(settled)
        return
    world.schedule.after(world.knobs.refund_takes_s + (fault.delay_s if fault else 0), settled)


def settle_refund(world: "World", out_refund_no: str, status: str = "SUCCESS") -> None:
    """The bank's word on a refund: SUCCESS, CLOSED or ABNORMAL; then the merchant is told."""
    with world.lock:
        refund = world.refunds[out_refund_no]
        if refund.status != "PROCESSING":
            return
        refund.status = status
        refund.success_at = world.now() if status == "SUCCESS" else 0.0
        world.save(refund)
    notify_refund(world, refund)


def notify_paid(world: "World", order: Order, delay_s: float = 0.0) -> None:
    """Tell notify_url of a payment, in the background, until it is heard."""
    notices.send(world, Notice(
        order.params["notify_url"], "transaction", "TRANSACTION.SUCCESS", "支付成功",
        "transaction", transaction(world, order), partial(mark_heard, world, order),
        rfc3339(world.now())), delay_s)


def notify_refund(world: "World", refund: Refund, delay_s: float = 0.0) -> None:
    """Tell the refund's notify_url, if it gave one, how the refund ended."""
    if url := refund.params.get("notify_url"):
        notices.send(world, Notice(
            url, "refund", f"REFUND.{refund.status}", REFUND_WORDS[refund.status], "refund",
            _refund_notice(world, refund), partial(mark_heard, world, refund),
            rfc3339(world.now())), delay_s)


def mark_heard(world: "World", subject: Any) -> None:
    """The merchant has accepted the news of this record. Under the lock."""
    subject.notified = True
    world.save(subject)


def _refund_notice(world: "World", refund: Refund) -> dict[str, Any]:
    told = refund_told(world, refund)
    named = ["out_trade_no", "transaction_id", "out_refund_no", "refund_id",
             "user_received_account", "success_time"]
    amount = {k: told["amount"][k] for k in ("total", "refund", "payer_total", "payer_refund")}
    return {"mchid": world.credentials.mch_id, **{k: told[k] for k in named if k in told},
            "refund_status": refund.status, "amount": amount}


def resume(world: "World") -> None:
    """After a restart: go on with refunds and notices that were under way."""
    with world.lock:
        orders, refunds = list(world.orders.values()), list(world.refunds.values())
    for order in orders:
        if order.state in PAID and not order.notified:
            notify_paid(world, order, delay_s=15 * world.knobs.notify_scale)
    for refund in refunds:
        if refund.status == "PROCESSING":
            settle_later(world, refund.out_refund_no)
        elif not refund.notified:
            notify_refund(world, refund, delay_s=15 * world.knobs.notify_scale)
