"""What a group's page shows: to whoever is in, who has ordered what; to others, how to get in."""
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from config.texts import Reply, text_of, yuan
from handlers.group_order.bags import Bag, bags_of
from handlers.group_order.joining import menu_of
from handlers.group_order.paying import due_of
from handlers.group_order.paying import parts as parts_due
from handlers.group_order.shared import clock, gathered, heads, live_orders, opener_of
from handlers.offers import parts as offers_of
from handlers.wording import clock as clock_of
from handlers.wording import what
from models.base import Session
from models.campus import Campus
from models.group_order import GroupOrder, GroupState
from models.order import Order
from models.rules.order_state import UNPAID, OrderState

MOST_DISHES = 120


@dataclass(frozen=True, slots=True)
class BagShown:
    label: str
    dishes: str
    standing: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class Board:
    """`state`: open, locking, locked or dissolved. `left_s`: seconds until the lock. `bags`: only
    for who is in. `due`: what the reader pays next, at the window `due_at`, and `after` it; `paid`:
    what they have paid; `receipt`: what their part is made of, (name, amount, key of a dish that
    may still be taken off); `may_lock`: the reader opened it and somebody is in."""

    code: str
    source: str
    opener: str
    where: str
    state: str
    until: str
    left_s: int
    people: str
    bags: tuple[BagShown, ...]
    due: str | None
    due_at: str | None
    after: str | None
    paid: str | None
    eta: str | None
    receipt: tuple[tuple[str, str, str | None], ...]
    may_lock: bool


@dataclass(frozen=True, slots=True)
class DishShown:
    """`options`: what it may be had with, by the campus's keys, each with its price in fen."""

    key: str
    name: str
    price_fen: int
    is_sold_out: bool
    options: tuple[tuple[str, int], ...]

    @property
    def price(self) -> str:
        return yuan(self.price_fen)


def board_of(session: Session, group: GroupOrder, person_id: int | None, *,
             now: datetime) -> Board:
    """The group as it stands for this reader; None: somebody we have never heard of."""
    campus = session.get_one(Campus, group.campus_id)
    orders = [o for o in live_orders(session, group)
              if group.is_treat or o.state != OrderState.DRAFT]
    member = group.member(person_id) if person_id is not None else None
    mine = [o for o in orders if o.buyer_id == person_id]
    due = due_of(mine, person_id) if person_id is not None else []
    settled = [o for o in mine if o.paid_at is not None]
    promised = [o.promised_at for o in settled if o.promised_at]
    state = _state(group, now)
    return Board(
        group.code, group.source, text_of(opener_of(group)), group.place.name,
        state, clock(group.lock_at, campus, now),
        max(0, int((group.lock_at - now).total_seconds())),
        text_of(gathered(group, len(heads(group, orders)))),
        tuple(_shown(group, bag, orders, member.id if member else None)
              for bag in bags_of(session, group, orders)) if member else (),
        yuan(due[0].payable_fen) if due else None, due[0].shop.name if due else None,
        parts_due(due[1:]) or None,
        yuan(sum(o.payable_fen for o in settled)) if settled else None,
        clock_of(max(promised), campus) if promised else None,
        tuple(part for order in mine for part in _receipt(
            order, is_open=state == GroupState.OPEN)),
        bool(orders) and person_id == group.opener_id)


def _receipt(order: Order, *, is_open: bool) -> list[tuple[str, str, str | None]]:
    may_change = is_open and OrderState(order.state) in UNPAID
    parts = [(what(line), yuan(line.amount_fen), line.dish_key if may_change else None)
             for line in order.lines]
    for key, fen in (("payment.packing", order.packing_fen),
                     ("payment.delivery", order.delivery_fen)):
        if fen:
            parts.append((text_of(Reply(key)), yuan(fen), None))
    return parts + [(name, yuan(-fen), None) for name, fen in offers_of(order)]


def menu_shown(session: Session, group: GroupOrder, *, now: datetime) -> list[DishShown]:
    options = session.get_one(Campus, group.campus_id).file.get("options", ())
    return [DishShown(
        dish.key, dish.name, dish.price_fen, dish.is_sold_out(now),
        tuple((o["id"], dish.option_fen.get(o["id"], o.get("price_fen", 0)))
              for o in options if o["id"] in dish.options))
        for dish in menu_of(session, group)[:MOST_DISHES]]


def options_shown(campus: Campus, menu: Sequence[DishShown]) -> dict[str, list[str]]:
    """Option key → its name and its group, of the options that some dish comes with.

    Of one group (sizes, spices …) a dish takes one; an option without a group is its own.
    """
    used = {key for dish in menu for key, _ in dish.options}
    return {o["id"]: [o["name"], o.get("group") or o["id"]]
            for o in campus.file.get("options", ()) if o["id"] in used}


def _state(group: GroupOrder, now: datetime) -> str:
    """An open group past its deadline takes nobody any more: it waits for news of payments."""
    if group.state == GroupState.OPEN and not group.takes_more(now):
        return "locking"
    return group.state


def _shown(group: GroupOrder, bag: Bag, orders: list[Order], own_seat: int | None) -> BagShown:
    order = next(o for o in orders if o.code == bag.code)
    if order.state == OrderState.AWAITING_PAYMENT:
        standing = "group.bag_unpaid"
    elif group.state == GroupState.OPEN:
        standing = "group.bag_treat" if group.is_treat else "group.bag_paid"
    else:
        standing = f"state.{order.state}"
    return BagShown(bag.label, bag.dishes, text_of(Reply(standing)), bag.member_id == own_seat)
