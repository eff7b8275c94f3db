"""The rider's way through an errand: at the station, the code; then it is in their hands."""
from collections.abc import Sequence
from datetime import datetime

from config.texts import Reply
from handlers import vault
from handlers.errand.words import errand_of, numbered, wanted
from handlers.speaker import Speaker
from handlers.wording import pickup
from models.base import Session
from models.campus import Place
from models.errand import Parcel
from models.order import Order
from models.rules.order_state import OrderEvent


def at_station(session: Session, speaker: Speaker, order: Order, *,
               now: datetime) -> tuple[Reply, Place | None]:
    """What a rider who stands there needs to know, and where they stand (None: not there).

    The order is locked and is the speaker's own job. With parcels at several stations, each
    report opens the next one's codes.
    """
    parcels = next_parcels(order, speaker)
    if order.parcels and not parcels:
        return Reply("vault.once", {"code": order.code}), None
    if parcels and (refusal := vault.open_codes(session, speaker, order, parcels, now=now)):
        return refusal, None
    order.apply(session, OrderEvent.AT_SHOP, now=now, by=speaker.person.id)
    place = parcels[0].place if parcels else order.from_place
    return (_codes(speaker, order, parcels) if parcels else _to_do(order)), place


def next_parcels(order: Order, speaker: Speaker) -> list[Parcel]:
    """The parcels of the first station whose codes this rider has not seen."""
    assert speaker.rider is not None
    unseen = [p for p in order.parcels if p.opened_by != speaker.rider.id]
    return [p for p in unseen if p.place_id == unseen[0].place_id]


def not_fetched_yet(order: Order, speaker: Speaker) -> Reply | None:
    """What must come before 取到: every station, and what it cost."""
    if next_parcels(order, speaker):
        return Reply("errand.station_first", {"code": order.code, "pickup": pickup(order)})
    errand = errand_of(order)
    if errand.is_spending and errand.spent_fen is None:
        return Reply("errand.cost_first", {"code": order.code})
    return None


def taken(order: Order) -> Reply:
    """What a rider hears who has said yes."""
    return Reply("errand.taken", {
        "code": order.code, "what": wanted(order),
        "place": order.from_place.name if order.from_place else "",
        "where": order.place.name if order.place else "",
        "goods": errand_of(order).goods or ""})


def _codes(speaker: Speaker, order: Order, parcels: Sequence[Parcel]) -> Reply:
    more = next_parcels(order, speaker)
    return Reply("vault.codes", {
        "code": order.code, "station": parcels[0].place.name if parcels[0].place else "",
        "count": len(parcels), "codes": [_code(parcel) for parcel in parcels],
        "next": Reply("vault.then_next", {
            "code": order.code, "station": more[0].place.name if more[0].place else ""})
        if more else Reply("rider.next_picked_up", {"code": order.code})})


def _code(parcel: Parcel) -> Reply:
    return Reply("vault.code", {
        "number": numbered(parcel.position), "carrier": parcel.carrier or "",
        "pickup_code": parcel.code or Reply("errand.no_code"),
        "shelf": Reply("errand.shelf", {"shelf": parcel.shelf}) if parcel.shelf else "",
        "size": Reply(f"errand.size_{parcel.size}")})


def _to_do(order: Order) -> Reply:
    errand = errand_of(order)
    key = "errand.to_spend" if errand.is_spending else "errand.to_fetch"
    return Reply(key, {"code": order.code, "what": wanted(order),
                       "where": order.place.name if order.place else "",
                       "budget": f"{(errand.budget_fen or 0) / 100:g}"})
