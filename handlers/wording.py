"""An order in words: its items, its sum, its time and place."""
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from config.texts import Reply, text_of, yuan
from handlers.errand import words as errands
from handlers.offers import parts
from handlers.speaker import Speaker
from handlers.taps import tap_id
from models.base import Session
from models.campus import Campus
from models.order import Order, OrderKind, OrderLine
from models.rules.order_state import WANTS_RIDER, OrderState
from models.shop import Dish

MOST_LINES = 9  # of a reply (contract §7)
MOST_REMARKS = 2


def quoted(session: Session, speaker: Speaker, order: Order, *, headline: str,
           remarks: Sequence[Reply] = ()) -> Reply:
    """The quote as the student reads it: every item, what the sum is made of, when and where."""
    if order.kind == OrderKind.ERRAND:
        return errands.quoted(speaker, order, headline=errands.headline(order, headline),
                              remarks=remarks, when=when(speaker, order), where=where(order))
    said = in_lines(remarks, most=MOST_REMARKS)
    taken = 4 + len(said) + bool(order.note)  # headline, parts, sum, taps
    return Reply("order.quoted", {
        "headline": Reply(headline, {"code": order.code}),
        "lines": items_of(order, most=MOST_LINES - taken),
        "note": Reply("order.note", {"note": order.note}) if order.note else None,
        "parts": parts_of(order),
        "payable": yuan(order.payable_fen),
        "when": when(speaker, order),
        "where": where(order),
        "remarks": said,
        "bigger": _bigger(session, speaker, order),
        "code": order.code,
    }, tap_id(order))


def items_of(order: Order, most: int = 5) -> list[Reply]:
    """A line an item; the last ones share a line when there are more than `most`."""
    if order.kind == OrderKind.ERRAND:
        return errands.lines(order)
    alone = order.lines if len(order.lines) <= most else order.lines[:most - 1]
    lines = [Reply("order.line", {"what": what(line), "amount": yuan(line.amount_fen)})
             for line in alone]
    if rest := order.lines[len(alone):]:
        lines.append(Reply("order.more_lines", {
            "what": "、".join(what(line) for line in rest),
            "amount": yuan(sum(line.amount_fen for line in rest))}))
    return lines


def in_lines(remarks: Sequence[Reply], most: int) -> list[Reply]:
    """A line a remark; the last ones share a line when there are more than `most`."""
    if len(remarks) <= most:
        return list(remarks)
    rest = " ".join(text_of(remark) for remark in remarks[most - 1:])
    return [*remarks[:most - 1], Reply("order.remark", {"words": rest})]


def what(line: OrderLine) -> str:
    """黄焖鸡米饭 微辣 ×2"""
    times = [] if line.quantity == 1 else [f"×{_number(line.quantity)}"]
    return " ".join([line.name, *line.option_names, *times])


def summary(order: Order) -> str:
    """The order in a few words, for a template's short field: 黄焖鸡米饭 微辣等2件"""
    if order.kind == OrderKind.ERRAND:
        return errands.what(order)
    count = sum(line.quantity for line in order.lines)
    first = what(order.lines[0])
    if len(order.lines) == 1:
        return first
    return text_of(Reply("order.summary", {"first": first, "count": _number(Decimal(count))}))


def when(speaker: Speaker, order: Order) -> str:
    """12:30, with the date when it is not today's."""
    at = order.expected_at or order.promised_at
    assert at is not None
    local = at.astimezone(speaker.campus.zone)
    today = order.created_at.astimezone(speaker.campus.zone).date()
    return f"{local:%H:%M}" if local.date() == today else f"{local.month}-{local.day} {local:%H:%M}"


def day_name(at: datetime, now: datetime) -> Reply:
    """今天, 明天, 后天, 周五: a day of the coming week; both times on the campus's clock."""
    days = (at.date() - now.date()).days
    return Reply(f"day.{days}" if days <= 2 else f"weekday.{at.isoweekday()}")


def past_day(at: datetime, now: datetime, campus: Campus) -> Reply:
    """今天, 昨天, 前天, 周三, 上周三, 5月3日: when something was."""
    then, today = at.astimezone(campus.zone).date(), now.astimezone(campus.zone).date()
    days = (today - then).days
    if days <= 2:
        return Reply(f"day.ago_{max(days, 0)}")
    weekday = Reply(f"weekday.{then.isoweekday()}")
    weeks = (today - timedelta(days=today.weekday()) - then + timedelta(days=then.weekday())).days
    if weeks == 0:
        return weekday
    if weeks == 7:
        return Reply("suggest.last_week", {"day": weekday})
    return Reply("suggest.on_day", {"month": then.month, "day": then.day})


def where(order: Order) -> str:
    return f"{order.place.name if order.place else ''} {order.room or ''}".strip()


def pickup(order: Order) -> str:
    """Where a rider fetches it, and what: 二食堂 阿香黄焖鸡; 南门菜鸟 取快递2件."""
    place = order.pickup_place.name if order.pickup_place else ""
    fetched = errands.what(order) if order.kind == OrderKind.ERRAND else order.shop.name
    return f"{place} {fetched}".strip()


def state_of(order: Order) -> Reply:
    """The name of an order's state: 待取餐; of an errand's: 待取件."""
    waits = order.kind == OrderKind.ERRAND and OrderState(order.state) in WANTS_RIDER
    return Reply("state.errand_ready" if waits else f"state.{order.state}")


def dated(order: Order, campus: Campus) -> str:
    """A27-20260921: the code with its day, for a template's number field."""
    return f"{order.code}-{order.created_at.astimezone(campus.zone):%Y%m%d}"


def progress(session: Session, order: Order, state: str, hint: Reply | None = None
             ) -> dict[str, str]:
    """The facts of a `progress` template: how the order stands, and a few words of advice."""
    campus = session.get_one(Campus, order.campus_id)
    return {"code": dated(order, campus), "state": text_of(Reply(f"state.{state}")),
            "rider": order.rider.name if order.rider else text_of(Reply("rider.nobody_yet")),
            "eta": clock(order.promised_at, campus),
            "hint": text_of(hint or Reply(f"hint.{state}"))}


def clock(at: datetime | None, campus: Campus) -> str:
    """12:30 on the campus's clock, where there is no speaker."""
    return f"{at.astimezone(campus.zone):%H:%M}" if at else ""


def parts_of(order: Order) -> Reply:
    """What the sum is made of, besides the dishes."""
    off = " ".join(text_of(Reply("discount.named", {"name": name, "off": yuan(fen)}))
                   for name, fen in parts(order))
    return Reply("order.parts", {
        "packing": Reply("order.packing", {"packing": yuan(order.packing_fen)})
        if order.packing_fen else None,
        "delivery": yuan(order.delivery_fen - order.tip_fen),
        "tip": Reply("order.tip", {"tip": yuan(order.tip_fen)}) if order.tip_fen else None,
        "discount": off or None})


def _bigger(session: Session, speaker: Speaker, order: Order) -> Reply | None:
    """The tap for a large portion, where a single dish comes in one and it was not asked for."""
    sizes = [o for o in speaker.campus.file.get("options", ()) if o.get("group") == "size"]
    if len(order.lines) != 1 or not sizes:
        return None
    line, largest = order.lines[0], sizes[-1]
    dishes = Dish.by_keys(session, speaker.campus.id, {line.dish_key})
    dish = dishes.get(line.dish_key)
    if dish is None or largest["id"] not in dish.options or largest["id"] in line.options:
        return None
    return Reply("order.bigger", {"code": order.code, "size": largest["name"]})


def _number(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"
