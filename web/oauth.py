"""Who is looking at a page: WeChat tells the openid, silently (snsapi_base).

A browser without our cookie goes to WeChat and comes back with a code and the state we gave it.
The state stands in a cookie of that browser too, so that a code which somebody else obtained
cannot be slipped to it. Both cookies are scoped to the link's own path. A phone that came back from
WeChat is marked besides (web/device.py).
"""
import secrets
from collections.abc import Mapping
from hmac import compare_digest
from typing import Final
from urllib.parse import urlsplit

from flask import Request, Response, redirect
from itsdangerous import BadData, URLSafeTimedSerializer

from config import settings
from gateways.errors import Refused, Unreachable
from gateways.wechat import authorize_url
from models.campus import Account
from web import gateways
from web.device import mark
from web.page import message

STATE_LASTS_S: Final = 600
VISIT_LASTS_S: Final = 3600
_STATE, _VISIT = "pt_state", "pt_visit"


def visitor(request: Request, path: str, account: Account) -> str | Response:
    """The openid of whoever looks at `path`, or what to answer instead.

    Answers are: off to WeChat, back without the code in the address, or a page that says what
    is wrong. `path` has no query and no trailing slash.
    """
    openid = known_visitor(request, path, account)
    came_back = "code" in request.args or "state" in request.args
    if openid is not None:
        return _sent(path) if came_back else openid
    if not came_back:
        return _to_wechat(request, path, account)
    return _back_from_wechat(request, path, account)


def known_visitor(request: Request, path: str, account: Account) -> str | None:
    """The openid in this browser's cookie for `path`; no questions asked."""
    visit = _opened(request, _VISIT, path, account, VISIT_LASTS_S)
    return visit.get("openid")


def _to_wechat(request: Request, path: str, account: Account) -> Response:
    """A second tab gets the same state, so that both may come back."""
    kept = _opened(request, _STATE, path, account, STATE_LASTS_S // 2).get("state")
    state = kept or secrets.token_hex(16)
    current = settings.load()
    response = _sent(authorize_url(current.wechat_open_base, account.app_id,
                                   current.public_url + path, state))
    _give(response, _STATE, path, account, {"state": state}, STATE_LASTS_S)
    return response


def _back_from_wechat(request: Request, path: str, account: Account) -> Response:
    expected = _opened(request, _STATE, path, account, STATE_LASTS_S).get("state", "")
    given, code = request.args.get("state", ""), request.args.get("code", "")
    if not expected or not compare_digest(expected.encode(), given.encode()) or not code:
        return message("not_recognised", status=400, again=path)
    try:
        openid = gateways.wechat(account).oauth_openid(code)
    except Refused:
        return message("not_recognised", status=400, again=path)
    except Unreachable:
        return message("wechat_away", status=503, again=path)
    response = _sent(path)
    _give(response, _VISIT, path, account, {"openid": openid}, VISIT_LASTS_S)
    response.delete_cookie(_STATE, path=path)
    mark(request, response)
    return response


def _sent(url: str) -> Response:
    response = redirect(url)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response  # type: ignore[return-value]


def _give(response: Response, name: str, path: str, account: Account,
          facts: Mapping[str, str], lasts_s: int) -> None:
    is_https = urlsplit(settings.load().public_url).scheme == "https"
    response.set_cookie(name, _signer(name, path, account).dumps(dict(facts)), path=path,
                        max_age=lasts_s, httponly=True, samesite="Lax", secure=is_https)


def _opened(request: Request, name: str, path: str, account: Account,
            lasts_s: int) -> dict[str, str]:
    """The facts in a cookie of ours; none if it is old, or made for another page."""
    try:
        facts = _signer(name, path, account).loads(request.cookies.get(name, ""), max_age=lasts_s)
    except BadData:
        return {}
    return dict(facts)


def _signer(name: str, path: str, account: Account) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings.load().secret_key,
                                  salt=f"{name}:{account.app_id}:{path}")
