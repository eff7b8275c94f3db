"""The money goes back: at once, now and then; where it comes often or is much, a person looks."""
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select

from config.texts import Reply, yuan
from handlers import dialogue, points
from handlers.complaint.shared import CLAIM_WITHIN, photo_url, refusal_of
from handlers.duty import on_duty
from handlers.notice import Notice, tell
from handlers.order import OwnOrder
from handlers.payment import refund_part, refundable_fen
from handlers.rider.application import operators_of
from handlers.speaker import Speaker
from models.base import Session
from models.campus import Campus
from models.complaint import Complaint, ComplaintState
from models.ledger import PLATFORM, held_for, post
from models.order import Order
from models.payment import Refund

AT_ONCE: Final = 3  # refunds, and dishes made again, without a person's look, in so many days
IN: Final = timedelta(days=30)
MOST_FEN: Final = 60_00


def refund(session: Session, speaker: Speaker, cmd: OwnOrder, *, now: datetime) -> Reply:
    """「A27退款」, 「A27赔付」: yes to the money."""
    order = Order.lock(session, cmd.order_id)
    complaint = Complaint.undecided(session, order.id)
    if complaint is None:
        return refusal_of(order, now) or Reply("complaint.say_what", {"code": order.code})
    if complaint.state == ComplaintState.WAITING:
        return Reply("complaint.being_decided", {"code": order.code})
    dialogue.clear(speaker.person)
    return settle_now(session, order, complaint, now=now)


def settle_now(session: Session, order: Order, complaint: Complaint, *, now: datetime) -> Reply:
    """The money goes back at once, or a person is asked first; what the buyer is told."""
    if wants_a_look(session, complaint, now):
        return hand_to_people(session, order, complaint, now=now)
    points_in = order.points_taken
    back = give_back(session, order, complaint, now=now)
    if back is None:
        return Reply("complaint.given_before", {"code": order.code})
    tell_the_others(session, order, complaint, now=now)
    ask_who_bears(session, order, complaint, now=now)
    return Reply("complaint.refunding", {
        "amount": yuan(back.amount_fen), "refund": back.code,
        "points": points_too(points_in - order.points_taken)})


def points_too(points: int) -> Reply | None:
    """The points that go back with the money, where some had paid for it."""
    return Reply("complaint.points_too", {"points": points}) if points else None


def give_back(session: Session, order: Order, complaint: Complaint, *, now: datetime,
              by: int | None = None) -> Refund | None:
    """Return the money at the platform's cost; what was booked for shop and rider stays theirs
    until a person says otherwise. None: there is nothing left to give back."""
    left_fen = refundable_fen(session, order)
    amount = min(complaint.amount_fen, left_fen)
    if amount <= 0:
        complaint.state, complaint.decided_at = ComplaintState.REFUSED, now
        return None
    post(session, "complaint", key=f"complaint:{complaint.id}", now=now, order_id=order.id,
         entries={PLATFORM: amount, held_for(order.id): -amount})
    points.take_back(session, order, amount, cause=f"complaint:{complaint.id}", now=now)
    points.return_part(session, order, amount, left_fen, cause=f"complaint:{complaint.id}",
                       now=now)
    complaint.amount_fen = amount
    complaint.search_until = None
    complaint.refund = refund_part(session, order, amount, "complaint", now=now)
    complaint.state, complaint.decided_at = ComplaintState.REFUNDED, now
    complaint.decided_by = by
    session.flush()
    return complaint.refund


def hand_to_people(session: Session, order: Order, complaint: Complaint, *,
                   now: datetime) -> Reply:
    """An operator decides whether the money goes back."""
    complaint.state = ComplaintState.WAITING
    session.flush()
    _tell_operators(session, order, complaint, "complaint.decide", "decide", now=now)
    return Reply("complaint.handed_on", {"code": order.code})


def unhappy(session: Session, speaker: Speaker, code: str, *, now: datetime) -> Reply:
    """「不满意R82」 within a day: a person looks at it again."""
    found = session.scalars(
        select(Complaint).join(Refund, Refund.id == Complaint.refund_id)
        .where(Refund.code == code.upper(), Complaint.buyer_id == speaker.person.id)
        .order_by(Complaint.id.desc()).limit(1)).one_or_none()
    if found is None or found.decided_at is None or now - found.decided_at > CLAIM_WITHIN:
        return Reply("complaint.no_such_refund", {"refund": code.upper()})
    order = Order.lock(session, found.order_id)
    if not found.is_unhappy:
        found.is_unhappy = True
        _tell_operators(session, order, found, "complaint.unhappy", "unhappy", now=now)
    return Reply("complaint.heard_again", {"refund": code.upper()})


def wants_a_look(session: Session, complaint: Complaint, now: datetime) -> bool:
    lately = session.scalar(select(func.count()).where(
        Complaint.buyer_id == complaint.buyer_id,
        Complaint.state.in_([ComplaintState.REFUNDED, ComplaintState.REMADE]),
        Complaint.created_at > now - IN)) or 0
    return lately >= AT_ONCE or complaint.amount_fen > MOST_FEN


def tell_the_others(session: Session, order: Order, complaint: Complaint, *,
                    now: datetime) -> None:
    """Kitchen and rider see what happened, and the picture; once in a while costs nobody
    anything."""
    people = set(order.shop.owner_ids(session))
    if order.rider is not None:
        people.add(order.rider.person_id)
    for person_id in sorted(people - {order.buyer_id}):
        tell(session, Notice(person_id, f"complaint:{complaint.id}:told", chat=Reply(
            "complaint.told", _facts(order, complaint))), now=now, order_id=order.id)


def ask_who_bears(session: Session, order: Order, complaint: Complaint, *,
                  now: datetime) -> None:
    _tell_operators(session, order, complaint, "complaint.judge", "judge", now=now)


def who_decides(session: Session, campus: Campus) -> list[int]:
    """The operators; where the campus names none, whoever is on duty."""
    return operators_of(session, campus) or on_duty(session, campus)


def _tell_operators(session: Session, order: Order, complaint: Complaint, key: str, about: str,
                    *, now: datetime) -> None:
    for person_id in who_decides(session, session.get_one(Campus, order.campus_id)):
        if person_id != order.buyer_id:
            tell(session, Notice(
                person_id, f"complaint:{complaint.id}:{about}",
                chat=Reply(key, _facts(order, complaint))), now=now, order_id=order.id)


def _facts(order: Order, complaint: Complaint) -> dict[str, str | Reply | None]:
    return {"code": order.code, "kind": Reply(f"complaint.word_{complaint.kind}"),
            "shop": order.shop.name, "amount": yuan(complaint.amount_fen),
            "photo": Reply("complaint.photo", {"url": photo_url(complaint.photo)})
            if complaint.photo else None}
