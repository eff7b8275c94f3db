"""One minute of a delivery day as arrays, and what may be done at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dispatch.mdrp import Rates
from dispatch.problem import Floats, Ints


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is known at one minute: n open orders, m couriers, s shops. Minutes and metres.

    Attributes
    ----------
    now : this minute
    order : (n,) int64, the orders' own numbers, rising
    order_xy : (n, 2) float64
    placed, ready, shop : (n,) int64; placed <= now
    shop_xy : (s, 2) float64
    courier_xy : (m, 2) float64, where the courier is, or is bound to be at `free`
    free : (m,) int64, when it is there and may move on (its `on` before the shift)
    at_shop : (m,) int64, the shop at `courier_xy`, or -1; `free` is then the arrival there
    off : (m,) int64, last minute to pick up
    hours : (m,) float64, length of the shift
    done : (m,) int64, orders carried so far
    rates : speeds, services and pay
    past_placed, past_ready, past_shop : (h,) int64, all orders placed so far, open or not
    """

    now: int
    order: Ints
    order_xy: Floats
    placed: Ints
    ready: Ints
    shop: Ints
    shop_xy: Floats
    courier_xy: Floats
    free: Ints
    at_shop: Ints
    off: Ints
    hours: Floats
    done: Ints
    rates: Rates
    past_placed: Ints
    past_ready: Ints
    past_shop: Ints

    @property
    def half(self) -> int:
        """Minutes of service at the counter before the pickup, and again after it."""
        return self.rates.pickup_min // 2

    def arrivals(self, couriers: Ints) -> Ints:
        """(c, s): the earliest each courier can be at each shop, if it leaves now or when free."""
        way = travel_min(self.courier_xy[couriers], self.shop_xy, self.rates)
        arrive: Ints = np.maximum(self.free[couriers], self.now)[:, None] + way
        at_shop = self.at_shop[couriers]
        here = np.flatnonzero(at_shop >= 0)
        arrive[here, at_shop[here]] = self.free[couriers[here]]
        return arrive


@dataclass(frozen=True, slots=True)
class Go:
    """Send a waiting courier to a shop."""

    courier: int
    shop: int


@dataclass(frozen=True, slots=True)
class Take:
    """Give a courier a bundle of one shop, order numbers in the order of the drop-offs."""

    courier: int
    orders: tuple[int, ...]


def travel_min(a: Floats, b: Floats, rates: Rates) -> Ints:
    """Minutes from each a to each b: (p, 2), (q, 2) -> (p, q), rounded up as the rules say."""
    gap = a[:, None, :] - b[None, :, :]
    return np.ceil(np.hypot(gap[..., 0], gap[..., 1]) / rates.metres_per_minute).astype(np.int64)
