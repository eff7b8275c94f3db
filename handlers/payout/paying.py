"""A rider's earnings on their way to the rider's wallet: 商家转账, scene 1005, which the rider
confirms in WeChat. What is not confirmed within a day is the rider's as before."""
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from config import settings
from config.texts import Reply, yuan
from handlers.notice import Notice, tell
from handlers.payment.refunding import NotOurs
from models import ledger
from models.base import Session
from models.outbox import owe
from models.payment import new_number, new_token
from models.payout import ENDED, OPEN, Payout, PayoutState
from models.rider import Rider

log = structlog.get_logger(__name__)

LEAST_FEN: Final = 100
MOST_FEN: Final = 199_900  # from ¥2000 on WeChat Pay wants the rider's legal name
PATIENCE: Final = timedelta(days=10)
TOLD_FOR: Final = timedelta(days=30)  # WeChat Pay answers no question about an older transfer
STATES: Final = {
    "ACCEPTED": PayoutState.MOVING, "PROCESSING": PayoutState.MOVING,
    "WAIT_USER_CONFIRM": PayoutState.WAITING, "TRANSFERING": PayoutState.MOVING,
    "CANCELING": PayoutState.MOVING, "SUCCESS": PayoutState.PAID, "FAIL": PayoutState.FAILED,
    "CANCELLED": PayoutState.FAILED}


@dataclass(frozen=True, slots=True)
class Transfer:
    """What WeChat Pay is told of a payout: the same each time it is told. `has_package`: it has
    answered with what the rider's page needs. `is_known`: it has told us of it before."""

    out_bill_no: str
    app_id: str
    openid: str
    amount_fen: int
    has_package: bool
    is_known: bool


@dataclass(frozen=True, slots=True)
class RecordTransfer:
    """What WeChat Pay says of a transfer. `amount_fen` None: it did not say."""

    out_bill_no: str
    state: str
    mch_id: str
    transfer_bill_no: str = ""
    amount_fen: int | None = None
    package: str | None = None
    fail_reason: str = ""
    ended_at: datetime | None = None


def earned_fen(session: Session, rider_id: int) -> int:
    """What the rider has earned and has not been paid, by the ledger."""
    return -ledger.balance(session, ledger.rider_account(rider_id))


def link(payout: Payout) -> str:
    return f"{settings.load().public_url}/r/{payout.token}"


def pay_out(session: Session, rider_id: int, *, now: datetime) -> Payout | None:
    """The payout that is under way, or a new one of all that was earned; None: too little.

    Locks the rider: two at once make one payout.
    """
    session.get_one(Rider, rider_id, with_for_update={"of": Rider, "key_share": True},
                    populate_existing=True)
    if under_way := Payout.open_of(session, rider_id):
        return under_way
    amount_fen = min(earned_fen(session, rider_id), MOST_FEN)
    if amount_fen < LEAST_FEN:
        return None
    payout = Payout(rider_id=rider_id, amount_fen=amount_fen, out_bill_no=_number(now),
                    token=new_token(), created_at=now)
    session.add(payout)
    session.flush()
    ledger.post(session, "payout_decided", key=f"payout:{payout.id}:decided", now=now, entries={
        ledger.rider_account(rider_id): amount_fen, ledger.on_its_way(payout.id): -amount_fen})
    owe(session, "payout.send", key=f"payout.send:{payout.id}", now=now,
        payload={"payout_id": payout.id})
    return payout


def look_again(session: Session, payout: Payout, about: str, *, now: datetime) -> None:
    """Owe a question about a transfer that we believe has not been made; `about` names it."""
    owe(session, "payout.send", key=f"payout.send:{payout.id}:{about}", now=now,
        payload={"payout_id": payout.id, "is_again": True})


def begin_sending(session: Session, payout_id: int, *,
                  is_again: bool = False) -> Transfer | PayoutState:
    """What to tell WeChat Pay, or how it ended. `is_again`: one that failed or got stuck is asked
    about."""
    payout = Payout.lock(session, payout_id)
    if payout.state in ENDED and not (is_again and payout.state == PayoutState.FAILED):
        return PayoutState(payout.state)
    if payout.state == PayoutState.STUCK and not is_again:
        return PayoutState.STUCK  # whoever asks about it may have found that it never arrived
    person = payout.rider.person
    return Transfer(payout.out_bill_no, person.app_id, person.openid, payout.amount_fen,
                    payout.package is not None, payout.transfer_bill_no is not None)


def record_transfer(session: Session, cmd: RecordTransfer, *, our_mch_id: str,
                    now: datetime) -> bool:
    """Note how far a transfer has come; False when the news does not fit our own record.

    Repeats, and news that comes after the end, are harmless. Raises NotOurs.
    """
    payout = Payout.by_number(session, cmd.out_bill_no)
    if payout is None or cmd.mch_id != our_mch_id:
        raise NotOurs(cmd.out_bill_no)
    payout = Payout.lock(session, payout.id)
    state = STATES.get(cmd.state)
    if state is None or cmd.amount_fen not in (None, payout.amount_fen):
        log.error("payout.doubted", number=payout.out_bill_no, state=cmd.state)
        return False
    if payout.state in ENDED:
        if payout.state == PayoutState.FAILED and state is PayoutState.PAID:
            _paid_after_all(session, payout, cmd, now=now)
        return True
    payout.transfer_bill_no = cmd.transfer_bill_no or payout.transfer_bill_no
    payout.package = cmd.package or payout.package
    _advance(session, payout, state, cmd, now=now)
    return True


def note_refused(session: Session, payout_id: int, why: str, *, now: datetime) -> None:
    """WeChat Pay said no: nothing has moved, it is the rider's as before."""
    payout = Payout.lock(session, payout_id)
    if payout.state not in ENDED:
        log.error("payout.refused", number=payout.out_bill_no, why=why)
        _fall_through(session, payout, why, now=now)


def note_unknown(session: Session, payout_id: int, why: str, *, now: datetime) -> bool:
    """WeChat Pay says that it has no such transfer; whether it is stuck for all that.

    One that it never told us of has not arrived: being stuck it is sent no more, so it is the
    rider's as before. Of others it only tells no longer: they may have been paid.
    """
    payout = Payout.lock(session, payout_id)
    has_not_arrived = payout.transfer_bill_no is None and now - payout.created_at < TOLD_FOR
    if payout.state == PayoutState.STUCK and has_not_arrived:
        note_refused(session, payout_id, why, now=now)
    return note_unsettled(session, payout_id, now=now)


def note_unsettled(session: Session, payout_id: int, *, now: datetime,
                   since: datetime | None = None) -> bool:
    """No end yet; after ten days the rider's next payout waits no longer for this one. `since`:
    when WeChat Pay got it, if it says so.

    What it was to bring stays on its way: it is sent under no other number, as WeChat Pay demands.
    """
    payout = Payout.lock(session, payout_id)
    if payout.state in OPEN and now - (since or payout.created_at) > PATIENCE:
        log.error("payout.stuck", number=payout.out_bill_no, state=payout.state)
        payout.state = PayoutState.STUCK
        _tell(session, payout, "stuck", now=now)
        session.flush()
    return payout.state == PayoutState.STUCK


def _advance(session: Session, payout: Payout, state: PayoutState, cmd: RecordTransfer, *,
             now: datetime) -> None:
    """Shuffled news moves it forward only: what is moving does not wait again."""
    match state:
        case PayoutState.PAID:
            payout.state, payout.ended_at = state, cmd.ended_at or now
            ledger.post(session, "payout_paid", key=f"payout:{payout.id}:paid", now=now, entries={
                ledger.on_its_way(payout.id): payout.amount_fen,
                ledger.WECHAT: -payout.amount_fen})
            _tell(session, payout, "paid", now=now)
        case PayoutState.FAILED:
            _fall_through(session, payout, cmd.fail_reason or cmd.state, now=now)
        case PayoutState.WAITING if payout.state == PayoutState.DUE:
            payout.state = state
            _tell(session, payout, "waiting", now=now)
        case PayoutState.MOVING if payout.state in OPEN:
            payout.state = state
    session.flush()


def _paid_after_all(session: Session, payout: Payout, cmd: RecordTransfer, *,
                    now: datetime) -> None:
    """We took it for failed, and the money has arrived: it is no longer the rider's due, even
    where it has been paid once more."""
    log.error("payout.paid_after_all", number=payout.out_bill_no, why=payout.fail_reason)
    payout.transfer_bill_no = cmd.transfer_bill_no or payout.transfer_bill_no
    payout.state, payout.ended_at = PayoutState.PAID, cmd.ended_at or now
    ledger.post(session, "payout_paid", key=f"payout:{payout.id}:paid", now=now, entries={
        ledger.rider_account(payout.rider_id): payout.amount_fen,
        ledger.WECHAT: -payout.amount_fen})
    _tell(session, payout, "paid", now=now)
    session.flush()


def _fall_through(session: Session, payout: Payout, why: str, *, now: datetime) -> None:
    payout.state, payout.ended_at, payout.fail_reason = PayoutState.FAILED, now, why[:200]
    ledger.post(session, "payout_failed", key=f"payout:{payout.id}:failed", now=now, entries={
        ledger.on_its_way(payout.id): payout.amount_fen,
        ledger.rider_account(payout.rider_id): -payout.amount_fen})
    _tell(session, payout, "failed", now=now)
    session.flush()


def _tell(session: Session, payout: Payout, how: str, *, now: datetime) -> None:
    tell(session, Notice(
        payout.rider.person_id, f"payout:{payout.id}:{how}", chat=Reply(f"payout.{how}", {
            "amount": yuan(payout.amount_fen), "url": link(payout)})), now=now)


def _number(now: datetime) -> str:
    return new_number("T", now)
