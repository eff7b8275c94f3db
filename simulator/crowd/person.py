"""A virtual person: reads what the phone shows, thinks for a moment, and taps or types."""
import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from simulator.crowd.bubble import Bubble, Tap, read
from simulator.crowd.phone import Phone, PhoneTrouble
from simulator.crowd.town import WORDS, Town

LOOK_S = 0.3
AGAIN_S = 3.0


class Person:
    """One thread each. `hear` decides, `later` does it after a while; every deed is done once."""

    role = "other"

    def __init__(self, town: Town, name: str) -> None:
        self.town, self.name = town, name
        self.chance = town.chance(name)
        self.phone = Phone(town.sim_url, name, self.role)
        self.news: queue.SimpleQueue[Bubble] = queue.SimpleQueue()
        self.is_done = False
        self.awaits_money = False  # the lunch is not over before it has come
        self._plans: list[tuple[float, int, Callable[[], object]]] = []
        self._serial = itertools.count()
        self._done_once: set[str] = set()
        self.thread = threading.Thread(target=self._live, name=name, daemon=True)

    def arrive(self) -> None:
        raise NotImplementedError

    def hear(self, bubble: Bubble) -> None:
        raise NotImplementedError

    def _live(self) -> None:
        self._try(self.arrive)
        while not self.is_done and not self.town.over.is_set():
            try:
                bubble = self.news.get(timeout=self._wait_s())
                self._try(lambda: self.hear(bubble))  # noqa: B023 (done before the next one)
            except queue.Empty:
                self._do_due()

    def _wait_s(self) -> float:
        due_in = self._plans[0][0] - time.monotonic() if self._plans else LOOK_S
        return min(max(due_in, 0.01), LOOK_S)

    def _do_due(self) -> None:
        while self._plans and self._plans[0][0] <= time.monotonic():
            self._try(heapq.heappop(self._plans)[2])

    def _try(self, deed: Callable[[], object]) -> None:
        """What the net or a page spoils is tried again."""
        try:
            deed()
        except PhoneTrouble as trouble:
            self.town.say(f"{self.name}: {trouble}")
            self.later(deed, AGAIN_S, AGAIN_S)

    def later(self, deed: Callable[[], object], least_s: float, most_s: float) -> None:
        at = time.monotonic() + self.chance.uniform(least_s, most_s)
        heapq.heappush(self._plans, (at, next(self._serial), deed))

    def once(self, what: str) -> bool:
        """Whether this is the first time that `what` comes up."""
        is_first = what not in self._done_once
        self._done_once.add(what)
        return is_first

    def happens(self, share: float) -> bool:
        return self.chance.random() < share

    def words(self, kind: str, **told: Any) -> str:
        return str(self.chance.choice(WORDS[self.role][kind])).format(name=self.name, **told)

    def say(self, words: str, tap_id: str = "") -> Bubble:
        """Type it; what the account says at once is heard, and given back."""
        self.town.say(f"{self.name}: {words}")
        bubble = read(self.phone.say(words, tap_id))
        if bubble.text:
            self.hear(bubble)
        return bubble

    def tap(self, tap: Tap) -> None:
        self.say(tap.content, tap.id)

    def tap_later(self, tap: Tap, least_s: float, most_s: float) -> None:
        """Tap these words in a while, unless they have been tapped before."""
        if self.once(f"tap {tap.content} {tap.id}"):
            self.later(lambda: self.tap(tap), least_s, most_s)
