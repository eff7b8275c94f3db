"""Parcels and errands."""
from typing import Final

from bot.nlu.intents.base import Grammars, Guess, Message
from bot.nlu.intents.orders import OTHER_TRADE
from bot.nlu.patterns import PATTERNS

_P: Final = PATTERNS["intents"]


def errand(message: Message, _: Grammars) -> Guess | None:
    reading, text = message.reading, message.text
    if OTHER_TRADE.search(text):
        return None
    if message.asks and _P["errand_zenme"].search(text) and not _P["errand_bangwo"].search(text):
        return None
    parcel = _parcel_errand(message)
    if parcel is not None:
        return parcel
    asking = bool(_P["errand_bang"].search(text))
    if message.has("errand.print") and _P["errand_dayin"].search(text) and not (
            message.asks and _P["errand_dayindian"].search(text)) and (
            asking or reading.any("PTQ") or message.residue <= 8):
        return Guess("order_errand", 0.88)
    if message.has("errand.queue") and asking:
        return Guess("order_errand", 0.85)
    if _moves_thing(message):
        return Guess("order_errand", 0.85)
    if message.has("errand.buy") and asking and _P["errand_mai"].search(text) and not message.items:
        if _P["errand_mai_2"].search(text) and not _P["errand_yao"].search(text):
            return None
        return Guess("order_errand", 0.82)
    if _P["errand_paotui"].search(text) and message.residue <= 4 and not message.items:
        return Guess("order_errand", 0.85)
    return None


def _parcel_errand(message: Message) -> Guess | None:
    reading, text = message.reading, message.text
    thing = _P["parcel_errand_kuaidi"].search(text)
    verb = _P["parcel_errand_qu"].search(text)
    if reading.any("K") and (reading.any("E") or thing or verb or message.context.get("draft")):
        return Guess("order_errand", 0.92)
    if reading.any("K") and message.residue <= 1:
        return Guess("order_errand", 0.75)
    if reading.any("E") and (verb or reading.any("P")) and not message.items:
        return Guess("order_errand", 0.85)
    if reading.any("E") and any(cell.start > reading.of("E")[0].end for cell in reading.of("N")):
        return Guess("order_errand", 0.7)
    if thing and verb and not message.items and message.residue <= 8:
        if message.asks and not _P["parcel_errand_bang"].search(text):
            return None
        return Guess("order_errand", 0.88)
    return None


def _moves_thing(message: Message) -> bool:
    """Something of one's own, from here to there."""
    reading, text = message.reading, message.text
    if not message.has("errand.send"):
        return False
    moved = _P["moves_thing_ba"].search(text)
    helped = _P["moves_thing_bang"].search(text)
    return bool(moved and helped and reading.any("P") and not (
        message.items and not _P["moves_thing_wang"].search(text)))


def delivery(message: Message, _: Grammars) -> Guess | None:
    """Errands that nothing else can be: a carrier, a pickup code, a thing to be moved."""
    if message.reading.any("EK") or _moves_thing(message) or (
            not message.items and message.has("errand.buy", "errand.print", "errand.fetch",
                                              "errand.queue")
            and _P["delivery_bang"].search(message.text)):
        return errand(message, _)
    return None

