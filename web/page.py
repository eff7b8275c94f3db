"""What all pages have in common: words from the catalogue, headers that keep them safe."""
from typing import Any
from urllib.parse import urlsplit

from flask import Request, Response, jsonify, make_response, render_template

from config import settings
from config.texts import Param, Reply, plain
from web.assets import asset_url


def words(key: str, **params: Param) -> str:
    return plain(Reply(key, params))


def render(template: str, *, status: int = 200, **facts: Any) -> Response:
    """A page that is kept nowhere, framed by nobody, and runs no script but ours and WeChat's."""
    response = make_response(render_template(
        template, words=words, asset_url=asset_url, jssdk_url=settings.load().wechat_jssdk_url,
        **facts), status)
    response.headers["Content-Security-Policy"] = _policy()
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Frame-Options"] = "DENY"
    return _private(response)


def message(name: str, *, status: int, again: str | None = None) -> Response:
    """A page that only says something. `again`: where its button leads."""
    return render("message.html", status=status, name=name, again=again)


def answer(status: int = 200, /, **facts: Any) -> Response:
    """JSON for a page's script."""
    response: Response = jsonify(facts)
    response.status_code = status
    return _private(response)


def is_from_our_page(request: Request) -> bool:
    """Whether a page of ours sent this, as far as the browser tells (old ones tell nothing).

    The visitor's cookie is SameSite=Lax besides, so that no other site can send it along.
    """
    if site := request.headers.get("Sec-Fetch-Site"):
        return site == "same-origin"
    return request.headers.get("Origin") in (None, _origin(settings.load().public_url))


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _policy() -> str:
    """`weixin:` frames are how WeChat's bridge speaks to its app on old iPhones."""
    jssdk = _origin(settings.load().wechat_jssdk_url)
    return (f"default-src 'none'; script-src 'self' {jssdk}; style-src 'self'; "
            "img-src 'self' data:; connect-src 'self'; frame-src weixin:; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
