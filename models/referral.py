"""Who invited whom, and what came of it."""
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base


class InviteCode(Base):
    """A person's own QR code: what WeChat says is in it, and how long it leads anywhere."""

    __tablename__ = "invite_codes"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    qr_url: Mapped[str | None]
    good_until: Mapped[datetime | None]

    @classmethod
    def lock(cls, session: Session, person_id: int) -> "InviteCode":
        """Made if absent. Whoever rewards this inviter waits here for the others who do."""
        session.execute(insert(cls).values(person_id=person_id).on_conflict_do_nothing())
        return session.scalars(select(cls).filter_by(person_id=person_id).with_for_update()
                               .execution_options(populate_existing=True)).one()


class ReferralState(StrEnum):
    OPEN = "open"
    HELD = "held"          # `why` speaks against it; two students' cards answer it
    REWARDED = "rewarded"


class Referral(Base):
    """A newcomer's first order came: one row a newcomer, whatever is told how often."""

    __tablename__ = "referrals"
    __table_args__ = (Index("ix_referrals_inviter_id", "inviter_id"),)

    newcomer_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    inviter_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    state: Mapped[str] = mapped_column(default=ReferralState.OPEN)
    why: Mapped[str | None]  # a name under [tie]
    decided_at: Mapped[datetime | None]

    @classmethod
    def lock(cls, session: Session, newcomer_id: int, inviter_id: int,
             order_id: int) -> "Referral":
        """Made if absent."""
        session.execute(insert(cls).values(
            newcomer_id=newcomer_id, inviter_id=inviter_id, order_id=order_id,
            state=ReferralState.OPEN).on_conflict_do_nothing())
        return session.scalars(select(cls).filter_by(newcomer_id=newcomer_id).with_for_update()
                               .execution_options(populate_existing=True)).one()
