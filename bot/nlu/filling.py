"""An intent's slots, taken from the message."""
import re
from datetime import datetime
from typing import Any, Final

from bot.nlu import slots, wishes
from bot.nlu.changes import changes, wants_more_in_it
from bot.nlu.intents import Guess, Message, choice_of, rating_of
from bot.nlu.items import Assembly, as_items
from bot.nlu.patterns import PATTERNS

_P: Final = PATTERNS["filling"]

Ties = tuple[tuple[str, ...], ...]


def filled_in(guess: Guess, message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    filler = _FILLERS.get(guess.intent)
    if filler is None:
        return {}, ()
    filled, ties = filler(message, now)
    return {key: value for key, value in filled.items() if value not in (None, [], "")}, ties


def _assembly(message: Message) -> Assembly:
    context = message.context
    hints = [str(shop) for shop in (
        context.get("shop_id"), (context.get("group") or {}).get("shop_id"),
        (context.get("draft") or {}).get("shop_id")) if shop]
    return Assembly(message.reading, hints)


def _wanted(assembly: Assembly, but_at: int | None = None) -> tuple[list[dict[str, Any]], Ties]:
    """What is asked for; not the line that begins at `but_at`."""
    lines = [line for line in assembly.lines if not line.negated and line.at != but_at]
    return as_items(lines), tuple(line.ids for line in lines)


def _food(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    assembly = _assembly(message)
    start = _note_start(message, assembly)
    items, ties = _wanted(assembly, _remarked(message, assembly) if start is None else start)
    _, goal = slots.places(message.reading, errand=False)
    budget, tip = slots.money(message.reading, errand=False)
    filled: dict[str, Any] = {
        "items": items, "place_id": goal.value[0] if goal else None,
        "room": slots.room(message.reading, goal), "time": slots.moment(message.reading, now),
        "phone": slots.phone(message.reading), "budget_fen": budget, "tip_fen": tip,
        "note": _noted(_note(message, start), message, items)}
    if not items:
        filled["shop_id"] = _shop(message)
    return filled, ties


def _note_start(message: Message, assembly: Assembly) -> int | None:
    """`炸酱面 黄瓜丝多放点`: a remark may begin with what is also another shop's dish."""
    marks = {start for start, _ in message.reading.cues.get("marks.note", ())}
    return next((line.at for line in assembly.lines[1:] if line.qty is None and not line.options
                 and not line.more and marks & {line.end, line.end + 1}), None)


def _remarked(message: Message, assembly: Assembly) -> int | None:
    """`来份黄焖鸡 多放点米饭`: the line that is a remark on another."""
    return next((line.at for line in assembly.lines[1:] if line.qty is None and not line.options
                 and wants_more_in_it(message.reading, line.at)), None)


def _shop(message: Message) -> str | None:
    for cell in message.reading.cells:
        if cell.kind == "S":
            return str(cell.value[0])
        if cell.kind == "D" and cell.value[1]:
            return str(cell.value[1][0])
    return None


_TRADE: Final = ("店", "铺", "馆", "摊", "档")


def _shop_by_trade(message: Message) -> str | None:
    """`拼奶茶` where one shop only is called 奶茶店."""
    text, shops = message.text, message.reading.lexicon.shops
    found = {shop.id for shop in shops.values() for name in shop.names
             if name.endswith(_TRADE) and len(name) > 2 and name[:-1] in text}
    return found.pop() if len(found) == 1 else None


def _note(message: Message, begins: int | None = None) -> str | None:
    match = _P["note_beizhu"].search(message.text)
    if match:
        return match[1]
    spans = message.reading.cues.get("marks.note")
    if not spans:
        return None
    start = min(start for start, _ in spans) if begins is None else begins
    if begins is None and (verb := _P["note_verb"].search(message.text[:start])):
        start = verb.start()
    stop = re.search(r"[,;。.!? ]", message.text[start:])
    end = start + stop.start() if stop else len(message.text)
    end = min([end, *(cell.start for cell in message.reading.of("T") if cell.start > start)])
    return message.text[start:end]


def _noted(note: str | None, message: Message, items: list[dict[str, Any]]) -> str | None:
    """The remark, and what is to be left out that no option says."""
    unmet = wishes.unmet(message.reading, items)
    if note is None or unmet is None or unmet.removeprefix("不要") in note:
        return note or unmet
    return f"{note}；{unmet}"


def _modify(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    assembly = _assembly(message)
    items = changes(message.reading, assembly, message.context)
    filled: dict[str, Any] = {"items": items, "note": _noted(_note(message), message, items)}
    _, goal = slots.places(message.reading, errand=False)
    if goal is not None:
        filled["place_id"] = goal.value[0]
        filled["room"] = slots.room(message.reading, goal)
    filled["time"] = slots.moment(message.reading, now)
    filled["phone"] = slots.phone(message.reading)
    return filled, tuple(line.ids for line in assembly.lines if not line.negated)


def _group_add(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    items, ties = _wanted(_assembly(message))
    return {"items": items, "group_code": slots.group_code(message.reading, message.context)}, ties


def _group_open(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    _, goal = slots.places(message.reading, errand=False)
    shop = _shop(message)
    shop = shop or _shop_by_trade(message)
    if shop is None:
        for cell in message.reading.of("D"):
            shop = message.reading.lexicon.dishes[cell.value[0][0]].shop_id
    return {"shop_id": shop, "place_id": goal.value[0] if goal else None,
            "room": slots.room(message.reading, goal),
            "time": slots.moment(message.reading, now)}, ()


def _group_any(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    return {"group_code": slots.group_code(message.reading, message.context)}, ()


_KINDS: Final = ("queue", "print", "parcel")   # in the order tried


def errand_kind(message: Message) -> str | None:
    """parcel, buy, print, send or queue; None when nothing tells."""
    text, reading = message.text, message.reading
    is_parcel = reading.any("K") or (
        reading.any("E") and not _P["errand_kind_dayin"].search(text))
    if is_parcel and not _P["errand_kind_cong"].search(text):
        return "parcel"
    for kind in _KINDS:
        if _P[f"kind_{kind}"].search(text):
            if kind == "parcel" and _P["errand_kind_ji"].search(text):
                return "send"
            return kind
    if message.has("errand.send") and _P["errand_kind_ba"].search(text) and not _P[
            "errand_kind_mai"].search(text):
        return "send"
    if _P["errand_kind_mai_2"].search(text):
        return "buy"
    if (message.context.get("draft") or {}).get("errand_kind"):
        return str(message.context["draft"]["errand_kind"])
    return None


def _errand(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    reading = message.reading
    kind = errand_kind(message)
    source, goal = slots.places(reading, errand=True)
    budget, tip = slots.money(reading, errand=True)
    asked = message.pending == "ask_pickup_code"
    filled: dict[str, Any] = {
        "errand_kind": kind, "place_id": goal.value[0] if goal else None,
        "from_place_id": source.value[0] if source else None,
        "room": slots.room(reading, goal) if goal else None,
        "phone": slots.phone(reading), "budget_fen": budget, "tip_fen": tip}
    if not message.text.startswith("【"):
        filled["time"] = slots.moment(reading, now)
    if kind == "parcel":
        filled["parcels"] = slots.parcels(reading, asked)
    else:
        filled["goods"] = _goods(message, kind)
    return filled, ()


def _goods(message: Message, kind: str | None) -> str | None:
    fetched = _P["goods_fetched"].search(message.text) if kind == "send" else None
    match = fetched or (
        _P[f"goods_{kind}"].search(message.text) if f"goods_{kind}" in _P else None)
    return _P["goods_one"].sub("", match[1].strip()) if match else None


def _query_items(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    items, ties = _wanted(_assembly(message))
    budget, _ = slots.money(message.reading, errand=False)
    if any(len(tie) > 3 for tie in ties) or (items and _about_shop(message)):
        items, ties = [], ()
    filled: dict[str, Any] = {"items": items, "budget_fen": budget}
    if not items:
        filled["shop_id"] = _shop(message)
    if budget is None and (sums := message.reading.of("M")):
        filled["budget_fen"] = sums[-1].value[0]
    return filled, ties


def _about_shop(message: Message) -> bool:
    """The dish's name is also a shop's, and the shop is asked about."""
    cells = message.reading.of("D")
    return len(cells) == 1 and bool(cells[0].value[1]) and bool(
        _P["about_shop_najia"].search(message.text))


def _fee(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    _, goal = slots.places(message.reading, errand=False)
    kind = None
    if _P["fee_kuaidi"].search(message.text):
        kind = errand_kind(message) or ("parcel" if "代取" in message.text else None)
    return {"place_id": goal.value[0] if goal else None, "errand_kind": kind,
            "shop_id": _shop(message)}, ()


def _reference(message: Message) -> str | None:
    return slots.order_ref(message.reading, message.context, message.role)


def _refer(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    return {"order_ref": _reference(message)}, ()


def _cancel(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    reason = slots.reason(message.reading, ("late", "mistake", "sold_out", "wrong_item",
                                            "changed_mind"))
    return {"order_ref": _reference(message), "reason": reason}, ()


def _grievance(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    why = slots.reason(message.reading)
    if why == "not_received" and _names_a_part(message):
        why = "missing"
    return {"order_ref": _reference(message), "reason": why}, ()


def _names_a_part(message: Message) -> bool:
    """`糍粑没给我装`, said of an order that has more than that."""
    order = message.context.get("order") or {}
    held = {str(item["dish_id"]) for item in order.get("items") or ()}
    named = {dish for cell in message.reading.of("D") if cell.sure for dish in cell.value[0]}
    return bool(held and named) and not held <= named


def _rate(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    return {"rating": rating_of(message), "order_ref": _reference(message)}, ()


def _reorder(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    _, goal = slots.places(message.reading, errand=False)
    return {"order_ref": _reference(message), "place_id": goal.value[0] if goal else None,
            "room": slots.room(message.reading, goal),
            "time": slots.moment(message.reading, now)}, ()


def _address(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    _, goal = slots.places(message.reading, errand=False)
    asked = message.pending in ("ask_address", "ask_room", "ask_phone")
    return {"place_id": goal.value[0] if goal else None,
            "room": slots.room(message.reading, goal, asked),
            "phone": slots.phone(message.reading),
            "time": slots.moment(message.reading, now)}, ()


def _schedule(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    time = slots.moment(message.reading, now)
    if time is None and message.has("schedule.now"):
        local = now.astimezone(message.reading.lexicon.tz)
        time = local.replace(second=0, microsecond=0).isoformat(timespec="minutes")
    return {"time": time, "order_ref": _code_only(message)}, ()


def _code_only(message: Message) -> str | None:
    codes = message.reading.of("C")
    return str(codes[0].value) if codes else None


def _choose(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    return {"choice": choice_of(message)}, ()


def _eta(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    _, goal = slots.places(message.reading, errand=False)
    return {"order_ref": _reference(message), "place_id": goal.value[0] if goal else None}, ()


_TROUBLES: Final = ("spilled", "wrong_item", "damaged", "missing", "vehicle", "unwell", "weather",
                    "blocked", "shop_closed", "wrong_address", "no_contact", "not_ready", "late")
_REFUSALS: Final = ("equipment", "sold_out", "no_staff", "closing", "busy")


def _trouble(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    why = slots.reason(message.reading, _TROUBLES, "rider_problem")
    if why == "blocked" and message.has("rider_problem.shop_closed") and _P[
            "trouble_shop"].search(message.text):
        why = "shop_closed"
    return {"order_ref": _reference(message), "reason": why}, ()


def _refusal(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    return {"order_ref": _reference(message),
            "reason": slots.reason(message.reading, _REFUSALS, "merchant")}, ()


def _stock(message: Message, now: datetime) -> tuple[dict[str, Any], Ties]:
    items, ties, _ = _all_dishes(message)
    return {"items": items, "order_ref": _code_only(message)}, ties


def _all_dishes(message: Message) -> tuple[list[dict[str, Any]], Ties, Assembly]:
    assembly = _assembly(message)
    lines = [line for line in assembly.lines if _of_shop(line, message)]
    for line in lines:
        line.qty, line.options = None, []
    return as_items(lines), tuple(line.ids for line in lines), assembly


def _of_shop(line: Any, message: Message) -> bool:
    """Keep what the merchant's own shop sells."""
    shop = message.context.get("shop_id")
    dishes = message.reading.lexicon.dishes
    own = tuple(dish for dish in line.ids if shop is None or dishes[dish].shop_id == shop)
    line.ids = own or line.ids
    return bool(own)


_FILLERS: Final = {
    "order_food": _food, "modify_order": _modify, "group_add": _group_add,
    "group_open": _group_open, "group_join": _group_any, "group_lock": _group_any,
    "group_leave": _group_any, "order_errand": _errand, "query_menu": _query_items,
    "query_price": _query_items, "query_fee": _fee, "cancel": _cancel, "refund": _grievance,
    "complain": _grievance, "rate": _rate, "reorder": _reorder, "address_set": _address,
    "schedule": _schedule, "choose": _choose, "query_status": _refer, "query_eta": _eta,
    "urge": _refer, "pay": _refer, "confirm": _refer, "rider_accept": _refer,
    "rider_arrived": _refer, "rider_picked_up": _refer, "rider_delivered": _refer,
    "rider_problem": _trouble, "merchant_accept": _refer, "merchant_reject": _refusal,
    "merchant_ready": _refer, "merchant_soldout": _stock, "merchant_restock": _stock,
    "deny": _refer,
}
