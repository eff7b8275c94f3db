"""Who is speaking: the person, and every hat they wear on this campus."""
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import select

from models.base import Session
from models.campus import Campus
from models.group_order import SavedGroup
from models.order import Order
from models.person import Person
from models.rider import Offer, OfferState, Rider
from models.rules.risk import Risk
from models.shop import ShopOwner


@dataclass(frozen=True)
class Speaker:
    """`person` is locked by the turn; hats are looked up when first asked for."""

    session: Session
    person: Person
    campus: Campus

    @classmethod
    def with_hats(cls, session: Session, person: Person, campus: Campus, *,
                  shop_ids: Iterable[int], rides: bool, has_groups: bool) -> "Speaker":
        """One whose hats are known already, the rider's row aside."""
        speaker = cls(session, person, campus)
        speaker.__dict__["shop_ids"] = frozenset(shop_ids)
        if not rides:
            speaker.__dict__["rider"] = None
        if not has_groups:
            speaker.__dict__["saved_groups"] = []
        return speaker

    @cached_property
    def rider(self) -> Rider | None:
        return Rider.of_person(self.session, self.person.id)

    @cached_property
    def shop_ids(self) -> frozenset[int]:
        return frozenset(ShopOwner.shop_ids_of(self.session, self.person.id))

    @cached_property
    def offer(self) -> Offer | None:
        """The offer that is held out to this rider now."""
        if self.rider is None:
            return None
        query = select(Offer).filter_by(rider_id=self.rider.id, state=OfferState.OPEN)
        return self.session.scalars(query).one_or_none()

    @cached_property
    def carrying(self) -> list[Order]:
        return Order.carried_by(self.session, self.rider.id) if self.rider else []

    @cached_property
    def saved_groups(self) -> list[SavedGroup]:
        """The groups that they keep under a name."""
        return SavedGroup.of_owner(self.session, self.person.id)

    @cached_property
    def weighed(self) -> dict[tuple[Any, ...], Risk]:
        """What handlers/risk.py found in this turn."""
        return {}

    def clock(self, at: datetime) -> str:
        """12:30 on the campus's own clock."""
        return f"{at.astimezone(self.campus.zone):%H:%M}"
