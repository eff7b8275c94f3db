"""积分: how many an order brings and how many it may cost. Pure; a point is worth a fen."""
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PointRules:
    """The campus file's `points`. `percent_back`: of what was paid. `most_percent`: of the dishes,
    after what the offers take off, that may be paid with points."""

    percent_back: int = 1
    most_percent: int = 50

    @classmethod
    def of(cls, campus_file: Mapping[str, Any]) -> "PointRules | None":
        """None: this campus gives no points."""
        said = campus_file.get("points")
        return None if said is None else cls(**said)

    def earned(self, paid_fen: int) -> int:
        """What was paid brings so many; a broken point is dropped."""
        return max(0, paid_fen) * self.percent_back // 100

    def usable(self, balance: int, *, dishes_fen: int, payable_fen: int) -> int:
        """So many may go into an order; something is always left to pay.

        `dishes_fen`: after the offers. `payable_fen`: of the whole order without points.
        """
        return max(0, min(balance, dishes_fen * self.most_percent // 100, payable_fen - 1))


def share(points: int, part_fen: int, whole_fen: int) -> int:
    """The part of an order's points that goes with a part of its money, rounded down."""
    return points * min(part_fen, whole_fen) // whole_fen if whole_fen > 0 else 0
