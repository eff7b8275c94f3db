"""WeChat Pay's door: headers, clock, signature; signed answers, unsigned refusals (C1, C2)."""
import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, request

from simulator import pay_crypto, platform_keys
from simulator.wechat_api import this_world
from simulator.world import World

blueprint = Blueprint("pay", __name__)
Body = dict[str, Any]
SKEW_S = 300
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


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
    asked = request.headers.get("Wechatpay-Serial")
    headers = {**platform_keys.signature_headers(world, body, asked=asked),
               "Request-ID": _request_id()}
    return Response(body, status, headers, content_type="application/json; charset=utf-8")


def serve(path: str, method: str, call: Callable[..., Body | None]) -> None:
    """Answer `path` once the request's signature holds. A wrong method is 405, and empty."""
    def view(**parts: str) -> Response:
        world = this_world()
        if request.method != method:
            return Response("", 405)
        try:
            authenticate(world)
            told = call(world, _json() if method == "POST" else dict(request.args), **parts)
        except PayError as error:
            return refused(error)
        return _signed(world, 200 if told is not None else 204, told)
    blueprint.add_url_rule(path, path, view, methods=METHODS)


def authenticate(world: World) -> None:
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
    if asked and not platform_keys.is_known(world, asked):
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


@blueprint.route("/v3/<path:path>", methods=METHODS)
def unknown(path: str) -> Response:
    return Response("", 404)
