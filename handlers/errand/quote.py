"""What stands between an errand and its price: a station, a budget, a door, a time that holds."""
from collections.abc import Sequence
from datetime import datetime

from config.texts import Reply, text_of
from handlers import dialogue
from handlers.customer import ask_destination
from handlers.errand import pricing, stations
from handlers.errand.words import errand_of, lines, numbered, station_names
from handlers.pricing import reprice
from handlers.speaker import Speaker
from handlers.taps import tap_id
from handlers.wording import quoted
from models.base import Session
from models.errand import ErrandKind
from models.order import Order

MOST_TAPS = 3
BUDGETS_FEN = (1000, 2000, 5000)


def requote(session: Session, speaker: Speaker, order: Order,
            remarks: Sequence[Reply] = (), *, headline: str, now: datetime) -> Reply:
    """The quote after a change, or the one question that comes before it."""
    if question := missing(session, speaker, order, headline=headline, now=now):
        return Reply("errand.noted", {"remarks": list(remarks), "question": question},
                     question.tap_id) if remarks else question
    dialogue.ask(speaker.person, "confirm_order", now=now, order_id=order.id)
    return quoted(session, speaker, order, headline=headline, remarks=remarks)


def missing(session: Session, speaker: Speaker, order: Order, *, now: datetime,
            headline: str = "", is_priced: bool = False) -> Reply | None:
    """What must be known, or changed, before this errand can be paid for.

    It is priced meanwhile, unless the price stands (`is_priced`) because it has been shown.
    """
    errand = errand_of(order)
    if order.place_id is None:
        return ask_destination(session, speaker, order, now=now)
    if not is_priced:
        reprice(session, speaker, order, now=now)
    if any(parcel.place_id is None for parcel in order.parcels):
        return _which_station(session, speaker, order, headline, now=now)
    if order.from_place_id is None and errand.kind in (ErrandKind.SEND, ErrandKind.QUEUE):
        dialogue.ask(speaker.person, "ask_from", now=now, order_id=order.id)
        return Reply(f"errand.from_{errand.kind}", {"code": order.code})
    if errand.is_spending and errand.budget_fen is None:
        return _which_budget(speaker, order, now=now)
    return _too_late(session, speaker, order, now=now)


def _which_station(session: Session, speaker: Speaker, order: Order, headline: str, *,
                   now: datetime) -> Reply:
    """Ask where the first parcel without a station lies, one tap a station."""
    dialogue.ask(speaker.person, "ask_station", now=now, order_id=order.id)
    parcel = next(p for p in order.parcels if p.place_id is None)
    known = stations.stations(session, speaker.campus)
    before = next((p.place for p in order.parcels if p.place), None)
    taps = [Reply("errand.same_station", {"code": order.code, "station": before.name})] \
        if before else []
    taps += [Reply("errand.at_station", {
        "code": order.code, "station": place.name,
        "which": text_of(Reply("errand.which", {"number": parcel.position + 1}))})
        for place in stations.others(known, before)][:MOST_TAPS - len(taps)]
    found = "errand.together" if len(order.parcels) > 1 else "errand.found"
    return Reply("errand.which_station", {
        "headline": Reply(headline if headline == "errand.added" else found, {
            "code": order.code, "count": len(order.parcels)}), "lines": lines(order), "taps": taps,
        "which": Reply("errand.which", {"number": parcel.position + 1})
        if len(order.parcels) > 1 else Reply("errand.this_one")})


def _which_budget(speaker: Speaker, order: Order, *, now: datetime) -> Reply:
    dialogue.ask(speaker.person, "ask_budget", now=now, order_id=order.id)
    return Reply("errand.which_budget", {
        "code": order.code, "lines": lines(order),
        "taps": [Reply("errand.budget_tap", {"code": order.code, "yuan": str(fen // 100)})
                 for fen in BUDGETS_FEN]})


def _too_late(session: Session, speaker: Speaker, order: Order, *, now: datetime) -> Reply | None:
    """A time that cannot be kept is refused before it is paid for."""
    errand = errand_of(order)
    if errand.fetch_by and (at := pricing.soonest_fetched(order, now=now)) > errand.fetch_by:
        return Reply("errand.closes_before", {
            "code": order.code, "station": station_names(order.parcels),
            "by": speaker.clock(errand.fetch_by), "at": speaker.clock(at)}, tap_id(order))
    soonest = pricing.soonest_door(session, speaker.campus, order, now=now)
    if errand.is_deadline and order.wanted_at and soonest > order.wanted_at:
        return Reply("errand.too_late", {
            "code": order.code, "by": speaker.clock(order.wanted_at),
            "at": speaker.clock(soonest)}, tap_id(order))
    return None


def which_large(order: Order) -> Reply:
    """Which of several parcels is the large one."""
    return Reply("errand.which_large", {"taps": [Reply("errand.large_tap", {
        "code": order.code, "number": parcel.position + 1,
        "shown": numbered(parcel.position)}) for parcel in order.parcels[:4]]})
