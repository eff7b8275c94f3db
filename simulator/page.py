"""The page with the phones: static files, and the policy they are shown under."""

from pathlib import Path

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


@blueprint.after_request
def _plain(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if response.mimetype in ("text/javascript", "application/javascript", "text/css"):
        response.headers["Cache-Control"] = "no-cache"
    return response
