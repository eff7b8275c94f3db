"""What operators say to a complaint: whether the money goes back, and who bears it."""
from collections.abc import Callable
from datetime import datetime
from typing import Final

from config.texts import Reply, yuan
from handlers.complaint.settling import (
    ask_who_bears,
    give_back,
    points_too,
    tell_the_others,
    who_decides,
)
from handlers.notice import Notice, tell
from handlers.speaker import Speaker
from models.base import Session
from models.campus import Campus
from models.complaint import Complaint, ComplaintState
from models.ledger import PLATFORM, post, rider_account, shop_account
from models.order import Order


def decide(session: Session, speaker: Speaker, order_id: int, is_granted: bool, *,
           now: datetime) -> Reply:
    """Whether a complaint that waits for a person gets its money."""
    order = Order.lock(session, order_id)
    complaint = Complaint.undecided(session, order.id)
    if refusal := _not_theirs(session, speaker, order):
        return refusal
    if complaint is None or complaint.state != ComplaintState.WAITING:
        return Reply("complaint.nothing_waits", {"code": order.code})
    points_in = order.points_taken
    if is_granted and give_back(session, order, complaint, now=now, by=speaker.person.id):
        tell_the_others(session, order, complaint, now=now)
        ask_who_bears(session, order, complaint, now=now)
        told = Reply("complaint.granted", {"code": order.code,
                                           "amount": yuan(complaint.amount_fen),
                                           "points": points_too(points_in - order.points_taken)})
    else:
        complaint.state, complaint.decided_at = ComplaintState.REFUSED, now
        complaint.decided_by = speaker.person.id
        told = Reply("complaint.refused", {"code": order.code})
    tell(session, Notice(order.buyer_id, f"complaint:{complaint.id}:decided", chat=told),
         now=now, order_id=order.id)
    return Reply("complaint.decided", {"code": order.code})


def judge(session: Session, speaker: Speaker, order_id: int, bearer: str, *,
          now: datetime) -> Reply:
    """Who bears what went back for the order's newest complaint: shop, rider or platform. Said
    again, it is moved."""
    order = Order.lock(session, order_id)
    if refusal := _not_theirs(session, speaker, order):
        return refusal
    paid = [each for each in Complaint.of_order(session, order.id)
            if each.state == ComplaintState.REFUNDED]
    if not paid or (bearer == "rider" and order.rider_id is None):
        return Reply("complaint.nothing_waits", {"code": order.code})
    complaint = paid[-1]
    was = complaint.borne_by or "platform"
    if bearer != was:
        post(session, "complaint_borne", now=now, order_id=order.id,
             key=f"complaint:{complaint.id}:{was}:{bearer}:{now.isoformat()}",
             entries={ACCOUNTS[was](order): -complaint.amount_fen,
                      ACCOUNTS[bearer](order): complaint.amount_fen})
    complaint.borne_by = bearer
    return Reply("complaint.judged", {"code": order.code, "amount": yuan(complaint.amount_fen),
                                      "who": Reply(f"complaint.by_{bearer}")})


ACCOUNTS: Final[dict[str, Callable[[Order], str]]] = {
    "platform": lambda order: PLATFORM,
    "shop": lambda order: shop_account(order.shop_id),
    "rider": lambda order: rider_account(order.rider_id or 0),
}


def _not_theirs(session: Session, speaker: Speaker, order: Order) -> Reply | None:
    """Operators only, and never on their own order."""
    if speaker.person.id in who_decides(session, session.get_one(Campus, order.campus_id)) \
            and speaker.person.id != order.buyer_id:
        return None
    return Reply("order.unknown", {"code": order.code})
