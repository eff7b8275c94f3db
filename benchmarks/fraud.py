"""How many who cheat are asked, and how many who do not: `python -m benchmarks.fraud [SEED]`.

A synthetic campus, labelled as it is made: rooms of four to eight who share phones and pay for one
another now and then; farmers who open account after account on a few phones and wallets for the
first-order discount; people who complain about most of what they eat, and people with bad luck.
How often each of these happens is assumed, not measured.

Beside it, and not in its figures: farmers who take a new phone and wallet for each account.
Only their room gives them away, and only when it has had more newcomers than beds.
"""
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from models.rules.risk import Facts, Verdict, assess

ROOMS, FARMS, COMPLAINERS, HURRIED = 1500, 60, 60, 40
VERIFIED: Final = 0.4  # of students, by the middle of a term


@dataclass(frozen=True, slots=True)
class Case:
    """`what`: who it is; `is_fraud`: the label."""

    what: str
    is_fraud: bool
    facts: Facts


def campus(seed: int) -> Iterator[Case]:
    dice = random.Random(seed)
    for _ in range(ROOMS):
        yield from _room(dice)
    for _ in range(FARMS):
        yield from _farm(dice)
    for _ in range(COMPLAINERS):
        bought = dice.randint(4, 15)
        yield Case("complains about most", True, Facts(
            bought=bought, complained=dice.randint(bought // 2 + 1, bought),
            is_verified=dice.random() < VERIFIED))
    for _ in range(HURRIED):
        yield Case("blocks the kitchens", True, Facts(
            confirmed=dice.randint(5, 20), paid=dice.randint(0, 1)))


def _room(dice: random.Random) -> Iterator[Case]:
    """Each joins when they like; most have a phone and a wallet of their own."""
    had = 0
    for _ in range(dice.choice((4, 4, 5, 6, 6, 8))):
        is_verified = dice.random() < VERIFIED
        bought = dice.randint(0, 25)
        bad = sum(dice.random() < 0.03 for _ in range(bought))
        room = had if dice.random() < 0.6 else 0  # some leave out their room
        yield Case("lives in a dormitory", False, Facts(
            room=room, room_lately=room,  # all in their first month
            device=int(had > 0 and dice.random() < 0.02),
            payer=int(had > 0 and dice.random() < 0.05), bought=bought, complained=bad,
            confirmed=dice.randint(0, 2), paid=dice.randint(0, 2), is_verified=is_verified))
        had += dice.random() < 0.7


def _farm(dice: random.Random) -> Iterator[Case]:
    """The first account of a farm looks like anybody's, and is no fraud yet."""
    for number in range(dice.randint(3, 12)):
        is_first = number == 0
        room = 0 if is_first or dice.random() < 0.3 else number
        yield Case("farms discounts", not is_first, Facts(
            room=room, room_lately=room,
            device=0 if is_first or dice.random() < 0.25 else number,
            payer=0 if is_first or dice.random() < 0.4 else number,
            is_invited_from_there=not is_first and dice.random() < 0.5))


def careful_farms(seed: int) -> Iterator[Case]:
    dice = random.Random(seed)
    for _ in range(FARMS):
        for number in range(1, dice.randint(3, 12)):
            yield Case("farms with care", True, Facts(
                room=number, room_lately=number, is_invited_from_there=True))


def main(seed: int = 7) -> None:
    show([*campus(seed), *careful_farms(seed)])
    fraud, caught, honest, asked, held = figures(campus(seed))
    print(f"caught {caught}/{fraud} = {caught / fraud:.1%}; of {honest} honest people "
          f"{asked} ({asked / honest:.1%}) are asked for a card, {held} ({held / honest:.2%}) wait")
    fraud, caught, *_ = figures(careful_farms(seed))
    print(f"beside them, of who farms with care: caught {caught}/{fraud} = {caught / fraud:.1%}")


def show(cases: Iterable[Case]) -> None:
    counts: Counter[tuple[str, bool, Verdict]] = Counter(
        (case.what, case.is_fraud, assess(case.facts).verdict) for case in cases)
    for what, is_fraud in sorted({(what, label) for what, label, _ in counts}):
        row = {verdict: counts[what, is_fraud, verdict] for verdict in Verdict}
        print(f"{what:<22}{'fraud' if is_fraud else 'honest':<8}"
              + "  ".join(f"{verdict} {row[verdict]:>5}" for verdict in Verdict))


def figures(cases: Iterable[Case]) -> tuple[int, int, int, int, int]:
    """(fraud, caught, honest, honest asked for a card, honest who wait for a human)."""
    verdicts = [(case.is_fraud, assess(case.facts).verdict) for case in cases]
    fraud = [verdict for is_fraud, verdict in verdicts if is_fraud]
    honest = [verdict for is_fraud, verdict in verdicts if not is_fraud]
    return (len(fraud), sum(v is not Verdict.PASS for v in fraud), len(honest),
            sum(v is Verdict.VERIFY for v in honest), sum(v is Verdict.HUMAN for v in honest))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
