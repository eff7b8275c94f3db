"""How the bill of a group order (拼单) is divided, to the fen. Pure.

The rule, as people are told it:

1. Everybody pays for their own dishes.
2. The delivery fee is divided by heads, rounded to the fen; what is over or short falls to the
   opener: ¥2.00 by three is 0.67, 0.67, and 0.66 for the opener.
3. A discount on the whole bill is divided by what each ordered, rounded and completed likewise.
4. Nobody ever pays more than they were once quoted. Whoever leaves, the others' shares stay or
   fall; what is then missing, the platform pays.
"""
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Shares = Mapping[int, int]  # seat → fen


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody in the group. `number`: 1 for the first to join, and never given twice.

    `most_fen`: what they were quoted for these dishes; None: nothing yet.
    """

    number: int
    goods_fen: int
    most_fen: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """One seat's part of the bill. `gift_fen` is what the platform pays of it."""

    goods_fen: int
    delivery_fen: int
    discount_fen: int
    gift_fen: int = 0

    @property
    def payable_fen(self) -> int:
        return self.goods_fen + self.delivery_fen - self.discount_fen - self.gift_fen


@dataclass(frozen=True, slots=True)
class Division:
    """A divided bill: `bill_fen == sum(payable) + gift_fen`, whoever has left since."""

    shares: Mapping[int, Share]
    delivery_fen: int  # of the whole trip
    left_over_fen: int = field(default=0)  # what those who left after the lock no longer pay

    @property
    def payable_fen(self) -> int:
        return sum(share.payable_fen for share in self.shares.values())

    @property
    def gift_fen(self) -> int:
        return self.left_over_fen + sum(share.gift_fen for share in self.shares.values())

    @property
    def bill_fen(self) -> int:
        """Dishes and trip, less the discount, as if nobody had ever been promised less."""
        discount = sum(share.discount_fen for share in self.shares.values())
        return sum(s.goods_fen for s in self.shares.values()) + self.delivery_fen - discount

    def without(self, number: int) -> "Division":
        """After the lock: one leaves, and for the others nothing changes."""
        shares = {n: share for n, share in self.shares.items() if n != number}
        unpaid = self.shares[number].delivery_fen if shares else 0
        return Division(MappingProxyType(shares), self.delivery_fen if shares else 0,
                        self.left_over_fen + unpaid if shares else 0)


def divide(seats: Iterable[Seat], *, opener: int | None, delivery_fen: int,
           discount_fen: int = 0) -> Division:
    """Divide the bill of these seats. The order in which they are given does not matter.

    `opener`: the opener's seat; if they ordered nothing, the first to join takes their part.
    Everybody has at least 1 fen to pay: WeChat Pay takes no payment of nothing.
    """
    by_number = {seat.number: seat for seat in sorted(seats, key=lambda seat: seat.number)}
    if not by_number:
        return Division(MappingProxyType({}), 0)
    bearer = opener if opener in by_number else min(by_number)
    delivery = portions(delivery_fen, dict.fromkeys(by_number, 1), bearer)
    room = {n: max(0, seat.goods_fen + delivery[n] - 1) for n, seat in by_number.items()}
    discount = _within(room, portions(
        min(discount_fen, sum(room.values())),
        {n: seat.goods_fen for n, seat in by_number.items()}, bearer))
    return Division(MappingProxyType({
        n: _share(seat, delivery[n], discount[n]) for n, seat in by_number.items()}), delivery_fen)


def portions(total_fen: int, weights: Mapping[int, int], bearer: int) -> dict[int, int]:
    """`total_fen` by weight: all but the bearer rounded to the fen, the rest is the bearer's.

    Where rounding up would leave the bearer less than nothing, all others are rounded down.
    """
    whole = sum(weights.values())
    of_others = {n: w for n, w in weights.items() if n != bearer and w}
    others = dict.fromkeys(weights, 0) | {
        n: (2 * total_fen * w + whole) // (2 * whole) for n, w in of_others.items()}
    if sum(others.values()) > total_fen:
        others |= {n: total_fen * w // whole for n, w in of_others.items()}
    return {**others, bearer: total_fen - sum(others.values())}


def _within(room: Mapping[int, int], wanted: Mapping[int, int]) -> dict[int, int]:
    """`wanted`, except that nobody gets more than they have room for: the rest goes to those
    with the most room left. `room` holds all of it."""
    given = {n: min(room[n], wanted[n]) for n in wanted}
    rest = sum(wanted.values()) - sum(given.values())
    for n in sorted(given, key=lambda n: (given[n] - room[n], n)):
        more = min(rest, room[n] - given[n])
        given[n], rest = given[n] + more, rest - more
    return given


def _share(seat: Seat, delivery_fen: int, discount_fen: int) -> Share:
    fair = seat.goods_fen + delivery_fen - discount_fen
    gift = max(0, fair - seat.most_fen) if seat.most_fen is not None else 0
    return Share(seat.goods_fen, delivery_fen, discount_fen, gift)
