"""Which of a campus's offers a cart gets: the combination that saves most. Pure, in whole fen.

The rule, as people are told it:

1. What an offer is worth is reckoned from the dishes before any offer, so their order is no matter.
2. Of each layer at most one counts: what the shop gives (满减, 周几特惠), what the person gets
   (首单, 学生优惠, 券), the way (免配送). One that stands alone goes with no other.
3. Together they take no more than the dishes cost, and something is always left to pay.
4. The combination that takes most off is chosen; of equals the one that keeps the first-order
   offer, or a coupon, for another day, then the one of fewer offers, then the one that is named
   first.
"""
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product


class Layer(StrEnum):
    SHOP = "shop"
    PERSON = "person"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True)
class Offer:
    """`off_fen`, `percent_off` (at most `most_off_fen`) or `is_free_delivery`: exactly one.

    `threshold_fen`: of dishes before any offer, inclusive. `is_once`: spent when it is used.
    `coupon_id`: the person's own coupon that it is.
    """

    kind: str
    layer: Layer
    off_fen: int = 0
    percent_off: int = 0
    most_off_fen: int | None = None
    is_free_delivery: bool = False
    threshold_fen: int = 0
    is_once: bool = False
    is_alone: bool = False
    name: str = ""
    coupon_id: int | None = None

    def worth_fen(self, goods_fen: int, delivery_fen: int) -> int:
        """What it takes off by itself."""
        if goods_fen < self.threshold_fen:
            return 0
        if self.is_free_delivery:
            return delivery_fen
        off = self.off_fen or goods_fen * self.percent_off // 100
        return min(off, goods_fen, off if self.most_off_fen is None else self.most_off_fen)


@dataclass(frozen=True, slots=True)
class Taken:
    """An offer that counts, and how much of it."""

    offer: Offer
    off_fen: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """`unused`: the offer worth most by itself that could not go with the others."""

    taken: tuple[Taken, ...] = ()
    unused: Taken | None = None

    @property
    def off_fen(self) -> int:
        return sum(taken.off_fen for taken in self.taken)


def best(offers: Sequence[Offer], *, goods_fen: int, delivery_fen: int) -> Chosen:
    """The combination that the rule above chooses."""
    useful = [offer for offer in offers if offer.worth_fen(goods_fen, delivery_fen)]
    tried = (_taken(combination, goods_fen, delivery_fen)
             for combination in _combinations(useful))
    chosen = max(tried, key=_merit)
    left = [Taken(offer, offer.worth_fen(goods_fen, delivery_fen)) for offer in useful
            if offer not in [taken.offer for taken in chosen]]
    return Chosen(chosen, max(left, key=lambda taken: taken.off_fen, default=None))


def nearest(offers: Sequence[Offer], *, goods_fen: int, delivery_fen: int,
            most_fen: int) -> tuple[Offer, int] | None:
    """The offer that a few more yuan of dishes (at most `most_fen`) would bring, if that saves
    more than is saved now: which, and how much is missing."""
    now = best(offers, goods_fen=goods_fen, delivery_fen=delivery_fen).off_fen
    missing = sorted({offer.threshold_fen - goods_fen for offer in offers
                      if 0 < offer.threshold_fen - goods_fen <= most_fen})
    for more in missing:
        then = best(offers, goods_fen=goods_fen + more, delivery_fen=delivery_fen)
        reached = [taken.offer for taken in then.taken
                   if taken.offer.threshold_fen == goods_fen + more]
        if reached and then.off_fen > now:
            return reached[0], more
    return None


def _combinations(offers: Sequence[Offer]) -> Iterator[tuple[Offer, ...]]:
    """At most one of each layer, in the order of the layers; those that stand alone, alone."""
    layers: list[list[Offer | None]] = [
        [*(offer for offer in offers if offer.layer is layer and not offer.is_alone), None]
        for layer in Layer]
    for picked in product(*layers):
        yield tuple(offer for offer in picked if offer)
    yield from ((offer,) for offer in offers if offer.is_alone)


def _taken(combination: Sequence[Offer], goods_fen: int,
           delivery_fen: int) -> tuple[Taken, ...]:
    """How much each takes: dishes are not reduced below nothing, nor the whole below a fen."""
    goods_left, whole_left = goods_fen, max(0, goods_fen + delivery_fen - 1)
    taken = []
    for offer in combination:
        limit = whole_left if offer.is_free_delivery else min(goods_left, whole_left)
        off = min(offer.worth_fen(goods_fen, delivery_fen), limit)
        goods_left -= 0 if offer.is_free_delivery else off
        whole_left -= off
        if off:
            taken.append(Taken(offer, off))
    return tuple(taken)


def _merit(taken: Sequence[Taken]) -> tuple[int, bool, int]:
    return (sum(each.off_fen for each in taken),
            not any(each.offer.is_once for each in taken), -len(taken))
