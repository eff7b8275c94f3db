"""WeChat Pay's till: the pay sheet, settled refunds, and the notices of both (C3, C5, C6)."""
import json
import secrets
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from simulator import outgoing, pay_crypto
from simulator.state import Order, Phone, Refund

if TYPE_CHECKING:
    from simulator.faults import Fault
    from simulator.world import World

LADDER_S = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
CHINA = timezone(timedelta(hours=8))
OK = "get_brand_wcpay_request:ok"
FAIL = "get_brand_wcpay_request:fail"
PAID = ("SUCCESS", "REFUND")
STATE_WORDS = {"SUCCESS": "支付成功", "NOTPAY": "订单未支付", "CLOSED": "订单已关闭",
               "REFUND": "转入退款"}


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
            _take_money(world, order)
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
        order = _payable(world, phone, prepay_id, request)
    return {"amount_fen": order.total, "description": order.params["description"],
            "payee": world.knobs.payee, "out_trade_no": order.out_trade_no}


def _payable(world: "World", phone: Phone, prepay_id: str,
             request: dict[str, Any] | None) -> Order:
    prepay = world.prepays.get(prepay_id)
    if prepay is None:
        raise CannotPay("缺少参数 prepay_id 或 prepay_id 无效")
    order = world.orders[prepay.out_trade_no]
    if request is not None:
        _check_request(world, order, prepay_id, request)
    if phone.openid != order.openid:
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


def _take_money(world: "World", order: Order) -> None:
    order.state, order.paid_at = "SUCCESS", world.now()
    day = datetime.fromtimestamp(order.paid_at, CHINA).strftime("%Y%m%d")
    order.transaction_id = f"4200{world.next_id() % 10**6:06d}{day}{secrets.randbelow(10**10):010d}"
    world.save(order)


def transaction(world: "World", order: Order) -> dict[str, Any]:
    """An order as queries and notices tell it."""
    told: dict[str, Any] = {
        "appid": order.app_id, "mchid": world.credentials.mch_id,
        "out_trade_no": order.out_trade_no, "trade_state": order.state,
        "trade_state_desc": STATE_WORDS[order.state], "promotion_detail": []}
    if order.params.get("attach"):
        told["attach"] = order.params["attach"]
    if order.state not in PAID:
        return told | {"amount": {"total": order.total, "currency": "CNY"},
                       "payer": {"openid": order.openid}}
    return told | {
        "transaction_id": order.transaction_id, "trade_type": "JSAPI", "bank_type": "OTHERS",
        "success_time": rfc3339(order.paid_at), "payer": {"openid": order.openid},
        "amount": {"total": order.total, "payer_total": order.total, "currency": "CNY",
                   "payer_currency": "CNY"}}


def refund_told(world: "World", refund: Refund) -> dict[str, Any]:
    """A refund as the refund API tells it."""
    order = world.orders[refund.out_trade_no]
    told: dict[str, Any] = {
        "refund_id": refund.refund_id, "out_refund_no": refund.out_refund_no,
        "transaction_id": order.transaction_id, "out_trade_no": order.out_trade_no,
        "channel": "ORIGINAL", "user_received_account": "支付用户零钱",
        "create_time": rfc3339(refund.made_at), "status": refund.status,
        "funds_account": "AVAILABLE", "promotion_detail": [],
        "amount": {"total": order.total, "refund": refund.amount, "payer_total": order.total,
                   "payer_refund": refund.amount, "settlement_total": order.total,
                   "settlement_refund": refund.amount, "discount_refund": 0, "currency": "CNY"}}
    if refund.success_at:
        told["success_time"] = rfc3339(refund.success_at)
    return told


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
    _notify(world, order, order.params["notify_url"], "transaction", "TRANSACTION.SUCCESS",
            "支付成功", transaction(world, order), delay_s)


def notify_refund(world: "World", refund: Refund, delay_s: float = 0.0) -> None:
    """Tell the refund's notify_url, if it gave one, how the refund ended."""
    if url := refund.params.get("notify_url"):
        _notify(world, refund, url, "refund", f"REFUND.{refund.status}",
                f"退款{'成功' if refund.status == 'SUCCESS' else '异常'}",
                _refund_notice(world, refund), delay_s)


def _refund_notice(world: "World", refund: Refund) -> dict[str, Any]:
    told = refund_told(world, refund)
    named = ["out_trade_no", "transaction_id", "out_refund_no", "refund_id",
             "user_received_account", "success_time"]
    amount = {k: told["amount"][k] for k in ("total", "refund", "payer_total", "payer_refund")}
    return {"mchid": world.credentials.mch_id, **{k: told[k] for k in named if k in told},
            "refund_status": refund.status, "amount": amount}


def _notify(world: "World", subject: Order | Refund, url: str, kind: str, event: str,
            summary: str, told: dict[str, Any], delay_s: float) -> None:
    notice = {"id": _notice_id(), "create_time": rfc3339(world.now()), "event_type": event,
              "resource_type": "encrypt-resource", "summary": summary}
    world.schedule.after(delay_s, lambda: _attempt(world, subject, url, kind, notice, told, 0))


def _notice_id() -> str:
    text = secrets.token_hex(16)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _attempt(world: "World", subject: Order | Refund, url: str, kind: str,
             notice: dict[str, Any], told: dict[str, Any], rung: int) -> None:
    """One delivery and its repeats; the next rung of the ladder if it was not heard."""
    fault = world.faults.take(f"notify/{kind}")
    if fault and fault.delay_s:
        world.schedule.after(
            fault.delay_s, lambda: _attempt(world, subject, url, kind, notice, told, rung))
        return
    heard = False
    for _ in range(1 + (fault.repeat if fault else 0)):
        if fault and fault.signtest:
            _deliver(world, url, kind, notice, told, signtest=True)
        heard = not (fault and fault.drop) and _deliver(
            world, url, kind, notice, told, fault) and not (fault and fault.lose_answer)
    if heard:
        with world.lock:
            subject.notified = True
            world.save(subject)
    elif rung < len(LADDER_S):
        world.schedule.after(LADDER_S[rung] * world.knobs.notify_scale, lambda: _attempt(
            world, subject, url, kind, notice, told, rung + 1))


def _deliver(world: "World", url: str, kind: str, notice: dict[str, Any], told: dict[str, Any],
             fault: "Fault | None" = None, *, signtest: bool = False) -> bool:
    """POST the notice once. True: 200 or 204 came in time, and it was not a probe."""
    told = _changed(told, fault.change if fault else {})
    body = _sealed(world, kind, notice, told)
    headers = signature_headers(world, body)
    if signtest:
        headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]
    elif fault and fault.forge:
        headers |= signature_headers(world, body + " ") | {
            "Wechatpay-Timestamp": headers["Wechatpay-Timestamp"]}
    answer = outgoing.send("POST", url, world.knobs.notify_timeout_s, body=body.encode(),
                           headers={**headers, "Content-Type": "application/json"})
    world.note("notify", notice=kind, url=url, headers=headers, request=json.loads(body),
               plain=told, status=answer.status, error=answer.error, signtest=signtest,
               response=answer.body.decode("utf-8", "replace")[:1000],
               took_ms=round(answer.took_s * 1000))
    return answer.status in (200, 204) and not signtest


def _changed(told: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    other = deepcopy(told)
    for path, value in change.items():
        *outer, last = path.split(".")
        inner = other
        for name in outer:
            inner = inner.setdefault(name, {})
        inner[last] = value
    return other


def _sealed(world: "World", kind: str, notice: dict[str, Any], told: dict[str, Any]) -> str:
    plain = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    ciphertext, nonce = pay_crypto.seal(plain, world.credentials.api_v3_key, kind)
    return json.dumps({**notice, "resource": {
        "original_type": kind, "algorithm": "AEAD_AES_256_GCM", "ciphertext": ciphertext,
        "associated_data": kind, "nonce": nonce}}, ensure_ascii=False, separators=(",", ":"))


def signature_headers(world: "World", body: str) -> dict[str, str]:
    """The Wechatpay-* headers of a response or notice with this body."""
    timestamp, nonce = str(int(world.wire_now())), secrets.token_hex(16)
    key = pay_crypto.private_key(world.credentials.platform_key)
    return {
        "Wechatpay-Timestamp": timestamp, "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": world.credentials.public_key_id,
        "Wechatpay-Signature-Type": pay_crypto.SCHEME,
        "Wechatpay-Signature": pay_crypto.sign(
            key, pay_crypto.message(timestamp, nonce, body))}


def resume(world: "World") -> None:
    """After a restart: go on with refunds and notices that were under way."""
    with world.lock:
        orders, refunds = list(world.orders.values()), list(world.refunds.values())
    for order in orders:
        if order.state in PAID and not order.notified:
            notify_paid(world, order, delay_s=15 * world.knobs.notify_scale)
    for refund in refunds:
        if refund.status == "PROCESSING":
            world.schedule.after(world.knobs.refund_takes_s,
                                 partial(settle_refund, world, refund.out_refund_no))
        elif not refund.notified:
            notify_refund(world, refund, delay_s=15 * world.knobs.notify_scale)
