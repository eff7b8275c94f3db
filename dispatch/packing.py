"""Set packing: the cheapest trips that share no courier and no order.

Bundles of one shop compete for the same orders, all shops for the same couriers. Given the
bundles, couriers are matched exactly; the matching's dual prices then tell which other bundles
would pay, and the best are taken in until none does. Every bundle sees every courier, and one
decision costs a handful of matchings.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import linear_sum_assignment

from dispatch.patience import Hurry, patient
from dispatch.problem import Floats, Ints

ROUNDS = 40
_EPS = 1e-9


@dataclass(frozen=True, slots=True)
class _Matching:
    """Couriers for some bundles: `total` <= 0, dual prices of bundles and couriers <= 0."""

    groups: tuple[int, ...]
    total: float
    courier: Ints  # (g,), -1 where a group is left out
    group_price: Floats  # (g,)
    courier_price: Floats  # (m,)


def pack(
    cost: Floats,
    members: list[tuple[int, ...]],
    skip: Floats,
    start: tuple[int, ...] | None = None,
    *,
    rounds: int = ROUNDS,
    apart: bool = False,
    hurry: Hurry = patient,
) -> Packing:
    """Choose (bundle, courier) pairs at the least total cost.

    Parameters
    ----------
    cost : (b, m) float64, inf where a courier cannot; every order alone must be a bundle
    members : b tuples of order rows in [0, n), rising; with a bundle, all its parts are bundles
    skip : (n,) float64, the price of leaving an order out
    start : the groups of an earlier answer for the same members, where to begin looking
    rounds : times that exchanges are looked for: work, not time, bounds a decision
    apart : exchanges that are made at once are for different couriers; a round is one matching.
        For where there are many more orders than couriers, and few rounds
    hurry : asked before each; True: no more of them

    Returns
    -------
    Pairs by rising bundle, no courier and no order in two of them; and the groups they are of.
    """
    at = {some: b for b, some in enumerate(members)}
    alone = tuple(at[i,] for i in range(len(skip)))
    if not cost.shape[1]:
        return Packing([], alone)
    bundles = _Bundles.of(members, at, len(skip))
    gain = np.minimum(cost - bundles.sums(skip)[:, None], 0)
    best = _match(gain, start or alone)
    if len(members) > len(skip):
        improve = _improve_apart if apart else _improve
        best = improve(gain, bundles, best, rounds, hurry)
    pairs = zip(best.groups, best.courier.tolist(), strict=True)
    return Packing(sorted((group, c) for group, c in pairs if c >= 0), best.groups)


@dataclass(frozen=True, slots=True)
class Packing:
    """(bundle, courier) pairs, and the partition of the orders they are chosen from."""

    pairs: list[tuple[int, int]]
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Bundles:
    """The same bundles as tuples, as a table padded with n, and by name."""

    members: list[tuple[int, ...]]
    at: dict[tuple[int, ...], int]
    table: Ints  # (b, w) in [0, n]
    size: Ints  # (b,)

    @classmethod
    def of(cls, members: list[tuple[int, ...]], at: dict[tuple[int, ...], int], n: int) -> _Bundles:
        size = np.array([len(some) for some in members])
        table = np.full((len(members), int(size.max())), n)
        table[np.arange(table.shape[1])[None, :] < size[:, None]] = [i for s in members for i in s]
        return cls(members, at, table, size)

    def sums(self, of_order: Floats) -> Floats:
        """(b,): each bundle's sum of a price per order."""
        total: Floats = np.append(of_order, 0.0)[self.table].sum(axis=1)
        return total


def _improve(
    gain: Floats, bundles: _Bundles, best: _Matching, rounds: int, hurry: Hurry
) -> _Matching:
    """Exchange bundles while a matching gets cheaper, many at a time, then one by one."""
    barren: set[int] = set()
    for _ in range(rounds):
        if hurry():
            break
        moves = _moves(gain, bundles, best, barren)
        if not moves:
            break
        trial = _match(gain, _apply(best.groups, moves))
        if trial.total >= best.total - _EPS and len(moves) > 1:
            moves = moves[:1]
            trial = _match(gain, _apply(best.groups, moves))
        if trial.total < best.total - _EPS:
            best = trial
            barren.clear()
        else:
            barren.add(moves[0][0])
    return best


def _improve_apart(
    gain: Floats, bundles: _Bundles, best: _Matching, rounds: int, hurry: Hurry
) -> _Matching:
    """Exchange bundles for different couriers; a quarter of them where all together cost more."""
    barren: set[int] = set()
    moves, most = _apart(gain, best, _moves(gain, bundles, best, barren)), gain.shape[1]
    for _ in range(rounds):
        some = moves[:most]
        if not some or hurry():
            break
        trial = _match(gain, _apply(best.groups, some), best.courier_price)
        most = max(len(some) // 4, 1)
        if trial.total < best.total - _EPS:
            best, most = trial, 2 * len(some)
            barren.clear()
        elif len(some) == 1:
            barren.add(some[0][0])
        else:
            continue
        moves = _apart(gain, best, _moves(gain, bundles, best, barren))
    return best


def _apart(gain: Floats, now: _Matching, moves: list[_Move]) -> list[_Move]:
    """The first of those whose bundle is worth most to the same courier."""
    bundle = [move[0] for move in moves]
    courier = (gain[bundle] - now.courier_price).argmin(axis=1) if moves else []
    _, first = np.unique(courier, return_index=True)
    return [moves[k] for k in np.sort(first).tolist()]


_Move = tuple[int, tuple[int, ...], tuple[int, ...]]  # bundle, groups that go, groups that come


def _moves(gain: Floats, bundles: _Bundles, now: _Matching, barren: set[int]) -> list[_Move]:
    """Exchanges that pay at the present prices, best first, no group in two of them."""
    members, at = bundles.members, bundles.at
    worth = np.minimum((gain - now.courier_price[None, :]).min(axis=1), 0.0)
    value, price = worth.tolist(), dict(zip(now.groups, now.group_price.tolist(), strict=True))
    group_of = {i: group for group in now.groups for i in members[group]}
    found: list[tuple[float, _Move]] = []
    for bundle in _hopeful(worth, bundles, now):
        if bundle in price or bundle in barren:
            continue
        some = members[bundle]
        gone = tuple(dict.fromkeys([group_of[i] for i in some]))
        rest, left_worth, went = [], 0.0, 0.0
        for g in gone:  # thousands of times a decision: no generators here
            went += price[g]
            if len(members[g]) > 1 and (left := tuple([i for i in members[g] if i not in some])):
                rest.append(at[left])
                left_worth += value[at[left]]
        change = value[bundle] + left_worth - went
        if change < -1e-6:
            found.append((change, (bundle, gone, (bundle, *rest))))
    found.sort()
    taken: set[int] = set()
    chosen = []
    for _, move in found:
        if taken.isdisjoint(move[1]):
            taken.update(move[1])
            chosen.append(move)
    return chosen


def _hopeful(worth: Floats, bundles: _Bundles, now: _Matching) -> list[int]:
    """Bundles that pay if what is left of the groups they break were as good as it can be."""
    n, members = len({i for g in now.groups for i in bundles.members[g]}), bundles.members
    group, size = np.full(n + 1, len(now.groups)), np.zeros(len(now.groups) + 1, dtype=np.int64)
    left = np.zeros(len(now.groups) + 1)
    for k, g in enumerate(now.groups):
        some = members[g]
        group[list(some)], size[k] = k, len(some)
        if len(some) > 1:
            parts = (p for w in range(1, len(some)) for p in combinations(some, w))
            left[k] = min(worth[bundles.at[p]] for p in parts)
    price = np.append(now.group_price, 0.0)
    gone = np.sort(group[bundles.table], axis=1)
    first = np.ones(gone.shape, dtype=bool)
    first[:, 1:] = gone[:, 1:] != gone[:, :-1]
    same = (gone[:, :, None] == gone[:, None, :]).sum(axis=2)
    change = np.where(first, np.where(same < size[gone], left[gone], 0.0) - price[gone], 0.0)
    return np.flatnonzero(worth + change.sum(axis=1) < -1e-6).tolist()


def _apply(groups: tuple[int, ...], moves: list[_Move]) -> tuple[int, ...]:
    gone = {group for _, old, _ in moves for group in old}
    return tuple(sorted([g for g in groups if g not in gone] + [g for m in moves for g in m[2]]))


def _match(gain: Floats, groups: tuple[int, ...], price: Floats | None = None) -> _Matching:
    """The best couriers for these bundles, and the prices that prove it.

    `price`: what couriers were worth a moment ago, where the search had best begin.
    """
    table = gain[list(groups)]
    rows, columns = linear_sum_assignment(table) if price is None else _rematch(table, price)
    courier = np.full(len(groups), -1)
    good = table[rows, columns] < 0
    courier[rows[good]] = columns[good]
    total = float(table[rows, columns].sum())
    group_price, courier_price = _prices(table, courier)
    return _Matching(groups, total, courier, group_price, courier_price)


def _rematch(table: Floats, price: Floats) -> tuple[Ints, Ints]:
    """The same matching found sooner: where prices are about right, ways through it are short.

    Made square with nobody and nothing, so that prices change no matching's rank.
    """
    g, m = table.shape
    worth = table - price
    group = np.minimum(worth.min(axis=1), 0.0)
    square = np.zeros((max(g, m), max(g, m)))
    square[:g, :m] = worth - group[:, None]
    square[g:, :m] = -price
    square[:g, m:] = -group[:, None]
    rows, columns = linear_sum_assignment(square)
    real = (rows < g) & (columns < m)
    return rows[real], columns[real]


def _prices(table: Floats, courier: Ints) -> tuple[Floats, Floats]:
    """Duals of a given best matching, by Bellman and Ford over its alternating paths."""
    matched = np.flatnonzero(courier >= 0)
    own = table[matched, courier[matched]]
    price = np.zeros(table.shape[1])
    group = np.zeros(len(table))
    for _ in range(len(matched) + 1):
        group[matched] = np.minimum(own - price[courier[matched]], 0.0)
        lower = np.minimum((table - group[:, None]).min(axis=0), 0.0)
        if (lower >= price - _EPS).all():
            break
        price = np.minimum(price, lower)
    return group, price
