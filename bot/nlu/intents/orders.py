"""Dishes, changes, addresses, times."""
from typing import Final

from bot.nlu.intents.base import Grammars, Guess, Message
from bot.nlu.patterns import PATTERNS

_P: Final = PATTERNS["intents"]


def reorder(message: Message, _: Grammars) -> Guess | None:
    if not message.has("reorder") and not _P["reorder_nadanzai"].search(message.text):
        return None
    if message.asks and not _P["reorder_keyima"].search(message.text):
        return None
    if _P["reorder_quxiao"].search(message.text):
        return None
    strong = _P["reorder_zailai"].search(message.text)
    if not strong and message.names_reason:
        return None
    if not strong:
        return Guess("reorder", 0.6) if message.residue <= 1 and len(message.core) <= 8 else None
    if message.items and not _P["reorder_zuotian"].search(message.text):
        return None
    if message.residue > 6:
        return None
    return Guess("reorder", 0.9)


def swap(message: Message, _: Grammars) -> Guess | None:
    """换 or 改 with a dish, while an order is open: before the question beside it."""
    is_corrected = message.has("marks.correct") and _P["swap_yaode"].search(message.text)
    if not message.items or not (_P["swap_huan"].search(message.text) or is_corrected):
        return None
    return change(message, _)


def change(message: Message, _: Grammars) -> Guess | None:
    """Something about the open draft or the order shown."""
    context, reading, text = message.context, message.reading, message.text
    draft = context.get("draft") or {}
    order = context.get("order") or {}
    holding = draft if draft.get("items") or draft.get("shop_id") else order
    if not holding.get("items"):
        return None
    placed = holding is order
    if placed and message.has_come:
        return None
    if message.asks and not _P["change_neng"].search(text):
        return None
    if message.has("narrate") and message.residue > 3:
        return None
    if message.items and message.residue <= 5:
        if placed and not _P["change_huan"].search(text):
            return None
        return Guess("modify_order", 0.92)
    if reading.any("O") and message.residue <= 4:
        return Guess("modify_order", 0.92)
    if message.residue <= 2 and not reading.any("TP") and _P["change_huan_2"].search(text) and (
            reading.any("Q") or _P["change_zailai"].search(text)):
        return Guess("modify_order", 0.88)
    if reading.any("Q") and not reading.any("TPM") and message.residue <= 1 and not \
            _P["change_deng"].search(text):
        return Guess("modify_order", 0.85)
    if message.has("marks.note") and not message.asks and message.residue <= 12 and not \
            reading.any("TP") and _P["change_beizhu"].search(text):
        return Guess("modify_order", 0.85)
    if _P["allergic"].search(text) and not message.asks:
        return Guess("modify_order", 0.85)
    return None


def address(message: Message, _: Grammars) -> Guess | None:
    reading, text = message.reading, message.text
    if message.items or not (reading.any("PX") or message.has("address.change")):
        return None
    if message.asks and not _P["address_neng"].search(text):
        return None
    if message.residue <= 8 and message.has("address.change") and (
            reading.any("PX") or _P["address_gai"].search(text)):
        return Guess("address_set", 0.92)
    live = message.context.get("draft") or message.context.get("order")
    if live and reading.any("PX") and message.residue <= 5 and not message.has(
            "urge", "status", "complain"):
        return Guess("address_set", 0.88)
    if reading.any("P") and _P["address_qing"].search(text) and \
            message.residue <= 3:
        return Guess("address_set", 0.7)
    bare = "".join(text[cell.start:cell.end] for cell in reading.cells if cell.kind not in "PNXCA")
    if reading.any("P") and reading.any("NX") and _P["address_dewozai"].fullmatch(bare):
        return Guess("address_set", 0.75)
    if reading.any("X") and message.residue <= 2 and _P["address_shouji"].search(text):
        return Guess("address_set", 0.85)
    return None


def schedule(message: Message, _: Grammars) -> Guess | None:
    reading, text = message.reading, message.text
    live = message.context.get("draft") or message.context.get("order")
    if message.items or (reading.any("S") and _P["order_yifen"].search(text)):
        return None
    if reading.any("T") and (not message.asks or _P["schedule_neng"].search(text)):
        if live and message.residue <= 3:
            return Guess("schedule", 0.93)
        if not live and message.residue <= 1 and _P["schedule_song"].search(text):
            return Guess("schedule", 0.75)
    if live and not message.asks and message.has("schedule.now") and message.residue <= 1 and _P[
            "schedule_song_2"].search(text):
        return Guess("schedule", 0.85)
    if live and _P["schedule_wan"].search(text) and \
            message.residue <= 3:
        return Guess("schedule", 0.85)
    return None

_NARRATIVE: Final = _P["narrative"]

def order(message: Message, _: Grammars) -> Guess | None:
    reading, text = message.reading, message.text
    if message.items:
        return _order_of_dishes(message)
    if message.residue > 2:
        return None
    if reading.any("S") and not message.asks and (
            message.has("marks.order") or len(message.core) <= 8):
        return Guess("order_food", 0.85)
    if any(cell.value[1] for cell in reading.of("M")) and not message.asks and _P[
            "order_shao"].search(text):
        return Guess("order_food", 0.7)
    if _P["order_dian"].search(text) and (not message.asks or _P["order_keyi"].search(text)):
        return Guess("order_food", 0.75)
    return None

OTHER_TRADE: Final = _P["other_trade"]

def _order_of_dishes(message: Message) -> Guess | None:
    reading, text = message.reading, message.text
    if _NARRATIVE.search(text) or OTHER_TRADE.search(text):
        return None
    if message.asks and not _P["order_of_dishes_neng"].search(text):
        return None
    if message.residue > max(5, len(text) // 3):
        return None
    sure = 0.93 if message.residue == 0 else 0.85 if message.residue <= 2 else 0.7
    weak = all(not cell.sure for cell in reading.of("D"))
    if weak:
        sure -= 0.15
        if not (message.has("marks.order") or reading.any("QO")) and message.residue > 1:
            return None
    return Guess("order_food", sure)

