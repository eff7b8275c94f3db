"""When a search must end early: work bounds it, and a clock that only the caller has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Hurry = Callable[[], bool]  # asked between steps; True: answer with the best there is so far
CAP_S = 1.0


def patient() -> bool:
    """No clock at all: the answer depends on nothing but the arguments."""
    return False


@dataclass(slots=True)
class Deadline:
    """At most so many seconds a decision; `met` counts the decisions that it cut short."""

    timer: Callable[[], float]
    seconds: float = CAP_S
    met: int = 0
    _until: float = float("inf")
    _said: bool = False

    def begin(self) -> None:
        """A decision begins now."""
        self._until, self._said = self.timer() + self.seconds, False

    def __call__(self) -> bool:
        is_late = self.timer() > self._until
        self.met += is_late and not self._said
        self._said = self._said or is_late
        return is_late
