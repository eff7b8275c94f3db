"""Questions and small talk."""
from typing import Final

from bot.nlu.intents.base import Grammars, Guess, Message, says_yes
from bot.nlu.patterns import PATTERNS

_P: Final = PATTERNS["intents"]


def human(message: Message, _: Grammars) -> Guess | None:
    if not message.has("human"):
        return None
    if _P["human_yourenma"].search(message.text) and (
            message.items or message.has("errand.fetch", "errand.buy", "group.open")):
        return None
    if _P["human_chang"].search(message.text):
        return None
    strong = _P["human_rengong"].search(message.text)
    return Guess("human", 0.93 if strong else 0.7)


def rider_job(message: Message, _: Grammars) -> Guess | None:
    if message.has("rider_job") and _P["rider_job_qishou"].search(message.text):
        if _P["rider_job_tousu"].search(message.text) \
                and not _P["rider_job_yao"].search(message.text):
            return None
        return Guess("become_rider", 0.92)
    return None


def invite(message: Message, _: Grammars) -> Guess | None:
    if message.has("invite") and not message.reading.any("D"):
        return Guess("invite", 0.92)
    return None


def progress(message: Message, _: Grammars) -> Guess | None:
    """Where is it, when does it come, hurry up."""
    text = message.text
    order = message.context.get("order") or {}
    eta, status, urge = message.has("eta"), message.has("status"), message.has("urge")
    if not (eta or status or urge):
        return None
    if _P["progress_gaotie"].search(text) or (
            _P["schedule_wan"].search(text) and not message.asks and not eta):
        return None
    if urge and not _P["progress_cuihun"].search(text):
        strong = _P["progress_cui"].search(text)
        about = order or message.reading.any("C") or (message.residue <= 2 and (
            message.reading.any("N") or _P["progress_cui_2"].search(text)))
        if strong and about and not message.items:
            return Guess("urge", 0.88)
    if eta and (message.asks or message.residue <= 2) and (message.residue <= 4 or order):
        return Guess("query_eta", 0.88)
    if status and (message.residue <= 4 or order):
        if message.has("menu") and not order and message.items:
            return None
        return Guess("query_status", 0.86 if order or message.residue <= 1 else 0.7)
    if urge and order and not message.items and message.residue <= 4:
        return Guess("urge", 0.75)
    return None


def mine_where(message: Message, _: Grammars) -> Guess | None:
    """`我的麻辣烫呢`, `我的冷面怎么还没来`."""
    if _P["mine_late"].search(message.text) and message.context.get("order"):
        return Guess("urge", 0.88)
    if _P["mine_where_wo"].search(message.text) and message.residue <= 2:
        return Guess("query_status", 0.85)
    return None


def menu(message: Message, _: Grammars) -> Guess | None:
    if not message.has("menu"):
        return None
    reading, text = message.reading, message.text
    if _P["menu_dianying"].search(text) and not reading.any("SD"):
        return None
    named = reading.any("SD")
    if _P["menu_caidan"].search(text) and message.residue <= 4:
        return Guess("query_menu", 0.93)
    if named and message.asks and (message.residue <= 6):
        return Guess("query_menu", 0.88)
    if named and _P["menu_kankan"].search(text) and message.residue <= 4:
        return Guess("query_menu", 0.85)
    if reading.any("P") and not _P["menu_chi"].search(text):
        return None
    food = _P["menu_chi_2"].search(text)
    if food and message.residue <= 5 and (message.asks or _P["menu_tuijian"].search(text)):
        return Guess("query_menu", 0.85 if message.residue <= 2 else 0.65)
    if reading.any("M") and message.asks and _P["menu_chi_3"].search(text):
        return Guess("query_menu", 0.8)
    return None


def help(message: Message, _: Grammars) -> Guess | None:
    text = message.text
    if not message.has("help"):
        return Guess("help", 0.6) if _P["help_zenmenong"].fullmatch(text) else None
    if _P["help_zuoye"].search(text) and not _P["help_song"].search(text):
        return None
    if _P["help_shuomingshu"].search(text) and message.residue > 3:
        return None
    return Guess("help", 0.88 if message.residue <= 3 else 0.6) if message.residue <= 8 else None


def confirm_anyway(message: Message, grammars: Grammars) -> Guess | None:
    """确认A27, 确认 without a known question: the word itself is the command."""
    if _P["confirm_anyway_wo"].fullmatch(message.core) and not \
            message.asks:
        coded = message.reading.any("CN")
        return Guess("confirm", 0.85 if coded or message.context.get("draft") else 0.6)
    if message.context.get("draft") and not message.asks and (
            _P["that_is_all"].fullmatch(message.core)
            or (_P["orders_it"].search(message.core) and says_yes(message, grammars))):
        return Guess("confirm", 0.85)
    return None


def chat(message: Message, grammars: Grammars) -> Guess | None:
    core = message.core
    if len(core) <= 24 and grammars.chat.fullmatch(core):
        return Guess("chitchat", 0.85)
    if _P["chat_ni"].search(core) and \
            message.residue <= 3:
        return Guess("chitchat", 0.7)
    return None

