"""A rider's page: one button that lets WeChat move the money into the rider's wallet."""
import re
from typing import Any, Final

from flask import Blueprint, Response, request

from config import settings
from config.texts import yuan
from models.base import Session, Sessions
from models.campus import Account
from models.payout import Payout
from web import limits
from web.oauth import known_visitor, visitor
from web.page import answer, message, render

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")

blueprint = Blueprint("payout", __name__, template_folder="templates")
limits.watch(blueprint)


@blueprint.get("/r/<token>")
def page(token: str) -> Response:
    with Sessions.begin() as session:
        payout = _payout(session, token)
        if payout is None:
            return message("no_such_link", status=404)
        person = payout.rider.person
        account = session.get_one(Account, person.app_id)
        facts = _facts(payout)
    path = f"/r/{token}"
    openid = visitor(request, path, account)
    if isinstance(openid, Response):
        return openid
    if openid != person.openid:
        return message("somebody_elses", status=403)
    return render("payout/page.html", path=path, **facts)


@blueprint.get("/r/<token>/state")
def state(token: str) -> Response:
    """How far it has come, for the page that waits."""
    with Sessions.begin() as session:
        payout = _payout(session, token)
        if payout is None:
            return answer(404)
        account = session.get_one(Account, payout.rider.person.app_id)
        openid = known_visitor(request, f"/r/{token}", account)
        if openid != payout.rider.person.openid:
            return answer(401 if openid is None else 403)
        return answer(state=payout.state)


def _payout(session: Session, token: str) -> Payout | None:
    return Payout.by_token(session, token) if _TOKEN.fullmatch(token) else None


def _facts(payout: Payout) -> dict[str, Any]:
    """What the page shows, and what it hands to WeChat while the rider may confirm."""
    return {"state": payout.state, "amount": yuan(payout.amount_fen),
            "mch_id": settings.load().pay.mch_id, "app_id": payout.rider.person.app_id,
            "package": payout.package or ""}
