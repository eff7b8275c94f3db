"""Rules for everyone that come first: what is unsafe, a call for help, a greeting."""
import re
import tomllib
from typing import Final

from bot.nlu.intents.base import Grammars, Guess, Message
from bot.nlu.patterns import PATTERNS
from bot.nlu.words import FOLDER

_P: Final = PATTERNS["intents"]

_CODE_LIKE: Final = _P["code_like"]
_OTHERS: Final = _P["others"]
# What bot/sos.py calls a danger, wherever it stands.
_DANGER: Final = re.compile("|".join(
    f"(?:{form})" for form in tomllib.loads((FOLDER / "sos.toml").read_text("utf-8"))["danger"]))
_SENDER: Final = re.compile(r"^【([^】]{1,14})】|【([^】]{1,14})】$")


def unsafe(message: Message, _: Grammars) -> Guess | None:
    if not message.core:
        return Guess("out_of_scope", 0.9)
    if message.role != "student" and message.text.startswith("【"):
        return Guess("out_of_scope", 0.9)  # some service's message, copied here
    if _CODE_LIKE.search(message.text):
        return Guess("out_of_scope", 0.95)
    if _OTHERS.search(message.text) and message.has("cancel", "refund", "pay"):
        return Guess("out_of_scope", 0.85)
    return None


def long(message: Message, _: Grammars) -> Guess | None:
    if len(message.text) > 160 and not message.reading.any("K"):
        return Guess("out_of_scope", 0.9)
    return None


def sos(message: Message, _: Grammars) -> Guess | None:
    if message.role == "student" and _DANGER.search("".join(message.text.split())):
        return Guess("sos", 0.95)
    if not message.has("sos"):
        return None
    text = message.text
    if _P["sos_fukuanma"].search(text):
        return None
    if message.has("sos.joke") and not _P["sos_genzong"].search(text):
        return None
    if _P["sos_huashengguo"].search(text) and not _P["sos_chuan"].search(text):
        return None
    if message.role == "rider" and message.has("rider_problem.vehicle", "rider_problem.unwell") \
            and not _P["sos_jiu"].search(text):
        return None
    if _P["sos_jiuming"].search(text) or message.has("sos.sure"):
        return Guess("sos", 0.95)
    if _P["sos_zenmeban"].search(text):
        return Guess("sos", 0.75)
    return None

_PARCEL_WORDS: Final = _P["parcel_words"]

def sms(message: Message, _: Grammars) -> Guess | None:
    """Messages with a sender in 【】: a parcel's notice or somebody else's business."""
    reading = message.reading
    if not _SENDER.search(message.text):
        return None
    is_parcel = reading.any("K") or _PARCEL_WORDS.search(message.text)
    if is_parcel and not _P["sms_huafei"].search(message.text):
        if "拼单" in message.text and reading.any("GA"):
            return Guess("group_join", 0.8)
        return Guess("order_errand", 0.92)
    if reading.any("G") and "拼单" in message.text:
        return Guess("group_join", 0.85)
    return Guess("out_of_scope", 0.9)


def greeting(message: Message, _: Grammars) -> Guess | None:
    """你好 begins with no yes: it must confirm, accept and pay for nothing."""
    if _P["greeting_ni"].fullmatch(message.text):
        return Guess("chitchat", 0.9)
    return None

