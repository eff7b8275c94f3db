"""An order watched by whoever was given its link: how far it is, and when it comes.

Roommates and friends may hold the link, so it tells no room, no telephone number and no hand-over
code, and where the rider is only by the name of the last place. It goes dark when the order ends.
"""
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete

from config.texts import Reply, text_of
from handlers.links import track_url
from handlers.order import OwnOrder
from handlers.order.status import going_on
from handlers.speaker import Speaker
from handlers.wording import clock, state_of, summary
from models.base import Session
from models.campus import Campus, Place
from models.order import Order, OrderKind
from models.rules.order_state import OrderState
from models.tracking import TrackingLink

SEEN_WITHIN: Final = timedelta(minutes=10)
STEPS: Final = (("paid", "paid_at"), ("accepted", "accepted_at"), ("taken", "taken_at"),
                ("picked_up", "picked_up_at"), ("arrived", "arrived_at"))


@dataclass(frozen=True, slots=True)
class Progress:
    """What the page shows. `near`: the place that the rider was last at. `late`: the promise that
    was not kept; `eta` is then the later time."""

    code: str
    shop: str
    state: str
    now: str
    is_over: bool
    steps: tuple[tuple[str, str], ...]
    eta: str
    late: str | None
    where: str
    near: str | None


def progress_of(session: Session, order: Order, *, now: datetime) -> Progress:
    campus = session.get_one(Campus, order.campus_id)
    if not order.is_live:
        return Progress(order.code, order.shop.name, "ended", text_of(state_of(order)), True, (),
                        "", None, "", None)
    late = order.expected_at is not None and order.promised_at is not None
    return Progress(
        order.code, order.shop.name, str(order.state), text_of(_now(order)), False,
        tuple((clock(at, campus), text_of(Reply(f"step.{name}")))
              for name, column in STEPS if (at := getattr(order, column))),
        clock(order.expected_at or order.promised_at, campus),
        clock(order.promised_at, campus) if late else None,
        order.place.name if order.place else "", _near(session, order, now))


def _now(order: Order) -> Reply:
    rider = order.rider.name if order.rider else ""
    if order.state == OrderState.ARRIVED:  # the buyer's own words for it hold the hand-over code
        return Reply("track.arrived", {"rider": rider})
    return Reply(f"status.{going_on(order)}", {
        "shop": order.shop.name, "rider": rider, "where": "", "pin": "",
        "what": summary(order) if order.kind == OrderKind.ERRAND else "",
        "station": order.pickup_place.name if order.pickup_place else ""})


def _near(session: Session, order: Order, now: datetime) -> str | None:
    """Where the rider was a few minutes ago, as long as they have this order in hand."""
    rider = order.rider
    if rider is None or rider.place_id is None or order.state != OrderState.DELIVERING:
        return None
    seen_at = max((at for at in (rider.seen_at, rider.located_at) if at), default=None)
    if seen_at is None or now - seen_at > SEEN_WITHIN:
        return None
    return session.get_one(Place, rider.place_id).name


def share(session: Session, speaker: Speaker, cmd: OwnOrder, *, now: datetime) -> Reply:
    """「分享A27进度」, 「A27地图」: the link, to look at or to forward."""
    order = session.get_one(Order, cmd.order_id)
    if not order.is_live or order.paid_at is None:
        return Reply("track.not_now", {"code": order.code, "state": state_of(order)})
    return Reply("track.shared", {"code": order.code,
                                  "url": track_url(session, order.id, now=now)})


def stop_sharing(session: Session, speaker: Speaker, cmd: OwnOrder, *, now: datetime) -> Reply:
    """「A27不分享了」: the link that is out stops working; another one may be made."""
    order = session.get_one(Order, cmd.order_id)
    session.execute(delete(TrackingLink).where(TrackingLink.order_id == order.id))
    return Reply("track.stopped", {"code": order.code})
