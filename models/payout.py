"""What riders have earned, on its way to their wallets; and the days that were closed."""
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base
from models.rider import Rider


class PayoutState(StrEnum):
    DUE = "due"          # decided; WeChat Pay has not said yes yet
    WAITING = "waiting"  # the rider must confirm it in WeChat, or it lapses after a day
    MOVING = "moving"
    PAID = "paid"
    STUCK = "stuck"      # no end in ten days: still asked about, but the next one does not wait
    FAILED = "failed"    # lapsed, refused or returned: it is the rider's as before


ENDED = frozenset({PayoutState.PAID, PayoutState.FAILED})
OPEN = frozenset({PayoutState.DUE, PayoutState.WAITING, PayoutState.MOVING})


class Payout(Base):
    """`token` stands in the link: 256 random bits. `package`: what the page hands to WeChat."""

    __tablename__ = "payouts"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        Index("ix_payouts_rider_id_id", "rider_id", "id"),
        Index("uq_payouts_open", "rider_id", unique=True,
              postgresql_where=text("state IN ('due', 'waiting', 'moving')")),
        Index("ix_payouts_ended_at", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rider_id: Mapped[int] = mapped_column(ForeignKey("riders.id"))
    amount_fen: Mapped[int]
    out_bill_no: Mapped[str] = mapped_column(unique=True)
    token: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default=PayoutState.DUE)
    created_at: Mapped[datetime]
    transfer_bill_no: Mapped[str | None]
    package: Mapped[str | None]
    fail_reason: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    rider: Mapped[Rider] = relationship()

    @classmethod
    def lock(cls, session: Session, payout_id: int) -> "Payout":
        return session.scalars(select(cls).filter_by(id=payout_id).with_for_update(of=cls)
                               .execution_options(populate_existing=True)).one()

    @classmethod
    def by_number(cls, session: Session, out_bill_no: str) -> "Payout | None":
        return session.scalars(select(cls).filter_by(out_bill_no=out_bill_no)).one_or_none()

    @classmethod
    def by_token(cls, session: Session, token: str) -> "Payout | None":
        return session.scalars(select(cls).filter_by(token=token)).one_or_none()

    @classmethod
    def open_of(cls, session: Session, rider_id: int) -> "Payout | None":
        """The one that is under way; a rider has one at a time."""
        return session.scalars(select(cls).where(
            cls.rider_id == rider_id, cls.state.in_(sorted(OPEN)))).one_or_none()

    @classmethod
    def stuck_of(cls, session: Session, rider_id: int) -> "list[Payout]":
        return list(session.scalars(select(cls).filter_by(
            rider_id=rider_id, state=PayoutState.STUCK).order_by(cls.id)))


class DayClose(Base):
    """A day of a campus that was summed up for everybody who earned on it, once. `closed_at`: what
    was booked before it has been told."""

    __tablename__ = "day_closes"

    campus_id: Mapped[int] = mapped_column(ForeignKey("campuses.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    closed_at: Mapped[datetime]

    @classmethod
    def of(cls, session: Session, campus_id: int, day: date) -> "DayClose | None":
        query = select(cls).filter_by(campus_id=campus_id, day=day)
        return session.scalars(query).one_or_none()

    @classmethod
    def newest_end(cls, session: Session, campus_id: int) -> datetime | None:
        return session.scalar(select(func.max(cls.closed_at)).filter_by(campus_id=campus_id))
