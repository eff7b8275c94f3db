"""Who somebody is to us, and what WeChat's tags owe to a change of it.

A tag chooses the menu that a phone shows (config/menus.py). It is set by a job, which looks again
at what is true when it runs; here stands only whose roles have changed.
"""
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select

from config.menus import ROLES
from models.base import Session
from models.outbox import owe
from models.person import Person
from models.rider import Rider, RiderStatus
from models.shop import Shop, ShopOwner

KIND = "tags"


def roles_of(session: Session, person_ids: Collection[int]) -> dict[str, set[int]]:
    """For each role, who of these people has it. Everybody may eat, so all are students."""
    ids = list(person_ids)
    riders = select(Rider.person_id).where(
        Rider.person_id.in_(ids), Rider.status == RiderStatus.APPROVED)
    owners = select(ShopOwner.person_id).join(Shop, Shop.id == ShopOwner.shop_id).where(
        ShopOwner.person_id.in_(ids), Shop.is_listed)
    return {"student": set(ids), "rider": set(session.scalars(riders)),
            "merchant": set(session.scalars(owners))}


def owe_tags(session: Session, app_id: str, changed: Mapping[str, Collection[int]], *,
             now: datetime) -> None:
    """These people's roles are not what WeChat knows: one debt for all of them."""
    people = {role: sorted(changed[role]) for role in ROLES if changed.get(role)}
    if not people:
        return
    first = next(iter(people.values()))[0]
    owe(session, KIND, key=f"tags:{app_id}:{first}:{now.isoformat()}", now=now,
        payload={"app_id": app_id, "changed": people})


def owe_tags_of(session: Session, person: Person, *, now: datetime) -> None:
    """All tags of one person: WeChat forgets them when somebody stops following."""
    held = roles_of(session, [person.id])
    owe_tags(session, person.app_id, held, now=now)


def difference(before: Mapping[str, set[int]],
               after: Mapping[str, set[int]]) -> dict[str, set[int]]:
    """For each role, who has won or lost it."""
    return {role: before.get(role, set()) ^ after.get(role, set()) for role in ROLES}
