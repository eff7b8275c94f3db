"""How often something was done within a while: counted in Redis for all processes together."""
import threading
import time
from collections import OrderedDict
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

AWAY_S: Final = 5.0
MOST_KEPT: Final = 10_000


class Counter:
    """Counts of fixed windows. Without Redis each process counts for itself, which lets through
    somewhat more; what is counted here is a convenience, never a promise. Safe for threads."""

    def __init__(self, redis: Redis | None) -> None:
        self._redis = redis
        self._away_until = 0.0  # of the monotonic clock
        self._own: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def hit(self, name: str, *, per_s: int, now_s: float) -> tuple[int, int]:
        """Count once more: (how often in this window, seconds until the next one begins)."""
        window, into = divmod(int(now_s), per_s)
        key = f"count:{name}:{per_s}:{window}"
        return self._count(key, per_s), per_s - into

    def _count(self, key: str, per_s: int) -> int:
        if self._redis is not None and time.monotonic() >= self._away_until:
            try:
                pipe: Any = self._redis.pipeline()
                pipe.incr(key).expire(key, per_s + 1)
                return int(pipe.execute()[0])
            except RedisError:
                self._away_until = time.monotonic() + AWAY_S
        with self._lock:
            self._own[key] = self._own.get(key, 0) + 1
            self._own.move_to_end(key)
            while len(self._own) > MOST_KEPT:
                self._own.popitem(last=False)
            return self._own[key]
