"""The account's followers and their tags (fact sheet B7)."""
from typing import TYPE_CHECKING, Any

from simulator.api_errors import ApiError
from simulator.state import Account, Phone

if TYPE_CHECKING:
    from simulator.world import World

Body = dict[str, Any]
SYSTEM_TAGS = {"0": "默认", "1": "黑名单", "2": "星标组"}


def info(world: "World", account: Account, body: Body) -> Body:
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
        "subscribe_scene": phone.subscribe_scene, "qr_scene": 0,
        "qr_scene_str": phone.qr_scene_str}


def infos(world: "World", account: Account, body: Body) -> Body:
    """user/info/batchget {user_list: [{openid, lang}]}: at most a hundred."""
    asked = body.get("user_list")
    if not isinstance(asked, list) or not 1 <= len(asked) <= 100 \
            or not all(isinstance(each, dict) for each in asked):
        raise ApiError(40032, "invalid openid list size")
    return {"user_info_list": [info(world, account, each) for each in asked]}


def listed(world: "World", account: Account, body: Body) -> Body:
    with world.lock:
        ours = [p.openid for p in world.phones.values()
                if p.app_id == account.app_id and p.followed]
    start = ours.index(body["next_openid"]) + 1 if body.get("next_openid") in ours else 0
    page = ours[start:start + 10000]
    return {"total": len(ours), "count": len(page), "data": {"openid": page},
            "next_openid": page[-1] if page else ""}


def update_remark(world: "World", account: Account, body: Body) -> Body:
    phone, remark = _follower(world, account, body.get("openid")), body.get("remark")
    if not isinstance(remark, str) or len(remark) > 30:
        raise ApiError(40094, "invalid remark size")
    with world.lock:
        phone.remark = remark
        world.save(phone)
    return {}


def create_tag(world: "World", account: Account, body: Body) -> Body:
    name = _tag_name(account, body)
    if len(account.tags) >= 100:
        raise ApiError(45056, "too many tag now, no need to add new")
    with world.lock:
        tag_id = str(max([100, *map(int, account.tags)]) + 1)
        account.tags[tag_id] = name
        world.save(account)
    return {"tag": {"id": int(tag_id), "name": name}}


def _tag_name(account: Account, body: Body) -> str:
    name = _tag(body).get("name")
    if not isinstance(name, str) or not name or name in account.tags.values() \
            or name in SYSTEM_TAGS.values():
        raise ApiError(45157, "invalid tag name")
    if len(name) > 30:
        raise ApiError(45158, "tag name too long")
    return name


def _tag(body: Body) -> Body:
    tag = body.get("tag")
    if not isinstance(tag, dict):
        raise ApiError(47001, "data format error")
    return tag


def get_tags(world: "World", account: Account, body: Body) -> Body:
    with world.lock:
        ours = [p for p in world.phones.values() if p.app_id == account.app_id]
        return {"tags": [
            {"id": int(tag_id), "name": name, "count": sum(int(tag_id) in p.tags for p in ours)}
            for tag_id, name in (SYSTEM_TAGS | account.tags).items()]}


def update_tag(world: "World", account: Account, body: Body) -> Body:
    tag_id, name = _own_tag(account, _tag(body).get("id")), _tag_name(account, body)
    with world.lock:
        account.tags[tag_id] = name
        world.save(account)
    return {}


def delete_tag(world: "World", account: Account, body: Body) -> Body:
    tag_id = _own_tag(account, _tag(body).get("id"))
    with world.lock:
        del account.tags[tag_id]
        for phone in world.phones.values():
            if phone.app_id == account.app_id and int(tag_id) in phone.tags:
                phone.tags.remove(int(tag_id))
                world.save(phone)
        world.save(account)
    return {}


def _own_tag(account: Account, tag_id: Any) -> str:
    if str(tag_id) in SYSTEM_TAGS:
        raise ApiError(45058, "can't modify sys tag")
    if str(tag_id) not in account.tags:
        raise ApiError(45159, "invalid tag id")
    return str(tag_id)


def tag_people(world: "World", account: Account, body: Body) -> Body:
    """tags/members/batchtagging: all of them or none; the newest tag is each one's last."""
    tag_id, phones = int(_own_tag(account, body.get("tagid"))), _people(world, account, body)
    with world.lock:
        if any(len(p.tags) >= 20 and tag_id not in p.tags for p in phones):
            raise ApiError(45059, "can't add this tag to more, has reached the limit")
        for phone in phones:
            phone.tags = [t for t in phone.tags if t != tag_id] + [tag_id]
            world.save(phone)
    return {}


def untag_people(world: "World", account: Account, body: Body) -> Body:
    tag_id, phones = int(_own_tag(account, body.get("tagid"))), _people(world, account, body)
    with world.lock:
        for phone in phones:
            phone.tags = [t for t in phone.tags if t != tag_id]
            world.save(phone)
    return {}


def tags_of(world: "World", account: Account, body: Body) -> Body:
    return {"tagid_list": list(_follower(world, account, body.get("openid")).tags)}


def _people(world: "World", account: Account, body: Body) -> list[Phone]:
    openids = body.get("openid_list")
    if not isinstance(openids, list) or not openids:
        raise ApiError(40032, "invalid openid list size")
    if len(openids) > 50:
        raise ApiError(40032, "invalid openid list size")
    return [_follower(world, account, openid) for openid in openids]


def _follower(world: "World", account: Account, openid: Any) -> Phone:
    phone = world.user(account, openid)
    if phone is None:
        raise ApiError(40003, "invalid openid")
    if not phone.followed:
        raise ApiError(49003, "not match user_openid with appid")
    return phone
