"""What an odd order must wait for: a student's card, or the look of somebody on duty."""
from datetime import datetime

from config.texts import Reply
from handlers.duty import call_duty, on_duty
from handlers.notice import Notice, tell
from handlers.risk import risk_of
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order
from models.rules.order_state import OrderState
from models.rules.risk import ABOUT_SHARING, Verdict


def ask_first(session: Session, speaker: Speaker, order: Order, *,
              now: datetime) -> Reply | None:
    """What must come before this order may be paid, if anything: a card, or somebody's look."""
    if order.cleared_at is not None or order.state != OrderState.DRAFT:
        return None
    risk = risk_of(session, speaker, order, now=now)
    odd = [reason for reason in risk.reasons if reason not in ABOUT_SHARING]
    if not odd:
        return None  # sharing costs no more than the newcomers' discount: see handlers/offers.py
    if risk.verdict is Verdict.HUMAN:
        call_duty(session, order, "odd_order", now=now)
        return Reply("risk.human", {"code": order.code, "why": Reply(f"risk.{odd[0]}")})
    until = speaker.person.student_until
    if until is not None and until > now:
        return None
    return Reply("risk.card", {"code": order.code, "why": Reply(f"risk.{odd[0]}")})


def clear(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply | None:
    """A27放行 from somebody on duty: the order may be paid. None: it is no draft."""
    if speaker.person.id not in on_duty(session, speaker.campus) \
            or speaker.person.id == order.buyer_id:
        return None
    order = Order.lock(session, order.id)
    if order.state != OrderState.DRAFT:
        return None
    order.cleared_at = now
    tell(session, Notice(order.buyer_id, f"{order.id}:cleared", chat=Reply(
        "risk.cleared", {"code": order.code})), now=now, order_id=order.id)
    return Reply("risk.let_pass", {"code": order.code})
