"""Parametric QR codes, asked of WeChat between two short transactions, drawn by us."""
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from gateways.errors import Refused, Unreachable
from gateways.wechat import WeChat
from models.base import Session, Sessions
from models.outbox import Outbox

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`keep`: put the address that WeChat gave where it belongs."""

    wechat: WeChat
    scene: str
    lasts: timedelta
    keep: Callable[[Session, str], None]


def make(outbox_id: int, wanted: Callable[[Session, Mapping[str, Any]], Wanted | None], *,
         now: datetime) -> None:
    """`wanted`: from the debt's payload; None: there is nothing to ask for any more."""
    with Sessions.begin() as session:
        debt = Outbox.take_up(session, outbox_id, now)
        if debt is None:
            return
        debt.give_up_if_hopeless("no code could be had", now)
        code = wanted(session, debt.payload)
        if code is None:
            debt.settle("not needed", now)
            return
    try:
        made = code.wechat.create_qr(code.scene, int(code.lasts.total_seconds()))
    except Unreachable as error:
        log.warning("qr_code.left", outbox=outbox_id, why=str(error))
        return
    except Refused as refusal:
        _settle(outbox_id, f"dead: {refusal}", now)
        return
    with Sessions.begin() as session:
        code.keep(session, made.url)
    _settle(outbox_id, "made", now)


def _settle(outbox_id: int, outcome: str, now: datetime) -> None:
    with Sessions.begin() as session:
        session.get_one(Outbox, outbox_id, with_for_update=True).settle(outcome, now)
