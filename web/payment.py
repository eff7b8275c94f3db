"""The pay page, and WeChat Pay's notifications (contract §3)."""
import re
import secrets
from datetime import datetime
from typing import Any, Final

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from config import settings
from config.texts import yuan
from gateways.errors import Refused, Unreachable
from gateways.wxpay import AlreadyPaid, BadNotice, PaymentNotice, RefundNotice, TransferNotice
from handlers.errand import words as errands
from handlers.group_order import paying
from handlers.offers import parts
from handlers.payment import (
    NotOurs,
    Prepay,
    Recorded,
    RecordPayment,
    RecordRefund,
    Standing,
    begin_prepay,
    check_soon,
    note_closed,
    note_prepaid,
    notify_url,
    record_payment,
    record_refund,
    standing,
)
from handlers.payout import RecordTransfer, record_transfer
from handlers.till import note_looked, note_phone
from handlers.wording import clock, what
from models.base import Session, Sessions, utcnow
from models.campus import Account, Campus
from models.order import Order, OrderKind
from models.payment import Payment
from web import gateways, limits
from web.device import device_of
from web.oauth import known_visitor, visitor
from web.page import answer, is_from_our_page, message, render, words

log = structlog.get_logger(__name__)

MAX_NOTICE_BYTES: Final = 64 * 1024
WAYS: Final = {Standing.PAID: "payment.next", Standing.AFTER: "payment.before"}
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")

blueprint = Blueprint("payment", __name__, template_folder="templates")


@blueprint.before_request
def _not_too_often() -> Response | None:
    token = (request.view_args or {}).get("token")  # WeChat Pay's notifications have none
    return limits.too_often(request, str(token), by_address=True) if token else None


@blueprint.after_request
def _count_misses(response: Response) -> Response:
    return limits.after(request, response) if (request.view_args or {}).get("token") else response


@blueprint.get("/p/<token>")
def page(token: str) -> Response:
    with Sessions.begin() as session:
        payment = _payment(session, token)
        if payment is None:
            return message("no_such_link", status=404)
        account, payer = session.get_one(Account, payment.app_id), payment.payer.openid
    path = f"/p/{token}"
    openid = visitor(request, path, account)
    if isinstance(openid, Response):
        return openid
    if openid != payer:
        return message("somebody_elses", status=403)
    with Sessions.begin() as session:
        payment = session.get_one(Payment, payment.id)
        note_looked(payment, device_of(request))
        facts = _facts(session, payment, utcnow())
    return render("payment/page.html", path=path, **facts)


@blueprint.get("/p/<token>/state")
def state(token: str) -> Response:
    """Where the payment stands, for the page that waits after the pay sheet has closed."""
    with Sessions.begin() as session:
        payment, refusal = _own_payment(session, token)
        if payment is None:
            return refusal
        return answer(state=standing(payment, now=utcnow()))


@blueprint.post("/p/<token>/prepay")
def prepay(token: str) -> Response:
    """What the page hands to WeChat's pay sheet; {state, error} when it cannot be paid."""
    now = utcnow()
    if not is_from_our_page(request):
        return answer(403, error=words("page.somebody_elses"))
    with Sessions.begin() as session:
        payment, refusal = _own_payment(session, token)
        if payment is None:
            return refusal
        note_phone(session, payment.id, device_of(request), now=now)
        begun = begin_prepay(session, payment.id, now=now)
    if isinstance(begun, Standing):
        return _stands(begun)
    try:
        return _prepaid(payment.id, begun, now)
    except AlreadyPaid:
        return _ask_after(payment.id, now)
    except Refused as refusal:
        return _not_placed(payment.id, refusal, now)
    except Unreachable as error:
        log.warning("prepay.unreachable", payment=payment.id, why=str(error))
        return answer(503, state=Standing.OPEN, error=words("payment.wechat_away"))


def _prepaid(payment_id: int, begun: Prepay, now: datetime) -> Response:
    pay = gateways.wxpay()
    prepay_id = begun.prepay_id
    if prepay_id is None:
        prepay_id = pay.prepay(
            begun.out_trade_no, app_id=begun.app_id, openid=begun.openid,
            amount_fen=begun.amount_fen, description=begun.description,
            notify_url=notify_url("payment"), expires_at=begun.expires_at)
        with Sessions.begin() as session:
            stands = note_prepaid(session, payment_id, prepay_id, now=now)
        if stands is not Standing.OPEN:
            return _stands(stands)
    return answer(**pay.page_params(begun.app_id, prepay_id, now=now,
                                    nonce=secrets.token_hex(16)))


def _ask_after(payment_id: int, now: datetime) -> Response:
    """WeChat Pay has the money already; the news of it is only late."""
    with Sessions.begin() as session:
        check_soon(session, session.get_one(Payment, payment_id), "paid before", now=now)
    return answer(409, state="paying", error=words("payment.state_paying"))


def _not_placed(payment_id: int, refusal: Refused, now: datetime) -> Response:
    log.error("prepay.refused", payment=payment_id, why=str(refusal))
    if refusal.code == "ORDER_CLOSED":
        with Sessions.begin() as session:
            note_closed(session, payment_id, now=now)
        return _stands(Standing.REPLACED)
    return answer(502, state=Standing.OPEN, error=words("payment.refused"))


def _stands(stands: Standing) -> Response:
    return answer(409, state=stands, error=words(f"payment.state_{stands}"))


def _payment(session: Session, token: str) -> Payment | None:
    return Payment.by_token(session, token) if _TOKEN.fullmatch(token) else None


def _own_payment(session: Session, token: str) -> tuple[Payment | None, Response]:
    """The payment if this browser is its payer's; otherwise what to answer."""
    payment = _payment(session, token)
    if payment is None:
        return None, answer(404, error=words("page.no_such_link"))
    account = session.get_one(Account, payment.app_id)
    openid = known_visitor(request, f"/p/{token}", account)
    if openid is None:
        return None, answer(401, error=words("page.not_recognised"))
    if openid != payment.payer.openid:
        return None, answer(403, error=words("page.somebody_elses"))
    return payment, answer()


def _facts(session: Session, payment: Payment, now: datetime) -> dict[str, Any]:
    """What the page shows. The room is the buyer's own: whoever pays for them does not see it."""
    order, stands = payment.order, standing(payment, now=now)
    campus = session.get_one(Campus, order.campus_id)
    place = order.place.name if order.place else ""
    room = order.room if order.buyer_id == payment.payer_id else None
    return {
        "state": stands, "code": order.code, "shop": order.shop.name,
        "lines": lines_of(order) if stands is not Standing.REVISED else [],
        "total": yuan(payment.paid_fen or payment.amount_fen),
        "where": f"{place} {room or ''}".strip(), "when": clock(order.promised_at, campus),
        "until": clock(payment.expires_at, campus),
        "left_s": max(0, int((payment.expires_at - now).total_seconds())),
        **_beside(session, payment, stands, now),
    }


def _beside(session: Session, payment: Payment, stands: Standing, now: datetime) -> dict[str, Any]:
    """Of a group's windows, the buyer's own: what is paid after this, or the way to what is paid
    before it, or next."""
    is_own = payment.payer_id == payment.order.buyer_id
    others = paying.left_beside(session, payment.order) if is_own else []
    if not others or stands not in WAYS:
        return {"rest": paying.parts(others), "way": None}
    return {"rest": None, "way": {
        "word": WAYS[stands], "part": paying.part(others[0]),
        "url": paying.link_to(session, others[0], now=now)}}


def lines_of(order: Order) -> list[tuple[str, str]]:
    if order.kind == OrderKind.ERRAND:
        return [(name, yuan(fen)) for name, fen in errands.paid_lines(order)]
    lines = [(what(line), yuan(line.amount_fen)) for line in order.lines]
    if order.packing_fen:
        lines.append((words("payment.packing"), yuan(order.packing_fen)))
    lines.append((words("payment.delivery"), yuan(order.delivery_fen - order.tip_fen)))
    if order.tip_fen:
        lines.append((words("payment.tip"), yuan(order.tip_fen)))
    lines += [(name, yuan(-fen)) for name, fen in parts(order)]
    return lines


@blueprint.post("/wxpay/notify/payment")
@blueprint.post("/wxpay/notify/refund")
@blueprint.post("/wxpay/notify/transfer")
def notify() -> Response:
    """WeChat Pay's news. Accepted (204) once committed; otherwise WeChat Pay tells it again."""
    now = utcnow()
    request.max_content_length = MAX_NOTICE_BYTES
    try:
        headers = dict(request.headers.items())
        notice = gateways.wxpay().open_notice(headers, request.get_data(), now=now)
        is_believed = _record(notice, now)
    except HTTPException as error:
        return _failed(error.code or 400, error.name)
    except BadNotice as error:
        log.warning("notice.bad", why=str(error))
        return _failed(401, "not verified")
    except NotOurs as error:
        log.error("notice.not_ours", number=str(error))
        return _failed(404, "not ours")
    return Response(status=204) if is_believed else _failed(400, "does not fit our record")


def _record(notice: PaymentNotice | RefundNotice | TransferNotice, now: datetime) -> bool:
    our_mch_id = settings.load().pay.mch_id
    with Sessions.begin() as session:
        if isinstance(notice, TransferNotice):
            moved = notice.transfer
            return record_transfer(session, RecordTransfer(
                moved.out_bill_no, moved.state, notice.mch_id, moved.transfer_bill_no,
                moved.amount_fen, None, moved.fail_reason, moved.ended_at),
                our_mch_id=our_mch_id, now=now)
        if isinstance(notice, RefundNotice):
            told = notice.refund
            return record_refund(session, RecordRefund(
                told.out_refund_no, told.refund_id, told.state, told.refund_fen, notice.mch_id,
                told.success_at), our_mch_id=our_mch_id, now=now)
        paid = notice.transaction
        if not paid.is_paid or not paid.transaction_id:
            raise BadNotice(f"a payment that is {paid.state}")
        return record_payment(session, RecordPayment(
            out_trade_no=paid.out_trade_no, transaction_id=paid.transaction_id,
            amount_fen=paid.amount_fen or 0, currency=paid.currency,
            payer_openid=paid.payer_openid or "", app_id=paid.app_id, mch_id=paid.mch_id,
            paid_at=paid.success_at or now), our_mch_id=our_mch_id, now=now,
        ) is not Recorded.DOUBTED


def _failed(status: int, why: str) -> Response:
    return answer(status, code="FAIL", message=why)
