"""What is known of a call for help, and what is still to be done about it. Pure.

An alarm is facts that are each set once and never changed: two copies of it (a file beside the web
process, a row in the database) are merged in any order, any number of times, with one result.
"""
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

LASTS: Final = timedelta(hours=2)
SILENCE_LASTS: Final = timedelta(hours=1)
FIRST_CALLED: Final = 2                      # people who are called at once
NEXT_AFTER: Final = timedelta(seconds=60)    # nobody has confirmed: one more is called
MOST_RINGS: Final = 5                        # calls to one person
LISTENED_FOR: Final = timedelta(minutes=10)  # what is said meanwhile is passed on
HONEST_AFTER: Final = timedelta(seconds=20)  # nobody could be called: say so

Facts = dict[str, Any]


def merge(one: Mapping[str, Any], other: Mapping[str, Any]) -> Facts:
    """Both, fact by fact; where they differ, the smaller: of two times the earlier."""
    merged: Facts = dict(one)
    for name, value in other.items():
        mine = merged.get(name)
        if isinstance(mine, Mapping) and isinstance(value, Mapping):
            merged[name] = merge(mine, value)
        elif mine is None:
            merged[name] = value
        elif value is not None:
            merged[name] = min(mine, value, key=lambda fact: (isinstance(fact, Mapping), str(fact)))
    return merged


@dataclass(frozen=True, slots=True)
class Note:
    """Something to be said to somebody. `ring`: the call itself, which a template carries too."""

    id: str
    to: str
    words: Mapping[str, Any]  # a Reply as JSON
    at: datetime
    is_ring: bool


@dataclass(frozen=True, slots=True)
class Alarm:
    facts: Facts = field(default_factory=dict)

    @classmethod
    def raised(cls, uid: str, ref: str, *, app_id: str, openid: str, words: str,
               now: datetime) -> "Alarm":
        """`uid` is nobody else's; `ref` (SOS-4821) is what people call it by."""
        return cls({"uid": uid, "ref": ref, "app_id": app_id, "openid": openid, "words": words,
                    "raised_at": now.isoformat()})

    @property
    def uid(self) -> str:
        return str(self.facts["uid"])

    @property
    def ref(self) -> str:
        return str(self.facts["ref"])

    @property
    def app_id(self) -> str:
        return str(self.facts["app_id"])

    @property
    def openid(self) -> str:
        return str(self.facts["openid"])

    @property
    def words(self) -> str:
        return str(self.facts["words"])

    @property
    def about(self) -> Mapping[str, str]:
        """What the database knew of the person: name, phone, place, order."""
        return dict(self.facts.get("about") or {})

    @property
    def raised_at(self) -> datetime:
        return datetime.fromisoformat(self.facts["raised_at"])

    @property
    def is_over(self) -> bool:
        return "over_at" in self.facts

    @property
    def seen(self) -> Mapping[str, datetime]:
        """Who has confirmed it, and when."""
        return {openid: datetime.fromisoformat(at)
                for openid, at in (self.facts.get("seen") or {}).items()}

    def is_open(self, now: datetime) -> bool:
        return not self.is_over and now - self.raised_at < LASTS

    def is_silent(self, now: datetime) -> bool:
        at = self.facts.get("silent_at")
        return at is not None and self.is_open(now) and (
            now - datetime.fromisoformat(at) < SILENCE_LASTS)

    def answer_to(self, key: str) -> str | None:
        """What was answered to the message with this key: its repeat hears the same."""
        answer = (self.facts.get("answers") or {}).get(key)
        return None if answer is None else str(answer)

    def with_(self, **facts: Any) -> "Alarm":
        """These facts as well; what is known already stays as it is."""
        return Alarm(_first(self.facts, facts))

    def noting(self, id_: str, to: str, words: Mapping[str, Any], *, now: datetime) -> "Alarm":
        """Something to say, once for each `id_`."""
        return self.with_(notes={id_: {"to": to, "words": dict(words), "at": now.isoformat()}})

    def notes(self) -> Iterator[Note]:
        """What is still to be said, in the order it came up."""
        waiting = [(note["at"], id_, note) for id_, note in (self.facts.get("notes") or {}).items()
                   if "sent" not in note and "failed" not in note]
        for at, id_, note in sorted(waiting, key=lambda each: each[:2]):
            yield Note(id_, note["to"], note["words"], datetime.fromisoformat(at),
                       id_.startswith("ring:"))

    def reached(self) -> list[str]:
        """Those on duty to whom WeChat has taken a call."""
        return sorted({note["to"] for id_, note in (self.facts.get("notes") or {}).items()
                       if id_.startswith("ring:") and "sent" in note})

    def rings_due(self, on_duty: Sequence[str], now: datetime) -> list[tuple[str, str]]:
        """(id, openid) of the calls that should have been begun by now, and were not.

        The first two at once; every minute without a confirmation one more, and round again.
        Whom WeChat will not let us call does not count: the next is called in their place.
        """
        if self.seen or not self.is_open(now) or not on_duty:
            return []
        notes = self.facts.get("notes") or {}
        rounds = int((now - self.raised_at) / NEXT_AFTER)
        wanted, due = min(FIRST_CALLED, len(on_duty)) + rounds, []
        for place in range(len(on_duty) * MOST_RINGS):
            openid = on_duty[place % len(on_duty)]
            id_ = f"ring:{openid}:{place // len(on_duty)}"
            if "failed" in notes.get(id_, {}):
                continue
            if wanted <= 0:
                break
            wanted -= 1
            if id_ not in notes:
                due.append((id_, openid))
        return due


def _first(known: Mapping[str, Any], more: Mapping[str, Any]) -> Facts:
    """`known`, and of `more` what it does not say."""
    facts: Facts = dict(known)
    for name, value in more.items():
        mine = facts.get(name)
        if isinstance(mine, Mapping) and isinstance(value, Mapping):
            facts[name] = _first(mine, value)
        elif mine is None:
            facts[name] = value
    return facts
