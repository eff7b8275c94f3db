"""What every route is given, and what most of them look up."""
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot import context
from bot.nlu.understand import Understanding, moment_in, understand
from config.texts import Reply
from handlers import customer, dialogue
from handlers.order import Item
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of one speaker, with all that a route needs."""

    session: Session
    speaker: Speaker
    text: str
    tap: str
    now: datetime
    said_at: datetime | None = None  # by WeChat's clock: long ago, if it was sent without a net
    is_named: bool = False  # the sentence stood behind an order's code
    found: dict[str, Order | None] = field(default_factory=dict, compare=False)

    @property
    def pending(self) -> dict[str, Any]:
        return dialogue.pending(self.speaker.person, now=self.now)


    @property
    def moment(self) -> datetime | None:
        """The time that was said, whatever it was said of."""
        return moment_in(self.text, context.lexicon_of(self.speaker.campus),
                         now=self.now.astimezone(self.speaker.campus.zone))


Route = Callable[[Turn, Any], Reply | None]


def items_of(meant: Understanding) -> tuple[Item, ...]:
    """The dishes that were understood, as handlers take them."""
    return tuple(Item(
        str(item["dish_id"]), None if item.get("qty") is None else Decimal(str(item["qty"])),
        tuple(item.get("options") or ()), item.get("op") or "add")
        for item in meant.slots.get("items", ()))


def time_of(meant: Understanding) -> datetime | None:
    at = meant.slots.get("time")
    return datetime.fromisoformat(at) if at else None


def by_code(turn: Turn, code: str | None) -> Order | None:
    """The order that goes by this code; looked for once a turn."""
    if not code:
        return None
    if code not in turn.found:
        turn.found[code] = Order.by_code(turn.session, turn.speaker.campus.id, code)
    return turn.found[code]


def own(turn: Turn, code: str | None) -> Order | None:
    """The speaker's own order with this code; without a code, the one being talked about."""
    if code is None:
        focus = context.focus_of(turn.session, turn.speaker, now=turn.now)
        return focus or Order.draft_of(turn.session, turn.speaker.person.id)
    order = by_code(turn, code)
    return order if order and order.buyer_id == turn.speaker.person.id else None


def unknown(code: str | None) -> Reply:
    return Reply("order.unknown", {"code": code}) if code else Reply("order.none")


def contact(turn: Turn) -> dict[str, str]:
    return {"phone": str(turn.speaker.campus.emergency.get("phone") or "110")}


def help_(turn: Turn) -> Reply:
    """What may be said here, by who says it; cooks and riders may be hungry, too."""
    if at_work := customer.greeting_at_work(turn.session, turn.speaker):
        return Reply("talk.help_at_work", {"what": at_work})
    example = customer.example_dish(turn.session, turn.speaker)
    return Reply("talk.help", {"example": example})


def understood(turn: Turn, told: dict[str, Any], role: str) -> Understanding:
    return understand(turn.text, context.lexicon_of(turn.speaker.campus), told,
                      now=turn.now.astimezone(turn.speaker.campus.zone), role=role)
