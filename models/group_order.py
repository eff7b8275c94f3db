"""Group orders (拼单): one trip, each with their own order, bag and bill.

Every member's dishes are an ordinary order with `group_id`; it waits, paid, until the group is
locked. Where the opener treats, the group is one order of the opener's and its lines say whose
bag they belong to. Locks: the person, then the group, then its orders by id.
"""
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Sequence,
    UniqueConstraint,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base
from models.campus import Place
from models.order import Order
from models.person import Person
from models.shop import Shop

CODE_KEPT_FOR = timedelta(days=7)
GROUP_SERIAL = Sequence("group_code_serial", metadata=Base.metadata)
HOW_MANY = 9999


class GroupState(StrEnum):
    OPEN = "open"
    LOCKED = "locked"        # the kitchen has it
    DISSOLVED = "dissolved"  # by the opener, or because nobody paid or nobody cooks


class GroupOrder(Base):
    """What the group orders from is one shop, or every window of a canteen.

    `lock_at`: when it locks by itself; past it nobody joins any more, though the lock may wait
    for WeChat Pay's word on who has paid. `lock_when`: so many have paid, and it locks at once.
    `delivery_fen`: of the whole trip, for fewer than `free_from` people.
    """

    __tablename__ = "group_orders"
    __table_args__ = (
        CheckConstraint("(shop_id IS NULL) <> (canteen_id IS NULL)", name="one_source"),
        Index("ix_group_orders_open", "lock_at", postgresql_where=text("state = 'open'")),
        Index("ix_group_orders_opener_id_id", "opener_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    campus_id: Mapped[int] = mapped_column(ForeignKey("campuses.id"))
    code: Mapped[str]
    opener_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    shop_id: Mapped[int | None] = mapped_column(ForeignKey("shops.id"))
    canteen_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id"))  # one drop-off for all
    state: Mapped[str] = mapped_column(default=GroupState.OPEN)
    version: Mapped[int] = mapped_column()
    is_treat: Mapped[bool] = mapped_column(default=False)  # the opener pays for all
    free_from: Mapped[int]
    delivery_fen: Mapped[int]
    lock_at: Mapped[datetime]
    lock_when: Mapped[int | None]
    created_at: Mapped[datetime]
    reminded_at: Mapped[datetime | None]
    locked_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    qr_url: Mapped[str | None]  # what WeChat's parametric code says

    opener: Mapped[Person] = relationship(foreign_keys=opener_id)
    shop: Mapped[Shop | None] = relationship()
    canteen: Mapped[Place | None] = relationship(foreign_keys=canteen_id)
    place: Mapped[Place] = relationship(foreign_keys=place_id)
    members: Mapped[list["GroupMember"]] = relationship(
        order_by="GroupMember.seat", lazy="selectin", cascade="all, delete-orphan")

    __mapper_args__ = {"version_id_col": version}

    @property
    def source(self) -> str:
        """The shop's or the canteen's name."""
        return self.shop.name if self.shop else self.canteen.name if self.canteen else ""

    @property
    def pickup(self) -> Place | None:
        return self.shop.place if self.shop else self.canteen

    @property
    def seated(self) -> "list[GroupMember]":
        return [member for member in self.members if member.left_at is None]

    def takes_more(self, now: datetime) -> bool:
        return self.state == GroupState.OPEN and now < self.lock_at

    def member(self, person_id: int) -> "GroupMember | None":
        return next((m for m in self.seated if m.person_id == person_id), None)

    def sells(self, shop: Shop) -> bool:
        return shop.id == self.shop_id if self.shop_id else shop.place_id == self.canteen_id

    @classmethod
    def lock(cls, session: Session, group_id: int) -> "GroupOrder":
        return session.scalars(
            select(cls).filter_by(id=group_id).with_for_update(of=cls)
            .execution_options(populate_existing=True)).one()

    @classmethod
    def by_code(cls, session: Session, code: str) -> "GroupOrder | None":
        """The group that goes by this code now, on whichever campus. Not locked."""
        query = select(cls).join(GroupCode, GroupCode.group_id == cls.id)
        return session.scalars(query.where(GroupCode.code == code.upper())).one_or_none()


class GroupMember(Base):
    """Somebody at the table. Who left and comes back sits where they sat before.

    `label`: what is written on the bag, a surname; None: the seat's number.
    """

    __tablename__ = "group_members"
    __table_args__ = (
        UniqueConstraint("group_id", "person_id"),
        UniqueConstraint("group_id", "seat"),
        Index("ix_group_members_person_id", "person_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("group_orders.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    seat: Mapped[int]
    label: Mapped[str | None]
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    person: Mapped[Person] = relationship()


class GroupCode(Base):
    """Which group goes by a code now. One list for all campuses: the page's address has no other
    name. A code is free again after seven days."""

    __tablename__ = "group_codes"

    code: Mapped[str] = mapped_column(primary_key=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("group_orders.id"), unique=True)
    taken_at: Mapped[datetime]


class SavedGroup(Base):
    """People who order together again and again, under a name their owner gave."""

    __tablename__ = "saved_groups"
    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    name: Mapped[str]
    shop_id: Mapped[int | None] = mapped_column(ForeignKey("shops.id"))
    canteen_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id"))
    people: Mapped[list[Any]]  # ids
    saved_at: Mapped[datetime]

    @classmethod
    def of_owner(cls, session: Session, owner_id: int) -> "list[SavedGroup]":
        return list(session.scalars(select(cls).filter_by(owner_id=owner_id).order_by(cls.id)))


def open_group(session: Session, group: GroupOrder) -> GroupOrder:
    """Give a new group its code and its row."""
    group.code = _take_code(session, now=group.created_at)
    session.add(group)
    session.flush()
    session.get_one(GroupCode, group.code).group_id = group.id
    return group


def _take_code(session: Session, *, now: datetime) -> str:
    for _ in range(100):
        serial: int = session.scalar(select(func.nextval(GROUP_SERIAL.name))) or 0
        code = f"G{serial % HOW_MANY + 1}"
        claim = insert(GroupCode).values(code=code, taken_at=now).on_conflict_do_update(
            index_elements=["code"], set_={"taken_at": now, "group_id": None},
            where=GroupCode.taken_at < now - CODE_KEPT_FOR)
        if session.scalar(claim.returning(GroupCode.code)):
            return code
    raise RuntimeError("no free group code in 100 tries: too many groups in seven days")


def trip_code(session: Session, order: Order) -> str:
    """What a rider calls the trip: G5 for a group's, A27 for a single order."""
    code = session.scalar(select(GroupOrder.code).filter_by(id=order.group_id)) \
        if order.group_id else None
    return code or order.code
