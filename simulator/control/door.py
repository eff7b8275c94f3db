"""Who may play with the phones, and how requests are read."""
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Blueprint, abort, current_app, request

from simulator.world import UnknownPhone, World

blueprint = Blueprint("control", __name__, url_prefix="/sim")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
Told = dict[str, Any]


class BadRequest(ValueError):
    """A field is missing or of the wrong kind. The message names it."""


def world() -> World:
    return cast(World, current_app.config["WORLD"])


@blueprint.before_request
def _only_from_this_machine() -> None:
    """Other people's web pages must not play with the phones, although a browser would let them."""
    asked_by = [f"//{request.host}", *request.headers.getlist("Origin")]
    if any(urlsplit(address).hostname not in LOOPBACK for address in asked_by):
        abort(403)


@blueprint.errorhandler(UnknownPhone)
def _no_phone(error: UnknownPhone) -> tuple[Told, int]:
    return {"error": f"no phone {error}"}, 404


@blueprint.errorhandler(ValueError)
def _bad(error: ValueError) -> tuple[Told, int]:
    return {"error": str(error)}, 400


def asked() -> Told:
    body = request.get_json(silent=True, force=True)
    if body is None and not request.get_data():
        return {}
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    return body


def field(body: Told, name: str, kind: type | tuple[type, ...] = str) -> Any:
    value = body.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadRequest(f"{name} is missing or of the wrong kind")
    return value


def number(body: Told, name: str) -> float:
    return float(field(body, name, (int, float)))
