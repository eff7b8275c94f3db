"""What a turn has to know before it begins, of the message and of who says it, in one question."""
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    Integer,
    Select,
    bindparam,
    exists,
    func,
    select,
)
from sqlalchemy.orm import Session, aliased

from models.inbox import Inbox
from models.rider import Rider
from models.shop import ShopOwner

A_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """`is_early`: the speaker said something before that has had no turn yet. `said`: when they
    said this and what came before it within a minute, the newest first. `rides`: is a rider."""

    row: Inbox
    is_early: bool
    said: list[datetime]
    shop_ids: list[int]
    rides: bool


def standing_of(session: Session, inbox_id: int, *, most: int) -> Standing:
    """Of this message, as it is now; the speaker is locked. `most`: of `said`."""
    found = session.execute(_standing(), {"inbox_id": inbox_id, "most": most}).one()
    row, is_early, said_at, shop_ids, rides = found
    return Standing(row, is_early, list(said_at), list(shop_ids), rides)


@cache
def _standing() -> Select[Inbox, bool, Sequence[datetime], Sequence[int], bool]:
    """Made once a process: every message asks it."""
    other = aliased(Inbox)
    waiting = exists().where(other.person_id == Inbox.person_id, other.id < Inbox.id,
                             other.answered_at.is_(None))
    said = select(other.heard_at).where(
        other.person_id == Inbox.person_id, other.heard_at > Inbox.heard_at - A_MINUTE,
        other.id <= Inbox.id, ~other.is_event).order_by(other.id.desc()).limit(
            bindparam("most", type_=Integer))
    shops = select(ShopOwner.shop_id).where(ShopOwner.person_id == Inbox.person_id)
    return select(
        Inbox, waiting,
        func.array(said.scalar_subquery(), type_=ARRAY(DateTime(timezone=True))),
        func.array(shops.scalar_subquery(), type_=ARRAY(BigInteger)),
        exists().where(Rider.person_id == Inbox.person_id),
    ).where(Inbox.id == bindparam("inbox_id")).execution_options(populate_existing=True)
