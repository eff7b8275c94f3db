"""The page of whoever is asked to pay for somebody, /d/<token>: what, how much, and yes.

Looking costs nothing and changes nothing. Saying yes makes a payment for this very reader and
leads to its pay page.
"""
import re
from typing import Final

from flask import Blueprint, Response, request

from config.texts import text_of, yuan
from handlers.group_order.shared import mate_of
from handlers.paying_for import standing_of, take
from handlers.payment import Standing
from handlers.wording import clock
from models.base import Session, Sessions, utcnow
from models.campus import Account, Campus
from models.pay_invite import PayInvite
from models.person import Person
from web import limits
from web.oauth import known_visitor, visitor
from web.page import answer, is_from_our_page, message, render, words
from web.payment import lines_of

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{32}")

blueprint = Blueprint("paying_for", __name__, template_folder="templates")
limits.watch(blueprint)


@blueprint.get("/d/<token>")
def page(token: str) -> Response:
    with Sessions.begin() as session:
        invitation = _invitation(session, token)
        if invitation is None:
            return message("no_such_link", status=404)
        account = session.get_one(Account, invitation.order.buyer.app_id)
    path = f"/d/{token}"
    openid = visitor(request, path, account)
    if isinstance(openid, Response):
        return openid
    now = utcnow()
    with Sessions.begin() as session:
        invitation = session.get_one(PayInvite, invitation.id)
        order = invitation.order
        stands = standing_of(invitation, now=now)
        campus = session.get_one(Campus, order.campus_id)
        facts = {
            "state": stands, "code": order.code, "shop": order.shop.name,
            "lines": lines_of(order) if stands is not Standing.REVISED else [],
            "total": yuan(order.payable_fen), "who": text_of(mate_of(order.buyer)),
            "where": order.place.name if order.place else "",
            "when": clock(order.promised_at, campus), "until": clock(order.pay_until, campus)}
    return render("payment/for_somebody.html", path=path, **facts)


@blueprint.post("/d/<token>/take")
def accept(token: str) -> Response:
    """{url}: the reader's own pay page; {error} when there is nothing to pay any more."""
    if not is_from_our_page(request):
        return answer(403, error=words("page.somebody_elses"))
    now = utcnow()
    with Sessions.begin() as session:
        invitation = _invitation(session, token)
        if invitation is None:
            return answer(404, error=words("page.no_such_link"))
        account = session.get_one(Account, invitation.order.buyer.app_id)
        openid = known_visitor(request, f"/d/{token}", account)
        if openid is None:
            return answer(401, error=words("page.not_recognised"))
        payer = Person.lock(session, account.app_id, openid, now=now)
        url = take(session, invitation, payer, now=now)
    return answer(url=url) if url else answer(409, error=words("paying_for.too_late"))


def _invitation(session: Session, token: str) -> PayInvite | None:
    return PayInvite.by_token(session, token) if _TOKEN.fullmatch(token) else None
