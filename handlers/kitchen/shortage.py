"""缺货: a dish ran out after it was paid. The buyer picks another, or gets its money back.

`Order.shortage` holds the lines that ran out, oldest first:
{"lines": [{"line": id, "name": …, "offers": [dish keys]}]}. Silence for three minutes drops them,
and so does food that leaves the kitchen without them.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select

from config.texts import Reply, yuan
from handlers import undo
from handlers.kitchen.answer import accept
from handlers.kitchen.shared import as_it_stands, not_yours
from handlers.notice import Notice, tell
from handlers.order.cancel import call_off
from handlers.payment import refund_part
from handlers.speaker import Speaker
from handlers.taps import tap_id
from handlers.wording import progress, what
from models.base import Session
from models.order import POINTS, REMAKE, Order, OrderLine
from models.rules.allocation import shares
from models.rules.order_state import WANTS_RIDER, OrderEvent, OrderState
from models.shop import Dish, NotEnough, less, take_stock

CHOOSE_WITHIN: Final = timedelta(minutes=3)
MOST_OFFERS: Final = 2


@dataclass(frozen=True, slots=True)
class Lack:
    """`said`: the name of what ran out; "": not said yet."""

    order_id: int
    said: str = ""


def lack(session: Session, speaker: Speaker, cmd: Lack, *, now: datetime) -> Reply:
    """The kitchen lacks a dish of a paid order: it cooks the rest, and the buyer is asked."""
    order = Order.lock(session, cmd.order_id)
    if refusal := not_yours(speaker, order):
        return refusal
    if order.state not in (OrderState.PAID, OrderState.COOKING):
        return as_it_stands(order)
    line = _named(order, cmd.said)
    if line is None:
        return Reply("kitchen.which_lacks", {"code": order.code, "lines": [
            Reply("kitchen.which_line", {"code": order.code, "what": what(line)})
            for line in order.lines if line.id not in order.lacking][:4]})
    if order.state == OrderState.PAID:
        accept(session, order, now=now, by=speaker.person.id)
    undo.forget(speaker.person)  # a yes is not taken back behind the buyer who is asked
    if line.id not in order.lacking:
        _add(session, order, line, now=now)
        _ask_buyer(session, order, line, now=now)
    return Reply("kitchen.lacking", {"code": order.code, "dish": line.name})


@dataclass(frozen=True, slots=True)
class Swap:
    """What the buyer wants instead; `dish_key` None: nothing, the money back."""

    order_id: int
    dish_key: str | None
    line_name: str = ""  # which of the lacking dishes, where several are


def swap(session: Session, speaker: Speaker, cmd: Swap, *, now: datetime) -> Reply | None:
    """The buyer's choice. None where it is no answer to what was asked."""
    order = Order.lock(session, cmd.order_id)
    lacking = list((order.shortage or {}).get("lines", ()))
    if not lacking or order.buyer_id != speaker.person.id:
        return None
    entry = next((e for e in lacking if cmd.dish_key in e["offers"]
                  or (cmd.dish_key is None and cmd.line_name in ("", e["name"]))), None)
    if entry is None:
        return None
    line = next(line for line in order.lines if line.id == entry["line"])
    if cmd.dish_key is None:
        return _drop(session, order, line, now=now, by=speaker.person.id)
    dish, lost_id = Dish.by_keys(session, order.campus_id, {cmd.dish_key}).get(
        cmd.dish_key), line.dish_id
    if dish is None or not _put_instead(session, order, line, dish, now=now):
        return Reply("shortage.gone_too", {"code": order.code, "dish": line.name}, tap_id(order))
    _settle_line(session, order, line, "swapped", now=now, by=speaker.person.id, to=dish.key,
                 **_lost(order, lost_id, order.lines))
    return Reply("shortage.swapped", {"code": order.code, "dish": dish.name,
                                      "payable": yuan(order.payable_fen)})


def drop_lacking(session: Session, order_id: int, *, now: datetime) -> None:
    """Nobody chose in time: the rest is cooked, what is missing is paid back."""
    order = Order.lock(session, order_id)
    if order.shortage_until is None or order.shortage_until > now:
        return
    if OrderState(order.state) in WANTS_RIDER:
        _drop_all(session, order, now=now)
    else:
        order.shortage = order.shortage_until = None


def leave_without(session: Session, order: Order, *, now: datetime) -> None:
    """The food leaves the kitchen: what is lacking still is not with it, and is paid back.

    Where that would be all of it, the kitchen found something after all. The order is locked.
    """
    if all(line.id in order.lacking for line in order.lines):
        order.shortage = order.shortage_until = None
    else:
        _drop_all(session, order, now=now)


def _drop_all(session: Session, order: Order, *, now: datetime) -> None:
    for line in [line for line in order.lines if line.id in order.lacking]:
        reply = _drop(session, order, line, now=now)
        tell(session, Notice(order.buyer_id, f"{order.id}:{line.id}:dropped", chat=reply),
             now=now, order_id=order.id)


def offers_of(session: Session, order: Order) -> dict[str, str]:
    """The dishes that are on offer instead, key → name."""
    keys = {key for entry in (order.shortage or {}).get("lines", ()) for key in entry["offers"]}
    return {key: dish.name for key, dish in Dish.by_keys(session, order.campus_id, keys).items()}


def paid_for(order: Order, line: OrderLine) -> int:
    """What was really paid for this line, discounts taken off in proportion, in fen."""
    food = order.payable_fen - order.way_paid_fen
    return dict(zip((each.id for each in order.lines),
                    shares([*(each.amount_fen for each in order.lines), order.packing_fen], food),
                    strict=False))[line.id]


def _named(order: Order, said: str) -> OrderLine | None:
    """The line that `said` means: a name that occurs in it, or in which it occurs."""
    if not said:
        return None
    fitting = [line for line in order.lines if said in (what(line).replace(" ", ""), line.name)]
    fitting = fitting or [line for line in order.lines
                          if line.name in said or said in what(line).replace(" ", "")]
    return fitting[0] if len(fitting) == 1 else None


def _add(session: Session, order: Order, line: OrderLine, *, now: datetime) -> None:
    offers = [dish.key for dish in _alternatives(session, order, line, now)]
    entry = {"line": line.id, "name": line.name, "offers": offers}
    order.shortage = {"lines": [*(order.shortage or {}).get("lines", ()), entry]}
    order.shortage_until = now + CHOOSE_WITHIN


def _alternatives(session: Session, order: Order, line: OrderLine,
                  now: datetime) -> Sequence[Dish]:
    """Dishes of the shop at the same price, those of the same kind first."""
    lost = session.get_one(Dish, line.dish_id)
    gone = {each.dish_id for each in order.lines if each.id in order.lacking} | {lost.id}
    query = select(Dish).where(Dish.shop_id == order.shop_id, Dish.is_listed,
                               Dish.price_fen == line.price_fen, Dish.id.not_in(gone))
    there = [d for d in session.scalars(query.order_by(Dish.id)) if not d.is_sold_out(now)]
    return sorted(there, key=lambda d: (d.category != lost.category,
                                        -len(set(d.options) & set(lost.options))))[:MOST_OFFERS]


def _ask_buyer(session: Session, order: Order, line: OrderLine, *, now: datetime) -> None:
    entry: dict[str, Any] = (order.shortage or {})["lines"][-1]
    dishes = Dish.by_keys(session, order.campus_id, set(entry["offers"]))
    back = _worth_fen(session, order, line)
    tell(session, Notice(
        order.buyer_id, f"{order.id}:{line.id}:{order.version}:lacking", template="progress",
        prefer="chat", good_until=order.shortage_until,
        facts=progress(session, order, order.state, Reply("hint.lacking", {"dish": line.name})),
        chat=Reply("shortage.choose", {
            "code": order.code, "dish": line.name, "back": yuan(back),
            "minutes": int(CHOOSE_WITHIN.total_seconds() // 60),
            "offers": [Reply("shortage.offer", {"code": order.code, "dish": dishes[key].name})
                       for key in entry["offers"] if key in dishes]}, tap_id(order))),
         now=now, order_id=order.id)


def _put_instead(session: Session, order: Order, line: OrderLine, dish: Dish, *,
                 now: datetime) -> bool:
    """The same number of another dish at the same price; False when there is not enough of it."""
    if dish.is_sold_out(now):
        return False
    was = line.dish_id, line.dish_key, line.name, line.options, line.option_names
    line.dish_id, line.dish_key, line.name = dish.id, dish.key, dish.name
    line.options = [o for o in line.options if o in dish.options]
    line.option_names = [n for o, n in zip(was[3], was[4], strict=False) if o in dish.options]
    try:
        instead = take_stock(session, [line])
    except NotEnough:
        line.dish_id, line.dish_key, line.name, line.options, line.option_names = was
        return False
    order.stock_taken = {**order.stock_taken, **{
        key: order.stock_taken.get(key, 0) + count for key, count in instead.items()}}
    return True


def _lost(order: Order, dish_id: int, kept: Sequence[OrderLine]) -> dict[str, Any]:
    """What ran out is not there to be given back, whatever becomes of the order; how many
    portions of it had been reserved, for the log."""
    portions = order.stock_taken.get(str(dish_id), 0)
    order.stock_taken = less(order.stock_taken, dish_id, kept)
    portions -= order.stock_taken.get(str(dish_id), 0)
    return {"lost": {str(dish_id): portions}} if portions else {}


def _drop(session: Session, order: Order, line: OrderLine, *, now: datetime,
          by: int | None = None) -> Reply:
    """Take a line off a paid order and give back what was paid for it, points too; what the
    buyer hears.

    Where nothing is left to cook, all of it goes back.
    """
    if len(order.lines) == 1:
        order.shortage = order.shortage_until = None
        back = order.payable_fen
        call_off(session, order, back, "sold_out", now=now, by=by, terms="sold_out")
        _tell_kitchen(session, order, line, "dropped", now=now)
        return Reply("shortage.all_back", {"code": order.code, "amount": yuan(back)})
    back = paid_for(order, line)
    lost = _lost(order, line.dish_id, [each for each in order.lines if each is not line])
    _settle_line(session, order, line, "dropped", now=now, by=by, back_fen=back, **lost)
    points = _take_off_offers(order, line.amount_fen - back)
    order.goods_fen -= line.amount_fen
    order.discount_fen -= line.amount_fen - back
    order.payable_fen -= back
    order.lines.remove(line)
    session.flush()
    order.return_points(session, points, now=now)
    refund_part(session, order, back, "sold_out", now=now)
    if order.discount_kind == REMAKE:
        from handlers.complaint.remaking import money_for  # it needs us first

        back = money_for(session, order, line, now=now)
    return Reply("shortage.dropped", {
        "code": order.code, "dish": line.name, "amount": yuan(back),
        "points": Reply("complaint.points_too", {"points": points}) if points else None})


def _worth_fen(session: Session, order: Order, line: OrderLine) -> int:
    """What goes back without this line; of an order that is made again, by what was paid first."""
    if order.discount_kind == REMAKE:
        from handlers.complaint.remaking import worth_fen  # it needs us first

        return worth_fen(session, order, line)
    return paid_for(order, line)


def _take_off_offers(order: Order, cut_fen: int) -> int:
    """A dropped line's part of each offer goes with it; how much of that was points."""
    named = [each for each in order.discounts if not each.get("is_way")]
    cuts = shares([each["off_fen"] for each in named],
                  min(cut_fen, sum(each["off_fen"] for each in named)))
    way = [each for each in order.discounts if each.get("is_way")]
    order.discounts = [*({**each, "off_fen": each["off_fen"] - cut}
                         for each, cut in zip(named, cuts, strict=True)), *way]
    points = sum(cut for each, cut in zip(named, cuts, strict=True) if each["kind"] == POINTS)
    return min(points, order.points_taken)


def _settle_line(session: Session, order: Order, line: OrderLine, how: str, *, now: datetime,
                 by: int | None = None, **facts: Any) -> None:
    """This line is decided: the kitchen hears of it, and the log."""
    left = [e for e in (order.shortage or {}).get("lines", ()) if e["line"] != line.id]
    order.shortage = {"lines": left} if left else None
    order.shortage_until = order.shortage_until if left else None
    order.apply(session, OrderEvent.CHANGED, now=now, by=by, how=how, line=line.name, **facts)
    _tell_kitchen(session, order, line, how, now=now)


def _tell_kitchen(session: Session, order: Order, line: OrderLine, how: str, *,
                  now: datetime) -> None:
    for owner in order.shop.owner_ids(session):
        tell(session, Notice(
            owner, f"{order.id}:{line.id}:{order.version}:{how}", template="progress",
            prefer="chat", facts=progress(session, order, order.state, Reply(f"hint.{how}", {
                "dish": line.name})),
            chat=Reply(f"kitchen.line_{how}", {"code": order.code, "dish": line.name})),
             now=now, order_id=order.id)
