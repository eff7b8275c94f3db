"""订阅通知: templates from a public library, and one message for each consent (B5)."""
import secrets
from typing import TYPE_CHECKING, Any

from simulator.api_errors import ApiError
from simulator.message_templates import check_value
from simulator.state import Account

if TYPE_CHECKING:
    from simulator.world import World

Body = dict[str, Any]
CATEGORY = {"id": 612, "name": "餐饮服务 > 外卖平台"}
# tid → title, keywords by kid: (label, typed key)
LIBRARY: dict[int, tuple[str, dict[int, tuple[str, str]]]] = {
    7001: ("取餐提醒", {1: ("取餐码", "character_string1"), 2: ("取餐地点", "thing2"),
                        3: ("餐品", "thing3"), 4: ("温馨提示", "thing4")}),
    7002: ("订单配送通知", {1: ("订单号", "character_string1"), 2: ("订单状态", "phrase2"),
                            3: ("预计送达", "time3"), 4: ("配送员", "name4")}),
    7003: ("退款通知", {1: ("退款金额", "amount1"), 2: ("退款时间", "time2"),
                        3: ("退款说明", "thing3")}),
}


def send(world: "World", account: Account, body: Body) -> Body:
    """message/subscribe/bizsend. Following is not needed; a consent is, and it is used up."""
    phone = world.user(account, body.get("touser"))
    if phone is None:
        raise ApiError(40003, "invalid openid")
    template = _owned(account, body.get("template_id"))
    rows = _rows(template, body.get("data"))
    with world.lock:
        left = phone.subscriptions.get(template["priTmplId"], 0)
        if left < 1:
            raise ApiError(43101, "user refuse to accept the msg")
        phone.subscriptions[template["priTmplId"]] = left - 1
        world.save(phone)
        msgid = world.next_id()
        world.record(phone, "template", template_id=template["priTmplId"], rows=rows,
                     title=template["title"], url=str(body.get("page") or ""), msgid=msgid)
    world.schedule.after(world.knobs.template_report_s, lambda: world.report_subscription(
        phone, template["priTmplId"], msgid))
    return {}


def _owned(account: Account, template_id: Any) -> Body:
    for template in account.notice_templates:
        if template["priTmplId"] == template_id:
            return template
    raise ApiError(40037, "invalid template_id")


def _rows(template: Body, data: Any) -> list[Body]:
    if not isinstance(data, dict):
        raise ApiError(47003, "argument invalid! data invalid")
    rows = []
    for key, label in template["keys"].items():
        given = data.get(key)
        value = given.get("value") if isinstance(given, dict) else None
        wrong = check_value(key, value) if isinstance(value, str) else "is empty"
        if wrong:
            raise ApiError(47003, f"argument invalid! data.{key}.value {wrong}")
        rows.append({"key": key, "label": label, "value": value})
    return rows


def categories(world: "World", account: Account, body: Body) -> Body:
    return {"data": [CATEGORY]}


def titles(world: "World", account: Account, body: Body) -> Body:
    """getpubtemplatetitles?ids=&start=&limit="""
    if not body.get("ids"):
        raise ApiError(200014, "invalid ids")
    found = [{"tid": tid, "title": title, "type": 2, "categoryId": str(CATEGORY["id"])}
             for tid, (title, _) in LIBRARY.items()]
    return {"count": len(found), "data": found}


def keywords(world: "World", account: Account, body: Body) -> Body:
    """getpubtemplatekeywords?tid="""
    _, known = _public(body.get("tid"))
    return {"data": [{"kid": kid, "name": label, "example": label, "rule": key.rstrip("0123456789")}
                     for kid, (label, key) in known.items()]}


def _public(tid: Any) -> tuple[str, dict[int, tuple[str, str]]]:
    if not str(tid).isdigit() or int(tid) not in LIBRARY:
        raise ApiError(200014, "invalid tid")
    return LIBRARY[int(tid)]


def owned(world: "World", account: Account, body: Body) -> Body:
    return {"data": [{k: v for k, v in t.items() if k != "keys"}
                     for t in account.notice_templates]}


def add(world: "World", account: Account, body: Body) -> Body:
    """addtemplate {tid, kidList, sceneDesc}: two to five keywords, fifteen characters."""
    title, known = _public(body.get("tid"))
    kids = body.get("kidList")
    if not isinstance(kids, list) or not 2 <= len(kids) <= 5 or not set(kids) <= set(known):
        raise ApiError(200013, "invalid kidList")
    scene = body.get("sceneDesc")
    if not isinstance(scene, str) or not 1 <= len(scene) <= 15:
        raise ApiError(200011, "invalid sceneDesc")
    if len(account.notice_templates) >= 25:
        raise ApiError(200012, "too many templates")
    keys = {known[kid][1]: known[kid][0] for kid in kids}
    made = {"priTmplId": secrets.token_urlsafe(32), "title": title, "type": 2, "example": "",
            "content": "".join(f"{label}:{{{{{key}.DATA}}}}\n" for key, label in keys.items()),
            "keys": keys}
    with world.lock:
        account.notice_templates.append(made)
        world.save(account)
    return {"priTmplId": made["priTmplId"]}


def delete(world: "World", account: Account, body: Body) -> Body:
    with world.lock:
        account.notice_templates.remove(_owned(account, body.get("priTmplId")))
        world.save(account)
    return {}
