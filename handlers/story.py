"""One order's whole history, for an operator at a terminal: what was said, done, paid and sent.

Nobody's openid, telephone number, room or hand-over code is in it.
"""
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import undefer

from config.texts import yuan
from models import ledger
from models.base import Session
from models.campus import Campus
from models.complaint import Complaint
from models.inbox import Inbox
from models.order import Order, OrderCode, OrderLog
from models.outbox import Outbox
from models.payment import Payment, Refund
from models.rider import Offer, Rider

BEFORE: Final = timedelta(minutes=10)  # what the buyer said so long before the quote led to it
HEARD_WITHIN: Final = timedelta(seconds=10)  # a rider's or cook's words are heard, then acted on
MOST_MESSAGES: Final = 200
BY_WECHAT: Final = frozenset({"TEMPLATESENDJOBFINISH"})
KINDS: Final = ("message", "event", "payment", "ledger", "offer", "notice", "debt")

_NUMBERS: Final = re.compile(  # a parcel's code may have short numbers between dashes
    r"[A-Za-z0-9]{1,4}(?:-[A-Za-z0-9]{1,8})+|[0-9０-９]{3,}|[零〇一二三四五六七八九十百幺两]{3,}")
_IDENTITIES: Final = re.compile(
    r"(?<![A-Za-z0-9])o[A-Za-z0-9_-]{27}(?![A-Za-z0-9_-])|(?<![0-9])1[3-9][0-9]{9}(?![0-9])")
_CODE: Final = re.compile(
    r"#(?P<id>[0-9]{1,18})|(?P<code>[A-Za-z][0-9]{1,4})(?:-(?P<day>[0-9]{8}))?")


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened, and the numbers behind it."""

    at: datetime
    kind: str  # one of KINDS
    text: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """`head`: what the order is. `lines`: in the order of time. `money`: every entry of the
    ledger on its behalf. `sums`: what each account got or gave, in fen; together they are zero."""

    head: tuple[str, ...]
    lines: tuple[Line, ...]
    money: tuple["Booked", ...]
    sums: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Booked:
    """One entry of the ledger. `cause`: what it was booked for, in the first entry of its group."""

    at: datetime
    cause: str
    party: str
    account: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Found:
    order: Order
    campus: Campus


def find_orders(session: Session, wanted: str, campus_name: str | None = None) -> list[Found]:
    """The orders that go by a code now, one a campus.

    `wanted`: a code (A27), a code with its day as notices show it (A27-20260921), or #12, the
    internal number, for an order whose code has gone to another.
    """
    match = _CODE.fullmatch(wanted.strip())
    if match is None:
        return []
    campuses = {c.id: c for c in session.scalars(select(Campus).order_by(Campus.name))
                if campus_name in (None, c.name)}
    if match["id"]:
        query = select(Order).filter_by(id=int(match["id"]))
    else:
        query = select(Order).join(OrderCode, OrderCode.order_id == Order.id).where(
            OrderCode.campus_id.in_(campuses), OrderCode.code == match["code"].upper())
    found = [Found(order, campuses[order.campus_id])
             for order in session.scalars(query.order_by(Order.id)) if order.campus_id in campuses]
    return [each for each in found if match["day"] in (None, _day(each))]


def _day(found: Found) -> str:
    return f"{found.order.created_at.astimezone(found.campus.zone):%Y%m%d}"


def story_of(session: Session, order: Order, *, now: datetime) -> Story:
    """Everything that is known of an order. Changes nothing."""
    cast = _Cast(session, order)
    payments = Payment.of_order(session, order.id)
    booked = ledger.entries_of_order(session, order.id)
    lines = [*_messages(session, cast, now), *_events(session, cast), *_payments(cast, payments),
             *_refunds(session, payments), *_ledger(booked), *_offers(session, cast),
             *_complaints(session, order, cast), *_debts(session, cast)]
    lines.sort(key=lambda line: (line.at, KINDS.index(line.kind)))
    sums: dict[str, int] = {}
    for _, entry in booked:
        sums[entry.account] = sums.get(entry.account, 0) + entry.amount_fen
    return Story(tuple(_head(order)), tuple(lines), tuple(_money(session, order, booked)), sums)


def _head(order: Order) -> Iterator[str]:
    where = order.place.name if order.place else "no place yet"
    room = " (room known)" if order.room else ""
    yield f"{order.shop.name} → {where}{room}, order #{order.id}, quote {order.revision}"
    if order.errand:
        yield f"errand: {order.errand.kind}, {len(order.parcels)} parcels"
    for line in order.lines:
        options = f" ({'、'.join(line.option_names)})" if line.option_names else ""
        yield f"{line.quantity.normalize():f} × {line.name}{options}  {yuan(line.amount_fen)}"
    off = f" - discount {yuan(order.discount_fen)} ({order.discount_kind})" * bool(
        order.discount_fen)
    yield (f"goods {yuan(order.goods_fen)} + delivery {yuan(order.delivery_fen)}{off} = "
           f"{yuan(order.payable_fen)}; the rider gets {yuan(order.rider_fee_fen)}")
    if order.pin_misses:
        yield f"hand-over code: {order.pin_misses} wrong tries"


class _Cast:
    """Who plays a part in an order, by the part they play; and what must not be told of them."""

    def __init__(self, session: Session, order: Order) -> None:
        self.order = order
        self._session = session
        self._owners = set(order.shop.owner_ids(session))
        self._secrets = sorted({secret for secret in (
            order.room, order.pin, order.buyer.room, order.buyer.phone, order.buyer.name,
            order.buyer.openid, *(parcel.code for parcel in order.parcels)) if secret},
            key=len, reverse=True)

    def name(self, person_id: int | None) -> str:
        if person_id is None:
            return "the service"
        if person_id == self.order.buyer_id:
            return "buyer"
        if person_id in self._owners:
            return f"shop (person {person_id})"
        rider = Rider.of_person(self._session, person_id)
        return self.rider(rider) if rider else f"person {person_id}"

    @staticmethod
    def rider(rider: Rider | None) -> str:
        return f"rider {rider.name or rider.id}" if rider else "a rider"

    def hush(self, text: str) -> str:
        """`text` with what is personal, and every longer number but the order's code, as •••."""
        code = re.compile(rf"(?<![A-Za-z0-9])({re.escape(self.order.code)})(?![0-9])", re.I)
        parts = code.split(text)
        return "".join(part if i % 2 else _NUMBERS.sub("•••", self.hush_names(part))
                       for i, part in enumerate(parts))

    def hush_names(self, text: str) -> str:
        """`text`, which we wrote ourselves, without anybody's identity."""
        for secret in self._secrets:
            text = text.replace(secret, "•••")
        return _IDENTITIES.sub("•••", text)


# --- what was said --------------------------------------------------------------------------

def _messages(session: Session, cast: _Cast, now: datetime) -> Iterator[Line]:
    order = cast.order
    until = order.ended_at or now
    heard = _heard(session, order.buyer_id, order.created_at - BEFORE, until)
    others = select(OrderLog.person_id, OrderLog.at).where(
        OrderLog.order_id == order.id, OrderLog.person_id != order.buyer_id)
    for person_id, at in session.execute(others.order_by(OrderLog.id)):
        if person_id is not None:
            heard |= _heard(session, person_id, at - HEARD_WITHIN, at)
    for row in heard.values():
        if (words := _words(cast, row)) is None:
            continue
        yield Line(row.heard_at, "message", f"{cast.name(row.person_id)}: {words}",
                   tuple(_fate(row)))


def _heard(session: Session, person_id: int, since: datetime, until: datetime) -> dict[int, Inbox]:
    query = select(Inbox).where(Inbox.person_id == person_id, Inbox.heard_at >= since,
                                Inbox.heard_at <= until)
    return {row.id: row for row in session.scalars(
        query.order_by(Inbox.heard_at.desc()).limit(MOST_MESSAGES))}


def _words(cast: _Cast, row: Inbox) -> str | None:
    """None: it was no person's doing."""
    if row.body is None:
        return "(words erased)"
    said = json.loads(row.body)
    if said.get("kind") == "text":
        tapped = " (tapped)" if said.get("tap_id") else ""
        return f"“{cast.hush(str(said.get('text', '')))}”{tapped}"
    what = said.get("event") or said.get("kind")
    return None if what in BY_WECHAT else f"({what})"


def _fate(row: Inbox) -> Iterator[str]:
    if row.answered_at is None:
        yield "not answered yet"
    if row.is_late:
        yield "answered by a worker, later"


# --- what was done --------------------------------------------------------------------------

def _events(session: Session, cast: _Cast) -> Iterator[Line]:
    order = cast.order
    yield Line(order.created_at, "event", "quoted for the first time")
    query = select(OrderLog).filter_by(order_id=order.id).order_by(OrderLog.id)
    for log in session.scalars(query):
        step = f"{log.came_from} → {log.state}" if log.came_from != log.state else log.state
        yield Line(log.at, "event", f"{log.event} by {cast.name(log.person_id)}: {step}",
                   tuple(f"{name}: {cast.hush_names(str(value))}"
                         for name, value in log.facts.items()))


def _complaints(session: Session, order: Order, cast: _Cast) -> Iterator[Line]:
    for each in Complaint.of_order(session, order.id):
        picture = ", with a picture" if each.photo_id else ""
        yield Line(each.created_at, "event",
                   f"complaint: {each.kind}, {yuan(each.amount_fen)}{picture}")
        if each.decided_at:
            by = f" by {cast.name(each.decided_by)}" if each.decided_by else ""
            bearer = f", borne by the {each.borne_by}" if each.borne_by else ""
            yield Line(each.decided_at, "event", f"complaint {each.state}{by}{bearer}")


def _offers(session: Session, cast: _Cast) -> Iterator[Line]:
    query = select(Offer).filter_by(order_id=cast.order.id).order_by(Offer.id).options(
        undefer(Offer.considered))
    for offer in session.scalars(query):
        rider = cast.rider(session.get(Rider, offer.rider_id))
        yield Line(offer.offered_at, "offer",
                   f"to {rider}, {yuan(offer.fee_fen)}, good until "
                   f"{offer.expires_at.astimezone(_zone(session, cast)):%H:%M:%S}",
                   tuple(_reasons(session, cast, offer)))
        if offer.answered_at:
            yield Line(offer.answered_at, "offer", f"{offer.state}: {rider}")


def _zone(session: Session, cast: _Cast) -> Any:
    return session.get_one(Campus, cast.order.campus_id).zone


def _reasons(session: Session, cast: _Cast, offer: Offer) -> Iterator[str]:
    """The numbers as dispatch left them, then a line for each candidate."""
    yield ", ".join(f"{name} {_number(value)}" for name, value in offer.reason.items()
                    if name != "candidates" and value is not None)
    for candidate in offer.candidates:
        rider = cast.rider(session.get(Rider, candidate["rider_id"]))
        numbers = [f"{name} {_number(candidate[key])} {unit}" for name, key, unit in _CONSIDERED
                   if candidate.get(key) is not None]
        yield f"{rider}: {candidate['why']}" + (f" ({', '.join(numbers)})" if numbers else "")


_CONSIDERED = (("cost", "cost_s", "s"), ("at the shop", "arrival_s", "s"),
            ("at the door", "delivery_s", "s"), ("detour", "detour_m", "m"))


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


# --- what was paid --------------------------------------------------------------------------

def _payments(cast: _Cast, payments: Iterable[Payment]) -> Iterator[Line]:
    for payment in payments:
        name = f"{payment.out_trade_no} {yuan(payment.amount_fen)}"
        yield Line(payment.created_at, "payment", f"{name} asked of {cast.name(payment.payer_id)} "
                                                  f"for quote {payment.revision}")
        if payment.prepaid_at:
            yield Line(payment.prepaid_at, "payment", f"{name} shown to the payer by WeChat Pay")
        if payment.paid_at:
            yield Line(payment.paid_at, "payment",
                       f"{name} paid, transaction {payment.transaction_id}",
                       tuple(_what_is_odd(payment)))
        if payment.closed_at:
            yield Line(payment.closed_at, "payment", f"{name} closed")


def _what_is_odd(payment: Payment) -> Iterator[str]:
    if payment.is_surplus:
        yield "not needed by the order: it goes back"
    if payment.paid_fen not in (None, payment.amount_fen):
        yield f"{yuan(payment.paid_fen or 0)} came, which is not what was asked"


def _refunds(session: Session, payments: Iterable[Payment]) -> Iterator[Line]:
    for payment in payments:
        for refund in Refund.of_payment(session, payment.id):
            name = f"refund {refund.code} {yuan(refund.amount_fen)} of {payment.out_trade_no}"
            yield Line(refund.created_at, "payment", f"{name} decided: {refund.reason}")
            if refund.ended_at:
                yield Line(refund.ended_at, "payment", f"{name} {refund.state}")


def _ledger(booked: Iterable[tuple[ledger.LedgerGroup, ledger.LedgerEntry]]) -> Iterator[Line]:
    groups: dict[int, tuple[ledger.LedgerGroup, list[ledger.LedgerEntry]]] = {}
    for group, entry in booked:
        groups.setdefault(group.id, (group, []))[1].append(entry)
    for group, entries in groups.values():
        total = sum(entry.amount_fen for entry in entries)
        yield Line(group.at, "ledger", f"{group.kind} ({group.key}), sum {signed(total)}",
                   tuple(f"{entry.account} {signed(entry.amount_fen)}" for entry in entries))


PARTIES: Final = {
    ledger.WECHAT: "WeChat Pay", ledger.BANK: "our bank", ledger.PLATFORM: "platform",
    ledger.COMMISSION: "platform, commission", ledger.PROMOTION: "platform, discounts",
    ledger.WECHAT_FEES: "WeChat Pay, fees"}


def _money(session: Session, order: Order,
           booked: Iterable[tuple[ledger.LedgerGroup, ledger.LedgerEntry]]) -> Iterator[Booked]:
    last = None
    for group, entry in booked:
        cause = group.kind if group.id != last else ""
        last = group.id
        yield Booked(group.at, cause, _party(session, order, entry.account), entry.account,
                     entry.amount_fen)


def _party(session: Session, order: Order, account: str) -> str:
    """Whose money it is, in words."""
    kind, _, number = account.partition(":")
    match kind:
        case "order":
            return "held for the buyer"
        case "refund":
            return "going back to the payer"
        case "shop":
            return f"shop {order.shop.name}"
        case "payout":
            return "on its way to a rider"
        case "points":
            return "the buyer's points"
        case "rider":
            return _Cast.rider(session.get(Rider, int(number)))
    return PARTIES[kind]


def signed(amount_fen: int) -> str:
    """1450 → '+14.50'."""
    sign = "+" if amount_fen > 0 else "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"


# --- what was owed to the outside -----------------------------------------------------------

def _debts(session: Session, cast: _Cast) -> Iterator[Line]:
    query = select(Outbox).filter_by(order_id=cast.order.id).order_by(Outbox.id)
    for debt in session.scalars(query):
        is_notice = debt.kind == "notice"
        person_id = debt.payload.get("person_id")
        whom = f" to {cast.name(person_id)}" if person_id else ""
        what = debt.payload.get("template") or "chat" if is_notice else debt.kind
        yield Line(debt.created_at, "notice" if is_notice else "debt",
                   f"{what}{whom}: {_outcome(session, cast, debt)}")


def _outcome(session: Session, cast: _Cast, debt: Outbox) -> str:
    at = (debt.settled_at or debt.due_at).astimezone(_zone(session, cast))
    tries = f"{debt.attempts} {'try' if debt.attempts == 1 else 'tries'}"
    if debt.settled_at is None:
        return f"not done yet ({tries}, due {at:%m-%d %H:%M:%S})"
    return f"{cast.hush_names(debt.outcome or '')} ({tries}, {at:%m-%d %H:%M:%S})"
