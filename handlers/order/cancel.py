"""Second thoughts: free before payment, all money back before the kitchen begins, and what the
kitchen agrees to (or half, when it is silent) once it has."""
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from config.texts import Reply, yuan
from handlers import dialogue, undo
from handlers.notice import Notice, tell
from handlers.offers import first_is_elsewhere
from handlers.order.status import describe
from handlers.payment import (
    refund_order,
    refund_part,
    retire_payments,
    withdraw_refund,
)
from handlers.rider.offer import withdraw_offer
from handlers.speaker import Speaker
from handlers.taps import tap_id
from handlers.wording import progress
from models import ledger
from models.base import Session
from models.order import Order
from models.payment import Refund
from models.rules.order_state import UNPAID, WANTS_RIDER, OrderEvent, OrderState
from models.rules.points import share
from models.shop import NotEnough, take_stock

ASK_FOR: Final = timedelta(minutes=3)


class Terms(StrEnum):
    """What the kitchen says to a wish to cancel."""

    ALL = "all"    # not begun: everything goes back
    HALF = "half"  # begun: half of the food, and the delivery
    NONE = "none"  # done: it is delivered

DRAFT_LASTS = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """`is_sure`: the student has seen what it means and said so."""

    order_id: int
    is_sure: bool = False


def cancel_order(session: Session, speaker: Speaker, cmd: CancelOrder, *, now: datetime) -> Reply:
    if reply := _leave_group(session, speaker, cmd, now=now):
        return reply
    order = Order.lock(session, cmd.order_id)
    state = OrderState(order.state)
    if state in UNPAID:
        return _cancel_unpaid(session, speaker, order, now=now)
    if state is OrderState.PAID:
        return _cancel_paid(session, speaker, order, cmd, now=now)
    if state in WANTS_RIDER:
        return _in_kitchen(speaker, order)
    if not order.is_live:
        return Reply("cancel.over", {"code": order.code, "state": Reply(f"state.{state}")})
    return Reply("cancel.picked_up", {"code": order.code}, tap_id(order))


def _cancel_unpaid(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply:
    retire_payments(session, order, now=now)
    order.apply(session, OrderEvent.CANCELLED, now=now, by=speaker.person.id)
    dialogue.clear(speaker.person)
    undo.forget(speaker.person)
    return Reply("cancel.free", {"code": order.code})


def _leave_group(session: Session, speaker: Speaker, cmd: CancelOrder, *,
                 now: datetime) -> Reply | None:
    """Until a kitchen begins, giving up one's part of a group is leaving the group."""
    from handlers.group_order.leaving import LeaveGroup, leave  # it needs us first

    order = session.get_one(Order, cmd.order_id)
    if order.group_id is None or OrderState(order.state) not in {*UNPAID, OrderState.PAID}:
        return None
    return leave(session, speaker, LeaveGroup(order.group_id, cmd.is_sure), now=now)


def forget_draft(session: Session, order_id: int, *, now: datetime) -> None:
    """A quote that nobody came back to makes way; its code will be somebody else's."""
    order = Order.lock(session, order_id)
    if order.state == OrderState.DRAFT and order.created_at <= now - DRAFT_LASTS:
        order.apply(session, OrderEvent.CANCELLED, now=now, reason="forgotten")


def _cancel_paid(session: Session, speaker: Speaker, order: Order, cmd: CancelOrder, *,
                 now: datetime) -> Reply:
    """The kitchen has not said yes: all money back, once the student is sure.

    The refund waits a minute, in which the student may take the cancellation back.
    """
    if not cmd.is_sure:
        dialogue.ask(speaker.person, "confirm_cancel", now=now, order_id=order.id)
        return Reply("cancel.sure", {"code": order.code, "amount": yuan(order.payable_fen)},
                     tap_id(order))
    order.apply(session, OrderEvent.CANCELLED, now=now, by=speaker.person.id)
    refund = refund_order(session, order, "cancelled", now=now, due_at=now + undo.FOR)
    for owner in order.shop.owner_ids(session):
        tell(session, Notice(
            owner, f"{order.id}:{order.version}:withdrawn", template="progress", prefer="chat",
            facts=progress(session, order, "cancelled"), only_while={OrderState.CANCELLED},
            chat=Reply("kitchen.withdrawn", {"code": order.code})), now=now, order_id=order.id)
    dialogue.clear(speaker.person)
    undo.offer(speaker.person, "cancel", now=now, order_id=order.id,
               refund_id=refund.id if refund else None)
    return Reply("cancel.refunding", {
        "code": order.code, "amount": yuan(order.payable_fen),
        "seconds": int(undo.FOR.total_seconds()), "refund": refund.code if refund else ""})


def undo_cancel(session: Session, speaker: Speaker, last: Mapping[str, Any], *,
                now: datetime) -> Reply:
    """Take a cancellation back: the order waits for the kitchen again, its money never left."""
    from handlers.kitchen import ask_again

    order = Order.lock(session, last["order_id"])
    if not revive(session, order, OrderState.CANCELLED, last["refund_id"], now=now,
                  by=speaker.person.id):
        return Reply("undo.too_late", {"code": order.code})
    ask_again(session, order, now=now)
    return Reply("undo.restored", {"code": order.code})


def revive(session: Session, order: Order, state: OrderState, refund_id: int | None, *,
           now: datetime, by: int | None) -> bool:
    """Bring a paid order back from `state`, with its money and its food; False if it cannot be.

    Nothing has moved then. The order is locked.
    """
    refund = session.get(Refund, refund_id) if refund_id else None
    if order.state != state or refund is None or first_is_elsewhere(session, order):
        return False
    try:
        with session.begin_nested():
            order.stock_taken = take_stock(session, order.lines)
            if not (order.take_points(session, now=now)
                    and withdraw_refund(session, refund, now=now)):
                raise _TooLate
    except (NotEnough, _TooLate):
        session.refresh(order)
        return False
    order.apply(session, OrderEvent.UNDONE, now=now, by=by)
    return True


class _TooLate(Exception):
    """The refund is on its way."""


def _in_kitchen(speaker: Speaker, order: Order) -> Reply:
    """The kitchen has begun: what it would cost, before anybody is asked."""
    if order.cancel_until:
        return Reply("cancel.being_asked", {
            "code": order.code, "until": speaker.clock(order.cancel_until)})
    assert order.accepted_at is not None
    return Reply("cancel.ask_kitchen", {
        "code": order.code, "at": speaker.clock(order.accepted_at),
        "delivery": Reply("cancel.way_back_first", {"amount": yuan(order.way_paid_fen)})
        if order.way_paid_fen else None, "half": yuan(half_fen(order)),
        "minutes": int(ASK_FOR.total_seconds() // 60)}, tap_id(order))


def half_fen(order: Order) -> int:
    """All that was paid for the way, and half of the rest; an odd fen stays with the shop."""
    food = order.payable_fen - order.way_paid_fen
    return order.way_paid_fen + food // 2


def ask_to_cancel(session: Session, speaker: Speaker, cmd: CancelOrder, *,
                  now: datetime) -> Reply:
    """Put the wish to the kitchen; silence for three minutes means half."""
    order = Order.lock(session, cmd.order_id)
    if OrderState(order.state) not in WANTS_RIDER:
        return cancel_order(session, speaker, cmd, now=now)
    if order.cancel_until is None:
        order.cancel_until = now + ASK_FOR
        for owner in order.shop.owner_ids(session):
            tell(session, Notice(
                owner, f"{order.id}:{order.version}:wish", good_until=order.cancel_until,
                template="progress", prefer="chat",
                facts=progress(session, order, order.state, Reply(
                    "hint.wish", {"code": order.code})),
                chat=Reply("kitchen.wants_to_cancel", {
                    "code": order.code, "minutes": int(ASK_FOR.total_seconds() // 60)})),
                now=now, order_id=order.id)
    return Reply("cancel.asked", {
        "code": order.code, "half": yuan(half_fen(order)),
        "until": speaker.clock(order.cancel_until)})


def keep_order(session: Session, speaker: Speaker, cmd: CancelOrder, *, now: datetime) -> Reply:
    """算了照送: a wish that the kitchen has not answered is taken back; any other order goes on as
    it was."""
    order = Order.lock(session, cmd.order_id)
    dialogue.clear(speaker.person)
    if order.cancel_until is None or OrderState(order.state) not in WANTS_RIDER:
        return describe(session, speaker, order, now=now)
    order.cancel_until = None
    for owner in order.shop.owner_ids(session):
        tell(session, Notice(
            owner, f"{order.id}:{order.version}:keeps", template="progress", prefer="chat",
            facts=progress(session, order, order.state, Reply("hint.keeps")),
            only_while=WANTS_RIDER, chat=Reply("kitchen.goes_on", {"code": order.code})),
            now=now, order_id=order.id)
    return Reply("cancel.kept", {"code": order.code}, tap_id(order))


@dataclass(frozen=True, slots=True)
class AnswerWish:
    order_id: int
    terms: Terms


def answer_wish(session: Session, speaker: Speaker, cmd: AnswerWish, *, now: datetime) -> Reply:
    """The kitchen's word on a wish to cancel. Only who answers for the shop may give it."""
    order = Order.lock(session, cmd.order_id)
    if order.shop_id not in speaker.shop_ids or order.buyer_id == speaker.person.id:
        return Reply("kitchen.not_yours", {"code": order.code})
    if order.cancel_until is None or OrderState(order.state) not in WANTS_RIDER:
        return Reply("kitchen.as_it_stands", {
            "code": order.code, "state": Reply(f"state.{order.state}")})
    terms = _decide(session, order, cmd.terms, now=now, by=speaker.person.id)
    return Reply(f"kitchen.wish_{terms}", {"code": order.code})


def decide_silent_wish(session: Session, order_id: int, *, now: datetime) -> None:
    """Nobody in the kitchen answered in time. A shop that nobody answers for never does."""
    order = Order.lock(session, order_id)
    if order.cancel_until is None or order.cancel_until > now:
        return
    if OrderState(order.state) in WANTS_RIDER:
        _decide(session, order, Terms.HALF, now=now)
    else:
        order.cancel_until = None  # collected meanwhile, which the student was told


def _decide(session: Session, order: Order, terms: Terms, *, now: datetime,
            by: int | None = None) -> Terms:
    """What became of the wish: half of nothing is all of it."""
    order.cancel_until = None
    if terms is Terms.NONE:
        tell(session, Notice(order.buyer_id, f"{order.id}:{order.version}:goes_on",
                             chat=Reply("cancel.goes_on", {"code": order.code})),
             now=now, order_id=order.id)
        return terms
    if terms is Terms.HALF and order.lacking:  # no half of that is the shop's
        from handlers.kitchen.shortage import leave_without  # it needs us first

        is_all = all(line.id in order.lacking for line in order.lines)
        terms = Terms.ALL if is_all else terms
        leave_without(session, order, now=now)
    back_fen = order.payable_fen if terms is Terms.ALL else half_fen(order)
    refund = call_off(session, order, back_fen, "cancelled", now=now, by=by, terms=str(terms))
    tell(session, Notice(order.buyer_id, f"{order.id}:called_off", chat=Reply(
        f"cancel.agreed_{terms}", {"code": order.code, "amount": yuan(back_fen),
                                   "refund": refund.code if refund else ""})),
         now=now, order_id=order.id)
    return terms


def call_off(session: Session, order: Order, back_fen: int, reason: str, *, now: datetime,
             by: int | None = None, **facts: Any) -> Refund | None:
    """End an order that the kitchen has begun: so much goes back, the rest is the shop's.

    Whoever was on the way to it hears so. The order is locked.
    """
    order.cancel_until = order.shortage_until = order.shortage = None
    order.apply(session, OrderEvent.CALLED_OFF, now=now, by=by, **facts)
    refund = refund_part(session, order, back_fen, reason, now=now)
    order.return_points(session, share(order.points_taken, back_fen, order.payable_fen), now=now)
    # By its worth, not by what is held: a part that WeChat Pay has closed is still the buyer's.
    if rest := order.payable_fen - (refund.amount_fen if refund else 0):
        ledger.post(session, "called_off", key=f"called_off:{order.id}", now=now,
                    order_id=order.id, entries={
                        ledger.held_for(order.id): rest,
                        ledger.shop_account(order.shop_id): -rest})
    withdraw_offer(session, order, now=now)
    if order.rider:
        tell(session, Notice(order.rider.person_id, f"{order.id}:called_off", chat=Reply(
            "rider.called_off", {"code": order.code})), now=now, order_id=order.id)
    return refund
