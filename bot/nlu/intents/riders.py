"""What riders say of offers, trips and shifts."""
from typing import Final

from bot.nlu.intents.base import NOT_YES, Grammars, Guess, Message, says_yes
from bot.nlu.patterns import PATTERNS

_P: Final = PATTERNS["intents"]
TAKES_IT: Final = _P["takes_it"]


def rider_offer(message: Message, grammars: Grammars) -> Guess | None:
    if not message.context.get("offer"):
        return None
    if message.has("rider.decline") and not message.asks and message.residue <= 6:
        return Guess("deny", 0.85)
    if message.asks or NOT_YES.fullmatch(message.core):
        return None
    if message.core in ("1", "接单") or says_yes(message, grammars):
        return Guess("rider_accept", 0.93)
    if message.has("rider.accept") and message.residue <= 3 and TAKES_IT.search(message.core):
        return Guess("rider_accept", 0.93)
    return None


def rider_problem(message: Message, _: Grammars) -> Guess | None:
    codes = [name for name in message.reading.cues if name.startswith("rider_problem.")]
    if not codes:
        return None
    if message.asks and not _P["rider_problem_zaban"].search(message.text):
        return None
    if _P["rider_problem_xiaban"].search(message.text) or _P["rider_problem_wo"].match(
            message.text):
        return None
    strong = len(message.text) <= 40
    return Guess("rider_problem", 0.9 if strong else 0.6)


def rider_progress(message: Message, _: Grammars) -> Guess | None:
    text = message.text
    if message.asks:
        return None
    if message.has("rider.delivered") and _P["rider_progress_songdao"].search(text) and not (
            _P["rider_progress_meisongdao"].search(text)
            or _P["rider_progress_qucanwan"].search(text)):
        return Guess("rider_delivered", 0.92)
    if _P["rider_progress_daodian"].search(text) and not _P["rider_progress_qudao"].search(text):
        return Guess("rider_arrived", 0.92)
    if message.has("rider.picked") and not _P["rider_progress_meiqu"].search(text):
        return Guess("rider_picked_up", 0.92)
    if message.has("rider.arrived") and not _P["rider_progress_meidao"].search(text):
        return Guess("rider_arrived", 0.9)
    return None


def rider_shift(message: Message, _: Grammars) -> Guess | None:
    if message.asks or message.residue > 4:
        return None
    if message.has("rider.offline") and not _P["rider_shift_buxiaxian"].search(message.text):
        return Guess("rider_offline", 0.92)
    if message.has("rider.online") and not _P["rider_shift_jiedan"].search(message.text):
        return Guess("rider_online", 0.92)
    return None


def rider_take(message: Message, _: Grammars) -> Guess | None:
    if message.asks or not message.reading.any("CN"):
        return None
    if _P["rider_take_dianhua"].search(message.text):
        return None
    if _P["rider_take_bujie"].search(message.text):
        return Guess("deny", 0.75)
    if _P["rider_take_jie"].search(message.text) and message.residue <= 3:
        return Guess("rider_accept", 0.93)
    return None


def own_work(message: Message, _: Grammars) -> Guess | None:
    if message.has("status.mine") or (message.asks and message.has("status", "eta")):
        return Guess("query_status", 0.85)
    if message.has("status") and not message.asks:
        return Guess("query_status", 0.6)
    return None

