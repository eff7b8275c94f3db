"""Custom menus: what menu/create takes and refuses, and the menu a phone sees (B6)."""
from typing import TYPE_CHECKING, Any

from simulator.api_errors import ApiError
from simulator.state import Account, Phone

if TYPE_CHECKING:
    from simulator.world import World

KEYED = {"click", "scancode_push", "scancode_waitmsg", "pic_sysphoto", "pic_photo_or_album",
         "pic_weixin", "location_select"}
MEDIA = {"media_id": "media_id", "view_limited": "media_id", "article_id": "article_id",
         "article_view_limited": "article_id"}
# what is wrong → its errcode for a top button and for a sub-button
CODES = {
    "count": (40016, 40023), "type": (40017, 40024), "name": (40018, 40025),
    "key": (40019, 40026), "url": (40020, 40027), "domain": (40055, 40054),
}
Button = dict[str, Any]


def create(world: "World", account: Account, body: dict[str, Any]) -> dict[str, Any]:
    buttons = _checked(body.get("button"))
    with world.lock:
        account.menu = {"button": buttons}
        world.save(account)
    return {}


def add_conditional(world: "World", account: Account, body: dict[str, Any]) -> dict[str, Any]:
    """menu/addconditional: needs a default menu, and a rule by tag or platform."""
    buttons, rule = _checked(body.get("button")), body.get("matchrule")
    if account.menu is None:
        raise ApiError(65303, "no default menu")
    if not isinstance(rule, dict):
        raise ApiError(65305, "miss matchrule")
    if any(rule.get(k) for k in ("sex", "country", "province", "city", "language")):
        raise ApiError(65320, "matchrule uses a field that is no longer supported")
    _check_rule(account, rule)
    with world.lock:
        menu_id = str(world.next_id() % 10**9)
        account.conditional_menus.append(
            {"button": buttons, "matchrule": rule, "menuid": menu_id})
        world.save(account)
    return {"menuid": menu_id}


def _check_rule(account: Account, rule: dict[str, Any]) -> None:
    tag, platform = rule.get("tag_id"), rule.get("client_platform_type")
    if not tag and not platform:
        raise ApiError(65306, "matchrule fields are all empty")
    if tag and str(tag) not in account.tags:
        raise ApiError(40050, "invalid tag id")
    if platform and str(platform) not in ("1", "2", "3"):
        raise ApiError(65312, "invalid client_platform_type")


def delete_conditional(world: "World", account: Account, body: dict[str, Any]) -> dict[str, Any]:
    with world.lock:
        kept = [m for m in account.conditional_menus if m["menuid"] != str(body.get("menuid"))]
        if len(kept) == len(account.conditional_menus):
            raise ApiError(65301, "this menuid does not exist")
        account.conditional_menus = kept
        world.save(account)
    return {}


def get(world: "World", account: Account, body: dict[str, Any]) -> dict[str, Any]:
    if account.menu is None:
        raise ApiError(46003, "menu no exist")
    told: dict[str, Any] = {"menu": account.menu}
    if account.conditional_menus:
        told["conditionalmenu"] = account.conditional_menus
    return told


def delete(world: "World", account: Account, body: dict[str, Any]) -> dict[str, Any]:
    with world.lock:
        account.menu, account.conditional_menus = None, []
        world.save(account)
    return {}


def current(world: "World", account: Account, body: dict[str, Any]) -> dict[str, Any]:
    """get_current_selfmenu_info: what followers without a conditional menu see."""
    if account.menu is None:
        return {"is_menu_open": 0}
    return {"is_menu_open": 1, "selfmenu_info": account.menu}


def try_match(world: "World", account: Account, body: dict[str, Any]) -> dict[str, Any]:
    """menu/trymatch: the menu one person would see."""
    phone = world.user(account, body.get("user_id"))
    if phone is None:
        raise ApiError(65309, "invalid user_id")
    return seen_by(world, phone)


def seen_by(world: "World", phone: Phone) -> dict[str, Any]:
    """The menu on this phone: the newest conditional one for its last tag, else the default."""
    account = world.accounts[phone.app_id]
    last_tag = str(phone.tags[-1]) if phone.tags else ""
    for menu in reversed(account.conditional_menus):
        rule = menu["matchrule"]
        tag, platform = str(rule.get("tag_id") or ""), str(rule.get("client_platform_type") or "")
        if tag in ("", last_tag) and platform in ("", "2"):  # our phones are Androids
            return {"button": menu["button"]}
    return account.menu or {"button": []}


def label_of(world: "World", phone: Phone, key: str) -> str:
    """What the item with that key says on this phone; the key itself when there is none."""
    for button in seen_by(world, phone)["button"]:
        for item in button.get("sub_button") or [button]:
            if key in (item.get("key"), item.get("url")):
                return str(item["name"])
    return key


def _checked(buttons: Any) -> list[Button]:
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        raise _wrong("count", sub=False)
    return [_button(button, sub=False) for button in buttons]


def _wrong(what: str, *, sub: bool) -> ApiError:
    return ApiError(CODES[what][sub], f"invalid {'sub ' if sub else ''}button {what}"
                    + ("" if what in ("type", "count", "domain") else " size"))


def _button(button: Any, *, sub: bool) -> Button:
    if not isinstance(button, dict):
        raise ApiError(47001, "data format error")
    name = button.get("name")
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= (60 if sub else 16):
        raise _wrong("name", sub=sub)
    below = button.get("sub_button")
    if below and not sub:
        if not isinstance(below, list) or len(below) > 5:
            raise _wrong("count", sub=True)
        return {"name": name, "sub_button": [_button(item, sub=True) for item in below]}
    if below:
        raise _wrong("count", sub=True)
    return {"type": button.get("type"), "name": name, **_action(button, sub=sub),
            "sub_button": []}


def _action(button: Button, *, sub: bool) -> Button:
    kind = button.get("type")
    if kind in KEYED:
        return {"key": _short(button.get("key"), 128, "key", sub=sub)}
    if kind == "view":
        return {"url": _address(button, sub=sub)}
    if kind == "miniprogram":
        return {"url": _address(button, sub=sub), "appid": str(button.get("appid", "")),
                "pagepath": str(button.get("pagepath", ""))}
    if kind in MEDIA:
        return {MEDIA[kind]: str(button.get(MEDIA[kind], ""))}
    raise _wrong("type", sub=sub)


def _address(button: Button, *, sub: bool) -> str:
    url = _short(button.get("url"), 1024, "url", sub=sub)
    if not url.startswith(("http://", "https://")):
        raise _wrong("domain", sub=sub)
    return url


def _short(value: Any, limit: int, what: str, *, sub: bool) -> str:
    if not isinstance(value, str) or not 1 <= len(value.encode()) <= limit:
        raise _wrong(what, sub=sub)
    return value
