"""The live page of a group order, /g/<code>: who is in, what is missing, one's own part.

Everybody who has the code may look in and order; whose dishes are whose is shown only to those
who are in. Its script asks /live every few seconds and shows what has changed.
"""
import re
import secrets
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import segno
import structlog
from flask import Blueprint, Response, render_template, request

from config import settings
from config.texts import Reply
from gateways.errors import GatewayError
from handlers import group_order as groups
from handlers.group_order.board import Board, board_of, menu_shown, options_shown
from handlers.order import Item
from handlers.speaker import Speaker
from models.base import Session, Sessions, utcnow
from models.campus import Account, Campus
from models.group_order import GroupOrder
from models.person import Person
from web import gateways, limits
from web.assets import asset_url
from web.oauth import known_visitor, visitor
from web.page import answer, is_from_our_page, message, render, words

log = structlog.get_logger(__name__)

LONGEST_NOTE: Final = 40
MOST_OF_ONE: Final = 9
MOST_OPTIONS: Final = 20
LOCKED: Final = ("group.summary", "group.bill", "group.nobody_paid", "group.locking")
QR_SCALE: Final = 5
_CODE: Final = re.compile(r"G[0-9]{1,4}")

blueprint = Blueprint("group_order", __name__, template_folder="templates")
limits.watch(blueprint)


@blueprint.get("/g/<code>")
def page(code: str) -> Response:
    with Sessions.begin() as session:
        group = _group(session, code)
        if group is None:
            return message("no_such_group", status=404)
        account = _account(session, group)
    path = f"/g/{code}"
    openid = visitor(request, path, account)
    if isinstance(openid, Response):
        return openid
    now = utcnow()
    with Sessions.begin() as session:
        group = session.get_one(GroupOrder, group.id)
        board = board_of(session, group, _person_id(session, account, openid), now=now)
        menu = menu_shown(session, group, now=now)
        campus = session.get_one(Campus, group.campus_id)
        facts = {"board": board, "menu": menu, "options": options_shown(campus, menu),
                 "most": MOST_OF_ONE,
                 "qr": _qr(group) if board.state == "open" else None,
                 "share": _share(board, path)}
    return render("group_order/page.html", path=path, jssdk=_jssdk(account, now), **facts)


@blueprint.get("/g/<code>/live")
def live(code: str) -> Response:
    """The part of the page that changes, for its script: {html, left_s, state}."""
    with Sessions.begin() as session:
        group, openid, refusal = _visited(session, code)
        if group is None:
            return refusal
        person_id = _person_id(session, _account(session, group), openid)
        board = board_of(session, group, person_id, now=utcnow())
    html = render_template("group_order/live.html", board=board, words=words, path=f"/g/{code}")
    return answer(html=html, left_s=board.left_s, state=board.state)


@blueprint.post("/g/<code>/join")
def join(code: str) -> Response:
    """{dish, quantity, options, note}: into the reader's bag, as 「G5 两份…」 would put it."""
    wish = _wish(request.get_json(silent=True))
    if wish is None or not is_from_our_page(request):
        return answer(403, error=words("page.somebody_elses"))
    item, note = wish
    reply = _acted(code, groups.join, lambda group: groups.JoinGroup(group.id, (item,), note))
    if isinstance(reply, Response):
        return reply
    key = reply.key.removeprefix("group.")
    if not key.startswith("joined"):
        return answer(409, error=_first_line(reply))
    return answer(says=words("group.page_added" if "url" in reply.params else "group.page_wished"))


@blueprint.post("/g/<code>/remove")
def remove(code: str) -> Response:
    """{dish}: out of the reader's bag, as long as it is not paid for."""
    asked = request.get_json(silent=True)
    dish = asked.get("dish") if isinstance(asked, dict) else None
    if not isinstance(dish, str) or not is_from_our_page(request):
        return answer(403, error=words("page.somebody_elses"))
    gone = (Item(dish, op="remove"),)
    reply = _acted(code, groups.join, lambda group: groups.JoinGroup(group.id, gone))
    if isinstance(reply, Response):
        return reply
    if not reply.key.startswith(("group.joined", "group.nothing_left")):
        return answer(409, error=_first_line(reply))
    return answer(says=words("group.page_removed"))


@blueprint.post("/g/<code>/lock")
def lock(code: str) -> Response:
    """{says}: the opener's 「锁单」; the page shows what comes of it, the chat tells."""
    if not is_from_our_page(request):
        return answer(403, error=words("page.somebody_elses"))
    reply = _acted(code, groups.lock_now,
                   lambda group: groups.ChangeGroup(group.id, is_unheard=True))
    if isinstance(reply, Response):
        return reply
    if reply.key not in LOCKED:
        return answer(409, error=_first_line(reply))
    return answer(says=words("group.page_lock_heard"))


@blueprint.post("/g/<code>/pay")
def pay(code: str) -> Response:
    """{url}: the pay link of the reader's own part."""
    if not is_from_our_page(request):
        return answer(403, error=words("page.somebody_elses"))
    reply = _acted(code, groups.pay_again, lambda group: groups.JoinGroup(group.id))
    if isinstance(reply, Response):
        return reply
    if "url" not in reply.params:
        return answer(409, error=words("group.page_nothing_due"))
    return answer(url=reply.params["url"])


def _acted(code: str, act: Callable[..., Reply], command: Callable[[GroupOrder], object]
           ) -> Reply | Response:
    """What a handler says to the reader's command, as in their turn; or why they may not."""
    with Sessions.begin() as session:
        group, openid, refusal = _visited(session, code)
        if group is None:
            return refusal
        now = utcnow()
        speaker = _speaker(session, _account(session, group), openid, now)
        return act(session, speaker, command(group), now=now)


def _wish(asked: Any) -> tuple[Item, str | None] | None:
    """The dish as the page asks for it, and a note; None: nothing that our page would send."""
    told = asked if isinstance(asked, dict) else {}
    dish, quantity = told.get("dish"), told.get("quantity", 1)
    options = told.get("options", [])
    if not isinstance(dish, str) or type(quantity) is not int or not 1 <= quantity <= MOST_OF_ONE:
        return None
    if not isinstance(options, list) or not all(isinstance(o, str) for o in options):
        return None
    note = str(told.get("note") or "").strip()[:LONGEST_NOTE] or None
    return Item(dish, Decimal(quantity), tuple(options[:MOST_OPTIONS])), note


def _first_line(reply: Reply) -> str:
    return words(reply.key, **reply.params).partition("\n")[0]


def _group(session: Session, code: str) -> GroupOrder | None:
    return GroupOrder.by_code(session, code) if _CODE.fullmatch(code) else None


def _account(session: Session, group: GroupOrder) -> Account:
    return session.get_one(Account, group.opener.app_id)


def _visited(session: Session, code: str) -> tuple[GroupOrder | None, str, Response]:
    """The group and who looks at its page; otherwise what to answer."""
    group = _group(session, code)
    if group is None:
        return None, "", answer(404, error=words("page.no_such_group"))
    openid = known_visitor(request, f"/g/{code}", _account(session, group))
    if openid is None:
        return None, "", answer(401, error=words("page.not_recognised"))
    return group, openid, answer()


def _person_id(session: Session, account: Account, openid: str) -> int | None:
    person = session.query(Person.id).filter_by(app_id=account.app_id, openid=openid)
    return person.scalar()


def _speaker(session: Session, account: Account, openid: str, now: datetime) -> Speaker:
    """The reader, locked, as a turn would have them: the page may be the first we hear of them."""
    campus = Campus.of_account(session, account.app_id)
    assert campus is not None  # its group was opened there
    return Speaker(session, Person.lock(session, account.app_id, openid, now=now), campus)


def _qr(group: GroupOrder) -> str | None:
    """The parametric code, drawn from what WeChat says is in it; None until WeChat has said."""
    if group.qr_url is None:
        return None
    return str(segno.make_qr(group.qr_url, error="m").png_data_uri(scale=QR_SCALE, border=3))


def _share(board: Board, path: str) -> dict[str, str]:
    """What the card in a chat says."""
    base = settings.load().public_url
    return {"title": words("group.card_title", code=board.code, source=board.source,
                           until=board.until),
            "desc": words("group.card_text", people=board.people, where=board.where),
            "link": base + path, "imgUrl": base + asset_url("share.png")}


def _jssdk(account: Account, now: datetime) -> dict[str, Any] | None:
    """What wx.config wants for this very address; None while WeChat gives no ticket."""
    query = request.query_string.decode("ascii", "ignore")
    url = settings.load().public_url + request.path + (f"?{query}" if query else "")
    nonce, timestamp = secrets.token_hex(8), int(now.timestamp())
    try:
        signature = gateways.wechat(account).sign_page(url, nonce, timestamp)
    except GatewayError as error:
        log.warning("group.no_card", why=str(error))
        return None
    return {"appId": account.app_id, "timestamp": timestamp, "nonceStr": nonce,
            "signature": signature}
