"""The vault of pickup codes: opened to the order's rider, at the station, once, and told about.

A code stands sealed in `parcels.code` and nowhere else: not in a notice, a log, the dialogue or
Redis. It is shown in the rider's own chat (the stored answer is sealed, and erased after an
hour) and erased for good soon after nobody needs it any more.
"""
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select, update

from config.texts import Reply, text_of
from handlers.notice import Notice, tell
from handlers.roads import metres_from
from handlers.speaker import Speaker
from handlers.wording import clock, dated
from models.base import Session
from models.campus import Campus, Place
from models.errand import Parcel
from models.order import Order, OrderLog
from models.rider import Rider
from models.rules.order_state import WANTS_RIDER, OrderState

POSITION_LASTS: Final = timedelta(minutes=3)
NEAR_M: Final = 200.0       # a phone's idea of where it is, and a station's size
FASTEST_MPS: Final = 5.0    # how far a rider may have come since the phone last said
KEPT_FOR: Final = timedelta(minutes=2)  # after pick-up or the end: both may be taken back in 60 s


def open_codes(session: Session, speaker: Speaker, order: Order, parcels: Sequence[Parcel], *,
               now: datetime) -> Reply | None:
    """Let the speaker see the codes of these parcels of one station; None, or why not.

    The order is locked and is the speaker's own job. The owner is told at once.
    """
    rider = speaker.rider
    assert rider is not None
    if order.rider_id != rider.id or OrderState(order.state) not in WANTS_RIDER:
        return Reply("rider.not_yours", {"code": order.code})
    station = parcels[0].place
    if station and (away := _metres_away(session, speaker.campus, rider, station, now=now)):
        return Reply("vault.not_there", {
            "code": order.code, "station": station.name, "metres": away})
    for parcel in parcels:
        parcel.opened_at, parcel.opened_by = now, rider.id
    which = _log(session, order, "codes_opened", now, speaker.person.id,
                 parcels=[parcel.position + 1 for parcel in parcels])
    _tell_owner(session, speaker.campus, order, rider, station, which, now=now)
    return None


def _tell_owner(session: Session, campus: Campus, order: Order, rider: Rider,
                station: Place | None, which: int, *, now: datetime) -> None:
    name = station.name if station else ""
    tell(session, Notice(
        order.buyer_id, f"{order.id}:opened:{which}", template="progress", prefer="chat",
        chat=Reply("vault.opened", {"code": order.code, "rider": rider.name, "station": name}),
        facts={"code": dated(order, campus), "state": text_of(Reply("vault.state")),
               "rider": rider.name, "eta": clock(order.promised_at, campus),
               "hint": text_of(Reply("vault.hint", {"station": name}))[:20]}),
        now=now, order_id=order.id)


def ask_again(session: Session, speaker: Speaker, order_id: int, *, now: datetime) -> Reply:
    """The rider lost sight of a code: its owner may let them see it once more."""
    order = Order.lock(session, order_id)
    if speaker.rider is None or order.rider_id != speaker.rider.id or not _opened(order):
        return Reply("rider.not_yours", {"code": order.code})
    which = _log(session, order, "codes_asked_again", now, speaker.person.id)
    tell(session, Notice(
        order.buyer_id, f"{order.id}:again:{which}", prefer="chat", template="progress",
        chat=Reply("vault.asks_again", {"code": order.code, "rider": speaker.rider.name}),
        facts={"code": dated(order, speaker.campus), "state": text_of(Reply("vault.state_again")),
               "rider": speaker.rider.name, "eta": clock(order.promised_at, speaker.campus),
               "hint": text_of(Reply("vault.hint_again", {"code": order.code}))}),
        now=now, order_id=order.id)
    return Reply("vault.asked_again", {"code": order.code})


def open_again(session: Session, speaker: Speaker, order_id: int, *, now: datetime) -> Reply:
    """The owner lets the rider see the codes once more."""
    order = Order.lock(session, order_id)
    if order.buyer_id != speaker.person.id:
        return Reply("order.unknown", {"code": order.code})
    if OrderState(order.state) not in WANTS_RIDER or order.rider is None or not _opened(order):
        return Reply("vault.not_open", {"code": order.code})
    for parcel in order.parcels:
        parcel.opened_by = None
    which = _log(session, order, "codes_closed", now, speaker.person.id)
    tell(session, Notice(order.rider.person_id, f"{order.id}:closed:{which}", chat=Reply(
        "vault.open_again", {"code": order.code})), now=now, order_id=order.id)
    return Reply("vault.allowed", {"code": order.code, "rider": order.rider.name})


def erase_codes(session: Session, *, now: datetime) -> int:
    """Destroy the codes that nobody needs any more; how many there were."""
    before = now - KEPT_FOR
    done = select(Order.id).where(
        Order.id == Parcel.order_id,
        or_(Order.ended_at < before, Order.picked_up_at < before)).exists()
    gone = session.execute(update(Parcel).where(Parcel.code.is_not(None), done).values(code=None)
                           .returning(Parcel.id).execution_options(synchronize_session=False))
    return len(gone.all())


def _opened(order: Order) -> bool:
    return any(parcel.opened_by is not None for parcel in order.parcels)


def _metres_away(session: Session, campus: Campus, rider: Rider, station: Place, *,
                 now: datetime) -> int:
    """How far from the station the rider's phone says it is; 0 when that may well be there."""
    if rider.lat is None or rider.lng is None or rider.located_at is None or station.lat is None:
        return 0
    age = now - rider.located_at
    if age > POSITION_LASTS:
        return 0
    away = metres_from(rider.lat, rider.lng, station)
    return int(away) if away > NEAR_M + FASTEST_MPS * age.total_seconds() else 0


def _log(session: Session, order: Order, event: str, now: datetime, by: int,
         **facts: object) -> int:
    """A line in the order's history; the state stays. Its number."""
    line = OrderLog(order_id=order.id, came_from=order.state, state=order.state, event=event,
                    at=now, person_id=by, facts=facts)
    session.add(line)
    session.flush()
    return line.id
