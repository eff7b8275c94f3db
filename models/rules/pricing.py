"""What an order costs. Pure arithmetic on whole fen."""
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from models.rules.offers import Chosen, Offer, best


@dataclass(frozen=True, slots=True)
class PricedLine:
    """One dish as ordered: `quantity` may be a half; options carry their surcharges."""

    price_fen: int
    quantity: Fraction
    surcharges_fen: tuple[int, ...] = ()

    @property
    def amount_fen(self) -> int:
        """Whole fen, halves rounded up (in the shop's favour, by at most half a fen)."""
        exact = (self.price_fen + sum(self.surcharges_fen)) * self.quantity
        return int(exact + Fraction(1, 2))


@dataclass(frozen=True, slots=True)
class Fees:
    """The campus file's `fees`. Amounts in fen."""

    delivery_base_fen: int = 200
    per_100m_fen: int = 0

    def delivery_fen(self, distance_m: float) -> int:
        """The fee for a walk of `distance_m`: every begun 100 m beyond the first 500 counts."""
        beyond = max(0, -(-(round(distance_m) - 500) // 100))
        return self.delivery_base_fen + beyond * self.per_100m_fen

    def way_fen(self, distance_m: float) -> int:
        """What a long walk adds to an errand's own fee."""
        return self.delivery_fen(distance_m) - self.delivery_base_fen


def waiting_fen(waited_s: float) -> int:
    """What a rider gets for a wait at the shop: 10 fen for each begun minute after the first
    five, at most 200."""
    minutes = -(-max(0, int(waited_s) - 300) // 60)
    return min(200, 10 * minutes)


def commission_fen(goods_fen: int, percent: int) -> int:
    """Our part of what a shop sold, rounded down: in the shop's favour."""
    return goods_fen * percent // 100


@dataclass(frozen=True, slots=True)
class ErrandFees:
    """What an errand costs before its way: `base_fen` for a small parcel or any other errand."""

    base_fen: int = 200
    medium_fen: int = 100  # on top
    large_fen: int = 300   # on top

    def parcel_fen(self, size: str) -> int:
        return self.base_fen + {"medium": self.medium_fen, "large": self.large_fen}.get(size, 0)

    def parcels_fen(self, parcels: Sequence[tuple[str, Hashable]]) -> int:
        """The fee for parcels of (size, station) fetched in one trip.

        The dearest of each station counts whole, every further one there half, rounded up.
        """
        by_station: dict[Hashable, list[int]] = {}
        for size, station in parcels:
            by_station.setdefault(station, []).append(self.parcel_fen(size))
        return sum(max(fees) + sum(-(-fee // 2) for fee in sorted(fees)[:-1])
                   for fees in by_station.values())


@dataclass(frozen=True, slots=True)
class Quote:
    """All amounts in fen. `payable_fen == goods + delivery - discount`, never below 1.

    `goods_fen`: dishes and their packing, which are the shop's."""

    goods_fen: int
    packing_fen: int
    delivery_fen: int
    chosen: Chosen

    @property
    def discount_fen(self) -> int:
        return self.chosen.off_fen

    @property
    def payable_fen(self) -> int:
        return self.goods_fen + self.delivery_fen - self.discount_fen


def quote(lines: Sequence[PricedLine], *, delivery_fen: int, packing_fen: int = 0,
          offers: Sequence[Offer] = ()) -> Quote:
    """Price a cart under the best combination of `offers`; something is always left to pay.

    Offers are reckoned from the dishes: nothing is taken off their packing.
    """
    dishes = sum(line.amount_fen for line in lines)
    return Quote(dishes + packing_fen, packing_fen, delivery_fen,
                 best(offers, goods_fen=dishes, delivery_fen=delivery_fen))
