"""What people must be told later: a row in the outbox, written with its cause."""
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from config.texts import Reply, to_json
from handlers.links import track_url
from models.base import Session
from models.outbox import debt, owe, owe_all

Prefer = Literal["template", "chat"]
ON_THE_WAY: Final = frozenset({"paid", "progress", "delayed", "arrived"})


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing for one person to hear.

    `template`: the kind in config/notices.toml, with `facts` for its fields; None: chat only.
    `chat`: the same as a customer-service message; None: template only.
    `prefer`: which of the two when both could go. A notice with a template must arrive; one
    without gives way when WeChat's quota is short. `url`: what a template opens when tapped.
    """

    person_id: int
    key: str  # names the fact: the same key twice is one notice
    template: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    chat: Reply | None = None
    prefer: Prefer = "template"
    url: str | None = None
    good_until: datetime | None = None  # afterwards it is no longer worth saying
    only_while: Collection[str] = ()  # states of its order in which it is still true; (): any
    revision: int | None = None  # of the order's quote that it speaks of; None: of any


def tell(session: Session, notice: Notice, *, now: datetime, order_id: int | None = None,
         due_at: datetime | None = None) -> None:
    """Owe somebody a notice. What it says is sealed until it is sent, then erased."""
    owe(session, **_owed(session, notice, now=now, order_id=order_id, due_at=due_at))


def tell_all(session: Session, notices: Iterable[tuple[Notice, int | None]], *,
             now: datetime) -> None:
    """As `tell`, for many (notice, order id) at once."""
    owe_all(session, [debt(**_owed(session, notice, now=now, order_id=order_id))
                      for notice, order_id in notices])


def _owed(session: Session, notice: Notice, *, now: datetime, order_id: int | None,
          due_at: datetime | None = None) -> dict[str, Any]:
    words = {"facts": dict(notice.facts), "chat": notice.chat and to_json(notice.chat)}
    return {
        "kind": "notice", "key": f"notice:{notice.key}:{notice.person_id}", "now": now,
        "order_id": order_id, "due_at": due_at, "words": json.dumps(words, ensure_ascii=False),
        "payload": {
            "person_id": notice.person_id, "template": notice.template, "prefer": notice.prefer,
            "url": notice.url or _opens(session, notice, order_id, now),
            "only_while": sorted(notice.only_while), "revision": notice.revision,
            "good_until": notice.good_until.isoformat() if notice.good_until else None}}


def _opens(session: Session, notice: Notice, order_id: int | None, now: datetime) -> str | None:
    """「查看详情」 under what is told of an order on its way leads to its live page."""
    if order_id is None or notice.template not in ON_THE_WAY:
        return None
    return track_url(session, order_id, now=now)
