"""The live page of an order on its way, /t/<token>: for whoever was given the link."""
import re
from typing import Final

from flask import Blueprint, Response, render_template

from handlers.tracking import Progress, progress_of
from models.base import Sessions, utcnow
from models.tracking import TrackingLink
from web import limits
from web.page import answer, message, render, words

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{32}")

blueprint = Blueprint("tracking", __name__, template_folder="templates")
limits.watch(blueprint)


@blueprint.get("/t/<token>")
def page(token: str) -> Response:
    progress = _progress(token)
    if progress is None:
        return message("no_such_link", status=404)
    return render("tracking/page.html", progress=progress, path=f"/t/{token}")


@blueprint.get("/t/<token>/live")
def live(token: str) -> Response:
    """The part of the page that changes, for its script: {html, state}."""
    progress = _progress(token)
    if progress is None:
        return answer(404, error=words("page.no_such_link"))
    html = render_template("tracking/live.html", progress=progress, words=words)
    return answer(html=html, state="ended" if progress.is_over else "live")


def _progress(token: str) -> Progress | None:
    if not _TOKEN.fullmatch(token):
        return None
    with Sessions.begin() as session:
        order = TrackingLink.order_by(session, token)
        return progress_of(session, order, now=utcnow()) if order else None
