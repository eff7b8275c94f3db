"""What is wrong, with which dish, and what the buyer would like done about it."""
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from config.texts import Param, Reply, yuan
from handlers import dialogue
from handlers.complaint.remaking import when_remade
from handlers.complaint.settling import hand_to_people
from handlers.complaint.shared import (
    ClaimKind,
    amount_of,
    claimable_of,
    claimed_lines,
    photo_url,
    refusal_of,
)
from handlers.speaker import Speaker
from handlers.wording import what
from models.base import Session
from models.complaint import Complaint, ComplaintState, Photo
from models.order import Order, OrderKind, OrderLine

MOST_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """`said`: the words behind the kind, which may name a dish. `is_all`: every dish; `is_other`:
    none of those that were shown. `order_id` None: the newest order that came."""

    order_id: int | None
    kind: ClaimKind | None = None
    said: str = ""
    is_all: bool = False
    is_other: bool = False


def photo_sent(session: Session, speaker: Speaker, media_id: str, *,
               now: datetime) -> Reply | None:
    """A picture nobody asked for: of the meal that just came, if one did. None: it is not."""
    order = claimable_of(session, speaker.person.id, now=now)
    if order is None:
        return None
    order = Order.lock(session, order.id)
    photo = Photo.keep(session, speaker.person, media_id, now=now, order_id=order.id)
    if (open_one := Complaint.undecided(session, order.id)) is not None:
        open_one.photo = photo
    return _what(speaker, order, Reply("complaint.seen"), now=now)


def begin(session: Session, speaker: Speaker, cmd: Claim, *, now: datetime) -> Reply:
    """「投诉」, 「A27有问题」: asked what it is."""
    order = _order_meant(session, speaker, cmd, now)
    if order is None:
        return Reply("complaint.none")
    return refusal_of(order, now) or _what(speaker, order, None, now=now)


def claim(session: Session, speaker: Speaker, cmd: Claim, *, now: datetime) -> Reply:
    """What is wrong has been said: the choices, by what was paid."""
    order = _order_meant(session, speaker, cmd, now)
    if order is None:
        return Reply("complaint.none")
    if cmd.kind is None:
        return begin(session, speaker, cmd, now=now)
    order = Order.lock(session, order.id)
    if refusal := refusal_of(order, now):
        return refusal
    waiting = Complaint.undecided(session, order.id)
    if waiting and waiting.state == ComplaintState.WAITING:
        return Reply("complaint.being_decided", {"code": order.code})
    if order.kind == OrderKind.ERRAND:
        complaint = _note(session, order, cmd.kind, [], order.payable_fen, now=now)
        dialogue.clear(speaker.person)
        return hand_to_people(session, order, complaint, now=now)
    return _with_lines(session, speaker, order, cmd, now=now)


def _with_lines(session: Session, speaker: Speaker, order: Order, cmd: Claim, *,
                now: datetime) -> Reply:
    assert cmd.kind is not None
    done = claimed_lines(session, order)
    left = [line for line in order.lines if line.id not in done]
    if cmd.is_other and len(left) > 1:
        return _which(order, cmd.kind, left)
    lines = left if cmd.kind == ClaimKind.LOST else _meant(left, cmd)
    amount = amount_of(session, order, lines, cmd.kind) if lines else 0
    if amount <= 0:
        return Reply("complaint.given_before", {"code": order.code})
    _note(session, order, cmd.kind, [line.id for line in lines], amount, now=now)
    dialogue.ask(speaker.person, "complaint", now=now, order_id=order.id)
    if cmd.kind == ClaimKind.LOST:
        return _lost(session, speaker, order, amount, now=now)
    again = when_remade(session, order, lines, now=now)
    return Reply("complaint.choose", {
        "code": order.code, "amount": yuan(amount), "what": _names(lines),
        "again": Reply("complaint.again", {"code": order.code, "at": speaker.clock(again)})
        if again else None, "other": _other(order, cmd.kind, left, lines)})


def _lost(session: Session, speaker: Speaker, order: Order, amount_fen: int, *,
          now: datetime) -> Reply:
    """Where and when it was left, with its picture; who else was there may be asked."""
    photo = None
    if order.rack_media_id and order.rider:
        kept = Photo.keep(session, order.rider.person, order.rack_media_id, now=now,
                          order_id=order.id)
        photo = Reply("complaint.photo", {"url": photo_url(kept)})
    key = "complaint.left_on_rack" if order.shelved_at else "complaint.left_at_door"
    place = order.place
    if order.is_self_pickup:
        key, place = "complaint.fetched", order.shop.place
    return Reply("complaint.choose_lost", {
        "code": order.code, "amount": yuan(amount_fen), "photo": photo,
        "left": Reply(key, {
            "at": speaker.clock(order.shelved_at or order.arrived_at or order.ended_at or now),
            "place": place.name if place else ""})})


def _order_meant(session: Session, speaker: Speaker, cmd: Claim, now: datetime) -> Order | None:
    if cmd.order_id is None:
        return claimable_of(session, speaker.person.id, now=now)
    order = session.get_one(Order, cmd.order_id)
    return order if order.buyer_id == speaker.person.id else None


def _what(speaker: Speaker, order: Order, seen: Reply | None, *, now: datetime) -> Reply:
    dialogue.ask(speaker.person, "complaint", now=now, order_id=order.id)
    if order.kind == OrderKind.ERRAND:
        return Reply("complaint.what_errand", {"code": order.code, "seen": seen})
    return Reply("complaint.what", {"code": order.code, "seen": seen,
                                    "dish": _dearest(order.lines).name})


def _meant(left: Sequence[OrderLine], cmd: Claim) -> list[OrderLine]:
    """The lines that the words name; all of them; or, where nothing is named, the dearest."""
    if cmd.is_all:
        return list(left)
    named = [line for line in left if line.name in cmd.said or (
        len(cmd.said) > 1 and cmd.said in what(line).replace(" ", ""))]
    return named or ([_dearest(left)] if left else [])


def _dearest(lines: Sequence[OrderLine]) -> OrderLine:
    return max(lines, key=lambda line: (line.amount_fen, -line.position))


def _which(order: Order, kind: ClaimKind, left: Sequence[OrderLine]) -> Reply:
    return Reply("complaint.which", {
        "code": order.code, "kind": Reply(f"complaint.word_{kind}"),
        "taps": [Reply("complaint.which_line", {
            "code": order.code, "kind": Reply(f"complaint.word_{kind}"), "dish": line.name})
            for line in left[:MOST_LINES]]})


def _other(order: Order, kind: ClaimKind, left: Sequence[OrderLine],
           lines: Sequence[OrderLine]) -> Reply | None:
    if len(left) < 2 or len(lines) == len(left):
        return None
    return Reply("complaint.other", {"code": order.code,
                                     "kind": Reply(f"complaint.word_{kind}")})


def _names(lines: Sequence[OrderLine]) -> Param:
    if len(lines) == 1:
        return lines[0].name
    return Reply("complaint.several", {"count": len(lines)})


def _note(session: Session, order: Order, kind: ClaimKind, lines: list[int], amount_fen: int, *,
          now: datetime) -> Complaint:
    """The order's one undecided complaint, as it is told now; a picture sent before belongs to
    it."""
    complaint = Complaint.undecided(session, order.id)
    if complaint is None:
        complaint = Complaint(order_id=order.id, buyer_id=order.buyer_id, kind=kind, lines=[],
                              amount_fen=0, created_at=now)
        session.add(complaint)
    if complaint.kind != kind:
        complaint.search_until = None  # the others were asked about a bag that is here
    complaint.kind, complaint.lines, complaint.amount_fen = kind, lines, amount_fen
    complaint.photo = complaint.photo or _last_photo(session, order)
    session.flush()
    return complaint


def _last_photo(session: Session, order: Order) -> Photo | None:
    sent = session.query(Photo).filter_by(order_id=order.id, person_id=order.buyer_id)
    return sent.order_by(Photo.id.desc()).first()
