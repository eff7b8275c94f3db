"""A short-lived credential that all processes share: fetched by one, read by all."""
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import LockError, RedisError
from redis.retry import Retry

EARLY_S: Final = 300  # WeChat hands out the next token during the last five minutes of the old
AGAIN_S: Final = 30  # what arrives with less than EARLY_S left is not asked for at every call
LOCK_S: Final = 15.0  # longer than two bounded fetches (the second may be a forced one)
WAIT_S: Final = 5.0
AWAY_S: Final = 5.0


def open_redis(url: str) -> Redis:
    """A Redis that is given up on quickly: what it keeps can be had elsewhere."""
    return Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1,
                          retry=Retry(NoBackoff(), 0))


@dataclass(frozen=True, slots=True)
class _Kept:
    value: str
    renew_at: float
    expires_at: float  # both epoch seconds


class SharedValue:
    """Kept in Redis under a lock; without Redis, in this process alone.

    `fetch(bad)` returns (value, seconds left); `bad` is a value that proved wrong before its
    time, or "". Whatever fetch raises is raised here. A Redis that fails is left alone for a
    while and costs one fetch a process, never the answer.
    """

    def __init__(self, name: str, fetch: Callable[[str], tuple[str, int]],
                 redis: Redis | None, now: Callable[[], datetime]) -> None:
        self._name = name
        self._fetch = fetch
        self._shelf = _Shelf(name, redis)
        self._now = now
        self._lock = threading.Lock()

    def get(self) -> str:
        """The value, good for a while yet. Near its end one caller fetches, the others go on."""
        kept = self._shelf.load()
        if kept and self._seconds_now() < kept.renew_at:
            return kept.value
        return self._renewed(kept, bad="")

    def renew(self, bad: str) -> str:
        """A value other than `bad`, which the neighbour has just refused."""
        return self._renewed(self._shelf.load(), bad)

    def _renewed(self, kept: _Kept | None, bad: str) -> str:
        usable = kept if kept and kept.value != bad else None
        if usable and usable.expires_at <= self._seconds_now():
            usable = None
        with self._turn(wait=usable is None) as mine:
            if usable and not mine:
                return usable.value
            there = self._shelf.load()
            if there and there.value != bad and self._seconds_now() < there.renew_at:
                return there.value
            return self._keep(*self._fetch(bad))

    def _keep(self, value: str, left_s: int) -> str:
        now = self._seconds_now()
        renew_at = now + max(left_s - EARLY_S, min(AGAIN_S, left_s / 2))
        self._shelf.keep(_Kept(value, renew_at, now + left_s), left_s)
        return value

    def _seconds_now(self) -> float:
        return self._now().timestamp()

    @contextmanager
    def _turn(self, *, wait: bool) -> Iterator[bool]:
        """Hold the turn to fetch. Yields False when another has it and we need not wait.

        Who has waited WAIT_S in vain goes ahead: two fetches are better than no answer.
        """
        held = self._lock.acquire(timeout=WAIT_S) if wait else self._lock.acquire(blocking=False)
        if not held and not wait:
            yield False
            return
        try:
            with self._shelf.locked(wait=wait) as mine:
                yield mine
        finally:
            if held:
                self._lock.release()


class _Shelf:
    """Where the value lies: in Redis, and a copy here for when Redis is away."""

    def __init__(self, name: str, redis: Redis | None) -> None:
        self._name = name
        self._redis = redis
        self._copy: _Kept | None = None
        self._away_until = 0.0  # of the monotonic clock

    def load(self) -> _Kept | None:
        redis = self._reachable()
        if redis is None:
            return self._copy
        try:
            stored: Any = redis.get(self._name)
            return _Kept(**json.loads(stored)) if stored else None
        except RedisError:
            self._leave_alone()
            return self._copy
        except (ValueError, TypeError):
            return None

    def keep(self, kept: _Kept, left_s: int) -> None:
        self._copy = kept
        if redis := self._reachable():
            try:
                redis.set(self._name, json.dumps(asdict(kept)), ex=max(left_s, 1))
            except RedisError:
                self._leave_alone()

    @contextmanager
    def locked(self, *, wait: bool) -> Iterator[bool]:
        """The turn among processes. Yields False when another has it and we need not wait."""
        lock, mine = None, False
        if redis := self._reachable():
            lock = redis.lock(f"{self._name}:lock", timeout=LOCK_S, sleep=0.05,
                              blocking_timeout=WAIT_S)
            try:
                mine = bool(lock.acquire(blocking=wait))
            except RedisError:
                self._leave_alone()
                lock = None
        try:
            yield mine or wait or lock is None
        finally:
            if lock is not None and mine:
                with suppress(LockError, RedisError):
                    lock.release()

    def _reachable(self) -> Redis | None:
        return self._redis if time.monotonic() >= self._away_until else None

    def _leave_alone(self) -> None:
        self._away_until = time.monotonic() + AWAY_S
