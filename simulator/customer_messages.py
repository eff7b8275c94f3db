"""Customer-service messages: who may be written to, how often, and what (fact sheet B3)."""
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.api_errors import ApiError
from simulator.state import Account, Phone

if TYPE_CHECKING:
    from simulator.world import World

Body = dict[str, Any]
BRIEF = ("tap", "follow", "scan")


def send(world: "World", account: Account, body: Body) -> Body:
    """message/custom/send. Nothing is spent on a message that is refused."""
    phone = _addressee(world, account, body)
    kind = body.get("msgtype")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise ApiError(40008, "invalid message type")
    part = body.get(str(kind))
    if not isinstance(part, dict):
        raise ApiError(44003 if kind == "news" else 44004, f"empty {kind}")
    shown = reader(world, account, part)
    with world.lock:
        _spend(world, phone)
        phone.typing_until = 0.0
        world.save(phone)
        world.record(phone, "heard", channel="custom", msgtype=kind, **shown)
    return {}


def typing(world: "World", account: Account, body: Body) -> Body:
    """message/custom/typing: needs a message from the person in the last 30 s; lasts 15 s."""
    phone = _addressee(world, account, body)
    command = body.get("command")
    if command not in ("Typing", "CancelTyping"):
        raise ApiError(45072, "invalid command value")
    with world.lock:
        now = world.now()
        if now - phone.last_message_at > world.knobs.typing_window_s:
            raise ApiError(45080, "need to receive message from user in the last 30 seconds")
        if command == "Typing" and phone.typing_until > now:
            raise ApiError(45081, "already in typing status, do not repeat")
        phone.typing_until = now + world.knobs.typing_lasts_s if command == "Typing" else 0.0
        if command == "Typing":
            world.record(phone, "typing", lasts_s=world.knobs.typing_lasts_s)
    return {}


def allowance(world: "World", phone: Phone) -> dict[str, int]:
    """How many messages each open window still admits: {"message": 4, "tap": 3}."""
    with world.lock:
        return {trigger: int(left) for trigger, (until, left) in phone.windows.items()
                if until > world.now()}


def _addressee(world: "World", account: Account, body: Body) -> Phone:
    phone = world.user(account, body.get("touser"))
    if phone is None:
        raise ApiError(40003, "invalid openid")
    return phone


def _spend(world: "World", phone: Phone) -> None:
    """Take one message from the window that closes first. 45015: none open. 45047: all used."""
    now = world.now()
    open_windows = [w for w in phone.windows.values() if w[0] > now]
    if not phone.followed or not open_windows:
        raise ApiError(45015, "response out of time limit or subscription is canceled")
    usable = [w for w in open_windows if w[1] > 0]
    if not usable:
        raise ApiError(45047, "out of response count limit")
    min(usable, key=lambda w: w[0])[1] -= 1


def _text(world: "World", account: Account, part: Body) -> Body:
    return {"content": _content(world, part.get("content"))}


def _content(world: "World", content: Any) -> str:
    if not isinstance(content, str) or not content.strip():
        raise ApiError(44004, "empty content")
    if len(content.encode()) > world.knobs.text_cap_bytes:
        raise ApiError(45002, "content size out of limit")
    return content


def _media(kind: str) -> Callable[["World", Account, Body], Body]:
    def read(world: "World", account: Account, part: Body) -> Body:
        media_id = part.get("media_id")
        if not media_id:
            raise ApiError(41006, "media_id missing")
        with world.lock:
            known = world.media.get(str(media_id))
            if known is None or known["type"] != kind or known["until"] < world.now():
                raise ApiError(40007, "invalid media_id")
        return {"media_id": media_id,
                **{k: part[k] for k in ("title", "description") if isinstance(part.get(k), str)}}
    return read


def _news(world: "World", account: Account, part: Body) -> Body:
    articles = part.get("articles")
    if not isinstance(articles, list) or not articles:
        raise ApiError(44003, "empty news data")
    if len(articles) > 1:
        raise ApiError(45008, "article size out of limit")
    article = articles[0]
    if not isinstance(article, dict):
        raise ApiError(47001, "data format error")
    return {"articles": [{k: str(article.get(k, "")) for k in
                          ("title", "description", "url", "picurl")}]}


def _music(world: "World", account: Account, part: Body) -> Body:
    return {k: str(v) for k, v in part.items()}


def _miniprogram(world: "World", account: Account, part: Body) -> Body:
    if not part.get("thumb_media_id"):
        raise ApiError(41006, "media_id missing")
    return {k: str(part.get(k, "")) for k in ("title", "appid", "pagepath", "thumb_media_id")}


def _named(name: str) -> Callable[["World", Account, Body], Body]:
    """A message that is nothing but a reference: an article, a coupon."""
    def read(world: "World", account: Account, part: Body) -> Body:
        if not part.get(name):
            raise ApiError(40007 if name == "media_id" else 47001, f"invalid {name}")
        return {name: str(part[name])}
    return read


def _menu(world: "World", account: Account, part: Body) -> Body:
    if not account.certified:
        raise ApiError(40200, "invalid account type")
    choices = part.get("list")
    if not isinstance(choices, list) or not 1 <= len(choices) <= 10:
        raise ApiError(47001, "data format error")
    shown = [_choice(item) for item in choices]
    ends = {k: str(part.get(k) or "") for k in ("head_content", "tail_content")}
    if any(len(text.encode()) > 1024 for text in ends.values()):
        raise ApiError(45002, "content size out of limit")
    return {**ends, "list": shown}


def _choice(item: Any) -> Body:
    if not isinstance(item, dict) or not re.fullmatch(r"\S{1,64}", str(item.get("id", ""))):
        raise ApiError(47001, "data format error")
    content = item.get("content")
    if not isinstance(content, str) or not 1 <= len(content.encode()) <= 128:
        raise ApiError(45002, "content size out of limit")
    return {"id": str(item["id"]), "content": content}


_READERS: dict[str, Callable[["World", Account, Body], Body]] = {
    "text": _text, "image": _media("image"), "voice": _media("voice"), "video": _media("video"),
    "news": _news, "music": _music, "msgmenu": _menu, "miniprogrampage": _miniprogram,
    "mpnews": _named("media_id"), "mpnewsarticle": _named("article_id"),
    "wxcard": _named("card_id"),
}
