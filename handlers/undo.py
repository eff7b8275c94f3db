"""Second thoughts within a minute: what was done last can be taken back (撤回)."""
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from models.person import Person

FOR: Final = timedelta(seconds=60)


def offer(person: Person, kind: str, *, now: datetime, order_id: int | None = None,
          **before: Any) -> None:
    """Remember what was done and how things stood before; only the last one can be undone.

    `kind` names the way back: see bot/routes/undo.py. `before` is plain JSON.
    """
    person.undo = {"kind": kind, "order_id": order_id, "until": (now + FOR).isoformat(), **before}


def take(person: Person, *, order_id: int | None, now: datetime) -> Mapping[str, Any] | None:
    """What can still be undone (for this order, if one is named), once; None if nothing can."""
    last = person.undo
    if not last or datetime.fromisoformat(last["until"]) < now:
        return None
    if order_id is not None and last["order_id"] != order_id:
        return None
    person.undo = {}
    return last


def together(person: Person, steps: Sequence[Mapping[str, Any]], *, now: datetime,
             code: str) -> None:
    """Several things that one word did are taken back by one word. `steps`: what each of them
    had left in `person.undo`; `code`: what the person calls them all."""
    if steps:
        offer(person, "together", now=now, steps=[dict(step) for step in steps], code=code)


def forget(person: Person) -> None:
    """What was done after it stands in the way of undoing it."""
    if person.undo:
        person.undo = {}
