"""Riders' money on its way: sent once under one number, and followed until it has ended."""
from datetime import datetime, timedelta
from typing import Final

import structlog

from config import settings
from config.texts import Reply, plain
from gateways.errors import Refused, Unreachable
from gateways.wxpay import TransferState
from handlers.payment import notify_url
from handlers.payout import (
    PATIENCE,
    RecordTransfer,
    Transfer,
    begin_sending,
    note_refused,
    note_unknown,
    note_unsettled,
    record_transfer,
)
from models.base import Sessions
from models.outbox import Outbox
from models.payout import ENDED, Payout, PayoutState
from workers.payment import TEMPORARY, wxpay

log = structlog.get_logger(__name__)

STUCK: Final = "not settled in ten days; asked again every evening"
LAPSES_AFTER: Final = timedelta(days=2)  # WeChat says a day: what waits longer is cancelled
NEVER_SENT: Final = frozenset({"NOT_FOUND", "RESOURCE_NOT_EXISTS"})


def send(outbox_id: int, *, now: datetime) -> None:
    """One attempt between two short transactions; may run twice at once and may die anywhere."""
    with Sessions.begin() as session:
        debt = Outbox.take_up(session, outbox_id, now)
        if debt is None:
            return
        payout_id, is_first = debt.payload["payout_id"], debt.attempts == 1
        is_again = bool(debt.payload.get("is_again"))
        wanted = begin_sending(session, payout_id, is_again=is_again)
        if isinstance(wanted, PayoutState):
            debt.settle(wanted if wanted in ENDED else _stuck(debt), now)
            return
    try:
        told = _ask(wanted.out_bill_no) if is_again else _send(wanted, is_first=is_first)
        if told and _is_overdue(told, now):
            told = _cancel(told)
    except Unreachable as error:
        _leave(outbox_id, payout_id, str(error), now)
    except Refused as refusal:
        if refusal.code in TEMPORARY:
            _leave(outbox_id, payout_id, str(refusal), now)
        else:
            _note_refused(outbox_id, payout_id, str(refusal), now)
    else:
        if told is None:
            _note_unknown(outbox_id, payout_id, "WeChat Pay knows no such transfer", now)
        else:
            _note_told(outbox_id, payout_id, told, now)


def _send(wanted: Transfer, *, is_first: bool) -> TransferState | None:
    """Send it the first time; afterwards ask first, and send it again only if it never arrived,
    or if the answer was lost: what the rider's page needs comes with that alone. None: it did
    arrive, and WeChat Pay tells of it no longer."""
    known = None if is_first else _ask(wanted.out_bill_no)
    if known is None and wanted.is_known:
        return None
    if known and (known.state != "WAIT_USER_CONFIRM" or wanted.has_package):
        return known
    try:
        return _tell(wanted)
    except Refused:
        if known is None:
            raise
        return known  # it is there: only its package is refused


def _ask(number: str) -> TransferState | None:
    """How the transfer stands; None: it never arrived. A question that is refused says nothing
    of the transfer, so that it is asked again."""
    try:
        return wxpay().query_transfer(number)
    except Refused as refusal:
        if refusal.code in NEVER_SENT:
            return None
        raise Unreachable(str(refusal)) from refusal


def _is_overdue(told: TransferState, now: datetime) -> bool:
    return told.state == "WAIT_USER_CONFIRM" and told.made_at is not None \
        and now - told.made_at > LAPSES_AFTER


def _cancel(waiting: TransferState) -> TransferState:
    """Its rider has had their day, and WeChat has not closed it by itself."""
    try:
        return wxpay().cancel_transfer(waiting.out_bill_no)
    except Refused as refusal:  # they confirm it this moment: the next question tells
        log.warning("payout.not_cancelled", number=waiting.out_bill_no, why=str(refusal))
        return waiting


def _tell(wanted: Transfer) -> TransferState:
    return wxpay().transfer(
        wanted.out_bill_no, app_id=wanted.app_id, openid=wanted.openid,
        amount_fen=wanted.amount_fen, remark=plain(Reply("payout.remark")),
        job=plain(Reply("payout.job")), about=plain(Reply("payout.about")),
        notify_url=notify_url("transfer"))


def _note_told(outbox_id: int, payout_id: int, told: TransferState, now: datetime) -> None:
    with Sessions.begin() as session:
        mch_id = settings.load().pay.mch_id
        fits = record_transfer(session, RecordTransfer(
            told.out_bill_no, told.state, mch_id, told.transfer_bill_no, told.amount_fen,
            told.package, told.fail_reason, told.ended_at), our_mch_id=mch_id, now=now)
        state = session.get_one(Payout, payout_id).state
        debt = session.get_one(Outbox, outbox_id, with_for_update=True)
        if not fits:
            debt.settle("dead: WeChat Pay tells of another transfer", now)
        elif state in ENDED:
            debt.settle(state, now)
        elif note_unsettled(session, payout_id, now=now, since=told.made_at):
            debt.settle(_stuck(debt), now)


def _note_refused(outbox_id: int, payout_id: int, why: str, now: datetime) -> None:
    with Sessions.begin() as session:
        note_refused(session, payout_id, why, now=now)
        session.get_one(Outbox, outbox_id, with_for_update=True).settle(f"dead: {why}", now)


def _note_unknown(outbox_id: int, payout_id: int, why: str, now: datetime) -> None:
    with Sessions.begin() as session:
        is_stuck = note_unknown(session, payout_id, why, now=now)
        debt = session.get_one(Outbox, outbox_id, with_for_update=True)
        debt.settle(f"{_stuck(debt)}: {why}" if is_stuck else f"dead: {why}", now)


def _leave(outbox_id: int, payout_id: int, why: str, now: datetime) -> None:
    log.warning("payout.left", outbox=outbox_id, why=why)
    with Sessions.begin() as session:
        is_stuck = note_unsettled(session, payout_id, now=now)
        debt = session.get_one(Outbox, outbox_id, with_for_update=True)
        if debt.settled_at is None and is_stuck:
            debt.settle(f"{_stuck(debt)}: {why}", now)
        elif debt.settled_at is None and now - debt.created_at > PATIENCE:
            debt.settle(f"dead: {why}", now)  # about one that we took for failed


def _stuck(debt: Outbox) -> str:
    """One dead letter, for a person to look at, not another one every evening."""
    return f"{'asked' if debt.payload.get('is_again') else 'dead'}: {STUCK}"
