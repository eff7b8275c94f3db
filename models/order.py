"""Orders: what was wanted, where it goes, and every step it took."""
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Numeric,
    Select,
    Sequence,
    bindparam,
    event,
    func,
    inspect,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import (
    Mapped,
    Session,
    aliased,
    defer,
    mapped_column,
    relationship,
    selectinload,
)
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.util import identity_key
from sqlalchemy.sql.dml import ReturningInsert

from models.base import Base, table_of
from models.campus import Place
from models.errand import Errand, Parcel
from models.person import Person
from models.points import give_points, take_points
from models.rider import Rider
from models.rules.codes import order_code
from models.rules.order_state import (
    ENDED,
    GIVES_STOCK_BACK,
    HOLDS_STOCK,
    WANTS_RIDER,
    IllegalTransition,
    OrderEvent,
    OrderState,
    next_state,
)
from models.sealed import Sealed
from models.shop import Dish, Shop, return_stock

POINTS: Final = "points"  # among `discounts`
REMAKE: Final = "remake"  # the discount of an order that is made again, for nothing
CODE_KEPT_FOR = timedelta(days=7)
_OWN_ROWS = {"lines", "errand", "parcels"}  # may change without the order's own row
LIVE = text("state NOT IN ({})".format(", ".join(f"'{s}'" for s in sorted(ENDED))))

CODE_SERIAL = Sequence("order_code_serial", metadata=Base.metadata)


class OrderKind(StrEnum):
    FOOD = "food"
    ERRAND = "errand"  # fetch, carry, buy, queue: served by the campus's errand desk


class Order(Base):
    """All amounts in fen, all times aware. `revision` counts the quotes that were shown."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("payable_fen = goods_fen + delivery_fen - discount_fen",
                        name="payable_adds_up"),
        CheckConstraint("payable_fen >= 0", name="payable_not_negative"),
        CheckConstraint("paid_at IS NOT NULL OR state IN "
                        "('draft', 'awaiting_payment', 'cancelled', 'expired')", name="paid_first"),
        Index("ix_orders_buyer_id_id", "buyer_id", "id"),
        Index("ix_orders_door_hash", "door_hash", postgresql_where=text(
            "door_hash IS NOT NULL AND paid_at IS NOT NULL")),
        Index("uq_orders_coupon_id", "coupon_id", unique=True, postgresql_where=text(
            "coupon_id IS NOT NULL AND state NOT IN "
            "('draft', 'cancelled', 'expired', 'rejected')")),
        Index("ix_orders_group_id", "group_id", postgresql_where=text("group_id IS NOT NULL")),
        Index("ix_orders_live_buyer", "buyer_id", postgresql_where=LIVE),
        Index("ix_orders_live_shop", "shop_id", postgresql_where=LIVE),
        Index("ix_orders_live_rider", "rider_id", postgresql_where=LIVE),
        Index("ix_orders_delivered", "rider_id", "ended_at",
              postgresql_where=text("state = 'delivered'")),
        Index("ix_orders_wanting_rider", "campus_id",
              postgresql_where=text("state IN ('cooking', 'ready') AND rider_id IS NULL")),
        Index("ix_orders_paid_of_campus", "campus_id", "id",
              postgresql_where=text("paid_at IS NOT NULL")),
        Index("ix_orders_unpaid_until", "pay_until",
              postgresql_where=text("state = 'awaiting_payment'")),
        Index("ix_orders_drafts", "created_at", postgresql_where=text("state = 'draft'")),
        Index("ix_orders_unanswered_until", "answer_until",
              postgresql_where=text("state = 'paid'")),
        Index("ix_orders_shop_id_wanted_at", "shop_id", "wanted_at",
              postgresql_where=text("wanted_at IS NOT NULL")),
        Index("ix_orders_cancel_until", "cancel_until",
              postgresql_where=text("cancel_until IS NOT NULL")),
        Index("ix_orders_shortage_until", "shortage_until",
              postgresql_where=text("shortage_until IS NOT NULL")),
        Index("ix_orders_place_id_paid_at", "place_id", "paid_at",
              postgresql_where=text("paid_at IS NOT NULL")),
        Index("ix_orders_place_id_arrived_at", "place_id", "arrived_at",
              postgresql_where=text("arrived_at IS NOT NULL")),
        Index("ix_orders_shelved_at", "shelved_at", postgresql_where=text("state = 'shelved'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    campus_id: Mapped[int] = mapped_column(ForeignKey("campuses.id"))
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    buyer_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("group_orders.id"))
    code: Mapped[str]
    kind: Mapped[str] = mapped_column(default=OrderKind.FOOD)
    state: Mapped[str] = mapped_column(default=OrderState.DRAFT)
    version: Mapped[int] = mapped_column()
    revision: Mapped[int] = mapped_column(default=1)

    place_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))
    from_place_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))  # an errand's
    room: Mapped[str | None] = mapped_column(Sealed)
    door_hash: Mapped[str | None]  # place and room, that cannot be read back
    cleared_at: Mapped[datetime | None]  # somebody on duty has looked at what was odd
    note: Mapped[str | None]
    wanted_at: Mapped[datetime | None]  # the time the student named; None: as soon as can be
    promised_at: Mapped[datetime | None]
    expected_at: Mapped[datetime | None]  # later than promised, as the buyer was last told

    goods_fen: Mapped[int] = mapped_column(default=0)  # dishes and their packing
    packing_fen: Mapped[int] = mapped_column(default=0)
    rush_fen: Mapped[int] = mapped_column(default=0)  # what being busy added to delivery, at
    rush_at: Mapped[datetime | None]                  # this moment,
    rush_until: Mapped[datetime | None]               # and when it is over
    delivery_fen: Mapped[int] = mapped_column(default=0)  # with the tip
    tip_fen: Mapped[int] = mapped_column(default=0)  # of an errand: in its own row
    discount_fen: Mapped[int] = mapped_column(default=0)
    discount_kind: Mapped[str | None]  # "several" where `discounts` has more than one
    discounts: Mapped[list[Any]] = mapped_column(default=list)  # {"kind", "name", "off_fen", …}
    coupon_id: Mapped[int | None] = mapped_column(ForeignKey("coupons.id"))  # among `discounts`
    payable_fen: Mapped[int] = mapped_column(default=0)
    rider_fee_fen: Mapped[int] = mapped_column(default=0)
    waiting_fen: Mapped[int] = mapped_column(default=0)  # for the rider's wait at the shop

    created_at: Mapped[datetime]
    pay_until: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    answer_until: Mapped[datetime | None]  # the kitchen's time to say yes or no
    accepted_at: Mapped[datetime | None]
    cancel_until: Mapped[datetime | None]  # the kitchen's time to answer a wish to cancel
    food_ready_at: Mapped[datetime | None]  # expected, then actual
    taken_at: Mapped[datetime | None]
    picked_up_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    claimed_arrival_at: Mapped[datetime | None]  # 到了 that overtook 取到 on its way to us
    nobody_at: Mapped[datetime | None]  # the rider found nobody at the door
    shelved_at: Mapped[datetime | None]
    rack_media_id: Mapped[str | None]  # the photo of it on the rack
    ended_at: Mapped[datetime | None]

    shortage: Mapped[dict[str, Any] | None]  # what ran out; see handlers/kitchen/shortage.py
    shortage_until: Mapped[datetime | None]
    is_self_pickup: Mapped[bool] = mapped_column(default=False)
    no_rider_told_at: Mapped[datetime | None]
    urged_at: Mapped[datetime | None]
    stock_taken: Mapped[dict[str, Any]] = mapped_column(default=dict)  # dish id → portions
    points_taken: Mapped[int] = mapped_column(default=0)  # of the buyer's, as long as it stands
    rider_id: Mapped[int | None] = mapped_column(ForeignKey("riders.id"))
    pin: Mapped[str | None] = mapped_column(Sealed)  # the hand-over code, the buyer's alone
    pin_misses: Mapped[int] = mapped_column(default=0)
    pins_sent: Mapped[int] = mapped_column(default=0)

    lines: Mapped[list["OrderLine"]] = relationship(
        order_by="OrderLine.position", cascade="all, delete-orphan")
    shop: Mapped[Shop] = relationship()
    buyer: Mapped[Person] = relationship()
    place: Mapped[Place | None] = relationship(foreign_keys=[place_id])
    from_place: Mapped[Place | None] = relationship(foreign_keys=[from_place_id])
    rider: Mapped[Rider | None] = relationship()
    errand: Mapped[Errand | None] = relationship(cascade="all, delete-orphan")
    parcels: Mapped[list[Parcel]] = relationship(
        order_by=Parcel.position, cascade="all, delete-orphan")

    __mapper_args__ = {"version_id_col": version}

    def apply(self, session: Session, event: OrderEvent, *, now: datetime,
              by: int | None = None, **facts: Any) -> None:
        """Move along the state machine and leave a log row; written at once.

        The caller holds the row lock and commits. Raises IllegalTransition, changing nothing.
        The UPDATE is conditional on the version, so that a twin without the lock fails too.
        """
        if event is OrderEvent.UNDONE and self.paid_at is None:
            raise IllegalTransition("nothing is brought back to life that was never paid")
        came_from, self.state = self.state, next_state(OrderState(self.state), event)
        self.ended_at = now if OrderState(self.state) in ENDED else None
        if came_from in HOLDS_STOCK and self.state in GIVES_STOCK_BACK:
            return_stock(session, self.stock_taken)
            self.stock_taken = {}
            self.return_points(session, self.points_taken, now=now)
        session.add(OrderLog(order_id=self.id, came_from=came_from, event=event, at=now,
                             state=self.state, person_id=by, facts=facts))
        session.flush()

    def take_points(self, session: Session, *, now: datetime) -> bool:
        """Reserve the points that the quote counts on; False when the buyer has fewer."""
        is_taken = take_points(session, self.buyer_id, self.points_off, now=now, order_id=self.id,
                               kind="points_spent", key=f"points:{self.id}:{self.version}:spent")
        self.points_taken = self.points_off if is_taken else 0
        return is_taken

    def return_points(self, session: Session, points: int, *, now: datetime) -> None:
        """Give so many of those that were reserved back; the others stay spent."""
        give_points(session, self.buyer_id, points, now=now, order_id=self.id,
                    kind="points_returned", key=f"points:{self.id}:{self.version}:returned")
        self.points_taken -= points

    @property
    def points_off(self) -> int:
        """How much of the discount is points, as it was quoted."""
        return sum(each["off_fen"] for each in self.discounts if each["kind"] == POINTS)

    @property
    def way_paid_fen(self) -> int:
        """What was really paid for the way, with the tip: nothing where an offer took it off, or,
        which no offer's name stands for, a group's rule did."""
        named = sum(int(each["off_fen"]) for each in self.discounts)
        off = sum(int(each["off_fen"]) for each in self.discounts if each.get("is_way"))
        return max(0, self.delivery_fen - off - max(0, self.discount_fen - named))

    @property
    def lacking(self) -> set[int]:
        """Ids of the lines that ran out, as long as nothing is decided about them."""
        return {entry["line"] for entry in (self.shortage or {}).get("lines", ())}

    @property
    def pickup_place(self) -> Place | None:
        """Where a rider fetches it: the shop's place, or an errand's own."""
        return self.from_place if self.kind == OrderKind.ERRAND else self.shop.place

    @property
    def dishes_fen(self) -> int:
        """What shops' minimum and offers are reckoned from."""
        return self.goods_fen - self.packing_fen

    @property
    def is_live(self) -> bool:
        return OrderState(self.state) not in ENDED

    @classmethod
    def lock(cls, session: Session, order_id: int) -> "Order":
        """The order as it is now. What is known of it already is not read again, unless it is
        of an older version."""
        held = session.identity_map.get(identity_key(cls, order_id))
        if held is None:
            return session.scalars(_lock(), {"order_id": order_id}).one()
        if inspect(held).modified:
            session.flush()
        if session.scalar(_hold(), {"order_id": order_id}) != held.version:
            return session.scalars(_lock(), {"order_id": order_id}).one()
        if loaded := _OWN_ROWS - inspect(held).unloaded:
            session.expire(held, loaded)
        return held

    @classmethod
    def by_code(cls, session: Session, campus_id: int, code: str) -> "Order | None":
        """The order that goes by this code on the campus now. Not locked."""
        asked = {"campus_id": campus_id, "code": code.upper()}
        return session.scalars(_by_code(), asked).one_or_none()

    @classmethod
    def draft_of(cls, session: Session, buyer_id: int) -> "Order | None":
        """The buyer's newest order of their own that is not paid yet, locked."""
        return session.scalars(_draft_of(), {"buyer_id": buyer_id}).one_or_none()

    @classmethod
    def last_of(cls, session: Session, buyer_id: int) -> "Order | None":
        """The buyer's newest order, whatever became of it; not locked."""
        query = select(cls).filter_by(buyer_id=buyer_id).order_by(cls.id.desc()).limit(1)
        return session.scalars(query).one_or_none()

    @classmethod
    def newest_paid_of(cls, session: Session, buyer_id: int) -> "Order | None":
        """The buyer's newest order of any kind that was paid; not locked."""
        query = select(cls).where(cls.buyer_id == buyer_id, cls.paid_at.is_not(None))
        return session.scalars(query.order_by(cls.id.desc()).limit(1)).one_or_none()

    @classmethod
    def last_paid_of(cls, session: Session, buyer_id: int) -> "Order | None":
        """The buyer's newest food order that was paid, whatever became of it; not locked."""
        query = select(cls).where(cls.buyer_id == buyer_id, cls.paid_at.is_not(None),
                                  cls.kind == OrderKind.FOOD)
        return session.scalars(query.order_by(cls.id.desc()).limit(1)).one_or_none()

    @classmethod
    def live_of(cls, session: Session, buyer_id: int) -> "list[Order]":
        return list(session.scalars(_live_of(), {"buyer_id": buyer_id}))

    def read_lines(self, session: Session) -> list[Dish]:
        """Read its lines with what they are of; the shop comes along. Whoever needs these dishes
        again in the same turn need not ask, as long as the list is held."""
        rows = session.execute(_lines(), {"order_id": self.id}).all()
        set_committed_value(self, "lines", [line for line, _ in rows])
        return [dish for _, dish in rows]

    @classmethod
    def leads_trip(cls) -> "ColumnElement[bool]":
        """SQL: an order of its own, or the first of its group's that no rider has, once every
        kitchen of the group has answered. The others come along: handlers/group_order/trip.py."""
        mate = aliased(cls)
        ahead = select(mate.id).where(mate.group_id == cls.group_id, or_(
            mate.state == OrderState.PAID,
            (mate.id < cls.id) & mate.rider_id.is_(None) & ~mate.is_self_pickup
            & mate.state.in_(sorted(WANTS_RIDER))))
        return or_(cls.group_id.is_(None), ~ahead.exists())

    @classmethod
    def carried_by(cls, session: Session, rider_id: int) -> "list[Order]":
        """What a rider has in hand; what waits on a rack no longer is."""
        query = select(cls).where(cls.rider_id == rider_id, LIVE, cls.state != OrderState.SHELVED)
        query = query.order_by(cls.taken_at, cls.id)
        return list(session.scalars(query.options(LINES)))

    @classmethod
    def carried_by_each(cls, session: Session, rider_ids: list[int]) -> "dict[int, list[Order]]":
        """The same of many riders in one question, without what is sealed."""
        query = select(cls).where(cls.rider_id.in_(rider_ids), LIVE,
                                  cls.state != OrderState.SHELVED)
        carried: dict[int, list[Order]] = {rider_id: [] for rider_id in rider_ids}
        for order in session.scalars(query.order_by(cls.taken_at, cls.id).options(*SEALED)):
            assert order.rider_id is not None
            carried[order.rider_id].append(order)
        return carried


class OrderLine(Base):
    __tablename__ = "order_lines"
    __table_args__ = (Index("ix_order_lines_order_id", "order_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("group_members.id"))  # whose bag
    position: Mapped[int]
    dish_id: Mapped[int] = mapped_column(ForeignKey("dishes.id"))
    dish_key: Mapped[str]
    name: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Numeric(6, 2))
    options: Mapped[list[str]]
    option_names: Mapped[list[str]]
    price_fen: Mapped[int]  # of one, options included
    amount_fen: Mapped[int]


class OrderLog(Base):
    __tablename__ = "order_log"
    __table_args__ = (Index("ix_order_log_order_id", "order_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    came_from: Mapped[str]
    event: Mapped[str]
    state: Mapped[str]
    at: Mapped[datetime]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    facts: Mapped[dict[str, Any]]


class OrderCode(Base):
    """Which order goes by a code on a campus now; a code is free again after seven days."""

    __tablename__ = "order_codes"

    campus_id: Mapped[int] = mapped_column(ForeignKey("campuses.id"), primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[int | None] = mapped_column(
        ForeignKey("orders.id", deferrable=True, initially="DEFERRED"), unique=True)
    taken_at: Mapped[datetime]


def begin_order(session: Session, order: Order) -> Order:
    """Give a new order its number, and a code that none of its campus has had for seven days.

    Its row is written by the next flush, once: with what it costs, if that is known by then.
    Until then it knows of its relations what it was made with.
    """
    for _ in range(100):
        order.id, serial = session.execute(_numbers()).one()
        claim = {"campus_id": order.campus_id, "order_id": order.id, "code": order_code(serial),
                 "now": order.created_at, "free": order.created_at - CODE_KEPT_FOR}
        if code := session.scalar(_claim(), claim):  # no lock is waited for
            order.code = code
            session.add(order)
            return order
    raise RuntimeError("no free order code in 100 tries: too many orders in seven days")


def place_order(session: Session, order: Order) -> Order:
    """As begin_order, and its row is written."""
    begin_order(session, order)
    session.flush()
    return order


@event.listens_for(Order, "init")
def _set_defaults(_: Order, __: Any, given: dict[str, Any]) -> None:
    """An order is read before it is written, so its defaults hold from the start."""
    for name, default in _defaults():
        if name not in given:
            given[name] = default.arg(None) if default.is_callable else default.arg


@cache
def _defaults() -> list[tuple[str, Any]]:
    return [(column.name, column.default) for column in table_of(Order).columns if column.default]


def trips(orders: Iterable[Order]) -> list[Order]:
    """The first order of each trip: all bags of a group are carried on one."""
    seen: dict[object, Order] = {}
    for order in orders:
        seen.setdefault(("group", order.group_id) if order.group_id else order.id, order)
    return list(seen.values())


# With the lines, for whoever will read those of many orders.
LINES: Final = selectinload(Order.lines)


# As options: what is sealed is left unread, for whoever looks at many orders and at no door.
SEALED: Final = (defer(Order.room), defer(Order.pin))


# What turns ask all the time: made once a process. Every step of an order is flushed at once, so
# what only reads need not flush first.


@cache
def _numbers() -> "Select[int, int]":
    return select(func.nextval("orders_id_seq"), func.nextval(CODE_SERIAL.name))


@cache
def _claim() -> "ReturningInsert[str]":
    taken: dict[str, Any] = {"order_id": bindparam("order_id"), "taken_at": bindparam("now")}
    claim = insert(table_of(OrderCode)).values(
        campus_id=bindparam("campus_id"), code=bindparam("code"), **taken)
    return claim.on_conflict_do_update(
        index_elements=["campus_id", "code"], set_=taken,
        where=OrderCode.taken_at < bindparam("free")).returning(OrderCode.code)


@cache
def _lock() -> "Select[Order]":
    return select(Order).where(Order.id == bindparam("order_id")).with_for_update(
        key_share=True).execution_options(populate_existing=True)


@cache
def _hold() -> "Select[int]":
    return select(Order.version).where(Order.id == bindparam("order_id")).with_for_update(
        key_share=True).execution_options(autoflush=False)


@cache
def _by_code() -> "Select[Order]":
    query = select(Order).join(OrderCode, OrderCode.order_id == Order.id).where(
        OrderCode.campus_id == bindparam("campus_id"), OrderCode.code == bindparam("code"))
    return query.execution_options(autoflush=False)


@cache
def _lines() -> "Select[OrderLine, Dish]":
    query = select(OrderLine, Dish).join(Dish, Dish.id == OrderLine.dish_id).where(
        OrderLine.order_id == bindparam("order_id")).order_by(OrderLine.position)
    return query.execution_options(autoflush=False)


@cache
def _live_of() -> "Select[Order]":
    query = select(Order).where(Order.buyer_id == bindparam("buyer_id"), LIVE).order_by(Order.id)
    return query.execution_options(autoflush=False)


@cache
def _draft_of() -> "Select[Order]":
    query = select(Order).where(
        Order.buyer_id == bindparam("buyer_id"), LIVE, Order.group_id.is_(None),
        Order.state.in_([OrderState.DRAFT, OrderState.AWAITING_PAYMENT]))
    return query.order_by(Order.id.desc()).limit(1).with_for_update(
        key_share=True).execution_options(populate_existing=True)
