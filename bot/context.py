"""What understanding may know of the conversation: rows, as plain names and numbers."""
import json
from collections import OrderedDict
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import joinedload, object_session

from bot.nlu.lexicon import Lexicon, lexicon_from
from handlers import dialogue
from handlers.dialogue import FORGOTTEN_AFTER
from handlers.kitchen import waiting_orders
from handlers.speaker import Speaker
from models.base import Session
from models.campus import Campus
from models.order import Order
from models.rules.nicknames import with_words
from models.rules.order_state import UNPAID, OrderState
from models.shop import Shop
from models.word import Word

MOST_LEXICONS = 16
_STATUS = {OrderState.AWAITING_PAYMENT: "unpaid", OrderState.PAID: "accepted",
           OrderState.READY: "cooking", OrderState.ARRIVED: "delivering"}
_ON_DRAFT = frozenset({"confirm_order", "ask_address", "ask_time", "choose"})
# Answered by the payment: what is said after it answers nothing.
_BEFORE_PAYMENT = frozenset({"confirm_order", "pay"})
_ASKS_PLACE = frozenset({"ask_station", "ask_from"})
# Questions that understanding does not know.
_OURS = frozenset({"ask_student", "ask_student_number", "ask_budget", "complaint", "ask_rider",
                   "menu_text"})
_LEXICONS: OrderedDict[tuple[int, int], Lexicon] = OrderedDict()


def lexicon_of(campus: Campus) -> Lexicon:
    """The words of this campus's menus and places, and those that operators added; built once a
    version of its file, which every change to either moves on."""
    key = (campus.id, campus.menu_version)
    if key not in _LEXICONS:
        _LEXICONS[key] = _built(json.dumps(with_words(campus.file, _added(campus))))
        while len(_LEXICONS) > MOST_LEXICONS:
            _LEXICONS.popitem(last=False)
    _LEXICONS.move_to_end(key)
    return _LEXICONS[key]


@lru_cache(maxsize=4)
def _built(file: str) -> Lexicon:
    """A new version of a campus, or a campus anew, often has the same names."""
    return lexicon_from(json.loads(file))


def _added(campus: Campus) -> list[tuple[str, str]]:
    session = object_session(campus)
    return [(row.word, row.meaning) for row in Word.of(session, campus.id)] if session else []


def as_student(session: Session, speaker: Speaker, focus: Order | None, *,
               now: datetime) -> dict[str, Any]:
    """`focus`: the order that words without a code are about; see `focus_of`."""
    asked = dialogue.pending(speaker.person, now=now)
    pending = asked.get("pending")
    told: dict[str, Any] = {}
    if focus and focus.state == OrderState.DRAFT:
        told["draft"] = _draft(focus)
    elif focus:
        told["order"] = _order(focus)
    if pending == "ask_pickup_code":
        told["draft"] = {"errand_kind": "parcel"}
    if pending in _OURS or (pending in _BEFORE_PAYMENT and not _is_unpaid(focus)):
        pending = None
    if pending in ("ask_room", "ask_redirect", *_ASKS_PLACE):
        pending = "ask_address"
    if pending and (focus or pending not in _ON_DRAFT or pending in ("choose", "ask_address")):
        told["pending"] = pending
    if pending == "choose":
        told["choices"] = asked.get("choices", [])
    return told


def _is_unpaid(focus: Order | None) -> bool:
    return focus is not None and OrderState(focus.state) in UNPAID


def as_rider(speaker: Speaker, offered: Order | None) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if offered:
        told["offer"] = {"order_ref": offered.code}
    if speaker.carrying:
        told["jobs"] = [{"order_ref": order.code, "status": _job_status(order)}
                        for order in speaker.carrying]
    return told


def as_merchant(session: Session, speaker: Speaker) -> dict[str, Any]:
    shop = session.get(Shop, min(speaker.shop_ids)) if len(speaker.shop_ids) == 1 else None
    told: dict[str, Any] = {"shop_id": shop.key} if shop else {}
    if asked := waiting_orders(session, speaker, OrderState.PAID):
        told["offer"] = {"order_ref": asked[0].code, "items": _items(asked[0])}
    if cooking := waiting_orders(session, speaker, OrderState.COOKING):
        told["orders"] = [{"order_ref": o.code, "status": "cooking"} for o in cooking[:10]]
    return told


def focus_of(session: Session, speaker: Speaker, *, now: datetime) -> Order | None:
    """The order a student most likely means: the one just asked about, else the newest live.

    A quote that nobody came back to is not talked about any more.
    """
    asked = dialogue.pending(speaker.person, now=now)
    if order_id := asked.get("order_id"):
        order = session.scalars(_whole(), {"order_id": order_id}).unique().one_or_none()
        if order and order.buyer_id == speaker.person.id and order.is_live:
            return order
    live = [order for order in Order.live_of(session, speaker.person.id)
            if order.state != OrderState.DRAFT or now - order.created_at < FORGOTTEN_AFTER]
    return live[-1] if live else None


@cache
def _whole() -> Select[Order]:
    """An order with its lines and its shop. Made once a process."""
    query = select(Order).where(Order.id == bindparam("order_id")).options(
        joinedload(Order.lines), joinedload(Order.shop).lazyload(Shop.place))
    return query.execution_options(autoflush=False)


def _draft(order: Order) -> dict[str, Any]:
    """An errand's draft says what it is, and of its parcels no more than that there are some."""
    if order.errand:
        return {"errand_kind": order.errand.kind}
    return {"shop_id": order.shop.key, "items": _items(order)}


def _order(order: Order) -> dict[str, Any]:
    return {"order_ref": order.code, "shop_id": order.shop.key,
            "status": _STATUS.get(OrderState(order.state), order.state),
            "items": _items(order), "total_fen": order.payable_fen}


def _items(order: Order) -> list[dict[str, Any]]:
    return [{"dish_id": line.dish_key, "qty": float(line.quantity), "options": line.options}
            for line in order.lines]


def _job_status(order: Order) -> str:
    picked = order.state in (OrderState.DELIVERING, OrderState.ARRIVED)
    return "picked_up" if picked else "assigned"
