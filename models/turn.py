"""How a turn begins: a message is kept, its speaker held, and what is known of both asked for."""
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
    false,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.dml import ReturningInsert

from models.base import table_of
from models.campus import VERSION, WITHOUT_FILES, Account, Campus
from models.group_order import SavedGroup
from models.inbox import Inbox
from models.person import Person
from models.rider import Rider
from models.shop import ShopOwner

A_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """`is_early`: the speaker said something before that has had no turn yet. `said`: when they
    said this and what came before it within a minute, the newest first. `rides`: is a rider.
    `has_groups`: has saved some under a name."""

    row: Inbox
    is_early: bool
    said: list[datetime]
    shop_ids: list[int]
    rides: bool
    has_groups: bool


def keep(session: Session, *, app_id: str, openid: str, key: str, body: str, is_event: bool,
         now: datetime) -> int | None:
    """Put a message into the inbox, its sender made if new: the row's id; None: it is a repeat."""
    said = {"app_id": app_id, "openid": openid, "key": key, "body": body, "heard_at": now,
            "is_event": is_event}
    inbox_id = session.scalar(_keep(), said)
    if inbox_id is None:  # of a stranger, or a repeat
        Person.ensure(session, app_id, openid, now=now)
        inbox_id = session.scalar(_keep(), said)
    return inbox_id


def speaker_of(session: Session, inbox_id: int) -> tuple[Person, Campus | None]:
    """Whoever sent this message, locked as Person.lock does, and the campus they sent it to."""
    person, campus, version = session.execute(_speaker_of(), {"inbox_id": inbox_id}).one()
    if campus is not None:
        campus.remember(version)
    return person, campus


def standing_of(session: Session, inbox_id: int, *, most: int) -> Standing:
    """Of this message, as it is now; the speaker is locked. `most`: of `said`."""
    found = session.execute(_standing(), {"inbox_id": inbox_id, "most": most}).one()
    row, is_early, said_at, shop_ids, rides, has_groups = found
    return Standing(row, is_early, list(said_at), list(shop_ids), rides, has_groups)


# Every message asks these: made once a process.


@cache
def _keep() -> ReturningInsert[int]:
    given = {"app_id": Inbox.app_id, "key": Inbox.key, "body": Inbox.body,
             "heard_at": Inbox.heard_at, "is_event": Inbox.is_event}
    sender = select(Person.id, false(), *(bindparam(name, type_=column.type)
                                          for name, column in given.items()))
    sender = sender.where(Person.app_id == bindparam("app_id"),
                          Person.openid == bindparam("openid"))
    return insert(table_of(Inbox)).from_select(["person_id", "is_late", *given], sender) \
        .on_conflict_do_nothing().returning(Inbox.id)


@cache
def _speaker_of() -> Select[Person, Campus | None, str]:
    query = select(Person, Campus, VERSION).join(Inbox, Inbox.person_id == Person.id)
    query = query.outerjoin(Account, Account.app_id == Inbox.app_id)
    query = query.outerjoin(Campus, Campus.id == Account.campus_id).options(*WITHOUT_FILES)
    return query.where(Inbox.id == bindparam("inbox_id")).with_for_update(
        of=Person, key_share=True).execution_options(populate_existing=True)


@cache
def _standing() -> Select[Inbox, bool, Sequence[datetime], Sequence[int], bool, bool]:
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
        exists().where(SavedGroup.owner_id == Inbox.person_id),
    ).where(Inbox.id == bindparam("inbox_id")).execution_options(populate_existing=True)
