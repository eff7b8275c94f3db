"""Group orders."""
from typing import Final

from bot.nlu.intents.base import Grammars, Guess, Message
from bot.nlu.intents.orders import OTHER_TRADE
from bot.nlu.patterns import PATTERNS

_P: Final = PATTERNS["intents"]


def group(message: Message, _: Grammars) -> Guess | None:
    reading, text = message.reading, _outside_places(message)
    group = message.context.get("group")
    if OTHER_TRADE.search(text):
        return None
    about = bool(_P["group_wo"].search(text)) or bool(group) or (
        reading.any("A") and (message.items > 0 or message.has("group.join", "group.leave")))
    if (not about or _P["group_pinduoduo"].search(text)) and not group:
        return None
    code = reading.any("GA") or (reading.any("CN") and bool(_P["group_pin"].search(text)))
    if message.asks and _P["group_zenmepin"].search(text):
        return Guess("help", 0.85)
    if message.asks and _P["group_jigeren"].search(text):
        return Guess("query_status", 0.65)
    if _P["group_wo_2"].fullmatch(message.core) \
            and reading.any("GA"):
        return Guess("group_join", 0.9)
    if message.has("group.leave") and (group or code or _P["group_pin"].search(text)):
        return Guess("group_leave", 0.92)
    if message.has("group.lock") and (group or code or _P["group_pin"].search(text)) and not \
            reading.any("D") and not (reading.any("T") and message.has("group.open")):
        return Guess("group_lock", 0.9)
    if reading.any("D") and (code or group or message.has("group.add")) and not _pools(message):
        return Guess("group_add", 0.9) if not message.asks else None
    if code and (message.has("group.join") or (reading.any("G") and message.residue <= 2)
                 or _P["group_pin"].search(text)):
        return Guess("group_join", 0.92)
    if _P["group_woye"].search(text) and (not message.items):
        return Guess("group_join", 0.85)
    if message.has("group.open") and _P["group_pin_2"].search(text) and not group:
        return Guess("group_open", 0.9)
    if message.has("group.open") and _P["group_kai"].search(text):
        return Guess("group_open", 0.8)
    return None


def _outside_places(message: Message) -> str:
    """西区一组团4栋 is a building: what its name says is not said of groups."""
    text = message.text
    for cell in message.reading.of("P"):
        text = text[:cell.start] + " " * (cell.end - cell.start) + text[cell.end:]
    return text


def _pools(message: Message) -> bool:
    """`宿舍拼一单麻辣烫`: what is pooled names the shop."""
    return not message.context.get("group") and not message.reading.any("GA") and bool(
        _P["pools_pin"].search(message.text)) and not _P["pools_pindanli"].search(message.text)

