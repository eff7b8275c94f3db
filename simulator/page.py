"""The page with the phones: static files, and the policy they are shown under."""

import json
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app

STATIC = Path(__file__).parent / "static"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src * data: blob:",
        "connect-src 'self' http://127.0.0.1:*",
        "frame-src http://127.0.0.1:*",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)

blueprint = Blueprint("page", __name__, url_prefix="/sim", static_folder=str(STATIC))


@blueprint.get("/")
def phones() -> Response:
    """The phones side by side."""
    page = current_app.make_response((STATIC / "index.html").read_text("utf-8"))
    page.headers["Content-Security-Policy"] = POLICY
    page.headers["Cache-Control"] = "no-store"
    return page


@blueprint.get("/places")
def places() -> dict[str, Any]:
    """{"places": [{label, lat, lng}]}: what the place picker offers.

    Read from `places.json` beside the credentials: a list of {label or name, lat, lng, …}, such
    as a campus file's places; those without coordinates are left out.
    """
    file = current_app.config["WORLD"].credentials.directory / "places.json"
    try:
        known = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        known = []
    return {
        "places": [
            {"label": str(p.get("label") or p.get("name") or ""), "lat": p["lat"], "lng": p["lng"]}
            for p in known
            if isinstance(p, dict) and _is_number(p.get("lat")) and _is_number(p.get("lng"))
        ]
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@blueprint.after_request
def _plain(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if response.mimetype in ("text/javascript", "application/javascript", "text/css"):
        response.headers["Cache-Control"] = "no-cache"
    return response
