"""Two books compared, ours and WeChat Pay's. Pure: lists of movements in, differences out."""
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"
    TRANSFER = "transfer"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Moved:
    """Money that moved, by our own number for it. `amount_fen` is what WeChat Pay got (+) or
    gave (-); `wechat_number` is empty where a bill does not say it."""

    kind: Kind
    number: str
    amount_fen: int
    wechat_number: str = ""


class Wrong(StrEnum):
    NOT_OURS = "not ours"          # WeChat Pay knows it, we do not
    NOT_BOOKED = "not booked"      # ours, but we believe that it has not moved
    NOT_THEIRS = "not theirs"      # we booked it, WeChat Pay knows nothing of it
    AMOUNT = "another amount"
    NUMBER = "another WeChat number"
    TWICE = "twice"
    NO_FLOW = "no fund flow"       # the trade bill has it, the fund-flow bill does not
    NO_TRADE = "not in trade bill"
    FEE = "another fee"            # `ours`: the trade bill's; the other: the fund-flow bill's


@dataclass(frozen=True, slots=True)
class Difference:
    wrong: Wrong
    kind: Kind
    number: str
    ours_fen: int | None
    theirs_fen: int | None


Number = tuple[Kind, str]
ALL_FEES: Final = "all fees"


@dataclass(frozen=True, slots=True)
class Bills:
    """What WeChat Pay's two kinds of bills have, and its fee: `traded` in fen with parts of one,
    `flowed` in fen as it was charged; both negative where a fee was given back."""

    traded: Mapping[Number, Decimal]
    flowed: Mapping[Number, int]


def apart(due: Iterable[Moved], bills: Bills) -> list[Difference]:
    """Where the two bills tell different stories of what we booked.

    A transfer is in the fund-flow bill alone; a refund stands in the trade bill of the day on which
    it was asked for, which may be another one. What is in neither is found by `differences`.
    Where no fee was charged at all, that is one difference.
    """
    has_fees, uncharged, found = any(bills.flowed.values()), 0, []
    for mine in due:
        number = (mine.kind, mine.number)
        fee, charged = bills.traded.get(number), bills.flowed.get(number)
        if fee is not None and charged is None:
            found.append(Difference(Wrong.NO_FLOW, *number, mine.amount_fen, None))
        elif fee is None and charged is not None and mine.kind is Kind.PAYMENT:
            found.append(Difference(Wrong.NO_TRADE, *number, mine.amount_fen, None))
        elif fee is not None and charged is not None and not has_fees:
            uncharged += _whole(fee)
        elif fee is not None and charged is not None and abs(fee - charged) >= 1:
            found.append(Difference(Wrong.FEE, *number, -_whole(fee), -charged))
    if uncharged:
        found.append(Difference(Wrong.FEE, Kind.OTHER, ALL_FEES, -uncharged, 0))
    return found


def _whole(fen: Decimal) -> int:
    return int(fen.quantize(Decimal(1), ROUND_HALF_UP))


def differences(theirs: Iterable[Moved], booked: Iterable[Moved], *, due: Iterable[Moved],
                known: Iterable[tuple[Kind, str]]) -> list[Difference]:
    """What does not agree, in the order of the bill, then what the bill lacks.

    `booked`: what we booked under any number of the bill, whenever that was. `due`: what we
    booked as of the bill's own day, so the bill must have it. `known`: numbers of ours, booked or
    not.
    """
    theirs, ours, numbers = list(theirs), {(b.kind, b.number): b for b in booked}, set(known)
    found = []
    for told in theirs:
        mine = ours.get((told.kind, told.number))
        if wrong := _wrong(told, mine, (told.kind, told.number) in numbers):
            found.append(Difference(wrong, told.kind, told.number,
                                    mine.amount_fen if mine else None, told.amount_fen))
    times = Counter((told.kind, told.number) for told in theirs)
    found += [Difference(Wrong.TWICE, kind, number, None, None)
              for (kind, number), count in times.items() if count > 1]
    found += [Difference(Wrong.NOT_THEIRS, mine.kind, mine.number, mine.amount_fen, None)
              for mine in due if (mine.kind, mine.number) not in times]
    return found


def _wrong(told: Moved, mine: Moved | None, is_known: bool) -> Wrong | None:
    if mine is None:
        return Wrong.NOT_BOOKED if is_known else Wrong.NOT_OURS
    if mine.amount_fen != told.amount_fen:
        return Wrong.AMOUNT
    if told.wechat_number and mine.wechat_number and told.wechat_number != mine.wechat_number:
        return Wrong.NUMBER
    return None
