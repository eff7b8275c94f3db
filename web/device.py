"""Which phone asks: a signed mark, given once WeChat has said who looks at a page of ours.

It says nothing of the person, and what is kept of it is a keyed hash. Made-up marks are none.
"""
import secrets
from typing import Final

from flask import Request, Response
from itsdangerous import BadData, URLSafeSerializer

from config import settings
from handlers.risk import device_hash

NAME: Final = "pt_device"
LASTS_S: Final = 400 * 86_400


def device_of(request: Request) -> str | None:
    """The phone's name that cannot be read back; None for one that was not marked by us."""
    try:
        return device_hash(str(_signer().loads(request.cookies.get(NAME, "")[:200])))
    except BadData:
        return None


def mark(request: Request, response: Response) -> None:
    if device_of(request) is None:
        response.set_cookie(NAME, str(_signer().dumps(secrets.token_urlsafe(24))), path="/",
                            httponly=True, max_age=LASTS_S, samesite="Lax",
                            secure=settings.load().public_url.startswith("https"))


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(settings.load().secret_key, salt=NAME)
