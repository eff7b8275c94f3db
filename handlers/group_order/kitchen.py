"""A locked group in the kitchens: one ticket a shop, a bag a person, one word for all of it."""
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from sqlalchemy import select

from config.texts import Reply, text_of, yuan
from handlers import undo
from handlers.group_order.bags import Bag, bags_of
from handlers.kitchen.answer import ANSWER_WITHIN, AnswerOrder, accept
from handlers.notice import Notice, tell
from handlers.speaker import Speaker
from handlers.wording import clock
from models.base import Session
from models.campus import Campus
from models.group_order import GroupOrder
from models.order import Order
from models.rules.order_state import ENDED
from models.shop import Shop

MOST_BAGS: Final = 5

KitchenWord = Callable[..., Reply]


def ask(session: Session, group: GroupOrder, orders: Sequence[Order], *, now: datetime) -> None:
    """Hand the paid orders of a locked group to their kitchens; they are locked.

    A shop that nobody answers for takes them by itself.
    """
    by_shop = sorted(orders, key=lambda order: (order.shop_id, order.id))
    for _, batch in groupby(by_shop, key=lambda order: order.shop_id):
        mine = list(batch)
        owners = mine[0].shop.owner_ids(session)
        for order in mine:
            if owners:
                order.answer_until = now + ANSWER_WITHIN
            else:
                accept(session, order, now=now)
        for owner_id in owners:
            tell(session, _ticket(session, group, mine, owner_id), now=now, order_id=mine[0].id)


def _ticket(session: Session, group: GroupOrder, orders: Sequence[Order],
            owner_id: int) -> Notice:
    campus = session.get_one(Campus, group.campus_id)
    bags = bags_of(session, group, orders)
    amount = yuan(sum(order.goods_fen for order in orders))
    eta = clock(orders[0].promised_at, campus)
    until = orders[0].answer_until
    chat = Reply("group.ticket", {
        "code": group.code, "count": len(bags), "amount": amount, "when": eta,
        "bags": [_on_ticket(bag) for bag in bags[:MOST_BAGS]] + _rest(bags),
        "until": clock(until, campus)})
    return Notice(
        owner_id, f"group:{group.id}:kitchen:{orders[0].shop_id}", template="merchant_order",
        chat=chat, prefer="chat", good_until=until, facts={
            "code": f"{group.code}-{group.created_at.astimezone(campus.zone):%Y%m%d}",
            "items": text_of(Reply("group.ticket_items", {
                "count": len(bags), "first": bags[0].dishes})),
            "amount": amount, "eta": eta,
            "note": text_of(Reply("group.ticket_note", {"code": group.code}))})


def _on_ticket(bag: Bag) -> Reply:
    return Reply("group.ticket_bag", {
        "label": bag.label, "code": bag.code, "dishes": bag.dishes,
        "note": Reply("order.note", {"note": bag.note}) if bag.note else None})


def _rest(bags: Sequence[Bag]) -> list[Reply]:
    """The last bags share a line, shortly: nothing that must be cooked, or not, may be left out."""
    rest = bags[MOST_BAGS:]
    return [Reply("group.ticket_rest", {
        "bags": "；".join(text_of(_on_ticket(bag)) for bag in rest)})] if rest else []


def for_all(session: Session, speaker: Speaker, group: GroupOrder, word: KitchenWord, *,
            now: datetime) -> Reply | None:
    """Say `word` (accept, reject, cooked) of each of the group's orders in the speaker's shops.

    None where the speaker has nothing to do with the group. One order's answer is the answer for
    all; what differs, because a bag was withdrawn meanwhile, stands in its own state.
    """
    GroupOrder.lock(session, group.id)
    query = select(Order).join(Shop, Shop.id == Order.shop_id).where(
        Order.group_id == group.id, Order.shop_id.in_(speaker.shop_ids),
        Order.state.not_in(ENDED)).order_by(Order.id)
    orders = list(session.scalars(query.with_for_update(of=Order)
                                  .execution_options(populate_existing=True)))
    if not orders:
        return None
    replies, steps = [], []
    for order in orders:
        undo.forget(speaker.person)
        replies.append(word(session, speaker, AnswerOrder(order.id), now=now))
        steps += [speaker.person.undo] if speaker.person.undo else []
    undo.together(speaker.person, steps, now=now, code=group.code)
    done = [r for r in replies if r.key not in ("kitchen.as_it_stands", "kitchen.own_order")]
    reply = (done or replies)[0]
    if reply.key == "kitchen.accepted":
        bags = bags_of(session, group, orders)
        return Reply("group.accepted", {
            "code": group.code, "ready": reply.params["ready"], "count": len(bags),
            "bags": [_on_ticket(bag) for bag in bags[:MOST_BAGS]] + _rest(bags)})
    return Reply(reply.key, {**reply.params, "code": group.code}, reply.tap_id)
