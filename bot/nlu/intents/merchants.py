"""What cooks say of orders and dishes."""
from typing import Final

from bot.nlu.intents.base import NOT_YES, Grammars, Guess, Message, says_yes
from bot.nlu.patterns import PATTERNS

_P: Final = PATTERNS["intents"]


def merchant_stock(message: Message, _: Grammars) -> Guess | None:
    if message.asks or not (message.items or message.reading.any("C")):
        return None
    if message.items and _P["merchant_dish_done"].search(message.text):
        return None  # 麻辣烫好了: it can be fetched
    if message.context.get("offer") and _P["merchant_stock_ju"].search(message.text):
        return None
    if not message.items:
        return Guess("merchant_soldout", 0.7) if "缺" in message.text else None
    if message.has("merchant.restock") and _P["merchant_stock_mingtian"].search(message.text):
        return Guess("merchant_soldout", 0.88)
    if message.has("merchant.restock") and not _P["merchant_stock_meiyoule"].search(message.text):
        return Guess("merchant_restock", 0.9)
    if message.has("merchant.soldout"):
        return Guess("merchant_soldout", 0.92)
    return None


def merchant_reject(message: Message, _: Grammars) -> Guess | None:
    if message.asks or message.has("cancel.elsewhere") or _P["merchant_later"].search(message.text):
        return None
    if message.has("merchant.reject") and not _P["merchant_reject_buju"].search(message.text):
        return Guess("merchant_reject", 0.92)
    if message.context.get("offer") and message.has(
            "merchant.busy", "merchant.closing", "merchant.no_staff", "merchant.equipment",
            "merchant.sold_out") and not _P["own_thing"].search(message.text):
        return Guess("merchant_reject", 0.75)
    return None


def merchant_ready(message: Message, grammars: Grammars) -> Guess | None:
    if message.asks or not message.has("merchant.ready"):
        return None
    if _P["merchant_ready_meihao"].search(message.text):
        return None
    if message.context.get("offer") and says_yes(message, grammars):
        return None
    if message.context.get("offer") and not _P["merchant_ready_chucan"].search(message.text):
        return None
    return Guess("merchant_ready", 0.92)


def merchant_accept(message: Message, grammars: Grammars) -> Guess | None:
    if message.asks or message.residue > 3 or NOT_YES.fullmatch(message.core):
        return None
    offered = bool(message.context.get("offer"))
    if _P["merchant_accept_jie"].search(message.text) and (
            offered or message.reading.any("CN")
            or _P["merchant_accept_queren"].fullmatch(message.core)):
        return Guess("merchant_accept", 0.93)
    if offered and (says_yes(message, grammars) or grammars.cooks.fullmatch(message.core)):
        return Guess("merchant_accept", 0.92)
    return None

