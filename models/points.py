"""Points in the ledger: what is owed to a student stands on points:N, and cost us as promotion.

An account of points is never overdrawn: who takes holds its lock, and the database refuses the
rest (migration 0034).
"""
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.ledger import PROMOTION, LedgerEntry, LedgerGroup, balance, points_of, post
from models.locks import POINTS_LOCK


def points_left(session: Session, person_id: int, *, hold: bool = False) -> int:
    """`hold`: nobody else takes of them until the transaction ends. Always the last lock."""
    if hold:
        session.execute(select(func.pg_advisory_xact_lock((POINTS_LOCK << 32) + person_id)))
    return -balance(session, points_of(person_id))


def give_points(session: Session, person_id: int, points: int, *, key: str, kind: str,
                now: datetime, order_id: int) -> bool:
    """Book points for somebody; False when there are none, or this cause was booked before."""
    return points > 0 and post(session, kind, key=key, now=now, order_id=order_id, entries={
        PROMOTION: points, points_of(person_id): -points})


def earned_by(session: Session, person_id: int, order_id: int) -> int:
    """What an order brought its buyer, by the rule of that day."""
    return -int(session.scalar(select(func.coalesce(func.sum(LedgerEntry.amount_fen), 0)).join(
        LedgerGroup, LedgerGroup.id == LedgerEntry.group_id).where(
        LedgerGroup.order_id == order_id, LedgerGroup.kind == "points_earned",
        LedgerEntry.account == points_of(person_id))) or 0)


def take_points(session: Session, person_id: int, points: int, *, key: str, kind: str,
                now: datetime, order_id: int) -> bool:
    """Book points away; False, and nothing is booked, when there are fewer."""
    if points <= 0:
        return True
    return points <= points_left(session, person_id, hold=True) and post(
        session, kind, key=key, now=now, order_id=order_id, entries={
            points_of(person_id): points, PROMOTION: -points})
