"""Reading a request's body field by field: what is refused is a PARAM_ERROR that names it (C9)."""
import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import request

from simulator import platform_keys
from simulator.pay.door import Body, PayError
from simulator.state import Account
from simulator.world import World

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def bad(pointer: str, value: Any, issue: str, *, location: str = "body") -> PayError:
    name = pointer.rsplit("/", 1)[-1]
    said = f"输入源“/{location}{pointer}”映射到字段“{name}”校验失败：{issue}"
    return PayError(400, "PARAM_ERROR", said, {
        "field": pointer, "value": value, "issue": issue, "location": location})


def at(body: Body, pointer: str) -> Any:
    """The value at a JSON pointer without array steps, or None."""
    value: Any = body
    for name in pointer.strip("/").split("/"):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text(body: Body, pointer: str, longest: int, *, shortest: int = 1,
         pattern: str | None = None, optional: bool = False) -> str:
    value = at(body, pointer)
    if value is None:
        if optional:
            return ""
        raise bad(pointer, None, "缺少必填字段")
    if not isinstance(value, str):
        raise bad(pointer, value, "类型应为字符串")
    if not (0 if optional else shortest) <= len(value) <= longest:
        raise bad(pointer, value, f"字符数 {len(value)}，应在 {shortest} 到 {longest} 之间")
    if pattern and value and not re.fullmatch(pattern, value):
        raise bad(pointer, value, "含有不允许的字符")
    return value


def fen(body: Body, pointer: str, *, least: int = 1) -> int:
    value = at(body, pointer)
    if value is None:
        raise bad(pointer, None, "缺少必填字段")
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise bad(pointer, value, f"应为不小于 {least} 的整数，单位分")
    return value


def currency(body: Body, *, required: bool) -> None:
    value = at(body, "/amount/currency")
    if value != "CNY" and (required or value is not None):
        raise bad("/amount/currency", value, "应为 CNY")


def notify_url(body: Body, longest: int, *, optional: bool = False) -> str:
    """https anywhere; http only on loopback; never with a query."""
    url = text(body, "/notify_url", longest, optional=optional)
    if not url and optional:
        return ""
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or local) \
            or parts.query or "?" in url or "#" in url:
        raise bad("/notify_url", url, "应为不带参数的 https 地址")
    return url


def choice(body: Body, pointer: str, allowed: tuple[str, ...], *, optional: bool = False) -> str:
    value = at(body, pointer)
    if value is None and optional:
        return ""
    if value not in allowed:
        raise bad(pointer, value, f"应为 {'、'.join(allowed)} 之一")
    return str(value)


def moment(body: Body, pointer: str) -> float | None:
    """Epoch seconds of an RFC 3339 time with a zone, or None where there is none."""
    written = text(body, pointer, 64, optional=True)
    if not written:
        return None
    try:
        read = datetime.fromisoformat(written)
    except ValueError as error:
        raise bad(pointer, written, "应为 RFC3339 时间") from error
    if read.tzinfo is None or "T" not in written:
        raise bad(pointer, written, "应为带时区的 RFC3339 时间")
    return read.timestamp()


def secret(world: World, body: Body, pointer: str, *, optional: bool = False) -> str:
    """A sensitive field, unsealed: RSA-OAEP (SHA-1) under the key that Wechatpay-Serial names."""
    sealed = text(body, pointer, 4096, optional=optional)
    if not sealed:
        return ""
    serial = request.headers.get("Wechatpay-Serial")
    if not serial:
        raise PayError(400, "PARAM_ERROR", "加密敏感字段时，Http头必须包含Wechatpay-Serial")
    plain = platform_keys.unsealed(world, serial, sealed)
    if plain is None:
        raise bad(pointer, sealed, "敏感字段解密失败")
    return plain


def account(world: World, body: Body) -> Account:
    """The official account of `appid`, which must be bound to this merchant number."""
    found = world.accounts.get(text(body, "/appid", 32))
    if found is None:
        raise PayError(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
    return found


def openid(world: World, account: Account, body: Body, pointer: str) -> str:
    value = text(body, pointer, 128)
    if world.user(account, value) is None:
        raise PayError(400, "PARAM_ERROR", "无效的openid", {
            "field": pointer, "value": value, "issue": "appid和openid不匹配", "location": "body"})
    return value


def check_mchid(world: World, mch_id: str) -> None:
    if mch_id != world.credentials.mch_id:
        raise PayError(400, "PARAM_ERROR", "mchid与Authorization中的商户号不一致")
