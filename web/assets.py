"""Style sheets and scripts, for every page."""
import hashlib
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, request, url_for

FOLDER = Path(__file__).parent / "static"

blueprint = Blueprint("assets", __name__, static_folder=FOLDER, static_url_path="/assets")


@blueprint.after_request
def keep(response: Response) -> Response:
    """An address with the right version in it always means the same bytes."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    name = (request.view_args or {}).get("filename", "")
    is_file = response.status_code == 200 and request.method in ("GET", "HEAD")
    if is_file and request.args.get("v") == _version(name):
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def asset_url(name: str) -> str:
    return url_for("assets.static", filename=name, v=_version(name))


@cache
def _version(name: str) -> str:
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:10]
