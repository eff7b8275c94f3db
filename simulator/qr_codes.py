"""Parametric QR codes: qrcode/create, and what showqrcode pictures (fact sheet B7)."""
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from simulator.api_errors import ApiError
from simulator.state import Account

if TYPE_CHECKING:
    from simulator.world import World

Body = dict[str, Any]
ACTIONS = ("QR_SCENE", "QR_STR_SCENE", "QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE")
LONGEST_S = 30 * 86400


def address(ticket: str) -> str:
    """What the picture encodes."""
    return f"http://weixin.qq.com/q/{quote(ticket[2:22], safe='')}"


def create(world: "World", account: Account, body: Body) -> Body:
    """qrcode/create, temporary (a minute unless said otherwise) or permanent."""
    action, info = body.get("action_name"), body.get("action_info")
    scene = info.get("scene") if isinstance(info, dict) else None
    if action not in ACTIONS or not isinstance(scene, dict):
        raise ApiError(40053, "invalid action info")
    name = _scene_str(scene) if "STR" in action else _scene_id(scene, "LIMIT" in action)
    if "LIMIT" in action:
        return _qr_made(world, account, name, None)
    seconds = body.get("expire_seconds", 60)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds <= LONGEST_S:
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


def _qr_made(world: "World", account: Account, scene: str, seconds: int | None) -> Body:
    until = world.now() + seconds if seconds else None
    ticket = world.add_ticket(account.app_id, scene, until)
    lasting = {"expire_seconds": seconds} if seconds else {}
    return {"ticket": ticket, **lasting, "url": address(ticket)}
