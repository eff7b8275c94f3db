"""What the service owes the outside world, written in the same transaction as its cause."""
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, table_of
from models.sealed import Sealed

FIRST_WAIT = timedelta(seconds=10)  # longer than any gateway timeout, or a slow send is sent twice
LONGEST_WAIT = timedelta(hours=1)
MOST_ATTEMPTS = 12  # about four hours; then a dead letter, shown by `doctor`
WAKE_CHANNEL = "outbox"


class Outbox(Base):
    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_due", "due_at", postgresql_where=text("settled_at IS NULL")),
        Index("ix_outbox_dead", "settled_at", postgresql_where=text("outcome LIKE 'dead%'")),
        Index("ix_outbox_order_id", "order_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # one debt per fact, however often it is told
    kind: Mapped[str]
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    payload: Mapped[dict[str, Any]]
    words: Mapped[str | None] = mapped_column(Sealed)  # what will be said, as JSON; may hold a code
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    settled_at: Mapped[datetime | None]
    outcome: Mapped[str | None]  # "delivered", "dropped: …", "dead: …"

    @classmethod
    def by_key(cls, session: Session, key: str) -> "Outbox | None":
        """The debt with this key, locked; what it says now."""
        return session.scalars(select(cls).filter_by(key=key).with_for_update()
                               .execution_options(populate_existing=True)).one_or_none()

    @classmethod
    def take_up(cls, session: Session, outbox_id: int, now: datetime) -> "Outbox | None":
        """The debt, locked, one attempt further and due again later should we die; None if it
        is settled."""
        debt = session.get_one(cls, outbox_id, with_for_update=True)
        if debt.settled_at is not None:
            return None
        debt.begin_attempt(now)
        return debt

    def begin_attempt(self, now: datetime) -> None:
        """Count an attempt and put the debt off, so that a crash finds it due again.

        10 s, 20 s, 40 s … at most an hour. After MOST_ATTEMPTS it is a dead letter.
        """
        self.attempts += 1
        self.due_at = now + min(FIRST_WAIT * 2 ** (self.attempts - 1), LONGEST_WAIT)

    def give_up_if_hopeless(self, why: str, now: datetime) -> None:
        if self.attempts >= MOST_ATTEMPTS:
            self.settle(f"dead: {why}", now)

    def settle(self, outcome: str, now: datetime) -> None:
        self.settled_at, self.outcome, self.words = now, outcome[:300], None


def owe(session: Session, kind: str, *, key: str, payload: dict[str, Any], now: datetime,
        order_id: int | None = None, due_at: datetime | None = None,
        words: str | None = None) -> None:
    """Record a debt to the outside world; the relay pays it after commit.

    The same key twice is one debt. NOTIFY wakes the relay when this transaction commits.
    """
    session.execute(_owe(), debt(kind, key=key, payload=payload, now=now, order_id=order_id,
                                 due_at=due_at, words=words))


def debt(kind: str, *, key: str, payload: dict[str, Any], now: datetime,
         order_id: int | None = None, due_at: datetime | None = None,
         words: str | None = None) -> dict[str, Any]:
    """A debt before it is recorded, for `owe_all`."""
    return {"kind": kind, "key": key, "payload": payload, "order_id": order_id,
            "created_at": now, "due_at": due_at or now, "words": words}


def owe_all(session: Session, debts: Sequence[Mapping[str, Any]]) -> None:
    """As `owe`, for many at once: a round trip for all of them."""
    if debts:
        session.execute(_owe_one(), [dict(each) for each in debts])
        session.execute(select(func.pg_notify(WAKE_CHANNEL, "")))


@cache
def _owe() -> "Select[None]":
    """The debt and the call to the relay in one statement, made once a process."""
    return select(func.pg_notify(WAKE_CHANNEL, "")).add_cte(_owe_one().cte("debt"))


@cache
def _owe_one() -> Insert:
    columns = table_of(Outbox).columns
    given = {name: bindparam(name, type_=columns[name].type) for name in (
        "kind", "key", "payload", "order_id", "created_at", "due_at", "words")}
    return insert(table_of(Outbox)).values(attempts=0, **given).on_conflict_do_nothing(
        index_elements=["key"])
