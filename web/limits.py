"""How often a phone, or an address, may ask for pages. Only for these: a chat comes from WeChat's
own addresses, and is limited by person (bot/turn.py).

A phone that we know (web/device.py) is counted by itself and never with its neighbours, whatever
they do. Of phones that we do not know the address is counted, and a whole dormitory may stand
behind it, so that honest use never counts: only links that do not exist or are somebody else's,
and, far above what a dormitory needs, requests for pay pages as such. Taps on one link's button
are counted by the link.
"""
from typing import Final

import structlog
from flask import Blueprint, Request, Response, request

from config import settings
from config.settings import is_loopback
from models.base import utcnow
from web import gateways
from web.device import device_of
from web.page import answer, message, words

MISSES_A_MINUTE: Final = 30      # of one address
REQUESTS_A_MINUTE: Final = 6000  # of one address: a dormitory of 500 at noon asks for less
PREPAYS_A_MINUTE: Final = 20     # of one link
PAGES_OF_PHONE: Final = 240       # a minute: a page that looks for news asks 20 times
ACTS_OF_PHONE: Final = 30         # a minute: buttons that do something
MISSES_OF_PHONE: Final = 10       # a minute
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


def too_often(request: Request, link: str | None = None, *,
              by_address: bool = False) -> Response | None:
    """What to answer instead, before anything is looked up; None: go on."""
    is_act, phone = request.method == "POST", device_of(request)
    limits = [(f"prepay:{link}", PREPAYS_A_MINUTE)] \
        if link is not None and is_act and request.path.endswith("/prepay") else []
    if phone:
        limits += [(f"acts:{phone}", ACTS_OF_PHONE)] if is_act else []
        limits.append((f"pages:{phone}", PAGES_OF_PHONE))
    elif by_address and (address := address_of(request)):
        limits.append((f"pages:{address}", REQUESTS_A_MINUTE))
    for name, most in limits:
        count, wait_s = _hit(name)
        if count > most:
            return _slower(request, wait_s)
    return None


def after(request: Request, response: Response) -> Response:
    """A link that leads nowhere: whoever tries many is told to wait, and learns no more."""
    if response.status_code not in MISSED:
        return response
    phone = device_of(request)
    who, most = (phone, MISSES_OF_PHONE) if phone else (address_of(request), MISSES_A_MINUTE)
    if who is None:
        return response
    count, wait_s = _hit(f"misses:{who}")
    return _slower(request, wait_s) if count > most else response


def watch(blueprint: Blueprint) -> None:
    """Limit each phone on these pages, and let `after` see every answer."""
    @blueprint.before_request
    def before() -> Response | None:
        return too_often(request)

    @blueprint.after_request
    def look(response: Response) -> Response:
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
