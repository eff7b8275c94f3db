"""One message → what it asks for. Pure: the lexicon and the moment come in."""
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bot.nlu import slots
from bot.nlu.changes import changes
from bot.nlu.decision import decide
from bot.nlu.intents import (
    Grammars,
    Guess,
    Message,
    choice_of,
    intent_of,
    message_of,
    rating_of,
)
from bot.nlu.items import Assembly, as_items
from bot.nlu.lexicon import Lexicon
from bot.nlu.ranker import shipped_ranker
from bot.nlu.reading import read

ASK_BELOW: Final = 0.5   # less sure than this: a question, not an act
_RISKY: Final = frozenset((
    "order_food", "order_errand", "modify_order", "cancel", "pay", "refund", "reorder",
    "group_open", "group_add", "schedule", "address_set"))
_QUIET: Final = frozenset(("out_of_scope", "chitchat"))


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a message asks for. `ties` holds, per item, the dishes that fit equally well."""

    intent: str
    slots: dict[str, Any]
    confidence: float
    action: str                  # act | confirm | ask | none
    ties: tuple[tuple[str, ...], ...] = ()
    why: tuple[str, ...] = field(default=(), compare=False)


def understand(text: str, lexicon: Lexicon, context: Mapping[str, Any] | None = None, *,
               now: datetime, role: str = "student") -> Understanding:
    """Read one message. `context` has the keys of the shared corpus (draft, pending, order …).

    `now` must be aware. Any text is safe and quick; what is not understood is `out_of_scope`.
    """
    context = context or {}
    reading = read(text, lexicon)
    message = message_of(reading, role, context)
    guess = intent_of(message, grammars(lexicon))
    choice = decide(message, guess, shipped_ranker())
    if choice.intent != guess.intent:
        guess = Guess(choice.intent, choice.chance, "learned")
    message.notes.append("likely " + ", ".join(
        f"{intent} {chance:.2f}" for intent, chance in choice.others if chance >= 0.01))
    filled, ties = _fill(guess, message, now)
    confidence = _confidence(guess, message, ties)
    return Understanding(guess.intent, filled, confidence, _action(guess, confidence, filled, ties),
                         ties, tuple(message.notes))


def grammars(lexicon: Lexicon) -> Grammars:
    """The whole-message grammars of the lexicon's words."""
    return _compiled(lexicon.words.cues["affirm"], id(lexicon.words), lexicon.words)


class _Held:
    """The grammars of the words last used: one set of lists serves a process."""

    words: Any = None
    grammars: Grammars | None = None


def _compiled(_: Any, __: int, words: Any) -> Grammars:
    if _Held.words is not words or _Held.grammars is None:
        _Held.words, _Held.grammars = words, Grammars(words.cues)
    return _Held.grammars


def _confidence(guess: Guess, message: Message, ties: tuple[tuple[str, ...], ...]) -> float:
    sure = guess.sure - 0.02 * min(message.residue, 10)
    if any(len(tie) > 1 for tie in ties):
        sure -= 0.15
    return round(min(0.99, max(0.05, sure)), 3)


def _action(guess: Guess, confidence: float, filled: Mapping[str, Any],
            ties: tuple[tuple[str, ...], ...]) -> str:
    if guess.intent in _QUIET:
        return "none"
    if confidence < ASK_BELOW or any(len(tie) > 1 for tie in ties):
        return "ask"
    if guess.intent in ("order_food", "modify_order", "group_add") and not filled.get("items"):
        return "ask" if not filled.get("note") else "confirm"
    return "confirm" if guess.intent in _RISKY else "act"


# -- slots by intent

_Ties = tuple[tuple[str, ...], ...]


def _fill(guess: Guess, message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
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


def _wanted(message: Message) -> tuple[list[dict[str, Any]], _Ties, Assembly]:
    assembly = _assembly(message)
    lines = [line for line in assembly.lines if not line.negated]
    return as_items(lines), tuple(line.ids for line in lines), assembly


def _food(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    items, ties, _ = _wanted(message)
    _, goal = slots.places(message.reading, errand=False)
    budget, tip = slots.money(message.reading, errand=False)
    filled: dict[str, Any] = {
        "items": items, "place_id": goal.value[0] if goal else None,
        "room": slots.room(message.reading, goal), "time": slots.moment(message.reading, now),
        "phone": slots.phone(message.reading), "budget_fen": budget, "tip_fen": tip,
        "note": _note(message)}
    if not items:
        filled["shop_id"] = _shop(message)
    return filled, ties


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


def _note(message: Message) -> str | None:
    import re
    match = re.search(r"备注(?:一?下|:|,|\s)*(.{1,30})", message.text)
    if match:
        return match[1]
    spans = message.reading.cues.get("marks.note")
    if not spans:
        return None
    start = min(start for start, _ in spans)
    stop = re.search(r"[,;。.!? ]", message.text[start:])
    end = start + stop.start() if stop else len(message.text)
    return message.text[start:end]


def _modify(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    assembly = _assembly(message)
    items = changes(message.reading, assembly, message.context)
    filled: dict[str, Any] = {"items": items, "note": _note(message)}
    _, goal = slots.places(message.reading, errand=False)
    if goal is not None:
        filled["place_id"] = goal.value[0]
        filled["room"] = slots.room(message.reading, goal)
    filled["time"] = slots.moment(message.reading, now)
    filled["phone"] = slots.phone(message.reading)
    return filled, tuple(line.ids for line in assembly.lines if not line.negated)


def _group_add(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    items, ties, _ = _wanted(message)
    return {"items": items, "group_code": slots.group_code(message.reading, message.context)}, ties


def _group_open(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    _, goal = slots.places(message.reading, errand=False)
    shop = _shop(message)
    shop = shop or _shop_by_trade(message)
    if shop is None:
        for cell in message.reading.of("D"):
            shop = message.reading.lexicon.dishes[cell.value[0][0]].shop_id
    return {"shop_id": shop, "place_id": goal.value[0] if goal else None,
            "room": slots.room(message.reading, goal),
            "time": slots.moment(message.reading, now)}, ()


def _group_any(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    return {"group_code": slots.group_code(message.reading, message.context)}, ()


_KIND_PATTERNS: Final = (
    ("queue", r"排队|代排|帮排|占座|占位|排个队|占个|占.{0,3}[座位场]|取号|排号|领号"),
    ("print", r"打印|复印|彩印|文印|彩打|印\d|印一|印[两三四五六七八九十]|dayin|帮印|印[^度象花]{0,12}(?:页|份|张)|(?:图文|快印|文印).{0,4}(?:打|印)"),
    ("parcel", r"快递|包裹|kd|kuaidi|快件|取件|驿站|大件|小件|中件|有个?件|[拿取领]个?件|邮件|件在|件到"),
)


def errand_kind(message: Message) -> str | None:
    """parcel, buy, print, send or queue; None when nothing tells."""
    import re
    text, reading = message.text, message.reading
    sms = reading.any("K")
    if sms or (reading.any("E") and not re.search(r"打印|买", text)):
        if not re.search(r"从.{1,12}寄|寄(?:到|给|个|快递|一)", text):
            return "parcel"
    for kind, pattern in _KIND_PATTERNS:
        if re.search(pattern, text):
            if kind == "parcel" and re.search(r"寄|把.{1,10}(?:送|拿)到", text):
                return "send"
            return kind
    if message.has("errand.send") and re.search(
            r"把.{1,14}(?:送|拿|带|捎|搬|寄|给)|从.{1,14}(?:送|拿|带|捎|搬|寄)|忘|落|寄|捎到|拿[到去]|带到|搬[到去一个]|送回|转交|还给|送给|拿给",
            text) and not re.search(r"买", text):
        return "send"
    if re.search(r"买|代购|捎|带|开[盒点些瓶]|拿[盒瓶](?!子)", text):
        return "buy"
    if (message.context.get("draft") or {}).get("errand_kind"):
        return str(message.context["draft"]["errand_kind"])
    return None


def _errand(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
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
    import re
    text = message.text
    patterns = {
        "buy": r"(?:买|代购|捎|带)(?:一下|点|些)?(.{1,16}?)(?=送|到|,|。| |!|;|$|给我|跑腿|小费|谢)",
        "print": r"(?:打印|复印|彩印|印)(.{1,14}?)(?=送|,|。| |;|$|明|今|后天|给)",
        "send": r"(?:把|拿|送|帮我)?(?:我的?|的)?([^,。 从在忘落]{1,8}?)(?=从|忘|落|丢|帮|送到|捎|拿到|带到|要从|在)",
        "queue": r"(?:去|帮我|帮)(.{1,14})$"}
    match = re.search(patterns.get(kind or "", r"(?!)"), text)
    return match[1].strip() if match else None


def _query_items(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    items, ties, _ = _wanted(message)
    budget, _ = slots.money(message.reading, errand=False)
    if items and _about_shop(message):
        items, ties = [], ()
    filled: dict[str, Any] = {"items": items, "budget_fen": budget}
    if not items:
        filled["shop_id"] = _shop(message)
    if budget is None and (sums := message.reading.of("M")):
        filled["budget_fen"] = sums[-1].value[0]
    return filled, ties


def _about_shop(message: Message) -> bool:
    """The dish's name is also a shop's, and the shop is asked about."""
    import re
    cells = message.reading.of("D")
    return len(cells) == 1 and bool(cells[0].value[1]) and bool(re.search(
        r"那家|店|菜单|有啥|有什么|几点|开门|关门|营业|开着|推荐|家的|招牌|打烊|还有什么|还有啥|窗口|卖什么|卖啥", message.text))


def _fee(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    import re
    _, goal = slots.places(message.reading, errand=False)
    kind = None
    if re.search(r"快递|包裹|打印|复印|排队|代买|帮买|代取|跑腿买|寄", message.text):
        kind = errand_kind(message) or ("parcel" if "代取" in message.text else None)
    return {"place_id": goal.value[0] if goal else None, "errand_kind": kind,
            "shop_id": _shop(message)}, ()


def _reference(message: Message) -> str | None:
    return slots.order_ref(message.reading, message.context, message.role)


def _refer(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    return {"order_ref": _reference(message)}, ()


def _cancel(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    reason = slots.reason(message.reading, ("late", "mistake", "sold_out", "wrong_item",
                                            "changed_mind"))
    return {"order_ref": _reference(message), "reason": reason}, ()


def _grievance(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    return {"order_ref": _reference(message), "reason": slots.reason(message.reading)}, ()


def _rate(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    return {"rating": rating_of(message), "order_ref": _reference(message)}, ()


def _reorder(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    _, goal = slots.places(message.reading, errand=False)
    return {"order_ref": _reference(message), "place_id": goal.value[0] if goal else None,
            "room": slots.room(message.reading, goal),
            "time": slots.moment(message.reading, now)}, ()


def _address(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    _, goal = slots.places(message.reading, errand=False)
    asked = message.pending in ("ask_address", "ask_room", "ask_phone")
    return {"place_id": goal.value[0] if goal else None,
            "room": slots.room(message.reading, goal, asked),
            "phone": slots.phone(message.reading),
            "time": slots.moment(message.reading, now)}, ()


def _schedule(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    time = slots.moment(message.reading, now)
    if time is None and message.has("schedule.now"):
        local = now.astimezone(message.reading.lexicon.tz)
        time = local.replace(second=0, microsecond=0).isoformat(timespec="minutes")
    return {"time": time, "order_ref": _code_only(message)}, ()


def _code_only(message: Message) -> str | None:
    codes = message.reading.of("C")
    return str(codes[0].value) if codes else None


def _choose(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    return {"choice": choice_of(message)}, ()


def _eta(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    return {"order_ref": _reference(message)}, ()


_TROUBLES: Final = ("spilled", "wrong_item", "damaged", "missing", "vehicle", "unwell", "weather",
                    "blocked", "shop_closed", "wrong_address", "no_contact", "not_ready", "late")
_REFUSALS: Final = ("equipment", "sold_out", "no_staff", "closing", "busy")


def _trouble(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    return {"order_ref": _reference(message),
            "reason": slots.reason(message.reading, _TROUBLES, "rider_problem")}, ()


def _refusal(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    return {"order_ref": _reference(message),
            "reason": slots.reason(message.reading, _REFUSALS, "merchant")}, ()


def _stock(message: Message, now: datetime) -> tuple[dict[str, Any], _Ties]:
    items, ties, _ = _all_dishes(message)
    return {"items": items, "order_ref": _code_only(message)}, ties


def _all_dishes(message: Message) -> tuple[list[dict[str, Any]], _Ties, Assembly]:
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
