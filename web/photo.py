"""A picture that came with a complaint, /e/<token>: for its order's people and the operators."""
import re
from typing import Final

import structlog
from flask import Blueprint, Response, request

from gateways.errors import GatewayError
from handlers.photo import may_see
from models.base import Sessions
from models.campus import Account
from models.complaint import Photo
from web import gateways, limits
from web.oauth import known_visitor, visitor
from web.page import answer, message, render, words

log = structlog.get_logger(__name__)

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{32}")
_PICTURES: Final = ("image/jpeg", "image/png", "image/gif", "image/bmp")

blueprint = Blueprint("photo", __name__, template_folder="templates")
limits.watch(blueprint)


@blueprint.get("/e/<token>")
def page(token: str) -> Response:
    with Sessions.begin() as session:
        photo = Photo.by_token(session, token) if _TOKEN.fullmatch(token) else None
        if photo is None:
            return message("no_such_link", status=404)
        account = session.get_one(Account, photo.person.app_id)
    path = f"/e/{token}"
    openid = visitor(request, path, account)
    if isinstance(openid, Response):
        return openid
    with Sessions.begin() as session:
        photo = session.get_one(Photo, photo.id)
        if not may_see(session, photo, openid):
            return message("somebody_elses", status=403)
        code = photo.order.code if photo.order else None
    return render("photo/page.html", code=code, path=path)


@blueprint.get("/e/<token>/picture")
def picture(token: str) -> Response:
    """The picture itself, fetched from WeChat, kept nowhere."""
    with Sessions.begin() as session:
        photo = Photo.by_token(session, token) if _TOKEN.fullmatch(token) else None
        if photo is None:
            return answer(404, error=words("page.no_such_link"))
        account, media_id = session.get_one(Account, photo.person.app_id), photo.media_id
        openid = known_visitor(request, f"/e/{token}", account)
        if openid is None or not may_see(session, photo, openid):
            return answer(403, error=words("page.somebody_elses"))
    try:
        media = gateways.wechat(account).download_media(media_id)
    except GatewayError as error:
        log.warning("photo.gone", why=str(error))
        return answer(404, error=words("photo.gone"))
    kind = media.content_type.partition(";")[0]
    if kind not in _PICTURES:
        return answer(404, error=words("photo.gone"))
    response = Response(media.content, mimetype=kind)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
