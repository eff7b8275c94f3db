"""What the next words of a person are heard against. Kept in Postgres with the person."""
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from models.person import Person

FORGOTTEN_AFTER = timedelta(minutes=30)


def ask(person: Person, pending: str, *, now: datetime, order_id: int | None = None,
        choices: Sequence[str] = (), **more: Any) -> None:
    """Remember the question that was just put; it replaces an older one.

    `choices` are the words that answering 1, 2, 3 stands for.
    """
    person.dialogue = {"pending": pending, "order_id": order_id, "asked_at": now.isoformat(),
                       "choices": list(choices), **more}


def clear(person: Person) -> None:
    person.dialogue = {}


def pending(person: Person, *, now: datetime) -> dict[str, Any]:
    """The open question, or {} when there is none or it was long ago."""
    asked = person.dialogue.get("asked_at")
    if not asked or now - datetime.fromisoformat(asked) > FORGOTTEN_AFTER:
        return {}
    return person.dialogue


def count_miss(person: Person, *, now: datetime) -> int:
    """One more message in a row that was not understood; how many now."""
    misses = int(person.dialogue.get("misses", 0)) + 1
    person.dialogue = {**person.dialogue, "misses": misses}
    return misses


def number(person: Person, words: Sequence[str]) -> None:
    """Remember what 1, 2, 3 stand for, beside the question that is open."""
    person.dialogue = {**person.dialogue, "numbered": list(words)}


def numbered(person: Person, said: str) -> str | None:
    """The words that this number stands for, if some were numbered just now."""
    words = person.dialogue.get("numbered", [])
    return words[int(said) - 1] if said.isdecimal() and 1 <= int(said) <= len(words) else None


def hush(person: Person, *, now: datetime) -> None:
    """Remember that this person was just asked to slow down."""
    person.dialogue = {**person.dialogue, "hushed_at": now.isoformat()}


def hushed_since(person: Person, since: datetime) -> bool:
    at = person.dialogue.get("hushed_at")
    return at is not None and datetime.fromisoformat(at) > since


def understood(person: Person) -> None:
    if person.dialogue.get("misses"):
        person.dialogue = {k: v for k, v in person.dialogue.items()
                           if k not in ("misses", "numbered")}
