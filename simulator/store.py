"""Keeps the world's records in one sqlite file, so that a restarted simulator knows its people."""
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any


class Store:
    """Rows (kind, key, JSON). The world's lock guards every call. Without a path: keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False) if path else None
        if self._db:
            self._db.isolation_level = None
            self._db.executescript(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
                "CREATE TABLE IF NOT EXISTS kept (kind TEXT, key TEXT, value TEXT, at INTEGER"
                " PRIMARY KEY AUTOINCREMENT, UNIQUE (kind, key))")

    def put(self, kind: str, key: str, record: Any) -> None:
        """Keep `record` (a dataclass or plain JSON), over what was kept under the same key."""
        if self._db is None:
            return
        plain = asdict(record) if hasattr(record, "__dataclass_fields__") else record
        self._db.execute(
            "INSERT INTO kept (kind, key, value) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
            (kind, key, json.dumps(plain, ensure_ascii=False)))

    def drop(self, kind: str, key: str) -> None:
        if self._db is not None:
            self._db.execute("DELETE FROM kept WHERE kind = ? AND key = ?", (kind, key))

    def all(self, kind: str) -> Iterator[tuple[str, Any]]:
        """Every (key, value) of a kind, in the order they were first kept."""
        if self._db is None:
            return
        for key, value in self._db.execute(
                "SELECT key, value FROM kept WHERE kind = ? ORDER BY at", (kind,)).fetchall():
            yield key, json.loads(value)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
