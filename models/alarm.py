"""Calls for help as the database keeps them: a copy of what lies beside the web process."""
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.sealed import SealedJson


class AlarmRecord(Base):
    """`facts`: models/rules/alarm.py. `counted`: the notes whose chat message has been counted
    against their reader's window."""

    __tablename__ = "alarms"
    __table_args__ = (
        Index("ix_alarms_open", "raised_at", postgresql_where=text("over_at IS NULL")),)

    uid: Mapped[str] = mapped_column(primary_key=True)
    ref: Mapped[str]
    app_id: Mapped[str] = mapped_column(ForeignKey("accounts.app_id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    raised_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    over_at: Mapped[datetime | None]
    facts: Mapped[dict[str, Any]] = mapped_column(SealedJson)
    counted: Mapped[list[str]] = mapped_column(default=list)
