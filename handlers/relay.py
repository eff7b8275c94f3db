"""传话: a few words between who waits for an order and who has it in hand. No number is shown."""
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select

from config.texts import Reply, text_of
from handlers.notice import Notice, tell
from handlers.speaker import Speaker
from handlers.taps import tap_id
from handlers.wording import clock, dated
from models.base import Session
from models.campus import Campus
from models.order import Order
from models.outbox import Outbox
from models.rules.order_state import OrderState

LONGEST: Final = 60  # characters
MOST: Final = 6      # from one side, of one order
KEPT_FOR: Final = timedelta(minutes=30)
ON_THE_WAY: Final = frozenset({OrderState.DELIVERING, OrderState.ARRIVED})
AT_WORK: Final = frozenset({OrderState.PAID, OrderState.COOKING, OrderState.READY}) | ON_THE_WAY


class To(StrEnum):
    RIDER = "rider"
    SHOP = "shop"
    WHOEVER = "whoever"  # has it in hand


@dataclass(frozen=True, slots=True)
class PassOn:
    order_id: int
    words: str
    to: To = To.WHOEVER


def from_buyer(session: Session, speaker: Speaker, cmd: PassOn, *, now: datetime) -> Reply:
    """To the rider once there is one on the way, to the shop before."""
    order = Order.lock(session, cmd.order_id)
    if order.buyer_id != speaker.person.id:
        return Reply("order.unknown", {"code": order.code})
    if OrderState(order.state) not in AT_WORK:
        return Reply("redirect.not_now", {"code": order.code,
                                          "state": Reply(f"state.{order.state}")})
    to_rider = order.rider is not None and (
        cmd.to is To.RIDER or (cmd.to is To.WHOEVER and order.state in ON_THE_WAY))
    if cmd.to is To.RIDER and not to_rider:
        return Reply("relay.no_rider_yet", {"code": order.code}, tap_id(order))
    people = [order.rider.person_id] if to_rider and order.rider else order.shop.owner_ids(session)
    if not people:
        return Reply("relay.no_rider_yet", {"code": order.code}, tap_id(order))
    if refusal := _too_many(session, order, "buyer"):
        return refusal
    heard = Reply("relay.from_buyer" if to_rider else "relay.from_buyer_to_shop",
                  {"code": order.code, "words": _brief(cmd.words)})
    _send(session, order, people, "buyer", heard, now=now)
    name = order.rider.name if to_rider and order.rider else order.shop.name
    return Reply("relay.told_rider" if to_rider else "relay.told_shop",
                 {"code": order.code, "name": name, "words": _brief(cmd.words)}, tap_id(order))


def from_rider(session: Session, speaker: Speaker, cmd: PassOn, *, now: datetime) -> Reply:
    order = Order.lock(session, cmd.order_id)
    if speaker.rider is None or order.rider_id != speaker.rider.id:
        return Reply("rider.not_yours", {"code": order.code})
    if OrderState(order.state) not in AT_WORK:
        return Reply("rider.as_it_stands", {
            "code": order.code, "state": Reply(f"state.{order.state}"), "next": None})
    return _to_buyer(session, order, "rider", speaker.rider.name, cmd.words, now=now)


def from_shop(session: Session, speaker: Speaker, cmd: PassOn, *, now: datetime) -> Reply:
    order = Order.lock(session, cmd.order_id)
    if order.shop_id not in speaker.shop_ids:
        return Reply("order.unknown", {"code": order.code})
    if OrderState(order.state) not in AT_WORK:
        return Reply("redirect.not_now", {"code": order.code,
                                          "state": Reply(f"state.{order.state}")})
    return _to_buyer(session, order, "shop", order.shop.name, cmd.words, now=now)


def _to_buyer(session: Session, order: Order, side: str, name: str, words: str, *,
              now: datetime) -> Reply:
    if refusal := _too_many(session, order, side):
        return refusal
    heard = Reply("relay.to_buyer", {"code": order.code, "name": name, "words": _brief(words)},
                  tap_id(order))
    _send(session, order, [order.buyer_id], side, heard, now=now)
    return Reply("relay.told_buyer", {"code": order.code, "words": _brief(words)})


def _send(session: Session, order: Order, people: list[int], side: str, heard: Reply, *,
          now: datetime) -> None:
    """In the chat; by template, cut short, where WeChat no longer lets us write there."""
    campus = session.get_one(Campus, order.campus_id)
    facts = {"code": dated(order, campus), "reason": text_of(Reply(f"relay.words_of_{side}")),
             "eta": clock(now, campus), "hint": str(heard.params["words"])}
    for person_id in people:
        tell(session, Notice(
            person_id, f"{order.id}:{_name(side)}:{now.isoformat()}", template="delayed",
            facts=facts, chat=heard, prefer="chat", good_until=now + KEPT_FOR),
             now=now, order_id=order.id)


def _too_many(session: Session, order: Order, side: str) -> Reply | None:
    said = select(func.count(func.distinct(Outbox.created_at))).where(
        Outbox.order_id == order.id,
        Outbox.key.startswith(f"notice:{order.id}:{_name(side)}:", autoescape=True))
    if (session.scalar(said) or 0) < MOST:
        return None
    return Reply("relay.too_many", {"code": order.code, "most": MOST})


def _name(side: str) -> str:
    return f"words_of_{side}"


def _brief(words: str) -> str:
    return " ".join(words.split())[:LONGEST]
