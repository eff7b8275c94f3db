"""Prices, fees, coupons, paying, and taking an order back."""
from typing import Final

from bot.nlu.intents.base import Grammars, Guess, Message
from bot.nlu.patterns import PATTERNS
from bot.nlu.slots import order_ref

_P: Final = PATTERNS["intents"]


def coupon(message: Message, _: Grammars) -> Guess | None:
    if not message.has("coupon"):
        return None
    text = message.text
    if _P["coupon_hongbao"].search(text):
        if message.has("complain", "refund", "reasons.overcharge") and not (
                message.asks or _P["coupon_jizhang"].search(text)):
            return None
        if _P["coupon_huafei"].search(text):
            return None
        return Guess("query_coupon", 0.9 if message.asks or message.residue <= 4 else 0.6)
    if message.asks and _P["coupon_huodong"].search(text) and _P["coupon_you"].search(
            text) and not message.reading.any("PT"):
        return Guess("query_coupon", 0.7)
    return None


def cancel(message: Message, grammars: Grammars) -> Guess | None:
    reading, text = message.reading, message.text
    if not message.has("cancel") or message.has("cancel.elsewhere"):
        return None
    if message.has("cancel.how") or (message.asks and _P["cancel_kou"].search(text)):
        return Guess("help", 0.8)
    if _P["cancel_buquxiao"].search(text) and not _P["cancel_weishenme"].search(text):
        return Guess("deny", 0.7) if message.pending else None
    if _P["cancel_beiquxiao"].search(text):
        return Guess("query_status", 0.65)
    if message.has_come and message.names_reason:
        return None
    known = bool(message.context.get("order") or message.context.get("draft") or order_ref(
        reading, message.context, message.role))
    if _ANOTHER_THING.search(text) and not reading.any("CN"):
        return Guess("out_of_scope", 0.6)
    if _P["cancel_quxiao"].search(text):
        if reading.any("D") and message.context.get("draft") and _P["cancel_quxiao_2"].search(text):
            return None
        if message.residue > (8 if known else 4):
            return Guess("out_of_scope", 0.5)
        if message.asks and not _P["cancel_neng"].search(text):
            return None
        return Guess("cancel", 0.92 if known or reading.any("CN") or message.residue <= 2 else 0.7)
    if known or reading.any("C"):
        if reading.any("D"):
            return None
        if _P["cancel_buyaole"].search(text):
            return Guess("cancel", 0.85 if message.residue <= 8 else 0.55)
    if _P["cancel_suanle"].fullmatch(message.core):
        return Guess("cancel", 0.6)
    return None

_ANOTHER_THING: Final = _P["another_thing"]

def pay(message: Message, _: Grammars) -> Guess | None:
    text = message.text
    if not message.has("pay") or message.has("pay.elsewhere"):
        return None
    unpaid = message.pending == "pay" or (
        message.context.get("order") or {}).get("status") == "unpaid"
    if message.has("pay.done"):
        said = message.pending == "pay" and _P["paid_already"].fullmatch(message.core)
        return Guess("pay", 0.75) if said else None
    if _P["pay_later"].search(text):
        return Guess("deny", 0.8) if message.pending else None
    if message.asks:
        if _P["pay_quan"].search(text):
            return None
        if unpaid and _P["pay_zenmefu"].search(text):
            return Guess("pay", 0.8)
        return Guess("help", 0.6) if _P["pay_zenme"].search(text) else None
    if message.residue > (3 if unpaid or message.reading.any("CN") else 1):
        return None
    if _P["pay_huodaofu"].search(text):
        return None
    if message.reading.any("DM") and not unpaid:
        return None
    return Guess("pay", 0.92 if unpaid or message.reading.any("CN") else 0.75)


def fee(message: Message, _: Grammars) -> Guess | None:
    if not message.has("fee", "price"):
        return None
    text = message.text
    if _P["fee_peisongfei"].search(text):
        if _P["fee_xuefei"].search(text):
            return None
        if not _P["fee_duoshao"].search(text):
            if message.has("complain", "refund"):
                return None
            if message.reading.any("M"):
                return None
        return Guess("query_fee", 0.9)
    errand = message.has("errand.fetch", "errand.print", "errand.run", "errand.queue",
                         "errand.parcel") or _P["fee_kuaidi"].search(text)
    if errand and message.has("price") and not message.items and (message.residue <= 6):
        return Guess("query_fee", 0.88)
    return None


def price(message: Message, _: Grammars) -> Guess | None:
    if not message.has("price") or (message.has("narrate") and not message.asks):
        return None
    text = message.text
    if not _P["price_duoshaoqian"].search(text):
        return None
    if message.items or message.reading.any("S") or message.context.get("draft"):
        if message.reading.any("M") and not message.asks:
            return None
        return Guess("query_price", 0.92 if message.residue <= 3 else 0.65)
    if message.residue <= 1 and message.asks:
        return Guess("query_price", 0.6)
    return None

