"""An errand in words: what is fetched, what it costs, and nobody's pickup code."""
from collections.abc import Sequence
from datetime import datetime

from config.texts import Reply, text_of, yuan
from handlers.speaker import Speaker
from handlers.taps import tap_id
from models.errand import Errand, ErrandKind, Parcel, ParcelSize
from models.order import Order
from models.rules.codes import masked

MOST_LINES = 3
THING = 20  # the longest that a template's field may be


def errand_of(order: Order) -> Errand:
    """The errand's own row, which every order of this kind has."""
    assert order.errand is not None
    return order.errand


def quoted(speaker: Speaker, order: Order, *, headline: Reply, remarks: Sequence[Reply | None],
           when: str, where: str) -> Reply:
    """The quote as the student reads it. A code is shown as its owner knows it again, no more."""
    is_parcel = errand_of(order).kind == ErrandKind.PARCEL
    return Reply("errand.quoted", {
        "headline": headline, "lines": lines(order), "by": _by(speaker, order),
        "parts": _parts(order), "payable": yuan(order.payable_fen), "when": when, "where": where,
        "lock": Reply("errand.lock") if any(p.code for p in order.parcels) else None,
        "remarks": [remark for remark in remarks if remark],
        "large": _large(order) if is_parcel else None, "code": order.code}, tap_id(order))


def headline(order: Order, key: str) -> Reply:
    """「认出1件 · K9」, or what else the quote begins with."""
    if key == "order.understood" and errand_of(order).kind == ErrandKind.PARCEL:
        return Reply("errand.found", {"code": order.code, "count": len(order.parcels)})
    return Reply(key, {"code": order.code, "count": len(order.parcels)})


def lines(order: Order) -> list[Reply]:
    """A line a parcel, numbered when there are several; or what else is to be done."""
    if not order.parcels:
        return [Reply("errand.line", {"what": wanted(order)})]
    shown = [_parcel_line(order, parcel) for parcel in order.parcels[:MOST_LINES]]
    if rest := order.parcels[MOST_LINES:]:
        shown.append(Reply("errand.more", {
            "what": "、".join(_known_by(parcel) for parcel in rest)}))
    return shown


def what(order: Order) -> str:
    """代买 感冒药; 取快递2件: in a few words, as a template's field takes them."""
    return wanted(order)[:THING]


def wanted(order: Order) -> str:
    """All that is to be done."""
    errand = errand_of(order)
    name = text_of(Reply(f"errand.kind_{errand.kind}"))
    if errand.kind == ErrandKind.PARCEL:
        return text_of(Reply("errand.parcels", {"name": name, "count": len(order.parcels) or 1}))
    return f"{name} {errand.goods or ''}".strip()


def paid_lines(order: Order) -> list[tuple[str, int]]:
    """(name, fen) of everything that the sum is made of, for the pay page."""
    errand = errand_of(order)
    fee = text_of(Reply("errand.fee"))
    rows = [(f"{what(order)} {fee}", order.delivery_fen - errand.tip_fen)]
    if errand.tip_fen:
        rows.append((text_of(Reply("errand.tip_name")), errand.tip_fen))
    if order.goods_fen:
        rows.append((text_of(Reply("errand.budget_name")), order.goods_fen))
    return rows


def station_names(parcels: Sequence[Parcel]) -> str:
    return "、".join(dict.fromkeys(p.place.name for p in parcels if p.place))


def clock(speaker: Speaker, at: datetime) -> str:
    """20:30, with the day when it is not today's."""
    return speaker.clock(at)


def numbered(number: int) -> str:
    """①, ② … as people write them."""
    return chr(ord("①") + number) if number < 20 else str(number + 1)


def _parcel_line(order: Order, parcel: Parcel) -> Reply:
    several = len(order.parcels) > 1
    return Reply("errand.parcel", {
        "number": f"{numbered(parcel.position)} " if several else "",
        "station": parcel.place.name if parcel.place else "",
        "carrier": parcel.carrier or "",
        "pickup_code": Reply("errand.masked", {"shown": masked(parcel.code)})
        if parcel.code else Reply("errand.no_code"),
        "shelf": Reply("errand.shelf", {"shelf": parcel.shelf}) if parcel.shelf else "",
        "size": Reply(f"errand.size_{parcel.size}")})


def _known_by(parcel: Parcel) -> str:
    return masked(parcel.code) if parcel.code else parcel.carrier or str(parcel.position + 1)


def _by(speaker: Speaker, order: Order) -> Reply | None:
    errand = errand_of(order)
    if errand.fetch_by:
        return Reply("errand.fetch_by", {"at": clock(speaker, errand.fetch_by)})
    if errand.is_deadline and order.wanted_at:
        return Reply("errand.deliver_by", {"at": clock(speaker, order.wanted_at)})
    return None


def _parts(order: Order) -> Reply:
    errand = errand_of(order)
    half = len(order.parcels) - len({p.place_id for p in order.parcels})
    return Reply("errand.parts", {
        "fee": yuan(order.delivery_fen - errand.tip_fen),
        "half": Reply("errand.half") if half > 0 else None,
        "tip": Reply("errand.tip", {"tip": yuan(errand.tip_fen)}) if errand.tip_fen else None,
        "budget": Reply("errand.budget", {"budget": yuan(order.goods_fen)})
        if order.goods_fen else None})


def _large(order: Order) -> Reply | None:
    """The tap for a large parcel, as long as there is a small one."""
    if len(order.parcels) == 1:
        is_large = order.parcels[0].size == ParcelSize.LARGE
        return None if is_large else Reply("errand.large", {"code": order.code})
    return Reply("errand.some_large", {"code": order.code})
