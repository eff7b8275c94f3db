"""What is erased when somebody leaves, or takes back what they allowed WeChat to tell us.

At once: who and where they are, what they said, where they were. What an order under way still
needs (a room, a name to call, a telephone number) goes when the last one has ended. What stays is
what was ordered and paid, which the books need, under a number that leads to nobody's name.
"""
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Select, delete, or_, select, update

from models.base import Session
from models.complaint import Photo
from models.errand import Parcel
from models.group_order import GroupMember, SavedGroup
from models.inbox import Inbox
from models.order import Order
from models.person import Person
from models.referral import InviteCode
from models.rider import Rider
from models.rules.order_state import ENDED
from models.student import ProofState, StudentProof
from models.tracking import TrackingLink

GRACE: Final = timedelta(minutes=10)
REVOKED: Final = frozenset({"user_authorization_revoke", "user_authorization_cancellation"})


def forget(session: Session, person: Person, *, now: datetime,
           grace: timedelta = timedelta()) -> None:
    """Erase this person, who is locked, as far as nothing under way needs them.

    `grace`: who unfollows by a slip of the thumb and comes back meanwhile is still known.
    """
    person.forget_at = now + grace
    person.dialogue, person.undo, person.practice = {}, {}, {}
    person.weekly_budget_fen = person.student_until = None
    session.execute(update(Inbox).where(
        Inbox.person_id == person.id, Inbox.answered_at.is_not(None)).values(
        body=None, answer=None))
    session.execute(delete(SavedGroup).where(SavedGroup.owner_id == person.id))
    session.execute(update(StudentProof).where(
        StudentProof.person_id == person.id, StudentProof.state == ProofState.WAITING).values(
        state=ProofState.REFUSED, decided_at=now))
    session.execute(update(StudentProof).where(StudentProof.person_id == person.id).values(
        told=None, photo_id=None))
    rider = Rider.of_person(session, person.id, lock=True)
    if rider:
        rider.is_on_duty, rider.back_at = False, None
        rider.lat = rider.lng = rider.located_at = rider.place_id = None
    finish_forgetting(session, person.id, now=now)


def finish_forgetting(session: Session, person_id: int, *, now: datetime) -> None:
    """Erase the rest, once nothing that is under way needs it."""
    [person] = Person.hold(session, [person_id])
    if person.forget_at is None or person.forget_at > now:
        return
    if session.scalars(_needed(person_id).limit(1)).first():
        return
    person.name = person.phone = person.room = None
    person.place_id, person.place = None, None
    person.forget_at = None
    ended = select(Order.id).where(Order.buyer_id == person_id, Order.state.in_(sorted(ENDED)))
    for change in (
            update(Order).where(Order.id.in_(ended)).values(
                room=None, note=None, pin=None, rack_media_id=None,
                version=Order.version + 1),
            update(Parcel).where(Parcel.order_id.in_(ended)).values(code=None, shelf=None),
            update(GroupMember).where(GroupMember.person_id == person_id).values(label=None),
            update(Photo).where(Photo.person_id == person_id).values(media_id=""),
            delete(InviteCode).where(InviteCode.person_id == person_id),
            delete(TrackingLink).where(TrackingLink.order_id.in_(ended))):
        session.execute(change.execution_options(synchronize_session=False))


def to_finish_forgetting(now: datetime) -> "Select[int]":
    """Those who have left, and whom nothing under way needs any more."""
    return select(Person.id).where(
        Person.forget_at <= now, ~_needed(Person.id).exists()).order_by(Person.id)


def _needed(person_id: object) -> "Select[int]":
    """Orders under way that this person waits for or carries."""
    rider = select(Rider.id).where(Rider.person_id == person_id).scalar_subquery()
    return select(Order.id).where(
        or_(Order.buyer_id == person_id, Order.rider_id == rider),
        Order.state.not_in(sorted(ENDED)), Order.paid_at.is_not(None))
