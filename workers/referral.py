"""Invitations: a person's QR code, asked of WeChat, and what an invited first order earns."""
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from handlers.referral import CODE_LASTS, RENEWED_BEFORE, reward
from models.base import Session, Sessions
from models.outbox import Outbox
from models.person import Person
from models.referral import InviteCode
from models.rules.codes import base36
from workers import qr_code
from workers.doors import wechat_of


def settle(outbox_id: int, *, now: datetime) -> None:
    with Sessions.begin() as session:
        debt = Outbox.take_up(session, outbox_id, now)
        if debt is None:
            return
        debt.give_up_if_hopeless("nobody was rewarded", now)
    with Sessions.begin() as session:
        debt = session.get_one(Outbox, outbox_id, with_for_update=True)
        if debt.settled_at is None:
            debt.settle(reward(session, debt.payload["order_id"], now=now), now)


def make_code(outbox_id: int, *, now: datetime) -> None:
    """A person's own code, while theirs is not good for long any more."""
    def wanted(session: Session, payload: Mapping[str, Any]) -> qr_code.Wanted | None:
        person_id = payload["person_id"]
        code = InviteCode.lock(session, person_id)
        if code.good_until is not None and code.good_until >= now + RENEWED_BEFORE:
            return None

        def keep(session: Session, url: str) -> None:
            code = InviteCode.lock(session, person_id)
            code.qr_url, code.good_until = url, now + CODE_LASTS

        return qr_code.Wanted(wechat_of(session, session.get_one(Person, person_id).app_id),
                              f"u_{base36(person_id)}", CODE_LASTS, keep)
    qr_code.make(outbox_id, wanted, now=now)
