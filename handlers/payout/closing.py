"""The end of a day: everybody who earned on it hears what, and riders are paid."""
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert

from config.texts import Reply
from handlers.notice import Notice, tell
from handlers.payout.paying import LEAST_FEN, earned_fen, look_again, pay_out
from handlers.payout.telling import Earned, earned_between, rider_closed, shop_closed
from models import ledger
from models.base import Session
from models.campus import Campus
from models.payout import DayClose, Payout
from models.rider import Rider
from models.shop import Shop

CLOSE_AT: Final = time(22, 30)
TOLD_FOR: Final = timedelta(hours=12)
UNDER_WAY: Final = timedelta(minutes=1)  # what is being booked just now is the next close's


def to_close() -> "Select[int]":
    """Ids of all campuses: whose evening it is, their own clocks say."""
    return select(Campus.id).order_by(Campus.id)


@dataclass(frozen=True, slots=True)
class Close:
    """A day's end: all that was earned since the one before it."""

    day: date
    since: datetime
    until: datetime
    is_late: bool

    @property
    def name(self) -> str | None:
        """What the day is called; None: today."""
        return f"{self.day.month}-{self.day.day}" if self.is_late else None

    def earned(self, session: Session, account: str) -> list[Earned]:
        return earned_between(session, account, self.since, self.until)


def close_day(session: Session, campus_id: int, *, now: datetime) -> None:
    """Sum the day up, once, when it is over. One that nobody closed in time is closed later."""
    campus = session.get_one(Campus, campus_id)
    close = _due(session, campus, now)
    if DayClose.of(session, campus_id, close.day):
        return
    claimed = session.execute(insert(DayClose).values(
        campus_id=campus_id, day=close.day, closed_at=close.until).on_conflict_do_nothing()
        .returning(DayClose.day)).first()
    if claimed is None:
        return
    for shop in session.scalars(select(Shop).filter_by(campus_id=campus_id).order_by(Shop.id)):
        if earned := close.earned(session, ledger.shop_account(shop.id)):
            _tell_owners(session, shop, shop_closed(session, shop, earned, day=close.name),
                         close, now=now)
    for rider in session.scalars(select(Rider).filter_by(campus_id=campus_id).order_by(Rider.id)):
        _close_rider(session, close, rider, now=now)


def _due(session: Session, campus: Campus, now: datetime) -> Close:
    """This evening's close, or before it yesterday's."""
    local = now.astimezone(campus.zone)
    midnight = datetime.combine(local.date(), time(), campus.zone)
    is_evening = local.time() >= CLOSE_AT
    day = local.date() if is_evening else local.date() - timedelta(days=1)
    until = now - UNDER_WAY if is_evening else midnight
    since = DayClose.newest_end(session, campus.id) \
        or datetime.combine(day, time(), campus.zone)
    return Close(day, since, until, is_late=not is_evening)


def _close_rider(session: Session, close: Close, rider: Rider, *, now: datetime) -> None:
    earned = close.earned(session, ledger.rider_account(rider.id))
    is_owed = earned_fen(session, rider.id) >= LEAST_FEN
    if earned:
        _tell(session, rider.person_id, f"rider:{rider.id}",
              rider_closed(session, rider, earned, day=close.name), close, now=now)
    for payout in Payout.stuck_of(session, rider.id):
        look_again(session, payout, f"stuck:{close.day}", now=now)
    if is_owed and (earned or not close.is_late):
        pay_out(session, rider.id, now=now)


def _tell_owners(session: Session, shop: Shop, bill: Reply, close: Close, *,
                 now: datetime) -> None:
    for owner in shop.owner_ids(session):
        _tell(session, owner, f"shop:{shop.id}", bill, close, now=now)


def _tell(session: Session, person_id: int, whose: str, bill: Reply, close: Close, *,
          now: datetime) -> None:
    tell(session, Notice(person_id, f"day:{whose}:{close.day:%Y%m%d}", chat=bill,
                         good_until=now + TOLD_FOR), now=now)
