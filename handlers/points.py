"""积分: some of what was paid comes back as points, and whoever says so pays dishes with them.

The rule is in models/rules/points.py, the account in the ledger (models/points.py). A quote counts
on points, a confirmation takes them, and an order that comes to nothing gives them back.
"""
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from config.texts import Reply, yuan
from handlers.speaker import Speaker
from models.base import Session
from models.campus import Campus
from models.order import POINTS, Order, OrderKind
from models.points import earned_by, give_points, points_left, take_points
from models.rules.points import PointRules, share

WORTH_SAYING: Final = 50  # points: less is not worth a line in a quote


@dataclass(frozen=True, slots=True)
class UsePoints:
    """From now on, until the other is said."""

    is_wanted: bool


def show(session: Session, speaker: Speaker) -> Reply:
    """我的积分: how many, and what they are worth."""
    rules = PointRules.of(speaker.campus.file)
    if rules is None:
        return Reply("points.off")
    left = points_left(session, speaker.person.id)
    if not left:
        return Reply("points.none", {"per_yuan": rules.percent_back})
    return Reply("points.have" if speaker.person.uses_points else "points.kept",
                 {"points": left, "worth": yuan(left)})


def choose(session: Session, speaker: Speaker, cmd: UsePoints, *, now: datetime) -> Reply:
    """用积分, 不用积分: an open quote of food is made anew, or it is noted for the next one."""
    from handlers.order.draft import quote_changed, reopen  # it needs our prices first

    rules = PointRules.of(speaker.campus.file)
    if rules is None:
        return Reply("points.off")
    left = points_left(session, speaker.person.id)
    order = Order.draft_of(session, speaker.person.id)
    is_changed = order is not None and order.kind == OrderKind.FOOD \
        and order.place_id is not None and (left > 0 or not cmd.is_wanted)
    if order and is_changed:
        reopen(session, speaker, order, now=now)  # with how it was until now
    speaker.person.uses_points = cmd.is_wanted
    if order and is_changed:
        return quote_changed(session, speaker, order, now=now)
    if cmd.is_wanted and not left:
        return Reply("points.none", {"per_yuan": rules.percent_back})
    return Reply("points.used" if cmd.is_wanted else "points.not_used",
                 {"points": left, "worth": yuan(left)})


def spend(session: Session, speaker: Speaker, order: Order) -> int:
    """Take off a draft what its buyer's points pay, if they want that; how many could.

    In a group nobody pays with points: their share is the others' affair too.
    """
    rules = PointRules.of(speaker.campus.file)
    if rules is None or order.group_id is not None or order.buyer_id != speaker.person.id:
        return 0
    left = points_left(session, order.buyer_id)
    usable = rules.usable(left, dishes_fen=max(0, order.dishes_fen - order.discount_fen),
                          payable_fen=order.payable_fen)
    if usable and speaker.person.uses_points:
        order.discounts = [*order.discounts, {"kind": POINTS, "name": "", "off_fen": usable}]
        order.discount_kind = "several" if order.discount_kind else POINTS
        order.discount_fen += usable
        order.payable_fen -= usable
        return left - usable
    return usable


def explained(order: Order, left: int) -> list[Reply]:
    """`left`: as `spend` said."""
    if order.points_off:
        return [Reply("points.left", {"points": left})]
    return [Reply("points.may_use", {"worth": yuan(left)})] if left >= WORTH_SAYING else []


def earn(session: Session, order: Order, *, now: datetime) -> None:
    """What a delivered order of food brings its buyer."""
    rules = PointRules.of(session.get_one(Campus, order.campus_id).file)
    if rules and order.kind == OrderKind.FOOD:
        give_points(session, order.buyer_id, rules.earned(order.payable_fen),
                    key=f"points:{order.id}:earned", kind="points_earned", now=now,
                    order_id=order.id)


def take_back(session: Session, order: Order, back_fen: int, *, cause: str,
              now: datetime) -> None:
    """The points that money had brought which goes back; of those that are still there."""
    gone = share(earned_by(session, order.buyer_id, order.id), back_fen, order.payable_fen)
    if not gone:
        return
    left = points_left(session, order.buyer_id, hold=True)
    take_points(session, order.buyer_id, min(gone, left),
                key=f"points:{order.id}:{cause}", kind="points_taken_back", now=now,
                order_id=order.id)


def return_part(session: Session, order: Order, back_fen: int, left_fen: int, *, cause: str,
                now: datetime) -> None:
    """Of the points that paid for it, the part that goes with `back_fen` of the money, of which
    `left_fen` had not gone back."""
    part = share(order.points_taken, back_fen, left_fen)
    if give_points(session, order.buyer_id, part, key=f"points:{order.id}:{cause}:returned",
                   kind="points_returned", now=now, order_id=order.id):
        order.points_taken -= part
