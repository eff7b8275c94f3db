"""「邀请好友」: a person's own QR code (u_CODE). Whoever follows by it and gets a first order earns
both a coupon, once; where the two may be one person, two students' cards are asked first."""
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, or_, select

from config import settings
from config.texts import Reply
from handlers import coupon
from handlers.notice import Notice, tell
from handlers.risk import door_hash, home_hash, lives_together
from handlers.speaker import Speaker
from models.base import Session
from models.campus import Campus
from models.order import Order
from models.outbox import owe
from models.payment import Payment, PaymentState
from models.person import Person
from models.referral import InviteCode, Referral, ReferralState
from models.rules.codes import base36
from models.rules.order_state import OrderState
from models.rules.referral import Tie, Ties, held_back

KIND: Final = "referral"
CODE_LASTS: Final = timedelta(days=30)    # WeChat's longest, but for permanent ones
RENEWED_BEFORE: Final = timedelta(days=7)
MONTH: Final = timedelta(days=30)
MOST_A_MONTH: Final = 20


def offer_of(campus: Campus) -> Mapping[str, Any] | None:
    return campus.file.get(KIND) or None


def invite(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    """The page with one's own code, what it earns, and what has come of it so far."""
    person = speaker.person
    code = InviteCode.lock(session, person.id)
    if code.good_until is None or code.good_until < now + RENEWED_BEFORE:
        owe(session, "invite.code", key=f"invite.code:{person.id}:{now:%y%m%d}", now=now,
            payload={"person_id": person.id})
    offer = offer_of(speaker.campus)
    return Reply("referral.invite", {
        "url": f"{settings.load().public_url}/i/{base36(person.id)}",
        "offer": Reply("referral.offer", {"coupon": coupon.terms(offer)}) if offer else None,
        "so_far": _so_far(session, person), "held": _held(session, person)})


def _so_far(session: Session, person: Person) -> Reply | None:
    count = session.scalar(select(func.count()).select_from(Referral).filter_by(
        inviter_id=person.id, state=ReferralState.REWARDED))
    return Reply("referral.so_far", {"count": count}) if count else None


def _held(session: Session, person: Person) -> Reply | None:
    """The newest that waits, with its reason: as inviter, or as the one who was invited."""
    held = session.scalars(select(Referral).where(
        Referral.state == ReferralState.HELD, _is_of(person.id)).order_by(
        Referral.decided_at.desc()).limit(1)).first()
    return Reply("referral.held", {"why": Reply(f"tie.{held.why}")}) if held else None


def note_invited(session: Session, speaker: Speaker, scene: str, *, now: datetime) -> None:
    """Who a newcomer's QR code came from; whoever has ordered before was not invited, nor is
    anybody by their own newcomer."""
    kind, _, code = scene.partition("_")
    person = speaker.person
    if kind != "u" or not re.fullmatch(r"[0-9a-z]{1,12}", code) or person.invited_by_id:
        return
    inviter = session.get(Person, int(code, 36)) if int(code, 36) < 2**62 else None
    if inviter is None or person.id in (inviter.id, inviter.invited_by_id) \
            or inviter.app_id != person.app_id:
        return
    if session.scalar(select(Order.id).filter_by(buyer_id=person.id).limit(1)) is not None:
        return
    person.invited_by_id = inviter.id
    if offer := offer_of(speaker.campus):
        tell(session, Notice(person.id, f"invited:{person.id}", chat=Reply(
            "referral.welcome", {"coupon": coupon.terms(offer)})), now=now)


def note_delivered(session: Session, order: Order, *, now: datetime) -> None:
    """It may be the first order of somebody who was invited: looked at once it is committed."""
    if order.buyer.invited_by_id and offer_of(session.get_one(Campus, order.campus_id)) \
            and session.get(Referral, order.buyer_id) is None:
        _owe(session, order.id, "delivered", now)


def look_again(session: Session, person: Person, *, now: datetime) -> None:
    """Their card is shown: what was held back for want of it may be given now."""
    waiting = select(Referral.order_id).where(Referral.state == ReferralState.HELD,
                                              _is_of(person.id))
    for order_id in session.scalars(waiting):
        _owe(session, order_id, f"card:{person.id}:{now:%y%m%d%H%M%S}", now)


def _is_of(person_id: int) -> Any:
    return or_(Referral.inviter_id == person_id, Referral.newcomer_id == person_id)


def _owe(session: Session, order_id: int, about: str, now: datetime) -> None:
    owe(session, KIND, key=f"{KIND}:{order_id}:{about}", now=now, order_id=order_id,
        payload={"order_id": order_id})


def reward(session: Session, order_id: int, *, now: datetime) -> str:
    """Give both their coupon, once for each newcomer; what became of it, in a word.

    Told twice, or by several at once, it is the row's lock that lets one of them give.
    """
    order = session.get_one(Order, order_id)
    newcomer, offer = order.buyer, offer_of(session.get_one(Campus, order.campus_id))
    if offer is None or newcomer.invited_by_id is None or not _is_first(session, order):
        return "not needed"
    inviter = session.get_one(Person, newcomer.invited_by_id)
    InviteCode.lock(session, inviter.id)
    referral = Referral.lock(session, newcomer.id, inviter.id, order.id)
    if referral.state == ReferralState.REWARDED:
        return "rewarded before"
    tie = held_back(_ties(session, inviter, newcomer, order, now))
    if tie is not None:
        _hold(session, referral, tie, now=now)
        return f"held: {tie}"
    referral.state, referral.why, referral.decided_at = ReferralState.REWARDED, None, now
    _give(session, newcomer, "newcomer", referral, offer, now=now)
    if _of_this_month(session, inviter, now) <= offer.get("most", MOST_A_MONTH):
        _give(session, inviter, "inviter", referral, offer, now=now)
    return "rewarded"


def _is_first(session: Session, order: Order) -> bool:
    first = select(Order.id).filter_by(buyer_id=order.buyer_id, state=OrderState.DELIVERED)
    return session.scalar(first.order_by(Order.ended_at, Order.id).limit(1)) == order.id


def _of_this_month(session: Session, inviter: Person, now: datetime) -> int:
    session.flush()
    return session.scalar(select(func.count()).select_from(Referral).where(
        Referral.inviter_id == inviter.id, Referral.state == ReferralState.REWARDED,
        Referral.decided_at > now - MONTH)) or 0


def _give(session: Session, person: Person, who: str, referral: Referral,
          offer: Mapping[str, Any], *, now: datetime) -> None:
    key = f"{KIND}:{referral.newcomer_id}:{who}"
    if coupon.give(session, person.id, KIND, key, offer, now=now):
        tell(session, Notice(person.id, key, chat=Reply(
            f"referral.to_{who}", {"coupon": coupon.terms(offer)})), now=now)


def _hold(session: Session, referral: Referral, tie: Tie, *, now: datetime) -> None:
    """Tell both why, once a reason, and the way out."""
    referral.state, referral.why, referral.decided_at = ReferralState.HELD, tie, now
    for person_id in (referral.inviter_id, referral.newcomer_id):
        tell(session, Notice(person_id, f"{KIND}:{referral.newcomer_id}:{tie}", chat=Reply(
            "referral.held", {"why": Reply(f"tie.{tie}")})), now=now)


def _ties(session: Session, inviter: Person, newcomer: Person, order: Order,
          now: datetime) -> Ties:
    doors = {door for door in (door_hash(order), home_hash(newcomer)) if door}
    return Ties(
        number=inviter.phone is not None and _digits(inviter) == _digits(newcomer),
        device=bool(_phones(session, inviter) & _phones(session, newcomer)),
        payer=bool(_wallets(session, inviter) & _wallets(session, newcomer)),
        room=lives_together(inviter, newcomer) or bool(doors & _doors(session, inviter)),
        are_verified=all(person.student_until is not None and person.student_until > now
                         for person in (inviter, newcomer)))


def _digits(person: Person) -> str:
    """A telephone number without the country, spaces and dashes."""
    return re.sub(r"\D", "", person.phone or "")[-11:]


def _phones(session: Session, person: Person) -> set[str | None]:
    return set(session.scalars(select(Payment.device_hash).distinct().where(
        Payment.payer_id == person.id, Payment.device_hash.is_not(None))))


def _wallets(session: Session, person: Person) -> set[int]:
    """Whoever paid for their orders, themselves among them."""
    paid = select(Payment.payer_id).distinct().join(Order, Order.id == Payment.order_id).where(
        Order.buyer_id == person.id, Payment.state == PaymentState.PAID, ~Payment.is_surplus)
    return {person.id, *session.scalars(paid)}


def _doors(session: Session, person: Person) -> set[str | None]:
    return {home_hash(person), *session.scalars(select(Order.door_hash).distinct().where(
        Order.buyer_id == person.id, Order.door_hash.is_not(None), Order.paid_at.is_not(None)))}
