"""/sim/phones: what people do with their phones, and what these show."""
import base64

from flask import Response, abort, request

from simulator import customer_messages, menus
from simulator.control.door import BadRequest, Told, asked, blueprint, field, number, world
from simulator.deeds import PICTURES, SCANS
from simulator.official_push import Outcome
from simulator.state import Phone

LONGEST_WAIT_S = 25.0


def told_phone(phone: Phone) -> Told:
    """A phone as the page knows it. web_port: null until its browser was needed."""
    return {"id": phone.id, "name": phone.name, "role": phone.role, "openid": phone.openid,
            "app_id": phone.app_id, "followed": phone.followed,
            "account": world().knobs.payee, "blocks_templates": phone.blocks_templates,
            "web_port": world().web_ports.get(phone.id),
            "allowance": customer_messages.allowance(world(), phone)}


def told_outcome(outcome: Outcome) -> Told:
    told = {"answered": outcome.answered, "reply": outcome.reply}
    return told if outcome.error is None else told | {"error": outcome.error}


@blueprint.get("/phones")
def list_phones() -> Told:
    return {"phones": [told_phone(phone) for phone in list(world().phones.values())]}


@blueprint.post("/phones")
def add_phone() -> Told:
    """{name, role, follow: true, app_id?}: a follower from before; nothing is pushed."""
    body = asked()
    app_id = body.get("app_id")
    if app_id is not None and app_id not in world().accounts:
        raise BadRequest("app_id is not an account here")
    follow = body.get("follow", body.get("followed", True))
    return told_phone(world().add_phone(
        field(body, "name"), str(body.get("role", "other")), bool(follow), app_id))


@blueprint.post("/phones/<ref>/text")
def text(ref: str) -> Told:
    body = asked()
    tap = body.get("msgmenuid")
    return told_outcome(world().send_text(
        ref, field(body, "content"), None if tap is None else str(tap), body.get("msg_id"),
        min(int(body.get("times", 1)), 20)))


@blueprint.post("/phones/<ref>/follow")
def follow(ref: str) -> Told:
    return told_outcome(world().follow(ref, asked().get("scene") or None))


@blueprint.post("/phones/<ref>/unfollow")
def unfollow(ref: str) -> Told:
    return told_outcome(world().unfollow(ref))


@blueprint.post("/phones/<ref>/scan")
def scan(ref: str) -> Told:
    """{scene}: a code's scene, or all that the code says."""
    said = field(asked(), "scene")
    return told_outcome(world().scan(ref, world().scene_of(said) or said))


@blueprint.post("/phones/<ref>/menu")
def tap_menu(ref: str) -> Told:
    """{key, kind?}. kind scancode_…: {result}; pic_…: {pic?}; location_select: {lat, lng, label?};
    view_miniprogram: the key is its page."""
    body, here = asked(), world()
    key, kind = field(body, "key"), body.get("kind", "click")
    if kind in SCANS:
        return told_outcome(here.scan_by_menu(ref, key, field(body, "result"), kind))
    if kind in PICTURES:
        return told_outcome(here.photograph_by_menu(ref, key, _content(body.get("pic")), kind))
    if kind == "location_select":
        return told_outcome(here.place_by_menu(ref, key, number(body, "lat"), number(body, "lng"),
                                               str(body.get("label", ""))))
    if kind == "view_miniprogram":
        return told_outcome(here.open_miniprogram(ref, key))
    return told_outcome(here.tap_menu(ref, key))


@blueprint.post("/phones/<ref>/location")
def location(ref: str) -> Told:
    body = asked()
    return told_outcome(world().share_location(
        ref, number(body, "lat"), number(body, "lng"), str(body.get("label", ""))))


@blueprint.post("/phones/<ref>/position")
def position(ref: str) -> Told:
    body = asked()
    return told_outcome(world().report_position(ref, number(body, "lat"), number(body, "lng")))


@blueprint.post("/phones/<ref>/image")
def image(ref: str) -> Told:
    """{pic?}: a picture's address, or the picture itself as a base64 `data:` URL."""
    pic = asked().get("pic")
    if not isinstance(pic, str) or not pic.startswith("data:"):
        return told_outcome(world().send_image(ref, pic))
    return told_outcome(world().send_image(ref, content=_content(pic)))


def _content(pic: object) -> bytes | None:
    """The bytes of a base64 `data:` URL; None where there is no picture."""
    if pic is None:
        return None
    head, _, content = str(pic).partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        raise BadRequest("pic is no base64 data: URL of an image")
    return base64.b64decode(content, validate=True)


@blueprint.post("/phones/<ref>/voice")
def voice(ref: str) -> Told:
    return told_outcome(world().send_voice(ref, str(asked().get("recognition", ""))))


@blueprint.post("/phones/<ref>/video")
def video(ref: str) -> Told:
    """{short?}"""
    return told_outcome(world().send_video(ref, short=bool(asked().get("short"))))


@blueprint.post("/phones/<ref>/link")
def link(ref: str) -> Told:
    body = asked()
    return told_outcome(world().send_link(ref, field(body, "title"), field(body, "url"),
                                          str(body.get("description", ""))))


@blueprint.post("/phones/<ref>/subscription")
def subscription(ref: str) -> Told:
    """{answers: {template id: true or false}}: <wx-open-subscribe> in a page."""
    answers = field(asked(), "answers", dict)
    return told_outcome(world().answer_subscription(ref, {k: bool(v) for k, v in answers.items()}))


@blueprint.post("/phones/<ref>/withdraw")
def withdraw(ref: str) -> Told:
    """{kind?}: user_info_modified, user_authorization_revoke or …_cancellation."""
    return told_outcome(world().withdraw(ref, asked().get("kind", "user_authorization_revoke")))


@blueprint.post("/phones/<ref>/block")
def block(ref: str) -> Told:
    """{templates: true or false}: the person refuses the account's template messages."""
    phone = world().phone(ref)
    with world().lock:
        phone.blocks_templates = bool(asked().get("templates", True))
        world().save(phone)
    return told_phone(phone)


@blueprint.post("/phones/<ref>/open")
def open_link(ref: str) -> Told:
    return {"url": world().open(ref, field(asked(), "url"))}


@blueprint.get("/events")
def events() -> Told:
    after = request.args.get("after", 0, int)
    wait_s = min(max(request.args.get("wait", 0.0, float), 0.0), LONGEST_WAIT_S)
    news = world().events(after, request.args.get("phone"), wait_s)
    return {"events": news, "last": news[-1]["seq"] if news else min(after, world().last_seq)}


@blueprint.get("/menu")
def menu() -> Told:
    return menus.seen_by(world(), world().phone(request.args.get("phone", "")))


@blueprint.get("/media/<media_id>")
def media(media_id: str) -> Response:
    content = world().media_bytes.get(media_id)
    if content is None:
        abort(404)
    kinds = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
    kind = next((k for head, k in kinds.items() if content.startswith(head)), None)
    return Response(content, content_type=kind or "application/octet-stream")
