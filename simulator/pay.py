"""api.mch.weixin.qq.com v3 for the merchant's server (fact sheet C1–C4, C6, C9)."""
import json
import re
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, request

from simulator import cashier, pay_crypto
from simulator.state import Order, Prepay, Refund
from simulator.wechat_api import this_world
from simulator.world import World

blueprint = Blueprint("pay", __name__)
Body = dict[str, Any]
SKEW_S = 300
WEEK_S = 7 * 86400
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class PayError(Exception):
    """A refusal: HTTP status, code, message and, for a bad field, its detail."""

    def __init__(self, status: int, code: str, message: str, detail: Body | None = None) -> None:
        super().__init__(status, code, message)
        self.status, self.code, self.message, self.detail = status, code, message, detail


def refused(error: PayError) -> Response:
    """4xx carry no Wechatpay-* headers."""
    body: Body = {"code": error.code, "message": error.message}
    if error.detail:
        body["detail"] = error.detail
    return Response(json.dumps(body, ensure_ascii=False), error.status,
                    {"Request-ID": _request_id()}, content_type="application/json; charset=utf-8")


def _request_id() -> str:
    return secrets.token_hex(16).upper() + "-0"


def _signed(world: World, status: int, told: Body | None) -> Response:
    body = "" if told is None else json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    headers = {**cashier.signature_headers(world, body), "Request-ID": _request_id()}
    return Response(body, status, headers, content_type="application/json; charset=utf-8")


def _serve(path: str, method: str, call: Callable[..., Body | None]) -> None:
    """Answer `path` once the request's signature holds. A wrong method is 405, and empty."""
    def view(**parts: str) -> Response:
        world = this_world()
        if request.method != method:
            return Response("", 405)
        try:
            _authenticate(world)
            told = call(world, _json() if method == "POST" else dict(request.args), **parts)
        except PayError as error:
            return refused(error)
        return _signed(world, 200 if told is not None else 204, told)
    blueprint.add_url_rule(path, path, view, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])


def _authenticate(world: World) -> None:
    """Headers first, then the clock, then the signature: the order that WeChat Pay keeps."""
    if not request.headers.get("Accept") or not request.headers.get("User-Agent"):
        raise PayError(400, "INVALID_REQUEST", "Http头缺少Accept或User-Agent")
    said = pay_crypto.read_authorization(request.headers.get("Authorization", ""))
    if said is None:
        wrong = "签名信息错误，验签失败" if request.path.startswith("/v3/pay/transactions/") else \
            "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"
        raise PayError(401, "SIGN_ERROR", wrong)
    if abs(int(said["timestamp"]) - world.wire_now()) > SKEW_S:
        raise PayError(401, "SIGN_ERROR",
                       "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
    _check_signature(world, said)
    asked = request.headers.get("Wechatpay-Serial")
    if asked and asked != world.credentials.public_key_id:
        raise PayError(400, "PARAM_ERROR", "平台证书序列号Wechatpay-Serial错误")
    if request.method == "POST" and request.mimetype != "application/json":
        raise PayError(415, "INVALID_REQUEST", "Http头Content-Type不是application/json")


def _check_signature(world: World, said: dict[str, str]) -> None:
    if said["mchid"] != world.credentials.mch_id:
        raise PayError(401, "SIGN_ERROR", "商户号不存在或证书不属于该商户")
    if said["serial_no"].upper() != world.credentials.cert_serial:
        raise PayError(401, "SIGN_ERROR", "商户证书序列号有误，请使用签名私钥匹配的证书序列号")
    signed = pay_crypto.message(request.method, _path_as_sent(), said["timestamp"],
                                said["nonce_str"], request.get_data().decode("utf-8", "replace"))
    key = pay_crypto.private_key(world.credentials.merchant_key).public_key()
    if not pay_crypto.verifies(key, signed, said["signature"]):
        raise PayError(401, "SIGN_ERROR", "签名错误", {
            "field": "signature", "issue": "sign not match", "location": "authorization"})


def _path_as_sent() -> str:
    """Path and query in the very bytes of the request line; the signature covers those."""
    raw = request.environ.get("REQUEST_URI") or request.environ.get("RAW_URI")
    if not raw:
        return request.full_path if request.query_string else request.path
    parts = urlsplit(raw)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _json() -> Body:
    try:
        body = json.loads(request.get_data().decode("utf-8") or "{}")
    except ValueError as error:
        raise PayError(400, "PARAM_ERROR", "请求体不是合法的JSON") from error
    if not isinstance(body, dict):
        raise PayError(400, "PARAM_ERROR", "请求体不是JSON对象")
    return body


def _bad(pointer: str, value: Any, issue: str) -> PayError:
    name = pointer.rsplit("/", 1)[-1]
    said = f"输入源“/body{pointer}”映射到字段“{name}”校验失败：{issue}"
    return PayError(400, "PARAM_ERROR", said, {
        "field": pointer, "value": value, "issue": issue, "location": "body"})


def _text(body: Body, pointer: str, longest: int, *, shortest: int = 1,
          pattern: str | None = None, optional: bool = False) -> str:
    value: Any = body
    for name in pointer.strip("/").split("/"):
        value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        if optional:
            return ""
        raise _bad(pointer, None, "缺少必填字段")
    if not isinstance(value, str):
        raise _bad(pointer, value, "类型应为字符串")
    if not (0 if optional else shortest) <= len(value) <= longest:
        raise _bad(pointer, value, f"字符数 {len(value)}，应在 {shortest} 到 {longest} 之间")
    if pattern and value and not re.fullmatch(pattern, value):
        raise _bad(pointer, value, "含有不允许的字符")
    return value


def _fen(body: Body, name: str, *, least: int = 1) -> int:
    amount = body.get("amount")
    value = amount.get(name) if isinstance(amount, dict) else None
    if value is None:
        raise _bad(f"/amount/{name}", None, "缺少必填字段")
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise _bad(f"/amount/{name}", value, f"应为不小于 {least} 的整数，单位分")
    return value


def _currency(body: Body, *, required: bool) -> None:
    amount = body.get("amount")
    value = amount.get("currency") if isinstance(amount, dict) else None
    if value != "CNY" and (required or value is not None):
        raise _bad("/amount/currency", value, "应为 CNY")


def _notify_url(body: Body, longest: int, *, optional: bool = False) -> str:
    """https anywhere; http only on loopback; never with a query."""
    url = _text(body, "/notify_url", longest, optional=optional)
    if not url and optional:
        return ""
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or local) \
            or parts.query or "?" in url or "#" in url:
        raise _bad("/notify_url", url, "应为不带参数的 https 地址")
    return url


def jsapi(world: World, body: Body) -> Body:
    """POST /v3/pay/transactions/jsapi: a prepay_id, good for two hours."""
    number, order = _checked_order(world, body)
    with world.lock:
        known = world.orders.get(number)
        if known is not None:
            order = _same_again(world, known, order)
        world.orders[number] = order
        world.save(order)
        day = datetime.fromtimestamp(world.now(), cashier.CHINA).strftime("%d%H%M%S")
        prepay = Prepay(f"wx{day}{secrets.token_hex(13)}", number, world.now() + 7200)
        world.prepays[prepay.prepay_id] = prepay
        world.save(prepay)
    return {"prepay_id": prepay.prepay_id}


def _checked_order(world: World, body: Body) -> tuple[str, Order]:
    app_id = _text(body, "/appid", 32)
    _check_mchid(world, _text(body, "/mchid", 32))
    if app_id not in world.accounts:
        raise PayError(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
    _text(body, "/description", 127)
    number = _text(body, "/out_trade_no", 32, shortest=6, pattern=r"[0-9A-Za-z_\-|*]+")
    _text(body, "/attach", 128, optional=True)
    _notify_url(body, 255)
    total = _fen(body, "total")
    _currency(body, required=False)
    openid = _text(body, "/payer/openid", 128)
    if world.user(world.accounts[app_id], openid) is None:
        raise PayError(400, "PARAM_ERROR", "无效的openid", {
            "field": "/payer/openid", "value": openid, "issue": "appid和openid不匹配",
            "location": "body"})
    now = world.now()
    return number, Order(number, app_id, openid, total, body, now, _expiry(body, now))


def _check_mchid(world: World, mch_id: str) -> None:
    if mch_id != world.credentials.mch_id:
        raise PayError(400, "PARAM_ERROR", "mchid与Authorization中的商户号不一致")


def _expiry(body: Body, now: float) -> float:
    """time_expire, raised to a minute from now and lowered to a week; a week when unsaid."""
    text = _text(body, "/time_expire", 64, optional=True)
    if not text:
        return now + WEEK_S
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise _bad("/time_expire", text, "应为 RFC3339 时间") from error
    if at.tzinfo is None or "T" not in text:
        raise _bad("/time_expire", text, "应为带时区的 RFC3339 时间")
    if at.timestamp() <= now:
        raise _bad("/time_expire", text, "早于当前时间")
    return min(max(at.timestamp(), now + 60), now + WEEK_S)


def _same_again(world: World, known: Order, again: Order) -> Order:
    """The same number once more: the same order, if all but time_expire is as it was."""
    if known.state in cashier.PAID:
        raise PayError(400, "ORDERPAID", "该订单已支付")
    if known.state == "CLOSED":
        raise PayError(400, "ORDER_CLOSED", "该订单已关闭")
    if _compared(known.params) != _compared(again.params):
        raise PayError(403, "OUT_TRADE_NO_USED", "商户订单号重复，请核实商户订单号是否重复提交")
    return known


def _compared(params: Body) -> Body:
    return {name: value for name, value in params.items() if name != "time_expire"}


def query_by_number(world: World, args: Body, number: str) -> Body:
    _check_asked_mchid(world, args)
    with world.lock:
        return cashier.transaction(world, _order(world, number))


def query_by_id(world: World, args: Body, transaction_id: str) -> Body:
    _check_asked_mchid(world, args)
    with world.lock:
        return cashier.transaction(world, _by_transaction(world, transaction_id, 404))


def _check_asked_mchid(world: World, args: Body) -> None:
    if not args.get("mchid"):
        raise PayError(400, "PARAM_ERROR", "缺少参数mchid")
    _check_mchid(world, str(args["mchid"]))


def _order(world: World, number: str) -> Order:
    """The order, closed by itself seven days after it was made if nobody paid."""
    order = world.orders.get(number)
    if order is None:
        raise PayError(404, "ORDER_NOT_EXIST", "订单不存在")
    if order.state == "NOTPAY" and world.now() >= order.made_at + WEEK_S:
        order.state = "CLOSED"
        world.save(order)
    return order


def _by_transaction(world: World, transaction_id: str, status: int) -> Order:
    for order in world.orders.values():
        if transaction_id and order.transaction_id == transaction_id:
            return order
    raise PayError(status, "ORDER_NOT_EXIST" if status == 404 else "PARAM_ERROR", "订单不存在")


def close(world: World, body: Body, number: str) -> None:
    """204, also for one that is closed already; a paid one stays as it is."""
    _check_mchid(world, _text(body, "/mchid", 32))
    with world.lock:
        order = _order(world, number)
        if order.state in cashier.PAID:
            raise PayError(400, world.knobs.close_paid_code, "该订单已支付")
        order.state = "CLOSED"
        world.save(order)


def refund(world: World, body: Body) -> Body:
    """POST /v3/refund/domestic/refunds: 200 means accepted. Same number, same refund."""
    number = _text(body, "/out_refund_no", 64, pattern=r"[0-9A-Za-z_\-|*@]+")
    _text(body, "/reason", 80, optional=True)
    _notify_url(body, 256, optional=True)
    amount, total = _fen(body, "refund"), _fen(body, "total")
    _currency(body, required=True)
    with world.lock:
        order = _refundable(world, body)
        known = world.refunds.get(number)
        if known is not None:
            return _same_refund(world, known, order, amount)
        _check_refund(world, order, amount, total)
        made = Refund(number, f"5030{world.next_id() % 10**18:018d}{secrets.randbelow(10**6):06d}",
                      order.out_trade_no, amount, body, world.now())
        world.refunds[number], order.state = made, "REFUND"
        world.save(made)
        world.save(order)
        told = cashier.refund_told(world, made)
    world.schedule.after(world.knobs.refund_takes_s,
                         lambda: cashier.settle_refund(world, number))
    return told


def _refundable(world: World, body: Body) -> Order:
    transaction_id = _text(body, "/transaction_id", 32, optional=True)
    number = _text(body, "/out_trade_no", 32, optional=True)
    if bool(transaction_id) == bool(number):
        raise PayError(400, "PARAM_ERROR", "transaction_id和out_trade_no二选一")
    try:
        order = _order(world, number) if number else _by_transaction(world, transaction_id, 404)
    except PayError as error:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "订单不存在") from error
    if order.state not in cashier.PAID:
        raise PayError(400, "INVALID_REQUEST", "订单未支付，不能退款")
    return order


def _same_refund(world: World, known: Refund, order: Order, amount: int) -> Body:
    if known.out_trade_no != order.out_trade_no or known.amount != amount:
        raise PayError(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
    return cashier.refund_told(world, known)


def _check_refund(world: World, order: Order, amount: int, total: int) -> None:
    earlier = [r for r in world.refunds.values()
               if r.out_trade_no == order.out_trade_no and r.status != "CLOSED"]
    if total != order.total:
        raise PayError(400, "INVALID_REQUEST", "订单金额与支付时不一致，请核实后再试")
    if sum(r.amount for r in earlier) + amount > order.total:
        raise PayError(400, "INVALID_REQUEST", "累计退款金额大于支付金额")
    if len(earlier) >= 50:
        raise PayError(403, "RULE_LIMIT", "一笔订单最多退款50次")
    if world.now() - order.paid_at > 365 * 86400:
        raise PayError(403, "RULE_LIMIT", "交易时间超过一年的订单不能退款")
    if any(world.now() - r.made_at < world.knobs.refunds_apart_s for r in earlier):
        raise PayError(429, "FREQUENCY_LIMITED", "同一订单的部分退款请间隔1分钟")


def query_refund(world: World, args: Body, number: str) -> Body:
    with world.lock:
        found = world.refunds.get(number)
        if found is None:
            raise PayError(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
        return cashier.refund_told(world, found)


def certificates(world: World, args: Body) -> Body:
    """A merchant with a WeChat Pay public key has no platform certificates to download."""
    raise PayError(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请使用微信支付公钥")


_serve("/v3/pay/transactions/jsapi", "POST", jsapi)
_serve("/v3/pay/transactions/out-trade-no/<number>", "GET", query_by_number)
_serve("/v3/pay/transactions/id/<transaction_id>", "GET", query_by_id)
_serve("/v3/pay/transactions/out-trade-no/<number>/close", "POST", close)
_serve("/v3/refund/domestic/refunds", "POST", refund)
_serve("/v3/refund/domestic/refunds/<number>", "GET", query_refund)
_serve("/v3/certificates", "GET", certificates)


@blueprint.route("/v3/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def unknown(path: str) -> Response:
    return Response("", 404)
