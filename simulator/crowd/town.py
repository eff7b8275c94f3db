"""What the crowd shares: a campus to live on, a till, a counter, doors, and the time."""
import json
import queue
import random
import threading
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.crowd.student import Student

WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))
CHINA_S = 8 * 3600


@dataclass(frozen=True, slots=True)
class Cast:
    """Who comes, by name. `fewest`: one student, one cook and one rider."""

    students: tuple[str, ...]
    merchants: tuple[str, ...]
    riders: tuple[str, ...]
    operator: str = WORDS["names"]["operator"][0]  # beside them, to decide what people must

    @property
    def size(self) -> int:
        return len(self.students) + len(self.merchants) + len(self.riders)


FEWEST = 3


def cast(people: int) -> Cast:
    """`people` names, the same ones for the same number: a fifth rides, a tenth cooks."""
    if people < FEWEST:
        raise ValueError(f"a crowd has {FEWEST} people at least")
    riders, merchants = max(1, people // 5), max(1, people // 10)
    return Cast(_names("student", people - riders - merchants), _names("merchant", merchants),
                _names("rider", riders))


def _names(role: str, count: int) -> tuple[str, ...]:
    known: list[str] = WORDS["names"][role]
    return tuple(
        known[n] if n < len(known) else WORDS["names"]["again"].format(
            name=known[n % len(known)], number=n // len(known) + 1) for n in range(count))


@dataclass
class Town:
    """Safe for threads. `say` prints one line of what happens. `hurry`: how much quicker than
    usual everybody is."""

    sim_url: str
    campus: dict[str, Any]
    shops: list[dict[str, Any]]  # those whose cooks are here
    until: float  # of the monotonic clock: by then everybody goes home
    seed: int = 0
    say: Callable[[str], None] = lambda line: None
    counter: set[str] = field(default_factory=set)  # codes whose food stands there
    students: "list[Student]" = field(default_factory=list)
    invitations: "queue.SimpleQueue[str]" = field(default_factory=queue.SimpleQueue)
    over: threading.Event = field(default_factory=threading.Event)
    _buyers: dict[str, "list[Student]"] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_closing(self) -> bool:
        """Late: whoever has not paid, or waits for nothing, goes home."""
        return time.monotonic() > self.until or self.over.is_set()

    def chance(self, name: str) -> random.Random:
        return random.Random(f"{self.seed} {name}")

    def ordered(self, code: str, student: "Student") -> None:
        with self._lock:
            buyers = self._buyers.setdefault(code, [])
            if student not in buyers:
                buyers.append(student)

    def buyers(self, code: str) -> "list[Student]":
        """Who stands at the door for this order, or for this group."""
        with self._lock:
            return list(self._buyers.get(code, ()))

    def friend_of(self, student: "Student") -> "Student":
        """Somebody who is still here, if anybody else is."""
        others = [s for s in self.students if s is not student]
        here = [s for s in others if not s.is_done]
        return self.chance(f"{student.name}'s friend").choice(here or others or [student])

    def invitation(self) -> str | None:
        """The scene of a code that somebody shows around, taken by whoever comes next."""
        try:
            return self.invitations.get_nowait()
        except queue.Empty:
            return None

    def dorms(self) -> list[dict[str, Any]]:
        return [place for place in self.campus["places"] if place["kind"] == "dorm"]

    def clock_in(self, minutes: int) -> str:
        """HH:MM on the campus, so many minutes from now."""
        return time.strftime("%H:%M", time.gmtime(time.time() + CHINA_S + minutes * 60))


def read_campus(path: str) -> dict[str, Any]:
    return dict(json.loads(Path(path).read_text("utf-8")))
