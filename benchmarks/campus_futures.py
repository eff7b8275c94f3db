"""Rushes as in `campus_rush`, where the engine looks ahead: it plans for several sampled futures.

    .venv/bin/python -m benchmarks.campus_futures [--orders 200] [--riders 16] [--days 8]
        [--samples 3] [--ahead 300]

A sample adds orders that may come soon: shops, preparations and doors are drawn from the last ten
minutes' orders, as many as that pace gives. What at least half of the plans give to somebody is
planned once more, for those riders alone; the rest stays open for this tick. Not live.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from benchmarks.campus_rush import PROMISE_S, Rush, engine, invented, play
from dispatch import LIVE, Problem, Visit, solve
from dispatch.eta import PREP_SPREAD
from dispatch.problem import Ints

MEMORY_S = 600.0


@dataclass(slots=True)
class Foresight:
    """Decides as `campus_rush.engine` does. It knows of a rush what has been placed by then."""

    rush: Rush
    samples: int
    ahead_s: float
    chance: np.random.Generator

    def decide(self, problem: Problem) -> list[tuple[int, tuple[int, ...], list[Visit]]]:
        recent, n = self._recent(problem), len(problem.order_ids)
        votes = np.zeros((n, len(problem.rider_ids)))
        for _ in range(self.samples):
            for trip in solve(self._future(problem, recent), params=LIVE).trips:
                for order in trip.order_indices:
                    if order < n:
                        votes[order, trip.rider_index] += 1
        agreed = np.flatnonzero(votes.sum(axis=1) >= self.samples / 2)
        part = _only(problem, agreed, (votes[agreed] == 0).astype(np.int8))
        return [(rider, tuple(int(agreed[i]) for i in orders), route)
                for rider, orders, route in (engine(part) if len(agreed) else [])]

    def _recent(self, problem: Problem) -> Ints:
        """The last ten minutes' orders, by the newest that is still open."""
        now = float(self.rush.placed_s[problem.order_ids].max())
        placed_s = self.rush.placed_s
        return np.flatnonzero((placed_s <= now) & (placed_s > now - MEMORY_S))

    def _future(self, problem: Problem, recent: Ints) -> Problem:
        """The problem with orders that may come."""
        chance, rush = self.chance, self.rush
        k = int(chance.poisson(len(recent) / MEMORY_S * self.ahead_s))
        like, door = chance.choice(recent, k), rush.dropoff[chance.choice(recent, k)]
        placed_s = chance.uniform(0, self.ahead_s, k)
        ready_s = placed_s + rush.said_s[like] - rush.placed_s[like]
        spread_s = problem.ready_sd_s
        assert spread_s is not None
        return replace(
            problem,
            order_ids=np.append(problem.order_ids, len(rush.placed_s) + np.arange(k)),
            pickup=np.append(problem.pickup, rush.pickup[like]),
            dropoff=np.append(problem.dropoff, door),
            ready_s=np.append(problem.ready_s, ready_s),
            due_s=np.append(problem.due_s, placed_s + PROMISE_S),
            ready_sd_s=np.append(spread_s, PREP_SPREAD * ready_s),
            forbidden=np.vstack([problem.forbidden,
                                 np.zeros((k, len(problem.rider_ids)), np.int8)]),
        )


def _only(problem: Problem, rows: Ints, forbidden: np.ndarray) -> Problem:
    each = ("order_ids", "pickup", "dropoff", "ready_s", "due_s", "ready_sd_s")
    return replace(problem, forbidden=forbidden,
                   **{name: getattr(problem, name)[rows] for name in each})


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the engine's outcome without and with a look ahead."""
    parser = argparse.ArgumentParser(prog="benchmarks.campus_futures", description=__doc__)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--riders", type=int, default=16)
    parser.add_argument("--days", type=int, default=8, help="seeds 0, 1, …")
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--ahead", type=float, default=300.0, help="seconds")
    asked = parser.parse_args(arguments)
    without, with_ = [], []
    for seed in tqdm(range(asked.days), unit="day", file=sys.stderr):
        rush = invented(seed, asked.orders, asked.riders)
        chance = np.random.default_rng(900 + seed)
        ahead = Foresight(rush, asked.samples, asked.ahead, chance)
        without.append(play(rush, engine))
        with_.append(play(rush, ahead.decide))
    print("| engine | mean min | p90 | tick p99 ms | days better |\n" + "|---" * 5 + "|")
    better = sum(b.door_min.mean() < a.door_min.mean()
                 for a, b in zip(without, with_, strict=True))
    for name, days, told in (("as it is", without, ""), ("looking ahead", with_, f"{better}")):
        door = np.concatenate([o.door_min for o in days])
        p99 = np.percentile(np.concatenate([o.tick_ms for o in days]), 99)
        print(f"| {name} | {door.mean():.2f} | {np.percentile(door, 90):.1f} | {p99:.0f} "
              f"| {told} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
