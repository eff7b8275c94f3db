"""api.weixin.qq.com for the account's server: tokens, messages, menus, codes, users (B0–B7, B9).

Every call answers HTTP 200 and JSON; `errcode` 0 or absent is success.
"""
import json
import re
import secrets
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import quote

from flask import Blueprint, Response, current_app, request

from simulator import customer_messages, menus, qr, tokens
from simulator.api_errors import ApiError, rid
from simulator.message_templates import check_value
from simulator.state import Account, Phone
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


def send_template(world: World, account: Account, body: Body) -> Body:
    """message/template/send: accepted only; the outcome is pushed a moment later (B4)."""
    phone = world.user(account, body.get("touser"))
    if phone is None:
        raise ApiError(40003, "invalid openid")
    if not phone.followed:
        raise ApiError(43004, "require subscribe")
    template_id = body.get("template_id")
    if not isinstance(template_id, str) or not template_id:
        raise ApiError(40037, "invalid template_id")
    template = next((t for t in account.templates if t["template_id"] == template_id), None)
    if template is None:
        raise ApiError(40037, "invalid template_id")
    rows = _rows(world, template, body.get("data"))
    _check_jump(body)
    with world.lock:
        if world.count(f"template {account.app_id}") > world.knobs.template_sends_a_day:
            raise ApiError(45009, "reach max api daily quota limit")
        if repeated := _sent_before(world, phone, body.get("client_msg_id")):
            return {"msgid": repeated}
        return {"msgid": _send_template(world, phone, template, rows, body)}


def _rows(world: World, template: Body, data: Any) -> list[Body]:
    """The card's rows. 47003 names the first value that breaks its type's limit."""
    if not isinstance(data, dict):
        raise ApiError(47003, "argument invalid! data invalid")
    rows = []
    for key, label in template["keys"].items():
        given = data.get(key)
        value = given.get("value") if isinstance(given, dict) else None
        allowed = world.knobs.const_values.get(f"{template['template_id']}.{key}")
        wrong = check_value(key, value, allowed) if isinstance(value, str) else "is empty"
        if wrong:
            raise ApiError(47003, f"argument invalid! data.{key}.value {wrong}")
        rows.append({"key": key, "label": label, "value": value})
    return rows


def _check_jump(body: Body) -> None:
    url = body.get("url") or ""
    if not isinstance(url, str) or (url and not re.match(r"https?://", url)):
        raise ApiError(47003, "argument invalid! url invalid")
    if len(url.encode()) > 1024:
        raise ApiError(45005, "url size out of limit")


def _sent_before(world: World, phone: Phone, client_msg_id: Any) -> int | None:
    """The msgid under which this client_msg_id went to this person in the last ten minutes."""
    if not client_msg_id:
        return None
    sent = world.sent_templates.get(f"{phone.openid} {client_msg_id}")
    if sent and world.now() - sent["at"] < world.knobs.template_repeat_s:
        return int(sent["msgid"])
    return None


def _send_template(world: World, phone: Phone, template: Body, rows: list[Body],
                   body: Body) -> int:
    msgid = world.next_id()
    if body.get("client_msg_id"):
        world.sent_templates[f"{phone.openid} {body['client_msg_id']}"] = {
            "msgid": msgid, "at": world.now()}
    if phone.blocks_templates:
        status = "failed:user block"
    else:
        status = "success"
        mini = body.get("miniprogram")
        world.record(phone, "template", template_id=template["template_id"],
                     title=template["title"], url="" if mini else body.get("url") or "",
                     rows=rows, msgid=msgid)
    world.schedule.after(world.knobs.template_report_s,
                         lambda: world.report_template(phone, msgid, status))
    return msgid


def list_templates(world: World, account: Account, body: Body) -> Body:
    listed = [{k: v for k, v in t.items() if k != "keys"} for t in account.templates]
    return {"template_list": listed}


def create_qr(world: World, account: Account, body: Body) -> Body:
    """qrcode/create, temporary (a minute unless said otherwise) or permanent."""
    action, info = body.get("action_name"), body.get("action_info")
    scene = info.get("scene") if isinstance(info, dict) else None
    if action not in ("QR_SCENE", "QR_STR_SCENE", "QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE"):
        raise ApiError(40053, "invalid action info")
    if not isinstance(scene, dict):
        raise ApiError(40053, "invalid action info")
    name = _scene_str(scene) if "STR" in action else _scene_id(scene, "LIMIT" in action)
    if "LIMIT" in action:
        return _qr_made(world, account, name, None)
    seconds = body.get("expire_seconds", 60)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds <= 2592000:
        raise ApiError(40052, "invalid expire seconds")
    return _qr_made(world, account, name, seconds)


def _scene_str(scene: Body) -> str:
    name = scene.get("scene_str")
    if not isinstance(name, str) or not 1 <= len(name) <= 64:
        raise ApiError(40053, "invalid action info")
    return name


def _scene_id(scene: Body, permanent: bool) -> str:
    number = scene.get("scene_id")
    if not isinstance(number, int) or isinstance(number, bool) \
            or not 0 < number <= (100000 if permanent else 2**32 - 1):
        raise ApiError(40053, "invalid action info")
    return str(number)


def _qr_made(world: World, account: Account, scene: str, seconds: int | None) -> Body:
    until = world.now() + seconds if seconds else None
    ticket = world.add_ticket(account.app_id, scene, until)
    lasting = {"expire_seconds": seconds} if seconds else {}
    return {"ticket": ticket, **lasting, "url": f"http://weixin.qq.com/q/{quote(ticket[2:22])}"}


@blueprint.get("/cgi-bin/showqrcode")
def show_qr() -> Response:
    """The picture of a code (mp.weixin.qq.com); 404 for a ticket that is none."""
    world, ticket = this_world(), request.args.get("ticket", "")
    with world.lock:
        code = world.qr_tickets.get(ticket)
    if code is None:
        return Response("", 404)
    return Response(qr.png(f"http://weixin.qq.com/q/{quote(ticket[2:22])}"),
                    content_type="image/png")


def user_info(world: World, account: Account, body: Body) -> Body:
    phone = world.user(account, body.get("openid"))
    if phone is None:
        raise ApiError(40003, "invalid openid")
    if not phone.followed:
        return {"subscribe": 0, "openid": phone.openid, "tagid_list": []}
    return {
        "subscribe": 1, "openid": phone.openid, "nickname": "", "sex": 0, "language": "zh_CN",
        "city": "", "province": "", "country": "", "headimgurl": "",
        "subscribe_time": phone.subscribe_time, "remark": phone.remark,
        "groupid": phone.tags[0] if phone.tags else 0, "tagid_list": phone.tags,
        "subscribe_scene": phone.subscribe_scene, "qr_scene": phone.qr_scene,
        "qr_scene_str": phone.qr_scene_str}


def list_users(world: World, account: Account, body: Body) -> Body:
    with world.lock:
        ours = [p.openid for p in world.phones.values()
                if p.app_id == account.app_id and p.followed]
    start = ours.index(body["next_openid"]) + 1 if body.get("next_openid") in ours else 0
    page = ours[start:start + 10000]
    return {"total": len(ours), "count": len(page), "data": {"openid": page},
            "next_openid": page[-1] if page else ""}


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
    if body.get("action") not in ("dns", "ping", "all"):
        raise ApiError(40201, "invalid action")
    return {"dns": [{"ip": "127.0.0.1", "real_operator": "DEFAULT"}],
            "ping": [{"ip": "127.0.0.1", "from_operator": "DEFAULT", "package_loss": "0%",
                      "time": "1.000ms"}]}


_serve("/cgi-bin/message/custom/send", "POST", customer_messages.send)
_serve("/cgi-bin/message/custom/typing", "POST", customer_messages.typing)
_serve("/cgi-bin/message/template/send", "POST", send_template)
_serve("/cgi-bin/template/get_all_private_template", "GET", list_templates, bare=True)
_serve("/cgi-bin/menu/create", "POST", menus.create)
_serve("/cgi-bin/menu/get", "GET", menus.get, bare=True)
_serve("/cgi-bin/menu/delete", "GET", menus.delete)
_serve("/cgi-bin/menu/addconditional", "POST", menus.add_conditional)
_serve("/cgi-bin/menu/delconditional", "POST", menus.delete_conditional)
_serve("/cgi-bin/qrcode/create", "POST", create_qr, bare=True)
_serve("/cgi-bin/user/info", "GET", user_info, bare=True)
_serve("/cgi-bin/user/get", "GET", list_users, bare=True)
_serve("/cgi-bin/ticket/getticket", "GET", jsapi_ticket)
_serve("/cgi-bin/getcallbackip", "GET", callback_ips, bare=True)
_serve("/cgi-bin/get_api_domain_ip", "GET", callback_ips, bare=True)
_serve("/cgi-bin/callback/check", "POST", callback_check, bare=True)


@blueprint.route("/cgi-bin/<path:path>", methods=["GET", "POST"])
def unknown(path: str) -> Response:
    return refusal(ApiError(40066, "invalid url"))
