"""api.weixin.qq.com for the account's server: tokens, messages, menus, codes, people (B0–B7, B9).

Every call answers HTTP 200 and JSON; `errcode` 0 or absent is success.
"""
import json
import re
import secrets
from collections.abc import Callable
from typing import Any, cast

from flask import Blueprint, Response, current_app, request

from simulator import (
    customer_messages,
    media,
    menus,
    people,
    qr,
    qr_codes,
    quotas,
    subscriptions,
    template_messages,
    tokens,
)
from simulator.api_errors import ApiError, rid
from simulator.state import Account
from simulator.world import World

blueprint = Blueprint("wechat_api", __name__)
Body = dict[str, Any]
Call = Callable[[World, Account, Body], Body]
ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[0-7])[0-9a-fA-F]{4}")


def this_world() -> World:
    return cast(World, current_app.config["WORLD"])


def answer(body: Body) -> Response:
    """As WeChat writes it: raw UTF-8, and this unusual content type."""
    return Response(json.dumps(body, ensure_ascii=False),
                    content_type="application/json; encoding=utf-8")


def refusal(error: ApiError, *, comma: bool = False) -> Response:
    between = ", rid: " if comma else " rid: "
    return answer({"errcode": error.code, "errmsg": f"{error.message}{between}{rid()}"})


def json_body() -> Body:
    """The request's JSON object. 40033: \\u escapes, which would be shown literally."""
    raw = request.get_data()
    if not raw.strip():
        raise ApiError(44002, "empty post data")
    if ESCAPED.search(raw):
        raise ApiError(40033, (
            "invalid charset. please check your request, if include \\uxxxx will create fail!"))
    try:
        body = json.loads(raw.decode("utf-8"))
    except ValueError as error:
        raise ApiError(47001, "data format error") from error
    if not isinstance(body, dict):
        raise ApiError(47001, "data format error")
    return body


def check_method(wanted: str) -> None:
    if request.method != wanted:
        code = 43001 if wanted == "GET" else 43002
        raise ApiError(code, f"require {wanted} method")


def _serve(path: str, method: str, call: Call, *, bare: bool = False) -> None:
    """Answer `path`: who calls, then how, then the work itself. `bare`: success says no errcode."""
    fine: Body = {} if bare else {"errcode": 0, "errmsg": "ok"}

    def view() -> Response:
        world = this_world()
        try:
            account = tokens.holder(world, request.args.get("access_token"))
            check_method(method)
            quotas.spend(world, account, path)
            body = json_body() if method == "POST" else dict(request.args)
            return answer({**fine, **call(world, account, body)})
        except ApiError as error:
            return refusal(error)
    blueprint.add_url_rule(path, path.replace("/", "_"), view, methods=["GET", "POST"])


@blueprint.route("/cgi-bin/token", methods=["GET", "POST"])
def token() -> Response:
    world, args = this_world(), request.values
    try:
        account = tokens.account_for(world, args.get("appid"), args.get("grant_type"),
                                     args.get("secret"), request.remote_addr or "")
        return answer(tokens.plain(world, account))
    except ApiError as error:
        return refusal(error)


@blueprint.route("/cgi-bin/stable_token", methods=["GET", "POST"])
def stable_token() -> Response:
    world = this_world()
    try:
        check_method("POST")
        body = json_body()
        account = tokens.account_for(world, body.get("appid"), body.get("grant_type"),
                                     body.get("secret"), request.remote_addr or "")
        force = body.get("force_refresh", False)
        if not isinstance(force, bool):
            raise ApiError(47001, "data format error")
        return answer(tokens.stable(world, account, force))
    except ApiError as error:
        return refusal(error)


def jsapi_ticket(world: World, account: Account, body: Body) -> Body:
    if body.get("type") not in ("jsapi", "wx_card"):
        raise ApiError(40097, "invalid args")
    with world.lock:
        name = f"{account.app_id} {body['type']}"
        kept = world.jsapi_tickets.get(name)
        if kept is None or kept["until"] - world.now() < world.knobs.token_overlap_s:
            kept = {"ticket": secrets.token_urlsafe(64),
                    "until": world.now() + world.knobs.token_life_s}
            world.jsapi_tickets[name] = kept
        return {"ticket": kept["ticket"], "expires_in": int(kept["until"] - world.now() + 0.5)}


def callback_ips(world: World, account: Account, body: Body) -> Body:
    return {"ip_list": ["127.0.0.1"]}


def callback_check(world: World, account: Account, body: Body) -> Body:
    """callback/check {action, check_operator}: whether WeChat's hosts can reach the account's."""
    if body.get("action") not in ("dns", "ping", "all"):
        raise ApiError(40201, "invalid action")
    if body.get("check_operator", "DEFAULT") not in ("DEFAULT", "CHINANET", "UNICOM", "CAP"):
        raise ApiError(40202, "invalid operator")
    told = {"dns": [{"ip": "127.0.0.1", "real_operator": "DEFAULT"}],
            "ping": [{"ip": "127.0.0.1", "from_operator": "DEFAULT", "package_loss": "0%",
                      "time": "1.000ms"}]}
    return {name: found for name, found in told.items() if body["action"] in (name, "all")}


_serve("/cgi-bin/message/custom/send", "POST", customer_messages.send)
_serve("/cgi-bin/message/custom/typing", "POST", customer_messages.typing)
_serve("/cgi-bin/message/template/send", "POST", template_messages.send)
_serve("/cgi-bin/message/subscribe/bizsend", "POST", subscriptions.send)
_serve("/wxaapi/newtmpl/getcategory", "GET", subscriptions.categories)
_serve("/wxaapi/newtmpl/getpubtemplatetitles", "GET", subscriptions.titles)
_serve("/wxaapi/newtmpl/getpubtemplatekeywords", "GET", subscriptions.keywords)
_serve("/wxaapi/newtmpl/gettemplate", "GET", subscriptions.owned)
_serve("/wxaapi/newtmpl/addtemplate", "POST", subscriptions.add)
_serve("/wxaapi/newtmpl/deltemplate", "POST", subscriptions.delete)
_serve("/cgi-bin/template/get_all_private_template", "GET", template_messages.listed, bare=True)
_serve("/cgi-bin/template/api_add_template", "POST", template_messages.add)
_serve("/cgi-bin/template/del_private_template", "POST", template_messages.delete)
_serve("/cgi-bin/template/get_industry", "GET", template_messages.industry, bare=True)
_serve("/cgi-bin/template/api_set_industry", "POST", template_messages.set_industry)
_serve("/wxa/sec/queryblocktmplmsg", "POST", template_messages.blocked)
_serve("/cgi-bin/menu/create", "POST", menus.create)
_serve("/cgi-bin/menu/get", "GET", menus.get, bare=True)
_serve("/cgi-bin/menu/delete", "GET", menus.delete)
_serve("/cgi-bin/menu/addconditional", "POST", menus.add_conditional)
_serve("/cgi-bin/menu/delconditional", "POST", menus.delete_conditional)
_serve("/cgi-bin/menu/trymatch", "POST", menus.try_match, bare=True)
_serve("/cgi-bin/get_current_selfmenu_info", "GET", menus.current, bare=True)
_serve("/cgi-bin/qrcode/create", "POST", qr_codes.create, bare=True)
_serve("/cgi-bin/user/info", "GET", people.info, bare=True)
_serve("/cgi-bin/user/info/batchget", "POST", people.infos, bare=True)
_serve("/cgi-bin/user/get", "GET", people.listed, bare=True)
_serve("/cgi-bin/user/info/updateremark", "POST", people.update_remark)
_serve("/cgi-bin/tags/create", "POST", people.create_tag, bare=True)
_serve("/cgi-bin/tags/get", "GET", people.get_tags, bare=True)
_serve("/cgi-bin/tags/update", "POST", people.update_tag)
_serve("/cgi-bin/tags/delete", "POST", people.delete_tag)
_serve("/cgi-bin/tags/members/batchtagging", "POST", people.tag_people)
_serve("/cgi-bin/tags/members/batchuntagging", "POST", people.untag_people)
_serve("/cgi-bin/tags/getidlist", "POST", people.tags_of, bare=True)
_serve("/cgi-bin/ticket/getticket", "GET", jsapi_ticket)
_serve("/cgi-bin/getcallbackip", "GET", callback_ips, bare=True)
_serve("/cgi-bin/get_api_domain_ip", "GET", callback_ips, bare=True)
_serve("/cgi-bin/callback/check", "POST", callback_check, bare=True)
_serve("/cgi-bin/clear_quota", "POST", quotas.clear)
_serve("/cgi-bin/openapi/quota/get", "POST", quotas.get)
_serve("/cgi-bin/openapi/quota/clear", "POST", quotas.clear_path)
_serve("/cgi-bin/openapi/rid/get", "POST", quotas.rid)


@blueprint.route("/cgi-bin/clear_quota/v2", methods=["GET", "POST"])
def clear_quota_by_secret() -> Response:
    """The way that needs no token: for when the tokens themselves are used up."""
    world, args = this_world(), request.values
    try:
        check_method("POST")
        account = tokens.account_for(world, args.get("appid"), "client_credential",
                                     args.get("appsecret"), request.remote_addr or "")
        return answer({"errcode": 0, "errmsg": "ok",
                       **quotas.clear(world, account, {"appid": account.app_id})})
    except ApiError as error:
        return refusal(error)


@blueprint.get("/cgi-bin/showqrcode")
def show_qr() -> Response:
    """The picture of a code (mp.weixin.qq.com); 404 for a ticket that is none."""
    world, ticket = this_world(), request.args.get("ticket", "")
    with world.lock:
        known = ticket in world.qr_tickets
    if not known:
        return Response("", 404)
    return Response(qr.png(qr_codes.address(ticket)), content_type="image/png")


@blueprint.post("/cgi-bin/media/upload")
def upload_media() -> Response:
    world = this_world()
    try:
        account = tokens.holder(world, request.args.get("access_token"))
        quotas.spend(world, account, request.path)
        return answer(media.upload(world, request.values.get("type"), request.files.get("media")))
    except ApiError as error:
        return refusal(error)


@blueprint.get("/cgi-bin/media/get")
def get_media() -> Response:
    world = this_world()
    try:
        account = tokens.holder(world, request.args.get("access_token"))
        quotas.spend(world, account, request.path)
        media_id = request.args.get("media_id")
        content, kind = media.get(world, media_id)
        if kind == media.TYPES["video"]:  # films are told by their address
            return answer({"video_url": f"{world.base_url}/sim/media/{media_id}"})
        return Response(content, content_type=kind)
    except ApiError as error:
        return refusal(error)


@blueprint.route("/cgi-bin/<path:path>", methods=["GET", "POST"])
@blueprint.route("/wxaapi/<path:path>", methods=["GET", "POST"])
def unknown(path: str) -> Response:
    return refusal(ApiError(40066, "invalid url"))
