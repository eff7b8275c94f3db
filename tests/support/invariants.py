"""What must hold at every moment of a day, read from the database; and at its end."""
from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from models.base import Session
from models.inbox import Inbox
from models.ledger import BANK, WECHAT, WECHAT_FEES, LedgerEntry
from models.order import Order, OrderLog
from models.outbox import LONGEST_WAIT, Outbox
from models.payment import Refund, RefundState
from models.rider import Offer, OfferState, Rider
from models.rules.order_state import ENDED, TRANSITIONS, UNPAID, OrderEvent, OrderState
from models.shop import Dish

MOST_IN_HAND = 3
CAME_TO_REST = frozenset({RefundState.SUCCEEDED, RefundState.WITHDRAWN})


def holds(session: Session, stock: dict[str, int], *, now: datetime) -> None:
    """`stock`: what each counted dish began the day with, by key."""
    every_order_went_a_legal_way(session)
    ledger_is_balanced(session)
    no_rider_is_double_booked(session)
    stock_is_accounted_for(session, stock)
    every_debt_is_settled_or_due(session, now=now)


def every_order_went_a_legal_way(session: Session) -> None:
    states = {order.id: order.state for order in session.scalars(select(Order))}
    at: dict[int, str] = {}
    for log in session.scalars(select(OrderLog).order_by(OrderLog.id)):
        if log.event not in set(OrderEvent):
            continue
        step = OrderState(log.came_from), OrderEvent(log.event)
        assert TRANSITIONS.get(step) == log.state, (log.order_id, step, log.state)
        assert at.get(log.order_id, log.came_from) == log.came_from, (log.order_id, step)
        at[log.order_id] = log.state
    assert all(states[order_id] == state for order_id, state in at.items())


def ledger_is_balanced(session: Session) -> None:
    sums = accounts(session)
    assert sum(sums.values()) == 0
    wrong = {name: fen for name, fen in sums.items()
             if name.partition(":")[0] in ("order", "refund") and fen > 0}
    assert not wrong, wrong
    assert sums.get(WECHAT, 0) >= 0


def accounts(session: Session) -> dict[str, int]:
    """What each account holds, in fen; accounts at zero left out."""
    rows = session.execute(select(LedgerEntry.account, func.sum(LedgerEntry.amount_fen))
                           .group_by(LedgerEntry.account))
    return {name: int(fen) for name, fen in rows if fen}


def no_rider_is_double_booked(session: Session) -> None:
    in_hand = Counter(order.rider_id for order in session.scalars(select(Order).where(
        Order.rider_id.is_not(None), Order.group_id.is_(None))) if order.is_live)
    assert not in_hand or max(in_hand.values()) <= MOST_IN_HAND, in_hand
    offered = Counter(session.scalars(select(Offer.rider_id).filter_by(state=OfferState.OPEN)))
    assert not offered or max(offered.values()) == 1
    own = select(Order.id).join(Rider, Rider.id == Order.rider_id).where(
        Rider.person_id == Order.buyer_id)
    assert not session.scalars(own).all()


def stock_is_accounted_for(session: Session, stock: dict[str, int]) -> None:
    taken: Counter[int] = Counter()
    for order in session.scalars(select(Order)):
        for dish_id, portions in (order.stock_taken or {}).items():
            taken[int(dish_id)] += portions
    for log in session.scalars(select(OrderLog).filter_by(event=OrderEvent.CHANGED)):
        for dish_id, portions in log.facts.get("lost", {}).items():  # ran out, though counted
            taken[int(dish_id)] += portions
    for dish in session.scalars(select(Dish).where(Dish.key.in_(stock))):
        assert dish.stock is not None
        assert dish.stock >= 0
        assert dish.stock + taken[dish.id] == stock[dish.key], (dish.key, dish.stock, taken)


def every_debt_is_settled_or_due(session: Session, *, now: datetime) -> None:
    for debt in session.scalars(select(Outbox)):
        if debt.settled_at is None:
            assert debt.attempts == 0 or debt.due_at <= now + LONGEST_WAIT, (debt.kind, debt.key)
        else:
            assert not str(debt.outcome).startswith("dead"), (debt.kind, debt.key, debt.outcome)


def came_to_rest(session: Session, really_held_fen: int) -> None:
    """A day is over: nothing is open, and our books say what WeChat Pay's say."""
    open_orders = [(order.code, order.state) for order in session.scalars(select(Order))
                   if OrderState(order.state) not in ENDED]
    assert not open_orders, open_orders
    assert not [debt.key for debt in session.scalars(select(Outbox).filter_by(settled_at=None))]
    assert not [row.id for row in session.scalars(select(Inbox).filter_by(answered_at=None))]
    moving = [(refund.code, refund.state) for refund in session.scalars(select(Refund))
              if refund.state not in CAME_TO_REST]
    assert not moving, moving
    sums = accounts(session)
    assert not [name for name in sums if name.startswith(("order:", "refund:"))], sums
    held = sums.get(WECHAT, 0) + sums.get(WECHAT_FEES, 0) + sums.get(BANK, 0)
    assert held == really_held_fen, sums


def told(session: Session) -> dict[str, Any]:
    """A few numbers of a day, to see that it was one."""
    states = Counter(session.scalars(select(Order.state)))
    return {**states, "unpaid": sum(states[state] for state in UNPAID)}
