"""How often an address may ask for pay pages. Only for these: a chat comes from WeChat's own
addresses, and is limited by person (bot/turn.py).

A whole dormitory may stand behind one address, so honest use is never counted against it: what
is counted are links that do not exist or are somebody else's, taps on one link's button, and, far
above what a dormitory needs, requests as such.
"""
from typing import Final

import structlog
from flask import Blueprint, Request, Response, request

from config import settings
from config.settings import is_loopback
from models.base import utcnow
from web import gateways
from web.page import answer, message, words

MISSES_A_MINUTE: Final = 30      # of one address
REQUESTS_A_MINUTE: Final = 6000  # of one address: a dormitory of 500 at noon asks for less
PREPAYS_A_MINUTE: Final = 20     # of one link
MISSED: Final = frozenset({403, 404})

log = structlog.get_logger(__name__)


def address_of(request: Request) -> str | None:
    """Whence the request comes; None where only a proxy is seen that we were not told of."""
    proxies = settings.load().proxies
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    if proxies:
        return hops[-proxies] if len(hops) >= proxies and hops[-proxies] else None
    here = request.remote_addr or ""
    return None if is_loopback(here) and hops != [""] else here


def too_often(request: Request, link: str | None) -> Response | None:
    """What to answer instead, before anything is looked up; None: go on."""
    if link is not None and request.path.endswith("/prepay") and request.method == "POST":
        count, wait_s = _hit(f"prepay:{link}")
        if count > PREPAYS_A_MINUTE:
            return _slower(request, wait_s)
    if address := address_of(request):
        count, wait_s = _hit(f"pages:{address}")
        if count > REQUESTS_A_MINUTE:
            return _slower(request, wait_s)
    return None


def after(request: Request, response: Response) -> Response:
    """A link that leads nowhere: whoever tries many is told to wait, and learns no more."""
    if response.status_code not in MISSED or (address := address_of(request)) is None:
        return response
    count, wait_s = _hit(f"misses:{address}")
    return _slower(request, wait_s) if count > MISSES_A_MINUTE else response


def count_misses(blueprint: Blueprint) -> None:
    """Let `after` watch every answer of these pages."""
    @blueprint.after_request
    def watch(response: Response) -> Response:
        return after(request, response)


def _hit(name: str) -> tuple[int, int]:
    return gateways.counter().hit(name, per_s=60, now_s=utcnow().timestamp())


def _slower(request: Request, wait_s: int) -> Response:
    log.warning("page.too_often", path=request.endpoint)
    is_page = "text/html" in request.headers.get("Accept", "")
    told = message("too_often", status=429) if is_page else answer(
        429, error=words("page.too_often_wait", seconds=wait_s))
    told.headers["Retry-After"] = str(wait_s)
    return told
