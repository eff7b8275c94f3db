"""练习: an order that is none. It lives with the person alone, is cooked and carried by nobody, and
has no row among orders, payments, offers or debts: there is nothing that a gateway could be asked.

Each step is a word of the student's, as on the real road: what they want, the payment, 到哪了 until
it is at the door, 拿到了. Half an hour of silence ends it.
"""
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select

from config.texts import Reply, yuan
from handlers.customer import example_dish
from handlers.speaker import Speaker
from models.base import Session
from models.person import Person
from models.shop import Dish

ENDS_AFTER: Final = timedelta(minutes=30)
QUOTED: Final = "quoted"
ROAD: Final = ("paid", "cooking", "on_the_way", "at_the_door")
USUAL_DELIVERY_FEN: Final = 200
MOST_LINES: Final = 3

Wanted = Sequence[tuple[str, Decimal]]  # a dish's key, and how many


def is_on(person: Person, *, now: datetime) -> bool:
    at = person.practice.get("at")
    return at is not None and now - datetime.fromisoformat(at) < ENDS_AFTER


def begin(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    """「练习」: a quote of a dish of this very campus. Said again, it begins anew."""
    first = session.scalars(select(Dish.key).filter_by(
        campus_id=speaker.campus.id, is_listed=True).order_by(Dish.id).limit(1)).first()
    if first is None:
        return Reply("practice.no_menu")
    return want(session, speaker, [(first, Decimal(1))], now=now)


def want(session: Session, speaker: Speaker, wanted: Wanted, *, now: datetime) -> Reply:
    """What the student would like, at the menu's prices. Nothing is taken from any stock."""
    menu = Dish.by_keys(session, speaker.campus.id, {key for key, _ in wanted})
    lines = [Reply("practice.line", {
        "what": f"{menu[key].name} ×{count.normalize():f}" if count != 1 else menu[key].name,
        "amount": yuan(int(menu[key].price_fen * count))})
        for key, count in wanted if key in menu]
    goods_fen = sum(int(menu[key].price_fen * count) for key, count in wanted if key in menu)
    delivery_fen = speaker.campus.fees.get("delivery_base_fen", USUAL_DELIVERY_FEN)
    _step(speaker.person, QUOTED, now=now, payable=yuan(goods_fen + delivery_fen))
    return Reply("practice.quoted", {
        "lines": lines[:MOST_LINES], "delivery": yuan(delivery_fen),
        "payable": yuan(goods_fen + delivery_fen), "example": example_dish(session, speaker)})


def pay(speaker: Speaker, *, now: datetime) -> Reply:
    """The make-believe payment. Said twice, it is one."""
    if speaker.person.practice["step"] == QUOTED:
        _step(speaker.person, ROAD[0], now=now)
    return _standing(speaker.person.practice)


def look(speaker: Speaker, *, now: datetime) -> Reply:
    """到哪了: each look finds the kitchen or the rider one step further."""
    step = speaker.person.practice["step"]
    if step == QUOTED:
        return Reply("practice.pay_first")
    _step(speaker.person, ROAD[min(ROAD.index(step) + 1, len(ROAD) - 1)], now=now)
    return _standing(speaker.person.practice)


def collect(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    if speaker.person.practice["step"] != ROAD[-1]:
        return look(speaker, now=now)
    speaker.person.practice = {}
    return Reply("practice.done", {"example": example_dish(session, speaker)})


def end(speaker: Speaker) -> Reply:
    speaker.person.practice = {}
    return Reply("practice.ended")


def _standing(practice: Mapping[str, Any]) -> Reply:
    return Reply(f"practice.{practice['step']}", {"payable": practice["payable"]})


def _step(person: Person, step: str, *, now: datetime, **more: str) -> None:
    person.practice = {**person.practice, "step": step, "at": now.isoformat(), **more}
