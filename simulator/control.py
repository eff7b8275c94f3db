"""/sim: the people's side, for the phones page, tests and curious operators. JSON both ways."""
import base64
from dataclasses import asdict, fields
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, current_app, jsonify, request

from simulator import cashier, customer_messages, menus, tokens
from simulator.official_push import Outcome
from simulator.state import Knobs, Phone
from simulator.world import UnknownPhone, World

blueprint = Blueprint("control", __name__, url_prefix="/sim")
LONGEST_WAIT_S = 25.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")
Told = dict[str, Any]


class BadRequest(ValueError):
    """A field is missing or of the wrong kind. The message names it."""


def world() -> World:
    return cast(World, current_app.config["WORLD"])


@blueprint.before_request
def _only_from_this_machine() -> None:
    """Other people's web pages must not play with the phones, although a browser would let them."""
    asked_by = [f"//{request.host}", *request.headers.getlist("Origin")]
    if any(urlsplit(address).hostname not in LOOPBACK for address in asked_by):
        abort(403)


@blueprint.errorhandler(UnknownPhone)
def _no_phone(error: UnknownPhone) -> tuple[Told, int]:
    return {"error": f"no phone {error}"}, 404


@blueprint.errorhandler(ValueError)
def _bad(error: ValueError) -> tuple[Told, int]:
    return {"error": str(error)}, 400


def _asked() -> Told:
    body = request.get_json(silent=True, force=True)
    if body is None and not request.get_data():
        return {}
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    return body


def _field(body: Told, name: str, kind: type | tuple[type, ...] = str) -> Any:
    value = body.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadRequest(f"{name} is missing or of the wrong kind")
    return value


def _number(body: Told, name: str) -> float:
    return float(_field(body, name, (int, float)))


def told_phone(phone: Phone) -> Told:
    """A phone as the page knows it. web_port: null until its browser was needed."""
    return {"id": phone.id, "name": phone.name, "role": phone.role, "openid": phone.openid,
            "app_id": phone.app_id, "followed": phone.followed,
            "account": world().knobs.payee,
            "web_port": world().web_ports.get(phone.id),
            "allowance": customer_messages.allowance(world(), phone)}


def _outcome(outcome: Outcome) -> Told:
    told = {"answered": outcome.answered, "reply": outcome.reply}
    return told if outcome.error is None else told | {"error": outcome.error}


@blueprint.get("/phones")
def list_phones() -> Told:
    return {"phones": [told_phone(phone) for phone in list(world().phones.values())]}


@blueprint.post("/phones")
def add_phone() -> Told:
    """{name, role, follow: true, app_id?}: a follower from before; nothing is pushed."""
    body = _asked()
    app_id = body.get("app_id")
    if app_id is not None and app_id not in world().accounts:
        raise BadRequest("app_id is not an account here")
    follow = body.get("follow", body.get("followed", True))
    return told_phone(world().add_phone(
        _field(body, "name"), str(body.get("role", "other")), bool(follow), app_id))


@blueprint.post("/phones/<ref>/text")
def text(ref: str) -> Told:
    body = _asked()
    tap = body.get("msgmenuid")
    return _outcome(world().send_text(
        ref, _field(body, "content"), None if tap is None else str(tap), body.get("msg_id"),
        min(int(body.get("times", 1)), 20)))


@blueprint.post("/phones/<ref>/follow")
def follow(ref: str) -> Told:
    return _outcome(world().follow(ref, _asked().get("scene") or None))


@blueprint.post("/phones/<ref>/unfollow")
def unfollow(ref: str) -> Told:
    return _outcome(world().unfollow(ref))


@blueprint.post("/phones/<ref>/scan")
def scan(ref: str) -> Told:
    return _outcome(world().scan(ref, _field(_asked(), "scene")))


@blueprint.post("/phones/<ref>/menu")
def tap_menu(ref: str) -> Told:
    return _outcome(world().tap_menu(ref, _field(_asked(), "key")))


@blueprint.post("/phones/<ref>/location")
def location(ref: str) -> Told:
    body = _asked()
    return _outcome(world().share_location(
        ref, _number(body, "lat"), _number(body, "lng"), str(body.get("label", ""))))


@blueprint.post("/phones/<ref>/position")
def position(ref: str) -> Told:
    body = _asked()
    return _outcome(world().report_position(ref, _number(body, "lat"), _number(body, "lng")))


@blueprint.post("/phones/<ref>/image")
def image(ref: str) -> Told:
    """{pic?}: a picture's address, or the picture itself as a base64 `data:` URL."""
    pic = _asked().get("pic")
    if not isinstance(pic, str) or not pic.startswith("data:"):
        return _outcome(world().send_image(ref, pic))
    head, _, content = pic.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        raise BadRequest("pic is no base64 data: URL of an image")
    return _outcome(world().send_image(ref, content=base64.b64decode(content, validate=True)))


@blueprint.post("/phones/<ref>/voice")
def voice(ref: str) -> Told:
    return _outcome(world().send_voice(ref, str(_asked().get("recognition", ""))))


@blueprint.post("/phones/<ref>/open")
def open_link(ref: str) -> Told:
    return {"url": world().open(ref, _field(_asked(), "url"))}


@blueprint.post("/phones/<ref>/pay")
def pay(ref: str) -> Told:
    """{prepay_id, request?}: the person confirms; `request` is what the page gave the bridge."""
    body = _asked()
    return world().pay(ref, _field(body, "prepay_id"), body.get("request"))


@blueprint.post("/phones/<ref>/pay-sheet")
def pay_sheet(ref: str) -> Told:
    """{prepay_id, request?} → {amount_fen, description, payee, out_trade_no} or {error}."""
    body, here = _asked(), world()
    try:
        return cashier.pay_sheet(here, here.phone(ref), _field(body, "prepay_id"),
                                 body.get("request"))
    except cashier.CannotPay as reason:
        return {"error": str(reason)}


@blueprint.get("/events")
def events() -> Told:
    after = request.args.get("after", 0, int)
    wait_s = min(max(request.args.get("wait", 0.0, float), 0.0), LONGEST_WAIT_S)
    news = world().events(after, request.args.get("phone"), wait_s)
    return {"events": news, "last": news[-1]["seq"] if news else min(after, world().last_seq)}


@blueprint.get("/menu")
def menu() -> Told:
    return menus.seen_by(world(), world().phone(request.args.get("phone", "")))


@blueprint.get("/journal")
def journal() -> Told:
    entries = world().journal.entries(request.args.get("after", 0, int))
    return {"entries": entries, "last": entries[-1]["seq"] if entries else 0}


@blueprint.post("/time")
def advance() -> Told:
    world().advance(_number(_asked(), "advance_s"))
    return {"now": world().now()}


@blueprint.route("/faults", methods=["GET", "POST", "DELETE"])
def faults() -> Told:
    """POST a fault ({"where": …, "times": …, …}) or several ({"faults": […]}); DELETE: clear."""
    if request.method == "DELETE":
        world().faults.clear()
    elif request.method == "POST":
        body = _asked()
        for asked in body.get("faults", [body] if body else []):
            try:
                world().faults.add(**asked)
            except TypeError as error:
                raise BadRequest(str(error)) from error
    return {"faults": world().faults.listed()}


@blueprint.route("/knobs", methods=["GET", "POST"])
def knobs() -> Told:
    if request.method == "POST":
        known = {knob.name for knob in fields(Knobs)}
        for name, value in _asked().items():
            if name not in known:
                raise BadRequest(f"there is no knob {name}")
            setattr(world().knobs, name, value)
    return asdict(world().knobs)


@blueprint.get("/state")
def state() -> Told:
    here = world()
    with here.lock:
        return {"now": here.now(), "phones": len(here.phones), "events": here.last_seq,
                "orders": len(here.orders), "refunds": len(here.refunds),
                "accounts": list(here.accounts), "webhook": here.webhook,
                "mch_id": here.credentials.mch_id}


@blueprint.get("/payments")
def payments() -> Told:
    here = world()
    with here.lock:
        return {"orders": [cashier.transaction(here, order) | {
                    "description": order.params["description"], "notified": order.notified}
                    for order in here.orders.values()],
                "refunds": [cashier.refund_told(here, refund) | {"notified": refund.notified}
                            for refund in here.refunds.values()]}


@blueprint.post("/payments/<number>/notify")
def notify_again(number: str) -> Told:
    """Send the notice of a payment once more, as WeChat Pay may do even after a 200."""
    here = world()
    order = here.orders.get(number)
    if order is None or order.state not in cashier.PAID:
        raise BadRequest("no paid order has that number")
    cashier.notify_paid(here, order)
    return {"ok": True}


@blueprint.post("/handshake")
def handshake() -> Told:
    """{app_id?}: GET the webhook with an echostr, as saving it in the console does."""
    app_id = _asked().get("app_id", world().credentials.app_id)
    if app_id not in world().accounts:
        raise BadRequest("app_id is not an account here")
    return {"ok": world().handshake(app_id)}


@blueprint.post("/tokens/expire")
def expire_tokens() -> Told:
    tokens.expire_all(world())
    return {"ok": True}


@blueprint.get("/media/<media_id>")
def media(media_id: str) -> Response:
    content = world().media_bytes.get(media_id)
    if content is None:
        abort(404)
    kinds = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
    kind = next((k for head, k in kinds.items() if content.startswith(head)), None)
    return Response(content, content_type=kind or "application/octet-stream")


@blueprint.get("/health")
def health() -> Response:
    return jsonify(ok=True)
