"""？, 😭😭, [捂脸], and what is said in another language: never a riddle, never an order."""
import re
import unicodedata
from typing import Final

from bot.nlu.patterns import PATTERNS
from bot.routes.base import Turn
from config.texts import Reply
from handlers import order as ordering
from models.order import Order

_P: Final = PATTERNS["wordless"]
_STICKER: Final = re.compile(r"\[[^\[\]\d]{1,6}\]|/:[^\s]{1,6}")  # WeChat writes its own so
_LATIN: Final = re.compile(r"[A-Za-z]{2,}")


def answered(turn: Turn, focus: Order | None) -> Reply | None:
    """What signs alone may mean: of an order, how is it? None: there are words."""
    said = _STICKER.sub("", turn.text)
    if not any(unicodedata.category(char)[0] in "LN" for char in said):
        if _P["thanks"].search(turn.text):
            return Reply("question.thanks")
        return ordering.describe(turn.session, turn.speaker, focus, now=turn.now) if focus \
            else Reply("talk.chitchat")
    words = _LATIN.findall(said)
    is_latin = len(words) > 1 and all(char.isascii() for char in said if char.isalpha())
    return Reply("talk.english") if is_latin and _P["english"].search(said) else None
