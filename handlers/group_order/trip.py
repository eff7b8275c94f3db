"""A group on a rider's hands: one trip, every step for all its bags at once.

Each eater has a hand-over code of their own, which gives out their own bag; the opener's gives
out all that is left, since openers go down for everybody.
"""
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select

from config.texts import Reply
from handlers import rider, undo
from handlers.group_order.bags import bags_of
from handlers.group_order.pricing import spread_trip
from handlers.rider.handover import MOST_PIN_MISSES, fee_of
from handlers.rider.shared import others
from handlers.speaker import Speaker
from models.base import Session
from models.group_order import GroupOrder
from models.order import Order
from models.rider import Rider
from models.rules.order_state import (
    WANTS_RIDER,
    OrderEvent,
    OrderState,
    is_allowed,
)

Step = Callable[..., Reply]
_EVENTS = {"at_shop": OrderEvent.AT_SHOP, "picked_up": OrderEvent.PICKED_UP,
           "arrived": OrderEvent.ARRIVED}
_REPLIES = {"picked_up": "group.rider_picked_up", "arrived": "group.rider_arrived"}


def take_mates(session: Session, speaker: Speaker, taken: Order, *, now: datetime) -> Reply:
    """The rider has just taken one order of a group: the others come along, for one trip's pay."""
    group = session.get_one(GroupOrder, taken.group_id)
    mates = [o for o in _locked(session, Order.group_id == group.id, Order.rider_id.is_(None))
             if OrderState(o.state) in WANTS_RIDER and not o.is_self_pickup
             and o.buyer_id != speaker.person.id and o.shop_id not in speaker.shop_ids]
    spread_trip(group, [taken, *mates])  # what came to nothing leaves its part to the others
    steps = [speaker.person.undo] if speaker.person.undo else []
    for mate in mates:
        mate.rider_id, mate.rider, mate.taken_at = taken.rider_id, taken.rider, now
        mate.apply(session, OrderEvent.RIDER_TAKEN, now=now, by=speaker.person.id)
        steps.append({**steps[0], "order_id": mate.id})
    undo.together(speaker.person, steps, now=now, code=group.code)
    bags = bags_of(session, group, [taken, *mates])
    return Reply("group.rider_taken", {
        "code": group.code, "count": len(bags), "pickup": _pickups([taken, *mates]),
        "ready": max((speaker.clock(o.food_ready_at) for o in [taken, *mates] if o.food_ready_at),
                     default=""), "where": group.place.name})


def step(session: Session, speaker: Speaker, group: GroupOrder, name: str, *,
         now: datetime) -> Reply | None:
    """at_shop, picked_up or arrived, of all the group's orders that this rider carries.

    None where they carry none of them.
    """
    carried = _carried(session, speaker, group)
    if not carried:
        return None
    act: Step = getattr(rider, name)
    able = [o for o in carried if is_allowed(OrderState(o.state), _EVENTS[name])]
    replies, steps = [], []
    for order in able:
        undo.forget(speaker.person)
        replies.append(act(session, speaker, rider.ReportStep(order.id), now=now))
        steps += [speaker.person.undo] if speaker.person.undo else []
    undo.together(speaker.person, steps, now=now, code=group.code)
    if not replies:
        return act(session, speaker, rider.ReportStep(carried[0].id), now=now)
    if name == "picked_up":
        _tell_codes_apart(able)
    return _step_reply(session, group, able, name, replies[0])


def give_back(session: Session, speaker: Speaker, group: GroupOrder, *,
              now: datetime) -> Reply | None:
    """转单: all bags that were not collected go to the next rider."""
    carried = _carried(session, speaker, group)
    replies = [rider.give_back(session, speaker, rider.AnswerOffer(order.id), now=now)
               for order in carried]
    return Reply(replies[0].key, {**replies[0].params, "code": group.code}) if replies else None


def _step_reply(session: Session, group: GroupOrder, orders: Sequence[Order], name: str,
                reply: Reply) -> Reply:
    bags = bags_of(session, group, orders)
    if name == "at_shop":
        return Reply(reply.key, {**reply.params, "code": group.code})
    return Reply(_REPLIES[name], {
        "code": group.code, "count": len(bags), "where": group.place.name,
        "labels": "、".join(dict.fromkeys(bag.label for bag in bags))})


def _tell_codes_apart(orders: Sequence[Order]) -> None:
    """No two bags of one trip open with the same code."""
    seen: set[str] = set()
    for order in orders:
        while order.pin in seen:
            order.pin = f"{secrets.randbelow(10_000):04d}"
        seen.add(order.pin or "")


def hand_over(session: Session, speaker: Speaker, pin: str, *, now: datetime) -> Reply | None:
    """A code at the door, where what stands there is a group's: whose bag is it?

    None where other orders stand there too and none of the group's has this code.
    """
    at_door = [o for o in speaker.carrying if o.state == OrderState.ARRIVED]
    group_ids = {order.group_id for order in at_door}
    grouped = [o for o in at_door if o.group_id is not None]
    if not grouped:
        return None
    waiting = _locked(session, Order.id.in_([order.id for order in grouped]))
    match = next((o for o in waiting if o.pin and secrets.compare_digest(o.pin, pin)
                  and o.pin_misses < MOST_PIN_MISSES), None)
    if match is None:
        return _missed(session, speaker, waiting, pin, now=now) if len(group_ids) == 1 else None
    group = session.get_one(GroupOrder, match.group_id)
    mine = [o for o in waiting if o.group_id == group.id]
    given = mine if match.buyer_id == group.opener_id else [
        o for o in mine if o.buyer_id == match.buyer_id]
    return _given(session, speaker, group, given, len(mine) - len(given), now=now)


def as_it_stands(session: Session, speaker: Speaker, group: GroupOrder) -> Reply | None:
    """For its rider, when no bag of it waits at a door: all given, or the step that comes first."""
    bags = session.scalars(select(Order).filter_by(
        group_id=group.id, rider_id=speaker.rider.id if speaker.rider else -1)).all()
    going = [order for order in bags if order.is_live]
    if going:
        return Reply("rider.nothing_arrived", {"others": others(speaker)})
    return Reply("group.rider_all_given", {"code": group.code}) if bags else None


def _given(session: Session, speaker: Speaker, group: GroupOrder, given: Sequence[Order],
           left: int, *, now: datetime) -> Reply:
    labels = "、".join(dict.fromkeys(bag.label for bag in bags_of(session, group, given)))
    for order in given:
        reply = rider.hand_over(session, speaker, rider.HandOver(order.pin or "", order.id),
                                now=now)
    if left:
        return Reply("group.rider_given", {"code": group.code, "labels": labels, "left": left})
    return Reply(reply.key, {**reply.params, "code": group.code,
                             "fee": fee_of(_delivered(session, speaker, group))})


def _delivered(session: Session, speaker: Speaker, group: GroupOrder) -> Sequence[Order]:
    """All bags of the trip that have been given out: their parts of its pay are one sum."""
    return session.scalars(select(Order).filter_by(
        group_id=group.id, rider_id=speaker.rider.id if speaker.rider else -1,
        state=OrderState.DELIVERED)).all()


def _missed(session: Session, speaker: Speaker, waiting: Sequence[Order], pin: str, *,
            now: datetime) -> Reply:
    """A wrong code counts against every bag of the trip: guessing is not worth more in a group."""
    replies = [rider.hand_over(session, speaker, rider.HandOver(pin, order.id), now=now)
               for order in waiting]
    group = session.get_one(GroupOrder, waiting[0].group_id)
    return Reply(replies[-1].key, {**replies[-1].params, "code": group.code})


def _carried(session: Session, speaker: Speaker, group: GroupOrder) -> list[Order]:
    if speaker.rider is None:
        return []
    return _locked(session, Order.group_id == group.id, Order.rider_id == speaker.rider.id)


def _locked(session: Session, *where: object) -> list[Order]:
    query = select(Order).where(*where).order_by(Order.id)  # type: ignore[arg-type]
    found = session.scalars(query.with_for_update(of=Order).execution_options(
        populate_existing=True))
    return [order for order in found if order.is_live]


def _pickups(orders: Sequence[Order]) -> str:
    return "、".join(dict.fromkeys(order.shop.name for order in orders))


def rider_of(session: Session, group: GroupOrder) -> Rider | None:
    query = select(Rider).join(Order, Order.rider_id == Rider.id).where(
        Order.group_id == group.id).limit(1)
    return session.scalars(query).first()
