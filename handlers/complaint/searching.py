"""拿错找回: those who fetched their meal at the same place about the same time are asked whether
the bag in their hands is their own. Nobody is named: each hears of their own order only, and the
buyer only what came of it."""
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from config.texts import Reply, text_of, yuan
from handlers import dialogue
from handlers.complaint.settling import settle_now
from handlers.complaint.shared import ClaimKind
from handlers.notice import Notice, tell
from handlers.order import OwnOrder
from handlers.speaker import Speaker
from handlers.wording import clock, progress
from models.base import Session
from models.campus import Campus
from models.complaint import Ask, Complaint, ComplaintState
from models.order import Order
from models.rules.order_state import OrderState

ABOUT: Final = timedelta(minutes=15)
ANSWER_WITHIN: Final = timedelta(minutes=15)
MOST_ASKED: Final = 20


def search(session: Session, speaker: Speaker, cmd: OwnOrder, *, now: datetime) -> Reply:
    """「A27找回」: ask the others. Meanwhile the money may still be had instead."""
    order = Order.lock(session, cmd.order_id)
    complaint = Complaint.undecided(session, order.id)
    if complaint is None or complaint.kind != ClaimKind.LOST \
            or complaint.state != ComplaintState.OPEN:
        return Reply("complaint.say_what", {"code": order.code})
    if complaint.search_until is None:
        near = _near(session, order)
        if not near:
            return Reply("complaint.nobody_near", {"code": order.code,
                                                   "amount": yuan(complaint.amount_fen)})
        complaint.search_until = now + ANSWER_WITHIN
        for other in near:
            _ask(session, complaint, other, now=now)
        session.flush()
    return Reply("complaint.searching", {
        "code": order.code, "count": len(Ask.of_complaint(session, complaint.id)),
        "until": speaker.clock(complaint.search_until), "amount": yuan(complaint.amount_fen)})


def _near(session: Session, order: Order) -> Sequence[Order]:
    """What others had brought to the same place within the same quarter-hour."""
    at = order.arrived_at
    if at is None or order.place_id is None:
        return []
    query = select(Order).where(
        Order.place_id == order.place_id, Order.arrived_at.between(at - ABOUT, at + ABOUT),
        Order.buyer_id != order.buyer_id,
        Order.state.in_([OrderState.SHELVED, OrderState.DELIVERED]))
    return session.scalars(query.order_by(Order.id).limit(MOST_ASKED)).all()


def _ask(session: Session, complaint: Complaint, other: Order, *, now: datetime) -> None:
    campus = session.get_one(Campus, other.campus_id)
    session.add(Ask(complaint_id=complaint.id, order_id=other.id, asked_at=now))
    hint = Reply("complaint.check_hint", {"code": other.code})
    tell(session, Notice(
        other.buyer_id, f"complaint:{complaint.id}:{other.id}:check", template="progress",
        prefer="chat", good_until=complaint.search_until,
        facts=progress(session, other, other.state, hint),
        chat=Reply("complaint.check", {
            "code": other.code, "at": clock(other.arrived_at, campus),
            "place": other.place.name if other.place else ""})), now=now, order_id=other.id)


def checked(session: Session, speaker: Speaker, cmd: OwnOrder, answer: str, *,
            now: datetime) -> Reply:
    """What somebody found on their bag. `answer`: right, wrong, put_back or eaten."""
    own = session.get_one(Order, cmd.order_id)
    ask = Ask.open_of(session, own.id)
    if ask is None:
        return Reply("complaint.not_asked", {"code": own.code})
    order = Order.lock(session, session.get_one(Complaint, ask.complaint_id).order_id)
    session.refresh(ask)
    complaint = session.get_one(Complaint, ask.complaint_id, populate_existing=True)
    ask.answer, ask.answered_at = answer, now
    session.flush()
    place = own.place.name if own.place else ""
    if complaint.state != ComplaintState.OPEN or complaint.search_until is None:
        return Reply("complaint.thanks", {"code": own.code})
    match answer:
        case "wrong":
            complaint.search_until = now + ANSWER_WITHIN
            return Reply("complaint.put_it_back", {"code": own.code, "place": place})
        case "put_back":
            _tell_owner(session, order, complaint, "complaint.found", place, now=now)
        case "eaten":
            settle_now(session, order, complaint, now=now)
            _tell_owner(session, order, complaint, "complaint.eaten", place, now=now)
        case _ if all(each.answer == "right"
                      for each in Ask.of_complaint(session, complaint.id)):
            _nobody(session, order, complaint, now=now)
    return Reply("complaint.thanks", {"code": own.code})


def end_search(session: Session, complaint_id: int, *, now: datetime) -> None:
    """Time is up: no bag turned up, so the money goes back."""
    order = Order.lock(session, session.get_one(Complaint, complaint_id).order_id)
    complaint = session.get_one(Complaint, complaint_id, populate_existing=True)
    if complaint.search_until is None or complaint.search_until > now:
        return
    if complaint.state == ComplaintState.OPEN:
        _nobody(session, order, complaint, now=now)
    complaint.search_until = None


def found(session: Session, speaker: Speaker, cmd: OwnOrder, *, now: datetime) -> Reply:
    """「A27找到了」: the buyer has their meal after all."""
    order = Order.lock(session, cmd.order_id)
    complaint = Complaint.undecided(session, order.id)
    if complaint is None or complaint.state != ComplaintState.OPEN:
        return Reply("complaint.say_what", {"code": order.code})
    complaint.state, complaint.decided_at = ComplaintState.FOUND, now
    complaint.search_until = None
    dialogue.clear(speaker.person)
    return Reply("shelf.enjoy", {"code": order.code})


def _nobody(session: Session, order: Order, complaint: Complaint, *, now: datetime) -> None:
    complaint.search_until = None
    settle_now(session, order, complaint, now=now)
    _tell_owner(session, order, complaint, "complaint.not_found", "", now=now)


def _tell_owner(session: Session, order: Order, complaint: Complaint, key: str, place: str, *,
                now: datetime) -> None:
    """Where the money waits for a person, the words say no more than that."""
    refund = complaint.refund
    outcome = Reply("complaint.back_too", {
        "amount": yuan(refund.amount_fen), "refund": refund.code}) if refund \
        else Reply("complaint.people_look")
    tell(session, Notice(
        order.buyer_id, f"complaint:{complaint.id}:{key}", template="progress", prefer="chat",
        facts=progress(session, order, order.state, Reply("complaint.owner_hint", {
            "code": order.code})),
        chat=Reply(key, {"code": order.code, "place": place, "outcome": text_of(outcome)})),
         now=now, order_id=order.id)
