"""Everything that was said between the simulator and the service, in order."""
import json
import threading
from collections import deque
from typing import Any

KEPT = 5000
LONGEST = 20_000  # characters of one body


class Journal:
    """Entries are dicts: seq, at (epoch s), kind ("call", "push", "notify") and that kind's own."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._seq = 0
        self._lock = threading.Lock()

    def write(self, kind: str, at: float, **what: Any) -> None:
        with self._lock:
            self._seq += 1
            self._entries.append({"seq": self._seq, "at": at, "kind": kind, **what})

    def entries(self, after: int = 0) -> list[dict[str, Any]]:
        with self._lock:
            return [entry for entry in self._entries if entry["seq"] > after]

    def calls(self, path: str) -> list[dict[str, Any]]:
        """The calls that were heard at an API path, oldest first."""
        return [e for e in self.entries() if e["kind"] == "call" and e["path"] == path]

    def pushes(self, msg_type: str | None = None) -> list[dict[str, Any]]:
        """The pushes that were made; `msg_type` as in faults: "text", "event/CLICK"."""
        return [e for e in self.entries()
                if e["kind"] == "push" and msg_type in (None, e["msg_type"])]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


def readable(body: bytes) -> Any:
    """A body as the journal shows it: JSON decoded, other text as it is, binary by its size."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return f"<{len(body)} bytes>"
    try:
        return json.loads(text)
    except ValueError:
        return text[:LONGEST]
