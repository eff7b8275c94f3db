"""Where an order stands, in one look."""
from datetime import datetime, timedelta

from sqlalchemy import select

from config.texts import Reply, text_of, yuan
from handlers import dialogue
from handlers.customer import ask_destination
from handlers.errand.quote import requote
from handlers.payment import ask_payment, link
from handlers.speaker import Speaker
from handlers.taps import tap_id
from handlers.wording import past_day, quoted, state_of, summary, when, where
from models.base import Session
from models.group_order import GroupOrder
from models.order import Order, OrderKind
from models.payment import Payment, PaymentState, Refund, RefundState
from models.rules.order_state import UNPAID, WANTS_RIDER, OrderState

LOOK_BACK = timedelta(hours=24)
MOST_ORDERS_BACK = 10


def status_of(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    """The buyer's live orders; when there is none, what became of the last one."""
    live = Order.live_of(session, speaker.person.id)
    drafts_only = all(order.state == OrderState.DRAFT for order in live)
    if live and not drafts_only:
        live = [order for order in live if order.state != OrderState.DRAFT]
    if len(live) > 1:
        return Reply("status.several", {"orders": [_in_short(o, speaker) for o in live[-4:]]})
    order = live[0] if live else Order.last_of(session, speaker.person.id)
    if order is None or (not live and now - order.created_at > LOOK_BACK):
        return Reply("status.none")
    return describe(session, speaker, order, now=now)


def describe(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply:
    """One order, in the words that fit its state, with the taps that are open in it."""
    from handlers.group_order.status import describe as describe_group  # it needs us first
    from handlers.group_order.status import waits_for_lock

    state = OrderState(order.state)
    if order.group_id and waits_for_lock(session, order):
        group = session.get_one(GroupOrder, order.group_id)
        return describe_group(session, speaker, group, now=now)
    match state:
        case OrderState.DRAFT if order.place_id is None:
            return ask_destination(session, speaker, order, now=now)
        case OrderState.DRAFT if order.kind == OrderKind.ERRAND:
            return requote(session, speaker, order, headline="order.waiting_for_you", now=now)
        case OrderState.DRAFT:
            return quoted(session, speaker, order, headline="order.waiting_for_you")
        case OrderState.AWAITING_PAYMENT:
            return _unpaid(session, speaker, Order.lock(session, order.id), now=now)
        case OrderState.CANCELLED | OrderState.REJECTED | OrderState.EXPIRED:
            return Reply(f"status.{state}", {
                "code": order.code, "refund": _refund(session, order)})
        case OrderState.DELIVERED:
            assert order.ended_at is not None
            return Reply("status.delivered", {
                "code": order.code, "at": speaker.clock(order.ended_at), "where": where(order)})
        case _:
            return _under_way(speaker, order)


def show_newer(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply:
    """The answer to a tap under an older quote: the order as it is now, and nothing is done."""
    if OrderState(order.state) not in UNPAID or order.place_id is None:
        return describe(session, speaker, order, now=now)
    dialogue.ask(speaker.person, "confirm_order", now=now, order_id=order.id)
    return quoted(session, speaker, order, headline="order.changed_meanwhile")


def _unpaid(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply:
    """The way to pay. The lock is held: the money, or the clock, may have come before us."""
    if order.state != OrderState.AWAITING_PAYMENT:
        return describe(session, speaker, order, now=now)
    if order.pay_until is None or order.pay_until <= now:
        return Reply("status.expired", {"code": order.code, "refund": None})
    until = speaker.clock(order.pay_until)
    links = Payment.of_order(session, order.id, PaymentState.OPEN)
    if any(payment.payer_id != speaker.person.id for payment in links):
        return Reply("status.somebody_pays", {  # a link of one's own would close theirs
            "code": order.code, "payable": yuan(order.payable_fen), "until": until}, tap_id(order))
    payment = ask_payment(session, order, speaker.person, now=now, links=links)
    return Reply("status.awaiting_payment", {
        "code": order.code, "payable": yuan(order.payable_fen), "url": link(payment),
        "until": until}, tap_id(order))


def _under_way(speaker: Speaker, order: Order) -> Reply:
    steps = [Reply("status.step", {"at": speaker.clock(at), "what": Reply(f"step.{name}")})
             for name, at in (("paid", order.paid_at), ("accepted", order.accepted_at),
                              ("taken", order.taken_at), ("picked_up", order.picked_up_at),
                              ("arrived", order.arrived_at)) if at]
    return Reply("status.under_way", {
        "code": order.code, "rider": order.rider.name if order.rider else "",
        "now": Reply(f"status.{going_on(order)}", {
            "shop": order.shop.name, "rider": order.rider.name if order.rider else "",
            "where": where(order), "pin": order.pin or "", "what": summary(order),
            "station": order.pickup_place.name if order.pickup_place else ""}),
        "steps": _joined(steps[-3:]), "when": when(speaker, order), "where": where(order),
        "late": Reply("status.late", {"at": speaker.clock(order.promised_at)})
        if order.expected_at and order.promised_at else None,
        "taps": Reply("status.may_cancel" if order.state == OrderState.PAID
                      else "status.may_urge", {"code": order.code})
        if order.is_live else None}, tap_id(order))


def going_on(order: Order) -> str:
    """The name of what is going on."""
    state = OrderState(order.state)
    if state in WANTS_RIDER and order.kind == OrderKind.FOOD:
        return str(state) if order.rider else f"{state}_no_rider"
    if order.kind == OrderKind.ERRAND and state == OrderState.PAID:
        return "errand_later"
    if state in WANTS_RIDER:
        seen = any(parcel.opened_at for parcel in order.parcels)
        return ("errand_opened" if seen else "errand_taken") if order.rider else "errand_no_rider"
    return str(state)


def _joined(steps: list[Reply]) -> str:
    return " ".join(text_of(step) for step in steps)


def refund_status(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    """What became of the buyer's newest refund."""
    orders = select(Order.id).filter_by(buyer_id=speaker.person.id).order_by(
        Order.id.desc()).limit(MOST_ORDERS_BACK)
    refund = session.scalars(select(Refund).join(Payment).where(
        Payment.order_id.in_(orders), Refund.state != RefundState.WITHDRAWN).order_by(
        Refund.id.desc()).limit(1)).one_or_none()
    if refund is None:
        return Reply("back.no_refund")
    facts = {"refund": refund.code, "amount": yuan(refund.amount_fen)}
    if refund.state == RefundState.SUCCEEDED and refund.ended_at:
        return Reply("back.refunded", {
            **facts, "at": Reply("back.moment", {
                "day": past_day(refund.ended_at, now, speaker.campus),
                "at": speaker.clock(refund.ended_at)})})
    stuck = refund.state in (RefundState.CLOSED, RefundState.ABNORMAL)
    return Reply("back.refund_stuck" if stuck else "back.refunding", facts)


def _in_short(order: Order, speaker: Speaker) -> Reply:
    return Reply("status.short", {
        "code": order.code, "shop": order.shop.name, "state": state_of(order),
        "when": when(speaker, order) if order.promised_at else ""})


def _refund(session: Session, order: Order) -> Reply | None:
    """What became of the money, where some had been paid."""
    paid = Payment.of_order(session, order.id, PaymentState.PAID)
    paid = [payment for payment in paid if not payment.is_surplus] or paid
    refunds = [refund for payment in paid for refund in Refund.of_payment(session, payment.id)
               if refund.state != RefundState.WITHDRAWN]
    refunds = [r for r in refunds if not any(other.replaces_id == r.id for other in refunds)]
    if not refunds:
        return None
    newest = refunds[-1]
    return Reply(f"refund.{newest.state}", {
        "refund": newest.code, "amount": yuan(sum(r.amount_fen for r in refunds))})
