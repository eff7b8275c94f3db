"""What came wrong: refunds, complaints, stars."""
from typing import Final

from bot.nlu.intents.base import Grammars, Guess, Message
from bot.nlu.intents.orders import OTHER_TRADE
from bot.nlu.patterns import PATTERNS
from bot.nlu.slots import reason

_P: Final = PATTERNS["intents"]


def after_sale(message: Message, _: Grammars) -> Guess | None:
    """Refunds and complaints about something that came or should have come."""
    text = message.text
    order = message.context.get("order") or {}
    code = _complaint(message)
    refund = _P["after_sale_tuikuan"].search(text)
    if refund and not _P["after_sale_yajin"].search(text):
        is_asked = message.asks or _P["after_sale_haimei"].search(text)
        if is_asked and _P["after_sale_tuikuan_2"].search(text) and not _P[
                "after_sale_geiwotui"].search(text):
            return Guess("query_status", 0.85)
        if message.asks and _P["after_sale_zenmetui"].search(text) and \
                not code:
            return Guess("help", 0.8)
        if message.asks and _P["after_sale_nengtui"].search(text) and not message.has_come:
            return Guess("cancel", 0.55)
        if message.residue > 14:
            return Guess("out_of_scope", 0.5)
        return Guess("refund", 0.9 if order or code or message.reading.any("CN")
                     or message.residue <= 3 else 0.6)
    return None


def _complaint(message: Message) -> str | None:
    return reason(message.reading, _COMPLAINTS)

_COMPLAINTS: Final = ("foreign_object", "hygiene", "not_received", "spilled", "wrong_item",
                      "missing", "overcharge", "attitude", "cold", "damaged", "bad_taste", "late")

def complain(message: Message, _: Grammars) -> Guess | None:
    text = message.text
    order = message.context.get("order") or {}
    delivered = order.get("status") in ("delivered", "done", "finished", "completed")
    code = _complaint(message)
    loud = _P["complain_tousu"].search(text)
    if _P["complain_shiyou"].search(text) and not (order and loud):
        return None
    if message.asks and _P["complain_zenmetou"].search(text):
        return Guess("help", 0.6)
    if loud and (code or order or message.residue <= 6 or _P["complain_tousu_2"].search(text)):
        if message.residue > 16:
            return None
        return Guess("complain", 0.9)
    if code is None:
        return None
    if code == "late":
        return Guess("complain", 0.6) if delivered else None
    if message.context.get("draft") or message.pending.startswith(("ask_", "confirm", "choose")):
        return None
    if not delivered and message.reading.any("P") and _P["address_qing"].search(text):
        return None
    if delivered or order or message.reading.any("C"):
        if order.get("status") in ("cooking", "accepted", "unpaid") and code in (
                "missing", "cold", "bad_taste"):
            return None
        return Guess("complain", 0.88 if delivered else 0.75)
    if message.has("errand.buy", "errand.fetch", "errand.send"):
        return None
    if code in ("spilled", "missing", "wrong_item", "foreign_object", "not_received", "overcharge",
                "attitude", "cold", "bad_taste", "damaged"):
        short = message.residue <= 3 and len(text) <= 24
        return Guess("complain", 0.7) if short and _P["complain_song"].search(text) else None
    return None


def rate(message: Message, _: Grammars) -> Guess | None:
    if not message.has("rate") or message.asks or OTHER_TRADE.search(message.text):
        return None
    order = message.context.get("order") or {}
    if _P["rate_dianzan"].search(message.text):
        return None
    if _P["rate_haoping"].search(message.text) and (
            order or message.residue <= 3):
        return Guess("rate", 0.88)
    if order.get("status") == "delivered" and message.residue <= 3:
        return Guess("rate", 0.65)
    return None

