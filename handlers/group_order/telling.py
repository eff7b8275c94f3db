"""What a group's people hear: at the lock, before it, and when it comes to nothing."""
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from config.texts import Reply, text_of, yuan
from handlers import undo
from handlers.group_order.bags import Bag, bags_of
from handlers.group_order.paying import own_link, way_to_pay
from handlers.group_order.shared import page_of
from handlers.notice import Notice, tell
from handlers.payment import ask_payment, link
from handlers.speaker import Speaker
from handlers.wording import clock, what
from models.base import Session
from models.campus import Campus
from models.group_order import GroupOrder
from models.order import LINES, Order, OrderLog
from models.payment import Payment, Refund
from models.rules.order_state import GIVES_MONEY_BACK, OrderState

MOST_BAGS: Final = 6  # in one message
SOON: Final = timedelta(minutes=10)
WHY: Final = {"group_dissolved": "group.why_dissolved", "group_unpaid": "group.why_unpaid",
              "group_too_small": "group.why_too_small", "group_sold_out": "group.why_sold_out"}


def tell_locked(session: Session, group: GroupOrder, paid: Sequence[Order], *,
                now: datetime) -> None:
    """T8 to everybody who paid."""
    campus = session.get_one(Campus, group.campus_id)
    people = sorted({order.buyer_id for order in paid})
    for person_id in people:
        mine = [order for order in paid if order.buyer_id == person_id]
        amount = sum(order.payable_fen for order in mine)
        tell(session, Notice(
            person_id, f"group:{group.id}:locked:{mine[0].id}", template="group_locked",
            url=page_of(group), facts={
                "group": _dated(group, campus), "state": text_of(Reply("group.state_locked")),
                "amount": yuan(amount), "eta": clock(mine[0].promised_at, campus),
                "hint": text_of(_hint(group, paid))}), now=now, order_id=mine[0].id)


def _hint(group: GroupOrder, paid: Sequence[Order]) -> Reply:
    people = len({order.buyer_id for order in paid})
    delivery = sum(order.delivery_fen for order in paid)
    return Reply("group.hint_shared" if delivery else "group.hint_free", {"people": people})


def tell_summary(session: Session, group: GroupOrder, paid: Sequence[Order],
                 removed: Collection[int], *, now: datetime) -> None:
    """The opener hears who is in, whose bag is whose, and when it comes."""
    campus = session.get_one(Campus, group.campus_id)
    tell(session, Notice(
        group.opener_id, f"group:{group.id}:summary:{paid[0].id}", good_until=now + SOON,
        chat=summary_of(session, group, paid, len(removed), campus)), now=now)


def summary_of(session: Session, group: GroupOrder, orders: Sequence[Order], removed: int,
               campus: Campus) -> Reply:
    bags = bags_of(session, group, orders)
    delivery = sum(order.delivery_fen for order in orders)
    return Reply("group.summary", {
        "code": group.code, "people": len({bag.member_id for bag in bags}),
        "removed": Reply("group.removed_count", {"count": removed}) if removed else None,
        "bags": [bag.line for bag in bags[:MOST_BAGS]] + _more(bags), "count": len(bags),
        "payable": yuan(sum(order.payable_fen for order in orders)),
        "delivery": Reply("group.delivery_part", {"delivery": yuan(delivery)})
        if delivery else Reply("group.delivery_free"),
        "eta": clock(orders[0].promised_at, campus), "where": group.place.name})


def _more(bags: Sequence[Bag]) -> list[Reply]:
    rest = len(bags) - MOST_BAGS
    return [Reply("group.more_bags", {"count": rest})] if rest > 0 else []


def locked_reply(session: Session, speaker: Speaker, group: GroupOrder,
                 orders: Sequence[Order], *, now: datetime) -> Reply:
    """What whoever said 锁单 sees at once."""
    if not orders:
        return _came_to_nothing(session, speaker, group)
    if group.is_treat:
        return bill_of(session, group, orders[0], (), speaker.campus, now=now)
    return summary_of(session, group, orders, 0, speaker.campus)


def _came_to_nothing(session: Session, speaker: Speaker, group: GroupOrder) -> Reply:
    """Why there is nothing to cook, by what the last order of the group ended with."""
    last = select(OrderLog.facts).join(Order, Order.id == OrderLog.order_id).where(
        Order.group_id == group.id).order_by(OrderLog.id.desc()).limit(1)
    why = (session.scalar(last) or {}).get("reason")
    if why not in ("group_too_small", "group_sold_out"):
        return Reply("group.nobody_paid", {"code": group.code})
    own = select(Refund).join(Payment).join(Order, Order.id == Payment.order_id).where(
        Order.group_id == group.id, Payment.payer_id == speaker.person.id, Refund.reason == why)
    return Reply("group.told_dissolved", {"code": group.code, "why": Reply(WHY[why]),
                                          "back": _back(list(session.scalars(own)))})


def bill_of(session: Session, group: GroupOrder, order: Order, missing: Sequence[str],
            campus: Campus, *, now: datetime) -> Reply:
    """What the opener who treats has to pay, for all bags of one window."""
    payment = ask_payment(session, order, group.opener, now=now)
    assert order.pay_until is not None
    return Reply("group.bill", {
        "code": group.code, "order": order.code, "payable": yuan(order.payable_fen),
        "count": len({line.member_id for line in order.lines}), "parts": parts_of(order),
        "missing": Reply("order.sold_out", {"dishes": "、".join(dict.fromkeys(missing))})
        if missing else None, "url": link(payment), "until": clock(order.pay_until, campus)})


def parts_of(order: Order) -> Reply | None:
    """What the sum is made of besides dishes; nothing when there is nothing to tell."""
    off = Reply(f"discount.{order.discount_kind}", {"off": yuan(order.discount_fen)}) \
        if order.discount_fen else None
    if not order.packing_fen and not order.delivery_fen and off is None:
        return None
    return Reply("group.parts", {
        "packing": Reply("order.packing", {"packing": yuan(order.packing_fen)})
        if order.packing_fen else None,
        "delivery": Reply("group.delivery_part", {"delivery": yuan(order.delivery_fen)})
        if order.delivery_fen else None, "discount": off})


def tell_unpaid(session: Session, group: GroupOrder, due: Sequence[Order], *,
                now: datetime) -> None:
    """Two minutes left: what somebody has to pay, as `due_of` has it, and the way to do it."""
    first = due[0]
    minutes = max(1, round((group.lock_at - now).total_seconds() / 60))
    tell(session, Notice(
        first.buyer_id, f"group:{group.id}:remind:{first.id}:{group.lock_at:%d%H%M}",
        good_until=group.lock_at, chat=Reply("group.remind", {
            "code": group.code, "minutes": minutes,
            "payable": yuan(sum(order.payable_fen for order in due)),
            **way_to_pay(due, own_link(session, group, first, now=now))})),
         now=now, order_id=first.id)


def tell_removed(session: Session, group: GroupOrder, people: Collection[int], *,
                 now: datetime) -> None:
    for person_id in sorted(people):
        tell(session, Notice(person_id, f"group:{group.id}:removed", good_until=now + SOON,
                             chat=Reply("group.removed", {"code": group.code})), now=now)


def tell_dropped(session: Session, group: GroupOrder, orders: Sequence[Order], *,
                 now: datetime) -> None:
    """Who paid at one window and not at another: what is not coming."""
    for order in orders:
        tell(session, Notice(
            order.buyer_id, f"group:{group.id}:dropped:{order.id}", good_until=now + SOON,
            chat=Reply("group.dropped", {
                "code": group.code, "dishes": "、".join(what(line) for line in order.lines)})),
             now=now, order_id=order.id)


def tell_sold_out(session: Session, group: GroupOrder, order: Order, dishes: Sequence[str],
                  refunds: Sequence[Refund], *, now: datetime) -> None:
    tell(session, Notice(order.buyer_id, f"group:{group.id}:sold_out:{order.id}", chat=Reply(
        "group.sold_out", {
            "code": group.code, "dishes": "、".join(dict.fromkeys(dishes)),
            "amount": yuan(sum(refund.amount_fen for refund in refunds)),
            "refund": "、".join(refund.code for refund in refunds)})),
         now=now, order_id=order.id)


def tell_dissolved(session: Session, group: GroupOrder, orders: Sequence[Order],
                   refunds: Sequence[Refund], reason: str, *, now: datetime,
                   by: int | None = None) -> None:
    """Everybody whose dishes were in, and the opener; not whoever ended it, who has a reply."""
    back: dict[int, list[Refund]] = {}
    for refund in refunds:
        back.setdefault(refund.payment.payer_id, []).append(refund)
    for person_id in sorted({order.buyer_id for order in orders} | {group.opener_id} | set(back)):
        if person_id != by:
            tell(session, Notice(person_id, f"group:{group.id}:dissolved", chat=Reply(
                "group.told_dissolved", {
                    "code": group.code, "why": Reply(WHY[reason]),
                    "back": _back(back.get(person_id, []))})), now=now)


def _back(refunds: Sequence[Refund]) -> Reply | None:
    if not refunds:
        return None
    return Reply("group.money_back", {
        "amount": yuan(sum(refund.amount_fen for refund in refunds)),
        "refund": "、".join(refund.code for refund in refunds)})


def tell_withdrawn(session: Session, group: GroupOrder, orders: Sequence[Order], *,
                   now: datetime) -> None:
    """The kitchens of a locked group hear that a bag is not wanted any more."""
    for order in orders:
        for owner in order.shop.owner_ids(session):
            tell(session, Notice(owner, f"{order.id}:withdrawn", chat=Reply(
                "kitchen.withdrawn", {"code": f"{group.code} {order.code}"})),
                 now=now, order_id=order.id)


def tell_eaters(session: Session, group: GroupOrder, *, now: datetime) -> None:
    """Of a treat, each bill that came to nothing: who bought it knows, who would eat it does not.

    Once the kitchen's, or the opener's, minute to take it back is over.
    """
    gone = session.scalars(select(Order).options(LINES).where(
        Order.group_id == group.id, Order.state.in_([*GIVES_MONEY_BACK, OrderState.EXPIRED])))
    for order in gone:
        eaters = {line.member_id for line in order.lines}
        for member in group.seated:
            if member.id in eaters and member.person_id != order.buyer_id:
                tell(session, Notice(
                    member.person_id, f"group:{group.id}:off:{order.id}:{order.version}",
                    only_while={order.state}, chat=Reply("group.treat_off", {
                        "code": group.code, "shop": order.shop.name})),
                     now=now, order_id=order.id, due_at=(order.ended_at or now) + undo.FOR)


def tell_member(session: Session, group: GroupOrder, person_id: int, what: str,
                chat: Reply, *, now: datetime) -> None:
    tell(session, Notice(person_id, f"group:{group.id}:{what}", good_until=now + SOON, chat=chat),
         now=now)


def _dated(group: GroupOrder, campus: Campus) -> str:
    return f"{group.code}-{group.created_at.astimezone(campus.zone):%Y%m%d}"

