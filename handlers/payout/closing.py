"""The end of a day: everybody who earned on it hears what, and riders are paid."""
from datetime import datetime, time, timedelta
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert

from config.texts import Reply
from handlers.notice import Notice, tell
from handlers.payout.paying import LEAST_FEN, earned_fen, pay_out
from handlers.payout.telling import earned_on, rider_bill, shop_bill
from models import ledger
from models.base import Session
from models.campus import Campus
from models.payout import DayClose
from models.rider import Rider
from models.shop import Shop

CLOSE_AT: Final = time(22, 30)
TOLD_FOR: Final = timedelta(hours=12)


def to_close() -> "Select[int]":
    """Ids of all campuses: whose evening it is, their own clocks say."""
    return select(Campus.id).order_by(Campus.id)


def close_day(session: Session, campus_id: int, *, now: datetime) -> None:
    """Sum the day up, once, when it is over."""
    campus = session.get_one(Campus, campus_id)
    local = now.astimezone(campus.zone)
    if local.time() < CLOSE_AT or DayClose.of(session, campus_id, local.date()):
        return
    claimed = session.execute(insert(DayClose).values(
        campus_id=campus_id, day=local.date(), closed_at=now).on_conflict_do_nothing()
        .returning(DayClose.day)).first()
    if claimed is None:
        return
    for shop in session.scalars(select(Shop).filter_by(campus_id=campus_id).order_by(Shop.id)):
        if earned_on(session, ledger.shop_account(shop.id), campus.zone, now=now):
            _tell_owners(session, shop, shop_bill(session, shop, campus.zone, now=now), now=now)
    for rider in session.scalars(select(Rider).filter_by(campus_id=campus_id).order_by(Rider.id)):
        _close_rider(session, campus, rider, now=now)


def _close_rider(session: Session, campus: Campus, rider: Rider, *, now: datetime) -> None:
    has_earned = bool(earned_on(session, ledger.rider_account(rider.id), campus.zone, now=now))
    is_owed = earned_fen(session, rider.id) >= LEAST_FEN
    if has_earned:
        _tell(session, rider.person_id, f"rider:{rider.id}",
              rider_bill(session, rider, campus.zone, now=now), now=now)
    if is_owed:
        pay_out(session, rider.id, now=now)


def _tell_owners(session: Session, shop: Shop, bill: Reply, *, now: datetime) -> None:
    for owner in shop.owner_ids(session):
        _tell(session, owner, f"shop:{shop.id}", bill, now=now)


def _tell(session: Session, person_id: int, whose: str, bill: Reply, *, now: datetime) -> None:
    tell(session, Notice(person_id, f"day:{whose}:{now:%Y%m%d}", chat=bill,
                         good_until=now + TOLD_FOR), now=now)
