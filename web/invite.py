"""A person's own QR code, /i/<code>: to be shown, or passed on. It says nothing of the person."""
import re
from datetime import datetime
from typing import Final

import segno
from flask import Blueprint, Response

from handlers import coupon
from handlers.referral import offer_of
from models.base import Sessions, utcnow
from models.campus import Campus
from models.person import Person
from models.referral import InviteCode
from web import limits
from web.page import message, render

_CODE: Final = re.compile(r"[0-9a-z]{1,12}")
SCALE: Final = 6

blueprint = Blueprint("invite", __name__, template_folder="templates")
limits.watch(blueprint)


@blueprint.get("/i/<code>")
def page(code: str) -> Response:
    with Sessions.begin() as session:
        own = session.get(InviteCode, int(code, 36)) if _CODE.fullmatch(code) \
            and int(code, 36) < 2**62 else None
        if own is None:
            return message("no_such_link", status=404)
        person = session.get_one(Person, own.person_id)
        campus = Campus.of_account(session, person.app_id)
        offer = offer_of(campus) if campus else None
        terms = coupon.terms(offer) if offer else None
        return render("invite/page.html", qr=_drawn(own, utcnow()), coupon=terms)


def _drawn(own: InviteCode, now: datetime) -> str | None:
    """None until WeChat has said what is in it, and when that is over."""
    if own.qr_url is None or own.good_until is None or own.good_until <= now:
        return None
    return str(segno.make_qr(own.qr_url, error="m").png_data_uri(scale=SCALE, border=3))
