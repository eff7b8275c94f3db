"""代付: somebody else pays. Each payer has a number at WeChat Pay and a link; the older
one is closed first, and where both are paid, the later goes back."""
from datetime import datetime

from config import settings
from config.texts import Reply, yuan
from handlers.group_order.paying import due_of
from handlers.group_order.shared import live_orders
from handlers.order import ConfirmOrder, OwnOrder, confirm_order
from handlers.payment import Standing, ask_payment, link
from handlers.speaker import Speaker
from models.base import Session
from models.group_order import GroupOrder
from models.order import Order
from models.pay_invite import PayInvite
from models.person import Person
from models.rules.order_state import OrderState


def invite(session: Session, speaker: Speaker, cmd: OwnOrder, *, now: datetime) -> Reply:
    """「A27代付」: a link to forward. A quote that was not confirmed yet is confirmed by it."""
    order = Order.lock(session, cmd.order_id)
    if order.state == OrderState.DRAFT:
        reply = confirm_order(session, speaker, ConfirmOrder(order.id), now=now)
        if reply.key != "order.confirmed":
            return reply
    if _standing(order, order.revision, now) is not Standing.OPEN:
        return Reply("paying_for.not_now", {"code": order.code,
                                            "state": Reply(f"state.{order.state}")})
    token = PayInvite.token_for(session, order, now=now)
    return Reply("paying_for.forward", {
        "code": order.code, "payable": yuan(order.payable_fen),
        "url": f"{settings.load().public_url}/d/{token}",
        "until": speaker.clock(order.pay_until or now)})


def invite_in_group(session: Session, speaker: Speaker, group_id: int, *,
                    now: datetime) -> Reply:
    """「G5代付」: the speaker's own unpaid part of a group."""
    group = GroupOrder.lock(session, group_id)
    mine = due_of(live_orders(session, group), speaker.person.id)
    if not mine:
        return Reply("group.nothing_to_pay", {"code": group.code})
    return invite(session, speaker, OwnOrder(mine[0].id), now=now)


def standing_of(invitation: PayInvite, *, now: datetime) -> Standing:
    return _standing(invitation.order, invitation.revision, now)


def take(session: Session, invitation: PayInvite, payer: Person, *, now: datetime) -> str | None:
    """The pay link of whoever says they will pay; None when there is nothing to pay any more.

    The payer is locked. Links that are out already stop working first.
    """
    order = Order.lock(session, invitation.order_id)
    if _standing(order, invitation.revision, now) is not Standing.OPEN:
        return None
    return link(ask_payment(session, order, payer, now=now))


def _standing(order: Order, revision: int, now: datetime) -> Standing:
    if order.paid_at is not None:
        return Standing.PAID_ELSEWHERE
    if order.state == OrderState.CANCELLED:
        return Standing.CANCELLED
    if order.state == OrderState.DRAFT or order.revision != revision:
        return Standing.REVISED
    if order.state != OrderState.AWAITING_PAYMENT or order.pay_until is None \
            or order.pay_until <= now:
        return Standing.EXPIRED
    return Standing.OPEN
