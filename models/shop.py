"""Shops, what they sell, and who may answer for them."""
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from math import ceil
from typing import Any, Protocol

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Select,
    String,
    UniqueConstraint,
    any_,
    bindparam,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship
from sqlalchemy.orm.util import identity_key

from models.base import Base
from models.campus import Place

DEFAULT_PREP_MINUTES = 12
DEFAULT_SLOT_CAP = 20  # pre-orders for one quarter-hour
DESK = "#desk"  # a key that no campus file may use


class Shop(Base):
    __tablename__ = "shops"
    __table_args__ = (UniqueConstraint("campus_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    campus_id: Mapped[int] = mapped_column(ForeignKey("campuses.id"))
    key: Mapped[str]
    name: Mapped[str]
    place_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))
    prep_minutes: Mapped[int] = mapped_column(default=DEFAULT_PREP_MINUTES)
    min_order_fen: Mapped[int] = mapped_column(default=0)
    slot_cap: Mapped[int] = mapped_column(default=DEFAULT_SLOT_CAP)
    hours: Mapped[Any | None] = mapped_column(JSONB)
    is_listed: Mapped[bool] = mapped_column(default=True)
    place: Mapped[Place | None] = relationship(lazy="joined")

    @classmethod
    def desk_of(cls, session: Session, campus_id: int, name: str) -> "Shop":
        """The campus's errand desk, made if absent: listed nowhere, answered for by nobody."""
        session.execute(insert(cls).values(
            campus_id=campus_id, key=DESK, name=name, prep_minutes=0, min_order_fen=0,
            is_listed=False).on_conflict_do_nothing())
        return session.scalars(select(cls).filter_by(campus_id=campus_id, key=DESK)).one()

    def owner_ids(self, session: Session) -> list[int]:
        """People who answer for this shop. Empty: the shop accepts orders by itself."""
        query = select(ShopOwner.person_id).filter_by(shop_id=self.id)
        return list(session.scalars(query.order_by(ShopOwner.person_id)))


class ShopOwner(Base):
    __tablename__ = "shop_owners"
    __table_args__ = (Index("ix_shop_owners_person_id", "person_id"),)

    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)

    @classmethod
    def shop_ids_of(cls, session: Session, person_id: int) -> list[int]:
        return list(session.scalars(select(cls.shop_id).filter_by(person_id=person_id)))


class Dish(Base):
    __tablename__ = "dishes"
    __table_args__ = (
        UniqueConstraint("campus_id", "key"),
        Index("ix_dishes_shop_id", "shop_id"),
        CheckConstraint("stock >= 0", name="stock_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    campus_id: Mapped[int] = mapped_column(ForeignKey("campuses.id"))
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    key: Mapped[str]
    name: Mapped[str]
    price_fen: Mapped[int]
    options: Mapped[list[str]]  # keys of the campus's options that this dish takes
    option_fen: Mapped[dict[str, Any]] = mapped_column(default=dict)  # its own surcharges
    stock: Mapped[int | None]  # None: as many as are wanted
    category: Mapped[str | None]
    sold_out_until: Mapped[datetime | None]
    is_listed: Mapped[bool] = mapped_column(default=True)
    shop: Mapped[Shop] = relationship(lazy="joined")

    def is_sold_out(self, now: datetime) -> bool:
        return self.stock == 0 or self.is_off_menu(now)

    def is_off_menu(self, now: datetime) -> bool:
        """The kitchen said so, whatever is reserved already."""
        return self.sold_out_until is not None and self.sold_out_until > now

    @classmethod
    def by_keys(cls, session: Session, campus_id: int, keys: set[str]) -> "dict[str, Dish]":
        held = {dish.key: dish for dish in session.identity_map.values()
                if isinstance(dish, cls) and dish.campus_id == campus_id and dish.key in keys
                and dish.is_listed}
        if len(held) < len(keys):
            asked = {"campus_id": campus_id, "keys": list(keys)}
            held = {dish.key: dish for dish in session.scalars(_by_keys(), asked)}
        return held


class NotEnough(Exception):
    """A dish has less left than was wanted; nothing was taken."""

    def __init__(self, name: str, left: int) -> None:
        super().__init__(f"{name}: {left} left")
        self.name, self.left = name, left


class Wanted(Protocol):
    """A line of an order, as far as stock is concerned."""

    @property
    def dish_id(self) -> int: ...
    @property
    def quantity(self) -> Decimal: ...


def take_stock(session: Session, lines: Iterable[Wanted]) -> dict[str, int]:
    """Reserve what the lines want, all or nothing: dish id → portions. Raises NotEnough.

    Dishes without a count are not in the result: what was never taken is never given back.
    Locks the dishes in the order of their ids, after the order: see design, lock order.
    """
    wanted = _portions(lines)
    if _none_is_counted(session, wanted):
        return {}
    counted = _locked(session, wanted)
    for dish in counted:
        if (dish.stock or 0) < wanted[dish.id]:
            raise NotEnough(dish.name, dish.stock or 0)
    for dish in counted:
        dish.stock = (dish.stock or 0) - wanted[dish.id]
    session.flush()
    return {str(dish.id): wanted[dish.id] for dish in counted}


def return_stock(session: Session, taken: Mapping[str, int]) -> None:
    """Give back what `take_stock` took; a dish that is no longer counted stays uncounted."""
    for dish in _locked(session, [int(dish_id) for dish_id in taken]):
        dish.stock = (dish.stock or 0) + taken[str(dish.id)]
    session.flush()


def less(taken: Mapping[str, int], dish_id: int, kept: Iterable[Wanted]) -> dict[str, int]:
    """What is still reserved when a line of this dish is cooked no more, as it ran out: what is
    not there is not given back. `kept`: the lines that stay."""
    left = _portions(line for line in kept if line.dish_id == dish_id).get(dish_id, 0)
    portions = {**taken, str(dish_id): min(taken.get(str(dish_id), 0), left)}
    return {key: count for key, count in portions.items() if count}


def _portions(lines: Iterable[Wanted]) -> dict[int, int]:
    wanted: dict[int, Decimal] = {}
    for line in lines:
        wanted[line.dish_id] = wanted.get(line.dish_id, Decimal(0)) + line.quantity
    return {dish_id: ceil(quantity) for dish_id, quantity in wanted.items()}


def _none_is_counted(session: Session, dish_ids: Iterable[int]) -> bool:
    """Whether this turn has seen that there are as many of each as are wanted."""
    held = (session.identity_map.get(identity_key(Dish, dish_id)) for dish_id in dish_ids)
    return all(dish is not None and dish.stock is None for dish in held)


def _locked(session: Session, dish_ids: Iterable[int]) -> list[Dish]:
    return list(session.scalars(_counted(), {"dish_ids": list(dish_ids)}))


# What turns ask all the time: made once a process.


@cache
def _by_keys() -> "Select[Dish]":
    return select(Dish).where(
        Dish.campus_id == bindparam("campus_id"),
        Dish.key == any_(bindparam("keys", type_=ARRAY(String))),
        Dish.is_listed).execution_options(autoflush=False)


@cache
def _counted() -> "Select[Dish]":
    query = select(Dish).where(Dish.id == any_(bindparam("dish_ids", type_=ARRAY(BigInteger))),
                               Dish.stock.is_not(None)).order_by(Dish.id)
    return query.with_for_update(of=Dish, key_share=True).execution_options(
        populate_existing=True)
