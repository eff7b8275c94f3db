"""api.weixin.qq.com, as far as we use it. One WeChat per official account.

Rules and error codes are those of developers.weixin.qq.com/doc/service; every call answers HTTP
200 and says in `errcode` how it went.
"""
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from redis import Redis

from gateways.errors import Refused, Unreachable
from gateways.shared_value import SharedValue
from gateways.transport import Answer, Transport

BUSY: Final = frozenset({-1, 45009, 45011})  # system busy; a day's or a minute's quota used up
STALE_TOKEN: Final = frozenset({40001, 40014, 42001})
MAX_MEDIA_BYTES: Final = 12 << 20
NO_MENU: Final = 46003
TAG_THERE: Final = 45157
PERMANENT: Final = None
_JSON: Final = {"Content-Type": "application/json"}

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class QrCode:
    """`url` is what the code says; draw it, or show WeChat's image of `ticket`."""

    ticket: str
    url: str
    expire_s: int | None


@dataclass(frozen=True, slots=True)
class Menus:
    """`conditional`: menuid → (tag id, buttons). Buttons are bare: name, type, key, url, below."""

    default: list[Json]
    conditional: dict[str, tuple[str, list[Json]]]


@dataclass(frozen=True, slots=True)
class Follower:
    """What WeChat tells of a user. Who does not follow is known by openid only."""

    openid: str
    is_following: bool
    followed_at: datetime | None
    scene: str  # of the QR code by which they came; "" otherwise


@dataclass(frozen=True, slots=True)
class Media:
    content_type: str
    content: bytes


def _utcnow() -> datetime:
    return datetime.now(UTC)


class WeChat:
    """Calls on behalf of one official account. Raises Unreachable or Refused, nothing else.

    `redis` lets all processes share one token; without it each has its own, which stable_token
    allows (they get the same one). `now` decides when a token is old. Safe for threads.

    A trouble of the account rather than of the message (no token to be had: wrong secret, address
    not on the whitelist) is Unreachable with its code: once an operator has put it right, the
    same request will do, and nobody's notice was thrown away meanwhile.
    """

    def __init__(self, app_id: str, secret: str, *, api_base: str, redis: Redis | None = None,
                 now: Callable[[], datetime] = _utcnow) -> None:
        self._app_id = app_id
        self._secret = secret
        self._http = Transport(api_base)
        self._token = SharedValue(f"wechat:{app_id}:token", self._fetch_token, redis, now)
        self._ticket = SharedValue(f"wechat:{app_id}:jsapi_ticket", self._fetch_ticket, redis, now)

    def send_text(self, openid: str, text: str) -> None:
        """Send a customer-service message: 5 within 48 hours of the user's last, ≤ 2048 bytes.

        Refused: 45015 (outside the window, or no longer following), 45047 (all 5 are used),
        48002 (the user turned messages off). WeChat has no idempotency key for these, so after
        an Unreachable that is `perhaps_done` another try may show the text twice.
        """
        self._call("POST", "/cgi-bin/message/custom/send",
                   body={"touser": openid, "msgtype": "text", "text": {"content": text}})

    def send_template(self, openid: str, template_id: str, data: Mapping[str, str], *,
                      url: str | None = None, client_msg_id: str | None = None) -> int:
        """Send a template message and return its msgid; TEMPLATESENDJOBFINISH tells its fate.

        `data` maps the template's keys (`thing1`) to values. WeChat sends the same
        `client_msg_id` to the same person once within 10 minutes, so a retry is harmless.
        Refused: 43004 (not following), 40037 (no such template), 47003 (a value does not fit).
        """
        body: Json = {"touser": openid, "template_id": template_id,
                      "data": {key: {"value": value} for key, value in data.items()}}
        if url:
            body["url"] = url
        if client_msg_id:
            body["client_msg_id"] = client_msg_id
        return _field(self._call("POST", "/cgi-bin/message/template/send", body=body),
                      "msgid", int)

    def template_ids(self) -> frozenset[str]:
        """The templates that this account may send."""
        told = self._call("GET", "/cgi-bin/template/get_all_private_template")
        listed = _field(told, "template_list", list)
        return frozenset(str(each["template_id"]) for each in listed
                         if isinstance(each, dict) and "template_id" in each)

    def typing(self, openid: str) -> None:
        """Show 对方正在输入 for up to 15 s. Refused 45080 unless they wrote in the last 30 s."""
        self._call("POST", "/cgi-bin/message/custom/typing",
                   body={"touser": openid, "command": "Typing"})

    def create_menu(self, buttons: Sequence[Mapping[str, Any]]) -> None:
        """Replace the account's default menu: ≤ 3 buttons, ≤ 5 in each."""
        self._call("POST", "/cgi-bin/menu/create", body={"button": list(buttons)})

    def add_conditional_menu(self, buttons: Sequence[Mapping[str, Any]], tag_id: int) -> None:
        """A menu for those who got this tag last. Refused 65303: there is no default menu."""
        self._call("POST", "/cgi-bin/menu/addconditional", body={
            "button": list(buttons), "matchrule": {"tag_id": str(tag_id)}})

    def delete_conditional_menu(self, menu_id: str) -> None:
        self._call("POST", "/cgi-bin/menu/delconditional", body={"menuid": menu_id})

    def menus(self) -> Menus:
        """The menus as they stand. One that was never made is empty."""
        try:
            told = self._call("GET", "/cgi-bin/menu/get")
        except Refused as refusal:
            if refusal.code == NO_MENU:
                return Menus([], {})
            raise
        conditional = {}
        for each in told.get("conditionalmenu") or []:
            tag = (each.get("matchrule") or {}).get("tag_id") or (
                each.get("matchrule") or {}).get("group_id") or ""
            conditional[str(each.get("menuid"))] = (str(tag), _buttons(each))
        return Menus(_buttons(told.get("menu") or {}), conditional)

    def tags(self) -> dict[str, int]:
        """The account's tags: name → id."""
        told = _field(self._call("GET", "/cgi-bin/tags/get"), "tags", list)
        return {str(tag["name"]): int(tag["id"]) for tag in told}

    def ensure_tag(self, name: str) -> int:
        """The id of the tag of this name (≤ 30 characters), made if there is none."""
        try:
            made = self._call("POST", "/cgi-bin/tags/create", body={"tag": {"name": name}})
        except Refused as refusal:
            if refusal.code != TAG_THERE or name not in (known := self.tags()):
                raise
            return known[name]
        return int(_field(made, "tag", dict)["id"])

    def tag(self, tag_id: int, openids: Sequence[str]) -> None:
        """Put the tag on ≤ 50 people: on all, or, Refused 40003 or 49003, on none."""
        self._call("POST", "/cgi-bin/tags/members/batchtagging",
                   body={"tagid": tag_id, "openid_list": list(openids)})

    def untag(self, tag_id: int, openids: Sequence[str]) -> None:
        self._call("POST", "/cgi-bin/tags/members/batchuntagging",
                   body={"tagid": tag_id, "openid_list": list(openids)})

    def create_qr(self, scene: str, expire_s: int | None = PERMANENT) -> QrCode:
        """Make a QR code that brings `scene` (1–64 characters), for ≤ 30 days or permanently."""
        body: Json = {"action_name": "QR_LIMIT_STR_SCENE" if expire_s is None else "QR_STR_SCENE",
                      "action_info": {"scene": {"scene_str": scene}}}
        if expire_s is not None:
            body["expire_seconds"] = expire_s
        made = self._call("POST", "/cgi-bin/qrcode/create", body=body)
        return QrCode(_field(made, "ticket", str), _field(made, "url", str), expire_s)

    def user_info(self, openid: str) -> Follower:
        told = self._call("GET", "/cgi-bin/user/info",
                          params={"openid": openid, "lang": "zh_CN"})
        since = told.get("subscribe_time")
        return Follower(
            openid=_field(told, "openid", str),
            is_following=told.get("subscribe") == 1,
            followed_at=datetime.fromtimestamp(since, UTC) if isinstance(since, int) else None,
            scene=str(told.get("qr_scene_str") or ""))

    def download_media(self, media_id: str) -> Media:
        """Fetch what a user sent (kept by WeChat for 3 days). A video is Refused: it is a link."""
        answer = self._with_token(
            "GET", "/cgi-bin/media/get", {"media_id": media_id}, None, MAX_MEDIA_BYTES)
        if _is_json(answer):
            _checked(_decoded(answer))
            raise Refused("NOT_A_FILE", f"media {media_id}")
        return Media(answer.headers.get("Content-Type", "application/octet-stream"), answer.body)

    def oauth_openid(self, code: str) -> str:
        """Whose browser brought `code`. A code works once, for 5 minutes: 40029, 40163."""
        answer = self._http.send("GET", "/sns/oauth2/access_token", params={
            "appid": self._app_id, "secret": self._secret, "code": code,
            "grant_type": "authorization_code"})
        return _field(_checked(_decoded(answer)), "openid", str)

    def jsapi_ticket(self) -> str:
        return self._ticket.get()

    def sign_page(self, url: str, nonce: str, timestamp: int) -> str:
        """The `signature` for wx.config on the page at `url` (its fragment does not count)."""
        return page_signature(self.jsapi_ticket(), nonce, timestamp, url)

    def _fetch_token(self, bad: str) -> tuple[str, int]:
        """stable_token hands out the same token until its last 5 minutes.

        A token refused before its time is replaced by force, which WeChat allows 20 times a day.
        """
        token, left_s = self._stable_token(force=False)
        return self._stable_token(force=True) if token == bad else (token, left_s)

    def _stable_token(self, *, force: bool) -> tuple[str, int]:
        answer = _decoded(self._http.send(
            "POST", "/cgi-bin/stable_token", headers=_JSON, body=_encoded({
                "grant_type": "client_credential", "appid": self._app_id,
                "secret": self._secret, "force_refresh": force})))
        try:
            told = _checked(answer)
        except Refused as refusal:
            raise Unreachable(f"no access token: {refusal}", code=refusal.code) from refusal
        return _field(told, "access_token", str), _field(told, "expires_in", int)

    def _fetch_ticket(self, bad: str) -> tuple[str, int]:
        told = self._call("GET", "/cgi-bin/ticket/getticket", params={"type": "jsapi"})
        return _field(told, "ticket", str), _field(told, "expires_in", int)

    def _call(self, method: str, path: str, *, params: Mapping[str, str] | None = None,
              body: Json | None = None) -> Json:
        return _checked(_decoded(self._with_token(method, path, params or {}, body)))

    def _with_token(self, method: str, path: str, params: Mapping[str, str],
                    body: Json | None, max_bytes: int = 1 << 20) -> Answer:
        """Ask; should the token have gone stale, renew it once and ask once more."""
        content = None if body is None else _encoded(body)
        token = self._token.get()
        for attempt in (1, 2):
            answer = self._http.send(method, path, params={**params, "access_token": token},
                                     body=content, headers=_JSON, max_bytes=max_bytes)
            code = _errcode(_decoded(answer)) if _is_json(answer) else 0
            if code not in STALE_TOKEN:
                return answer
            if attempt == 1:
                token = self._token.renew(token)
        raise Unreachable(f"{path}: token refused twice", code=code)


def authorize_url(open_base: str, app_id: str, redirect_uri: str, state: str) -> str:
    """Where to send a browser that should come back with a code (snsapi_base: silently).

    `state`: ≤ 128 letters and digits. Old clients want the parameters in this order.
    """
    query = urlencode({"appid": app_id, "redirect_uri": redirect_uri, "response_type": "code",
                       "scope": "snsapi_base", "state": state})
    return f"{open_base}/connect/oauth2/authorize?{query}#wechat_redirect"


def page_signature(ticket: str, nonce: str, timestamp: int, url: str) -> str:
    """SHA-1 over names in lower case and this order, values as they are."""
    told = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={_bare(url)}"
    return hashlib.sha1(told.encode()).hexdigest()


def _buttons(menu: Json) -> list[Json]:
    """As they were sent: without what WeChat adds of its own, empty lists above all."""
    kept = ("name", "type", "key", "url", "appid", "pagepath")
    return [{**{k: button[k] for k in kept if button.get(k)},
             **({"sub_button": below} if (below := _buttons({
                 "button": _below(button)})) else {})}
            for button in menu.get("button") or []]


def _below(button: Json) -> list[Json]:
    """Some of WeChat's answers wrap the list once more."""
    below = button.get("sub_button") or []
    return below.get("list", []) if isinstance(below, dict) else below


def _bare(url: str) -> str:
    return url.partition("#")[0]


def _encoded(body: Json) -> bytes:
    """Raw UTF-8: WeChat shows \\uXXXX escapes as they stand, or refuses them with 40033."""
    return json.dumps(body, ensure_ascii=False).encode(errors="replace")


def _is_json(answer: Answer) -> bool:
    """WeChat labels JSON as application/json or text/plain."""
    kind = answer.headers.get("Content-Type", "")
    return kind.startswith(("application/json", "text/plain")) or answer.status != 200


def _decoded(answer: Answer) -> Json:
    if answer.status in (408, 429) or answer.status >= 500:
        raise Unreachable(f"HTTP {answer.status}", code=answer.status, perhaps_done=True)
    if answer.status != 200:
        raise Refused(answer.status, "HTTP")
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise Unreachable("the answer is not a JSON object", perhaps_done=True)
    return told


def _checked(told: Json) -> Json:
    """`told` itself when all went well. Raises Unreachable or Refused by errcode."""
    code = _errcode(told)
    if code == 0:
        return told
    why = str(told.get("errmsg", ""))
    if code in BUSY:
        raise Unreachable(f"{code} {why}", code=code)
    raise Refused(code, why)


def _errcode(told: Json) -> int:
    return _field(told, "errcode", int) if "errcode" in told else 0


def _field(told: Json, name: str, kind: type[T]) -> T:
    value = told.get(name)
    if not isinstance(value, kind):
        raise Unreachable(f"the answer lacks {name}", perhaps_done=True)
    return value
