"""An errand takes shape: named, changed and quoted as often as the student likes."""
from dataclasses import dataclass, replace
from datetime import datetime

from config.texts import Reply, text_of
from handlers import dialogue
from handlers.customer import no_such_place
from handlers.errand import stations
from handlers.errand.quote import requote, which_large
from handlers.errand.words import errand_of
from handlers.order.draft import drop_draft, live_there, reopen
from handlers.speaker import Speaker
from models import order as orders
from models.base import Session
from models.campus import Place
from models.errand import Errand, ErrandKind, Parcel, ParcelSize
from models.order import Order, OrderKind
from models.rules.order_state import UNPAID, OrderState
from models.shop import Shop

MOST_PARCELS = 10
MOST_BUDGET_FEN = 50_000
MOST_TIP_FEN = 10_000
LONGEST = 60


@dataclass(frozen=True, slots=True)
class WantedParcel:
    """As understood; what is None was not said."""

    code: str | None = None
    carrier: str | None = None
    size: str | None = None
    station_key: str | None = None
    shelf: str | None = None


@dataclass(frozen=True, slots=True)
class PlaceErrand:
    """`offered_fen`: money that was named. `is_tip`: on top of the fee, else it is the fee.
    `nowhere`: what it is to be brought to, and is no place."""

    kind: str
    parcels: tuple[WantedParcel, ...] = ()
    from_key: str | None = None
    place_key: str | None = None
    room: str | None = None
    goods: str | None = None
    wanted_at: datetime | None = None
    is_deadline: bool = False
    fetch_by: datetime | None = None
    budget_fen: int | None = None
    offered_fen: int | None = None
    is_tip: bool = False
    nowhere: str | None = None


def place_errand(session: Session, speaker: Speaker, cmd: PlaceErrand, *, now: datetime) -> Reply:
    """Quote a new errand. An older draft that was never confirmed makes way for it."""
    if cmd.kind == ErrandKind.PARCEL and not cmd.parcels:
        return ask_parcel(speaker, cmd, now=now)
    drop_draft(session, speaker, now)
    campus = speaker.campus
    desk = Shop.desk_of(session, campus.id, text_of(Reply("errand.desk")))
    place = _door(session, speaker, cmd)
    live_there(speaker, place, cmd.room)
    order = orders.place_order(session, Order(
        campus_id=campus.id, shop_id=desk.id, buyer_id=speaker.person.id, kind=OrderKind.ERRAND,
        place_id=place.id if place else None, room=_room(speaker, cmd, place),
        wanted_at=cmd.wanted_at, created_at=now, errand=_errand(cmd)))
    order.from_place = None if cmd.parcels else _source(session, speaker, cmd)
    for parcel in cmd.parcels[:MOST_PARCELS]:
        _put(session, speaker, order, parcel, cmd.from_key)
    return _settled(session, speaker, order, cmd, now=now)


def _settled(session: Session, speaker: Speaker, order: Order, cmd: PlaceErrand, *,
             now: datetime) -> Reply:
    """Quoted; where a price was offered, what it is above ours is the rider's tip."""
    remarks = [no_such_place(session, speaker, cmd.nowhere)] if cmd.nowhere else []
    reply = requote(session, speaker, order, remarks, headline="order.understood", now=now)
    errand, offered = errand_of(order), min(cmd.offered_fen or 0, MOST_TIP_FEN)
    tip = offered if cmd.is_tip else max(0, offered - order.delivery_fen)
    if not tip:
        return reply
    errand.tip_fen = tip
    return requote(session, speaker, order, remarks, headline="order.understood", now=now)


def ask_parcel(speaker: Speaker, cmd: PlaceErrand, *, now: datetime) -> Reply:
    """No parcel was named yet. What was said besides is kept; codes never are."""
    dialogue.ask(speaker.person, "ask_pickup_code", now=now, errand={
        "from_key": cmd.from_key, "place_key": cmd.place_key, "room": None,
        "wanted_at": cmd.wanted_at.isoformat() if cmd.wanted_at else None,
        "is_deadline": cmd.is_deadline, "offered_fen": cmd.offered_fen, "is_tip": cmd.is_tip})
    return Reply("errand.which_parcel")


def with_earlier(cmd: PlaceErrand, asked: dict[str, object]) -> PlaceErrand:
    """The errand with what was said before its parcels were asked for; later words win."""
    said = dict(asked.get("errand") or {})  # type: ignore[call-overload]
    if at := said.get("wanted_at"):
        said["wanted_at"] = datetime.fromisoformat(at)
    missing = {name: value for name, value in said.items() if not getattr(cmd, name)}
    return replace(cmd, **missing)


@dataclass(frozen=True, slots=True)
class AddParcels:
    order_id: int
    parcels: tuple[WantedParcel, ...]
    from_key: str | None = None
    fetch_by: datetime | None = None


def add_parcels(session: Session, speaker: Speaker, cmd: AddParcels, *, now: datetime) -> Reply:
    """「还有一个」: the same trip fetches these too. One that is there already is not doubled."""
    order, refusal = _open(session, cmd.order_id)
    if refusal:
        return refusal
    known = {parcel.code for parcel in order.parcels if parcel.code}
    new = [parcel for parcel in cmd.parcels if parcel.code is None or parcel.code not in known]
    room = MOST_PARCELS - len(order.parcels)
    if not new or room <= 0:
        return requote(session, speaker, order, headline="errand.have_it" if not new
                       else "errand.full", now=now)
    reopen(session, speaker, order, now=now)
    for parcel in new[:room]:
        _put(session, speaker, order, parcel, cmd.from_key)
    errand = errand_of(order)
    errand.fetch_by = min(filter(None, (errand.fetch_by, cmd.fetch_by)), default=None)
    return requote(session, speaker, order, headline="errand.added", now=now)


@dataclass(frozen=True, slots=True)
class SetStation:
    """`position` None: all that have none yet; `is_all`: those that have one, too."""

    order_id: int
    words: str
    position: int | None = None
    is_all: bool = False
    place_key: str | None = None


def set_station(session: Session, speaker: Speaker, cmd: SetStation, *, now: datetime) -> Reply:
    order, refusal = _open(session, cmd.order_id)
    if refusal:
        return refusal
    campus = speaker.campus
    place = stations.named(session, campus, cmd.words) or (
        Place.by_key(session, campus.id, cmd.place_key) if cmd.place_key else None)
    if place is None:
        return requote(session, speaker, order, [Reply("errand.no_such_station", {
            "station": cmd.words[:20]})], headline="order.changed", now=now)
    reopen(session, speaker, order, now=now)
    for parcel in order.parcels:
        if cmd.is_all or (parcel.place_id is None if cmd.position is None
                          else parcel.position == cmd.position):
            parcel.place_id, parcel.place = place.id, place
    return requote(session, speaker, order, headline="order.changed", now=now)


@dataclass(frozen=True, slots=True)
class SetSize:
    """`position` None: the only parcel; with several, it is asked which."""

    order_id: int
    size: ParcelSize
    position: int | None = None


def set_size(session: Session, speaker: Speaker, cmd: SetSize, *, now: datetime) -> Reply:
    order, refusal = _open(session, cmd.order_id)
    if refusal:
        return refusal
    fitting = [p for p in order.parcels if cmd.position in (None, p.position)]
    if len(fitting) != 1:
        return which_large(order)
    reopen(session, speaker, order, now=now)
    fitting[0].size = cmd.size
    return requote(session, speaker, order, headline="order.changed", now=now)


@dataclass(frozen=True, slots=True)
class SetErrandTime:
    """`at` None: no deadline and no hour, as soon as can be."""

    order_id: int
    at: datetime | None
    is_deadline: bool = False


def set_errand_time(session: Session, speaker: Speaker, cmd: SetErrandTime, *,
                    now: datetime) -> Reply:
    order, refusal = _open(session, cmd.order_id)
    if refusal:
        return refusal
    reopen(session, speaker, order, now=now)
    errand = errand_of(order)
    order.wanted_at, errand.is_deadline = cmd.at, cmd.is_deadline
    if cmd.at is None:
        errand.fetch_by = None
    return requote(session, speaker, order, headline="order.changed", now=now)


def ask_time(session: Session, speaker: Speaker, order_id: int, *, now: datetime) -> Reply:
    order, refusal = _open(session, order_id)
    if refusal:
        return refusal
    dialogue.ask(speaker.person, "ask_time", now=now, order_id=order.id)
    return Reply("errand.which_time", {"code": order.code})


@dataclass(frozen=True, slots=True)
class SetBudget:
    order_id: int
    budget_fen: int


def set_budget(session: Session, speaker: Speaker, cmd: SetBudget, *, now: datetime) -> Reply:
    order, refusal = _open(session, cmd.order_id)
    if refusal:
        return refusal
    if not errand_of(order).is_spending or not 0 <= cmd.budget_fen <= MOST_BUDGET_FEN:
        return Reply("errand.budget_range", {
            "code": order.code, "most": str(MOST_BUDGET_FEN // 100)})
    reopen(session, speaker, order, now=now)
    errand_of(order).budget_fen = cmd.budget_fen
    return requote(session, speaker, order, headline="order.changed", now=now)


@dataclass(frozen=True, slots=True)
class AddGoods:
    """`words`: what else is to be bought or seen to, as it was said."""

    order_id: int
    words: str


def add_goods(session: Session, speaker: Speaker, cmd: AddGoods, *, now: datetime) -> Reply:
    """再加一包薯片: to what is bought, printed or carried, as long as it is not paid."""
    order, refusal = _open(session, cmd.order_id)
    if refusal:
        return refusal
    errand = errand_of(order)
    goods = "，".join(filter(None, (errand.goods, cmd.words.strip())))
    if len(goods) > LONGEST:
        return requote(session, speaker, order, [Reply("errand.too_much", {"most": LONGEST})],
                       headline="order.waiting_for_you", now=now)
    reopen(session, speaker, order, now=now)
    errand.goods = goods
    return requote(session, speaker, order, headline="order.changed", now=now)


@dataclass(frozen=True, slots=True)
class SetSource:
    order_id: int
    place_key: str


def set_source(session: Session, speaker: Speaker, cmd: SetSource, *, now: datetime) -> Reply:
    """Where an errand without parcels begins."""
    order, refusal = _open(session, cmd.order_id)
    if refusal:
        return refusal
    reopen(session, speaker, order, now=now)
    order.from_place = Place.by_key(session, speaker.campus.id, cmd.place_key)
    return requote(session, speaker, order, headline="order.changed", now=now)


def _open(session: Session, order_id: int) -> tuple[Order, Reply | None]:
    """The errand, locked, and why it can be changed no more (None: it can)."""
    order = Order.lock(session, order_id)
    if order.kind != OrderKind.ERRAND:
        return order, Reply("order.nothing_to_change")
    if OrderState(order.state) not in UNPAID:
        return order, Reply("errand.too_late_to_change", {"code": order.code})
    return order, None


def _errand(cmd: PlaceErrand) -> Errand:
    budget = None if cmd.budget_fen is None else min(cmd.budget_fen, MOST_BUDGET_FEN)
    return Errand(kind=cmd.kind, goods=(cmd.goods or "")[:LONGEST] or None, tip_fen=0,
                  budget_fen=budget, fetch_by=cmd.fetch_by, is_deadline=cmd.is_deadline)


def _put(session: Session, speaker: Speaker, order: Order, wanted: WantedParcel,
         from_key: str | None) -> None:
    place = stations.station_of(session, speaker.campus, wanted.station_key or from_key,
                                wanted.carrier)
    order.parcels.append(Parcel(
        position=len(order.parcels), carrier=wanted.carrier, code=wanted.code,
        size=wanted.size or ParcelSize.SMALL, shelf=wanted.shelf,
        place_id=place.id if place else None, place=place))


def _source(session: Session, speaker: Speaker, cmd: PlaceErrand) -> Place | None:
    named = Place.by_key(session, speaker.campus.id, cmd.from_key) if cmd.from_key else None
    return named or stations.usual_place(session, speaker.campus, cmd.kind)


def _door(session: Session, speaker: Speaker, cmd: PlaceErrand) -> Place | None:
    if cmd.place_key:
        return Place.by_key(session, speaker.campus.id, cmd.place_key)
    if cmd.nowhere:
        return None
    home = speaker.person.place
    return home if home and home.campus_id == speaker.campus.id else None


def _room(speaker: Speaker, cmd: PlaceErrand, place: Place | None) -> str | None:
    if cmd.room or place is None or speaker.person.place_id != place.id:
        return cmd.room
    return speaker.person.room

