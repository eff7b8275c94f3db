"""Where idle couriers wait: near the shops whose next order would otherwise stand longest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dispatch.problem import Floats, Ints

LONGEST_MIN = 240  # of an arrival or a preparation, in the table of expected standing times


@dataclass(frozen=True, slots=True)
class Demand:
    """What the day so far says: orders a minute from each shop, and how food is waited for.

    Attributes
    ----------
    rate : (s,) float64, orders a minute
    standing : (LONGEST_MIN + 1,) float64, minutes the food of an order that is placed now will
        stand when a courier needs that many minutes to reach the counter
    """

    rate: Floats
    standing: Floats

    @classmethod
    def learnt(
        cls, now: int, placed: Ints, ready: Ints, shop: Ints, shops: int, memory_min: float
    ) -> Demand:
        """From all orders so far, the older the lighter: e-fold per `memory_min` minutes."""
        weight = np.exp((placed - now) / memory_min)
        rate = np.bincount(shop, weight, minlength=shops) / memory_min
        preparing = np.clip(ready - placed, 0, LONGEST_MIN)
        share = np.bincount(preparing, weight, minlength=LONGEST_MIN + 1)
        # E[max(0, d - preparing)] as the double running sum of the distribution
        done = np.cumsum(share) / share.sum()
        return cls(rate, np.concatenate([[0.0], np.cumsum(done)[:-1]]))


def stations(
    demand: Demand, reach: Ints, between: Ints, idle: Ints, *, worth: float, targets: int
) -> Iterator[tuple[int, int]]:
    """Yield (row of reach, shop) for idle couriers who had better wait elsewhere, best first.

    Parameters
    ----------
    demand : of s shops
    reach : (c, s) int64, minutes until each courier could be at each counter; idle or soon free
    between : (s, s) int64, the same from shop to shop
    idle : rows of `reach` who may be moved
    worth : expected minutes saved per minute of walking below which nobody is moved
    targets : how many of the busiest shops are looked at
    """
    reach = np.minimum(reach, LONGEST_MIN)
    hot = np.argsort(-demand.rate, kind="stable")[:targets]
    hot = hot[demand.rate[hot] > 0]
    movable = list(idle)
    while movable and len(hot):
        order = np.argsort(reach, axis=0, kind="stable")[:2]
        first = np.take_along_axis(reach, order[:1], axis=0)[0]
        second = np.take_along_axis(reach, order[-1:], axis=0)[0]
        if len(reach) == 1:
            second = np.full_like(first, LONGEST_MIN)
        rows = np.array(movable)
        without = np.where(order[0][None, :] == rows[:, None], second[None, :], first[None, :])
        moved = np.minimum(without[:, None, :], between[hot][None, :, :])
        stand = demand.standing[moved] @ demand.rate
        gain = demand.standing[first] @ demand.rate - stand - worth * reach[rows][:, hot]
        c, t = np.unravel_index(int(gain.argmax()), gain.shape)
        if gain[c, t] <= 0:
            return
        yield int(rows[c]), int(hot[t])
        reach[rows[c]] = between[hot[t]]
        movable.remove(rows[c])
