"""message/template/send and the account's list of templates (fact sheet B4)."""
import re
import secrets
from typing import TYPE_CHECKING, Any

from simulator.api_errors import ApiError
from simulator.message_templates import LIBRARY, check_value, template
from simulator.state import Account, Phone

if TYPE_CHECKING:
    from simulator.world import World

Body = dict[str, Any]
MOST_TEMPLATES = 25


def send(world: "World", account: Account, body: Body) -> Body:
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
        if repeated := _sent_before(world, phone, body.get("client_msg_id")):
            return {"msgid": repeated}
        return {"msgid": _sent(world, phone, template, rows, body)}


def _rows(world: "World", template: Body, data: Any) -> list[Body]:
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
    if any(word in row["value"] for row in rows for word in world.knobs.marketing_words):
        raise ApiError(40249, "template message content is illegal")
    return rows


def _check_jump(body: Body) -> None:
    url = body.get("url") or ""
    if not isinstance(url, str) or (url and not re.match(r"https?://", url)):
        raise ApiError(47003, "argument invalid! url invalid")
    if len(url.encode()) > 1024:
        raise ApiError(45005, "url size out of limit")


def _sent_before(world: "World", phone: Phone, client_msg_id: Any) -> int | None:
    """The msgid under which this client_msg_id went to this person in the last ten minutes."""
    if not client_msg_id:
        return None
    sent = world.sent_templates.get(f"{phone.openid} {client_msg_id}")
    if sent and world.now() - sent["at"] < world.knobs.template_repeat_s:
        return int(sent["msgid"])
    return None


def _sent(world: "World", phone: Phone, template: Body, rows: list[Body], body: Body) -> int:
    msgid = world.next_id()
    if body.get("client_msg_id"):
        world.sent_templates[f"{phone.openid} {body['client_msg_id']}"] = {
            "msgid": msgid, "at": world.now()}
    fault = world.faults.take("template/report", phone.openid)
    status = "failed:user block" if phone.blocks_templates else \
        fault.outcome if fault and fault.outcome else "success"
    if status == "success":
        mini = body.get("miniprogram")
        world.record(phone, "template", template_id=template["template_id"],
                     title=template["title"], url="" if mini else body.get("url") or "",
                     rows=rows, msgid=msgid)
    world.schedule.after(world.knobs.template_report_s,
                         lambda: world.report_template(phone, msgid, status))
    return msgid


def listed(world: "World", account: Account, body: Body) -> Body:
    """template/get_all_private_template."""
    told = [{k: v for k, v in t.items() if k != "keys"} for t in account.templates]
    return {"template_list": told}


def add(world: "World", account: Account, body: Body) -> Body:
    """template/api_add_template {template_id_short, keyword_name_list}: one from the library."""
    found = LIBRARY.get(str(body.get("template_id_short")))
    if found is None:
        raise ApiError(40037, "invalid template_id")
    if len(account.templates) >= MOST_TEMPLATES:
        raise ApiError(45026, "template num exceeds limit")
    title, keys = found
    wanted = body.get("keyword_name_list") or list(keys.values())
    if not isinstance(wanted, list) or not set(wanted) <= set(keys.values()):
        raise ApiError(47003, "argument invalid! keyword_name_list invalid")
    made = template(secrets.token_urlsafe(32), title,
                    {key: label for key, label in keys.items() if label in wanted})
    with world.lock:
        account.templates.append(made)
        world.save(account)
    return {"template_id": made["template_id"]}


def delete(world: "World", account: Account, body: Body) -> Body:
    """template/del_private_template {template_id}."""
    with world.lock:
        kept = [t for t in account.templates if t["template_id"] != body.get("template_id")]
        if len(kept) == len(account.templates):
            raise ApiError(40037, "invalid template_id")
        account.templates = kept
        world.save(account)
    return {}


def industry(world: "World", account: Account, body: Body) -> Body:
    """template/get_industry, as the library's numbers have it."""
    names = {1: ("IT科技", "互联网/电子商务"), 10: ("餐饮", "餐饮")}
    told = [dict(zip(("first_class", "second_class"), names.get(i, ("其他", "其他")), strict=True))
            for i in account.industries]
    return {"primary_industry": told[0], "secondary_industry": told[1]}


def set_industry(world: "World", account: Account, body: Body) -> Body:
    """template/api_set_industry {industry_id1, industry_id2}."""
    chosen = [body.get("industry_id1"), body.get("industry_id2")]
    if not all(str(c).isdigit() and 1 <= int(str(c)) <= 41 for c in chosen):
        raise ApiError(40102, "invalid industry id")
    with world.lock:
        account.industries = [int(str(c)) for c in chosen]
        world.save(account)
    return {}


def blocked(world: "World", account: Account, body: Body) -> Body:
    """wxa/sec/queryblocktmplmsg: none of ours ever was."""
    return {"msginfo": []}
