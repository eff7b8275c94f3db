"""Keep WeChat's tags on people as their roles are, so that phones show the right menu.

Idempotent: a job sets what is true when it runs, and runs again if that changed meanwhile.
"""
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from config.menus import ROLES, TAGS
from gateways.errors import Refused, Unreachable
from gateways.wechat import WeChat
from handlers.roles import difference, owe_tags, roles_of
from models.base import Session, Sessions
from models.outbox import Outbox
from models.person import Person
from workers.doors import wechat_of

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 50  # WeChat's limit for one call
NOT_THERE = {40003, 49003}  # somebody among them does not follow the account


@dataclass(frozen=True, slots=True)
class Task:
    """Role → openids, in the order of ROLES: who has lost it, has won it, or has had it all the
    while but must get its tag anew, because it shall come after the one that was won.

    `roles`: who had which when this was looked up.
    """

    wechat: WeChat
    app_id: str
    lost: dict[str, list[str]]
    won: dict[str, list[str]]
    anew: dict[str, list[str]]
    roles: dict[str, set[int]]


def pay(outbox_id: int, *, now: datetime) -> None:
    with Sessions.begin() as session:
        task = _begin(session, outbox_id, now)
    if task is None:
        return
    try:
        _set_tags(task)
        outcome = "delivered"
    except Unreachable as error:
        _leave(outbox_id, str(error), now)
        return
    except Refused as refusal:
        log.warning("tags.refused", app=task.app_id, why=str(refusal))
        outcome = f"refused: {refusal.code}"
    with Sessions.begin() as session:
        _end(session, outbox_id, task, outcome, now)


def _begin(session: Session, outbox_id: int, now: datetime) -> Task | None:
    debt = Outbox.take_up(session, outbox_id, now)
    if debt is None:
        return None
    app_id, changed = debt.payload["app_id"], debt.payload["changed"]
    people = {person_id for ids in changed.values() for person_id in ids}
    roles = roles_of(session, people)
    openids = {person.id: person.openid for person in session.query(Person).where(
        Person.id.in_(people), Person.is_following)}
    def of(chosen: dict[str, set[int]]) -> dict[str, list[str]]:
        return {role: found for role in ROLES if (found := [
            openids[person_id] for person_id in sorted(chosen[role]) if person_id in openids])}

    touched = {role: set(changed.get(role, ())) for role in ROLES}
    lower = {role: set().union(*(touched[r] & roles[r] for r in ROLES[:place]))
             for place, role in enumerate(ROLES)}
    return Task(
        wechat_of(session, app_id), app_id,
        lost=of({role: touched[role] - roles[role] for role in ROLES}),
        won=of({role: touched[role] & roles[role] for role in ROLES}),
        anew=of({role: (lower[role] & roles[role]) - touched[role] for role in ROLES}),
        roles=roles)


def _set_tags(task: Task) -> None:
    known = task.wechat.tags()
    for role, openids in task.lost.items():
        if TAGS[role] in known:
            _in_batches(task.wechat.untag, known[TAGS[role]], openids)
    for role in ROLES:
        won, anew = task.won.get(role, []), task.anew.get(role, [])
        if not (won or anew):
            continue
        tag_id = known.get(TAGS[role]) or task.wechat.ensure_tag(TAGS[role])
        _in_batches(task.wechat.untag, tag_id, anew)
        _in_batches(task.wechat.tag, tag_id, won + anew)


def _in_batches(act: Callable[[int, list[str]], None], tag_id: int, openids: list[str]) -> None:
    """All of them; where one does not follow, WeChat refuses the lot, so then one by one."""
    for start in range(0, len(openids), MOST_AT_ONCE):
        batch = openids[start:start + MOST_AT_ONCE]
        try:
            act(tag_id, batch)
        except Refused as refusal:
            if refusal.code not in NOT_THERE:
                raise
            if len(batch) > 1:
                for openid in batch:
                    _in_batches(act, tag_id, [openid])


def _end(session: Session, outbox_id: int, task: Task, outcome: str, now: datetime) -> None:
    debt = session.get_one(Outbox, outbox_id, with_for_update=True)
    if debt.settled_at is not None:
        return
    debt.settle(outcome, now)
    people = {person_id for ids in debt.payload["changed"].values() for person_id in ids}
    owe_tags(session, task.app_id, difference(task.roles, roles_of(session, people)), now=now)


def _leave(outbox_id: int, why: str, now: datetime) -> None:
    log.info("tags.left", outbox=outbox_id, why=why)
    with Sessions.begin() as session:
        session.get_one(Outbox, outbox_id, with_for_update=True).give_up_if_hopeless(why, now)
