"""The world's clock, and what falls due by it: resends, refunds that settle, send reports."""
import heapq
import itertools
import threading
import time
from collections.abc import Callable


class Schedule:
    """A clock that can be advanced, and one thread that starts each job when its moment comes.

    Every job runs in a thread of its own, since it may wait five seconds for an answer.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._offset = clock, 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = itertools.count()
        self._running = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def now(self) -> float:
        """Seconds since the epoch, by this world."""
        return self._clock() + self._offset

    @property
    def offset_s(self) -> float:
        return self._offset

    def advance(self, seconds: float) -> None:
        with self._changed:
            self._offset += seconds
            self._changed.notify_all()

    def after(self, seconds: float, job: Callable[[], None]) -> None:
        """Run `job` once that much of the world's time has passed."""
        with self._changed:
            heapq.heappush(self._due, (self.now() + seconds, next(self._serial), job))
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._watch, daemon=True, name="schedule")
                self._thread.start()
            self._changed.notify_all()

    def settle(self, within_s: float = 10.0, ahead_s: float = 0.0) -> bool:
        """Wait until nothing is running and nothing is due in the next `ahead_s` of world time.

        False when that did not happen within `within_s` real seconds.
        """
        deadline = time.monotonic() + within_s
        with self._changed:
            while self._running or (self._due and self._due[0][0] <= self.now() + ahead_s):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, 0.05))
            return True

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify_all()

    def _watch(self) -> None:
        while (job := self._next()) is not None:
            threading.Thread(target=self._run, args=(job,), daemon=True, name="due").start()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._closed:
                wait = self._due[0][0] - self.now() if self._due else None
                if wait is not None and wait <= 0:
                    self._running += 1
                    return heapq.heappop(self._due)[2]
                self._changed.wait(min(wait, 60.0) if wait is not None else None)
            return None

    def _run(self, job: Callable[[], None]) -> None:
        try:
            job()
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()
