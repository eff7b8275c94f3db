"""Coupons: so much off one order, for one person, until a day."""
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base


class Coupon(Base):
    """`key` names its cause: one cause gives one coupon. Which order uses it stands with the order
    (`Order.coupon_id`), so that a cancelled one gives it back by itself."""

    __tablename__ = "coupons"
    __table_args__ = (CheckConstraint("off_fen > 0", name="off_positive"),
                      Index("ix_coupons_person_id", "person_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]  # a name under [offer]
    off_fen: Mapped[int]
    threshold_fen: Mapped[int]
    created_at: Mapped[datetime]
    good_until: Mapped[datetime]

    @classmethod
    def give(cls, session: Session, person_id: int, key: str, **facts: Any) -> bool:
        """Whether this cause gave one now; False: it had given before."""
        made = session.scalar(insert(cls).values(
            person_id=person_id, key=key, **facts).on_conflict_do_nothing(
            index_elements=["key"]).returning(cls.id))
        return made is not None
