"""What goes wrong outside a handler: a wrong address, a database that is away, our own mistake.

People read a page in their own language, scripts JSON, machines a word. Nothing of the inside is
shown, and nothing is told twice.
"""
from typing import Final

import structlog
from flask import Blueprint, Response, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from web.page import answer, message, words

log = structlog.get_logger(__name__)

FOR_MACHINES: Final = ("/wechat/", "/wxpay/", "/healthz", "/readyz", "/metrics", "/assets/")
AGAIN_S: Final = 5

blueprint = Blueprint("errors", __name__, template_folder="templates")


@blueprint.app_errorhandler(HTTPException)
def refused(error: HTTPException) -> Response:
    """A wrong address or method, a body too large. A redirect is an answer like any other."""
    status = error.code or 500
    if error.response is not None or status < 400:
        return error.get_response()  # type: ignore[return-value]
    told = _told("no_such_page", status, error.name)
    if status == 405:
        told.headers["Allow"] = dict(error.get_headers()).get("Allow", "")
    return told


@blueprint.app_errorhandler(OperationalError)
def away(error: OperationalError) -> Response:
    """The database does not answer, or not in time: whoever asked may ask again."""
    log.warning("request.database_away", endpoint=request.endpoint,
                why=str(error.orig).partition("\n")[0])
    told = _told("out_of_breath", 503, "try again")
    told.headers["Retry-After"] = str(AGAIN_S)
    return told


@blueprint.app_errorhandler(Exception)
def failed(error: Exception) -> Response:
    """A mistake of ours: told once to the log, and to nobody else."""
    log.error("request.failed", endpoint=request.endpoint, exc_info=error)
    return _told("our_mistake", 500, "failed")


def _told(name: str, status: int, word: str) -> Response:
    if request.path.startswith(FOR_MACHINES):
        return Response(f"{word}\n", status, mimetype="text/plain")
    if "text/html" in request.headers.get("Accept", ""):
        return message(name, status=status,
                       again=request.path if status == 503 and request.method == "GET" else None)
    return answer(status, error=words(f"page.{name}"))
