"""Invitations: a person's QR code, asked of WeChat, and what an invited first order earns."""
from datetime import datetime

import structlog

from gateways.errors import Refused, Unreachable
from handlers.referral import CODE_LASTS, RENEWED_BEFORE, reward
from models.base import Sessions
from models.outbox import Outbox
from models.person import Person
from models.referral import InviteCode
from models.rules.codes import base36
from workers.doors import wechat_of

log = structlog.get_logger(__name__)


def settle(outbox_id: int, *, now: datetime) -> None:
    with Sessions.begin() as session:
        debt = session.get_one(Outbox, outbox_id, with_for_update=True)
        if debt.settled_at is not None:
            return
        debt.begin_attempt(now)
        debt.give_up_if_hopeless("nobody was rewarded", now)
    with Sessions.begin() as session:
        debt = session.get_one(Outbox, outbox_id, with_for_update=True)
        if debt.settled_at is None:
            debt.settle(reward(session, debt.payload["order_id"], now=now), now)


def make_code(outbox_id: int, *, now: datetime) -> None:
    """Ask WeChat for a person's parametric code; what it says is kept, and drawn by us."""
    with Sessions.begin() as session:
        debt = session.get_one(Outbox, outbox_id, with_for_update=True)
        if debt.settled_at is not None:
            return
        debt.begin_attempt(now)
        debt.give_up_if_hopeless("no code could be had", now)
        person_id = debt.payload["person_id"]
        code = InviteCode.lock(session, person_id)
        if code.good_until is not None and code.good_until >= now + RENEWED_BEFORE:
            debt.settle("not needed", now)
            return
        wechat = wechat_of(session, session.get_one(Person, person_id).app_id)
    try:
        made = wechat.create_qr(f"u_{base36(person_id)}", int(CODE_LASTS.total_seconds()))
    except Unreachable as error:
        log.warning("invite.code_left", person=person_id, why=str(error))
        return
    except Refused as refusal:
        _settle(outbox_id, f"dead: {refusal}", now)
        return
    with Sessions.begin() as session:
        code = InviteCode.lock(session, person_id)
        code.qr_url, code.good_until = made.url, now + CODE_LASTS
    _settle(outbox_id, "made", now)


def _settle(outbox_id: int, outcome: str, now: datetime) -> None:
    with Sessions.begin() as session:
        session.get_one(Outbox, outbox_id, with_for_update=True).settle(outcome, now)
