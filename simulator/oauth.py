"""Web authorization: open.weixin.qq.com for browsers, /sns for servers (fact sheet B8)."""
import html
import re
import secrets
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from simulator.api_errors import ApiError
from simulator.state import Phone
from simulator.wechat_api import answer, refusal, this_world
from simulator.world import UnknownPhone, World

blueprint = Blueprint("oauth", __name__)
SCOPES = ("snsapi_base", "snsapi_userinfo")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class NotAuthorized(Exception):
    """What the person reads instead of the page. The message carries WeChat's own number."""


def authorize(world: World, phone: Phone, args: dict[str, str]) -> str:
    """Where the authorize page sends this phone: redirect_uri with a fresh code and the state.

    Raises NotAuthorized.
    """
    app_id, target = args.get("appid", ""), args.get("redirect_uri", "")
    if app_id not in world.accounts:
        raise NotAuthorized("AppID 参数错误 (10013)")
    if args.get("response_type") != "code":
        raise NotAuthorized("response_type 参数错误 (10001)")
    scope, state = args.get("scope"), args.get("state", "")
    if scope not in SCOPES:
        raise NotAuthorized("Scope 参数错误或没有 Scope 权限 (10005)")
    if not _is_registered(world, target):
        raise NotAuthorized("redirect_uri 域名与后台配置不一致 (10003)")
    if not re.fullmatch(r"[a-zA-Z0-9]{0,128}", state):
        raise NotAuthorized("state 参数只能是 128 个以内的字母和数字 (10011)")
    if phone.app_id != app_id:
        raise NotAuthorized("这个手机上的人属于另一个服务号")
    code = _code_for(world, phone, str(scope))
    parts = urlsplit(target)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("code", code), ("state", state)]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), parts.fragment))


def _is_registered(world: World, target: str) -> bool:
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    if world.knobs.oauth_hosts:
        return parts.hostname in world.knobs.oauth_hosts
    return parts.hostname in LOOPBACK or parts.hostname.endswith(".localhost")


def _code_for(world: World, phone: Phone, scope: str) -> str:
    code = "0" + secrets.token_hex(15) + "w"
    with world.lock:
        world.oauth_codes[code] = {
            "app_id": phone.app_id, "openid": phone.openid, "scope": scope, "used": False,
            "until": world.now() + world.knobs.oauth_code_s}
    return code


@blueprint.get("/connect/oauth2/authorize")
def authorize_page() -> AnyResponse:
    """Silent for the phone named by X-Sim-Phone; any other browser is asked whose it is."""
    world, who = this_world(), request.headers.get("X-Sim-Phone") or request.args.get("sim_phone")
    if not who:
        return _whose_phone(world)
    try:
        return redirect(authorize(world, world.phone(who), dict(request.args)))
    except (NotAuthorized, UnknownPhone) as refused:
        return Response(_page("无法打开网页", f"<p>{html.escape(str(refused))}</p>"))


def _whose_phone(world: World) -> Response:
    links = "".join(
        f'<p><a href="?{html.escape(urlencode({**request.args, "sim_phone": phone.id}))}">'
        f"{html.escape(phone.name)}</a></p>" for phone in world.phones.values())
    return Response(_page("请在微信客户端打开链接", links))


def _page(title: str, content: str) -> str:
    return (f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width">'
            f"<body><h1>{title}</h1>{content}</body></html>")


@blueprint.get("/sns/oauth2/access_token")
def exchange() -> Response:
    """A code for an openid: once, within five minutes."""
    world, args = this_world(), request.args
    try:
        return answer(_exchange(world, dict(args)))
    except ApiError as error:
        return refusal(error, comma=True)


def _exchange(world: World, args: dict[str, str]) -> dict[str, Any]:
    _check_application(world, args)
    if args.get("grant_type") != "authorization_code":
        raise ApiError(40002, "invalid grant_type")
    if not args.get("code"):
        raise ApiError(41008, "missing code")
    with world.lock:
        code = world.oauth_codes.get(args["code"])
        if code is None or code["app_id"] != args["appid"]:
            raise ApiError(40029, "invalid code")
        if code["used"]:
            raise ApiError(40163, "code been used")
        if code["until"] <= world.now():
            raise ApiError(40029, "invalid code")
        code["used"] = True
        return _user_token(world, code)


def _check_application(world: World, args: dict[str, str]) -> None:
    if not args.get("appid"):
        raise ApiError(41002, "appid missing")
    account = world.accounts.get(args["appid"])
    if account is None:
        raise ApiError(40013, "invalid appid")
    if not args.get("secret"):
        raise ApiError(41004, "appsecret missing")
    if args["secret"] != account.secret:
        raise ApiError(40125, "invalid appsecret, view more at http://t.cn/RAEkdVq")


def _user_token(world: World, granted: dict[str, Any]) -> dict[str, Any]:
    token, refresh = f"u{secrets.token_urlsafe(60)}", f"r{secrets.token_urlsafe(60)}"
    kept = {k: granted[k] for k in ("app_id", "openid", "scope")}
    world.oauth_tokens[token] = {**kept, "until": world.now() + 7200, "kind": "access"}
    world.oauth_tokens[refresh] = {**kept, "until": world.now() + 30 * 86400, "kind": "refresh"}
    return {"access_token": token, "expires_in": 7200, "refresh_token": refresh,
            "openid": granted["openid"], "scope": granted["scope"]}


@blueprint.get("/sns/oauth2/refresh_token")
def refresh() -> Response:
    world, args = this_world(), request.args
    try:
        if args.get("grant_type") != "refresh_token":
            raise ApiError(40002, "invalid grant_type")
        granted = _granted(world, args.get("refresh_token"), "refresh")
        if granted["app_id"] != args.get("appid"):
            raise ApiError(40013, "invalid appid")
        with world.lock:
            return answer(_user_token(world, granted))
    except ApiError as error:
        return refusal(error, comma=True)


def _granted(world: World, token: str | None, kind: str) -> dict[str, Any]:
    if not token:
        raise ApiError(41001, "access_token missing")
    with world.lock:
        granted = world.oauth_tokens.get(token)
        if granted is None or granted["kind"] != kind:
            wrong = (40001, "invalid credential, access_token is invalid or not latest") \
                if kind == "access" else (40030, "invalid refresh_token")
            raise ApiError(*wrong)
        if granted["until"] <= world.now():
            raise ApiError(42001 if kind == "access" else 42002, f"{kind}_token expired")
        return granted


def _person(world: World) -> tuple[Phone, dict[str, Any]]:
    granted = _granted(world, request.args.get("access_token"), "access")
    if request.args.get("openid") != granted["openid"]:
        raise ApiError(40003, "invalid openid")
    return world.phone(granted["openid"]), granted


@blueprint.get("/sns/userinfo")
def userinfo() -> Response:
    world = this_world()
    try:
        phone, granted = _person(world)
        if granted["scope"] != "snsapi_userinfo":
            raise ApiError(48001, "api unauthorized")
        return answer({"openid": phone.openid, "nickname": phone.name, "sex": 0, "language": "",
                       "city": "", "province": "", "country": "", "headimgurl": "",
                       "privilege": []})
    except ApiError as error:
        return refusal(error, comma=True)


@blueprint.get("/sns/auth")
def check() -> Response:
    try:
        _person(this_world())
        return answer({"errcode": 0, "errmsg": "ok"})
    except ApiError as error:
        return refusal(error, comma=True)
