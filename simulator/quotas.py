"""How often an account may call each API a day, and how that is asked and reset (B10)."""
from typing import TYPE_CHECKING, Any

from simulator.api_errors import ApiError
from simulator.state import Account

if TYPE_CHECKING:
    from simulator.world import World

Body = dict[str, Any]
USUAL = 100_000
LIMITS = {
    "/cgi-bin/menu/create": 1000, "/cgi-bin/menu/get": 10_000, "/cgi-bin/menu/delete": 1000,
    "/cgi-bin/menu/addconditional": 2000, "/cgi-bin/menu/delconditional": 2000,
    "/cgi-bin/menu/trymatch": 20_000, "/cgi-bin/user/info": 5_000_000, "/cgi-bin/user/get": 500,
    "/cgi-bin/stable_token": 500_000, "/cgi-bin/qrcode/create": 100_000,
    "/cgi-bin/media/upload": 100_000, "/cgi-bin/media/get": 200_000,
    "/cgi-bin/message/custom/typing": 500_000,
}
KNOBS = {"/cgi-bin/token": "tokens_a_day", "/cgi-bin/message/custom/send": "custom_sends_a_day",
         "/cgi-bin/message/template/send": "template_sends_a_day"}
NO_MORE = "reach max api daily quota limit"
PATH_CLEARS_A_MONTH = 50


def limit(world: "World", path: str) -> int:
    """Calls a day: a knob's, the account's own, or the usual."""
    if path in world.knobs.daily_limits:
        return world.knobs.daily_limits[path]
    if path in KNOBS:
        return int(getattr(world.knobs, KNOBS[path]))
    return LIMITS.get(path, USUAL)


def spend(world: "World", account: Account, path: str) -> None:
    """Count this call. Raises 45009 when the day's are used up."""
    with world.lock:
        if world.count(f"{path} {account.app_id}") > limit(world, path):
            raise ApiError(45009, NO_MORE)


def _used(world: "World", account: Account, path: str) -> int:
    return world.counts.get(f"{world.today()} {path} {account.app_id}", 0)


def get(world: "World", account: Account, body: Body) -> Body:
    """openapi/quota/get: {cgi_path}."""
    path = _path(world, body)
    with world.lock:
        used, most = min(_used(world, account, path), limit(world, path)), limit(world, path)
    return {"quota": {"daily_limit": most, "used": used, "remain": most - used}}


def _path(world: "World", body: Body) -> str:
    from flask import current_app

    path = body.get("cgi_path")
    known = {rule.rule for rule in current_app.url_map.iter_rules()}
    if not isinstance(path, str) or path not in known or "<" in path:
        raise ApiError(76003, "invalid cgi_path")
    return path


def clear_path(world: "World", account: Account, body: Body) -> Body:
    """openapi/quota/clear: one path's count; fifty times a month."""
    path = _path(world, body)
    with world.lock:
        _clear_one(world, account, "clear path", PATH_CLEARS_A_MONTH)
        world.counts.pop(f"{world.today()} {path} {account.app_id}", None)
    return {}


def clear(world: "World", account: Account, body: Body) -> Body:
    """clear_quota: every count of the account; ten times a month, both ways together."""
    if body.get("appid") != account.app_id:
        raise ApiError(40013, "invalid appid")
    with world.lock:
        _clear_one(world, account, "clear", world.knobs.clears_a_month)
        for key in [k for k in world.counts if k.startswith(world.today())
                    and k.endswith(f" {account.app_id}")]:
            del world.counts[key]
    return {}


def _clear_one(world: "World", account: Account, what: str, most: int) -> None:
    key = f"{world.today()[:7]} {what} of {account.app_id}"
    world.counts[key] = world.counts.get(key, 0) + 1
    if world.counts[key] > most:
        raise ApiError(48006, "forbid to clear quota because of reaching the limit")


def rid(world: "World", account: Account, body: Body) -> Body:
    """openapi/rid/get: what a refused call of the last seven days looked like."""
    kept = world.rids.get(str(body.get("rid")))
    if kept is None or kept["app_id"] != account.app_id or kept["until"] < world.now():
        raise ApiError(76001, "rid not found")
    return {"request": kept["request"]}
