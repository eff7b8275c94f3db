"""Whose dishes go into which bag. One bag a person and window, with what is written on it."""
from collections.abc import Sequence
from dataclasses import dataclass

from config.texts import Reply
from handlers.group_order.shared import label_of
from handlers.wording import what
from models.base import Session
from models.group_order import GroupMember, GroupOrder
from models.order import Order, OrderLine


@dataclass(frozen=True, slots=True)
class Bag:
    """`code`: of the order it is part of; where the opener treats, all bags are of one order."""

    member_id: int
    label: str
    code: str
    lines: tuple[OrderLine, ...]
    note: str | None = None

    @property
    def dishes(self) -> str:
        return "、".join(what(line) for line in self.lines)

    @property
    def line(self) -> Reply:
        """卤肉饭-周"""
        return Reply("group.bag", {"dishes": self.dishes, "label": self.label})


def bags_of(session: Session, group: GroupOrder, orders: Sequence[Order]) -> list[Bag]:
    """The bags of these orders, by seat. What was noted on an order stands on its first bag."""
    by_id = {member.id: member for member in group.members}
    by_person = {member.person_id: member for member in group.members}
    packed: dict[tuple[int, int], list[OrderLine]] = {}
    owner: dict[tuple[int, int], tuple[GroupMember, Order]] = {}
    for order in orders:
        for line in order.lines:
            member = by_id.get(line.member_id or 0) or by_person[order.buyer_id]
            key = (member.seat, order.id)
            packed.setdefault(key, []).append(line)
            owner[key] = member, order
    first: dict[int, tuple[int, int]] = {}
    for key in sorted(packed):
        first.setdefault(key[1], key)
    return [Bag(owner[key][0].id, label_of(owner[key][0]), owner[key][1].code, tuple(packed[key]),
                owner[key][1].note if first[key[1]] == key else None) for key in sorted(packed)]
