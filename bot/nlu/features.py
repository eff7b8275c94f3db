"""What the learned part sees of a message: its text with names and amounts reduced to their kind,
the phrases known, the conversation around it, and what the rules think. Pure."""
from collections.abc import Mapping
from typing import Any, Final

from bot.nlu.intents import Guess, Message
from bot.nlu.reading import Reading

LONGEST_GRAM: Final = 4
MOST_CHARS: Final = 60   # of the reduced text; a purpose shows early or not at all
_KINDS: Final = frozenset("DSPOEQTMKCGAXRN")


def reduced(reading: Reading) -> str:
    """`来两份黄焖鸡送12栋` → `来QD送P`: capital letters are kinds of cells."""
    text = reading.text
    return "".join(cell.kind if cell.kind in _KINDS else text[cell.start:cell.end]
                   for cell in reading.cells)


def features(message: Message, guess: Guess) -> list[str]:
    """Names of what is true of the message; those of the text carry the role's first letter."""
    role = message.role[:1]
    shape = "^" + reduced(message.reading)[:MOST_CHARS] + "$"
    found = [role + shape[at:at + size] for size in range(1, LONGEST_GRAM + 1)
             for at in range(len(shape) - size + 1)]
    found += [f"{role}c:{name}" for name in message.reading.cues]
    around = _around(message.context)
    found += around
    if len(shape) <= 9:
        found += [f"{role}w:{shape}", f"{role}w:{shape}:{message.pending}"]
    found += [f"g:{guess.intent}", f"r:{guess.rule}", f"g:{guess.intent}:{int(guess.sure * 10)}",
              f"pg:{message.pending}:{guess.intent}"]
    found += _measures(message, role)
    return found


def _around(context: Mapping[str, Any]) -> list[str]:
    pending = str(context.get("pending") or "")
    order, group = context.get("order") or {}, context.get("group") or {}
    found = [f"p:{pending}"]
    found += [f"h:{key}" for key in ("draft", "order", "offer", "jobs", "group", "shop_id")
              if context.get(key)]
    if order:
        found.append(f"s:{order.get('status')}")
    if group:
        found.append(f"m:{group.get('role')}")
    return found


def _measures(message: Message, role: str) -> list[str]:
    kinds = {cell.kind for cell in message.reading.cells}
    found = [f"{role}k:{kind}" for kind in kinds if kind in _KINDS]
    found.append(f"i:{min(message.items, 3)}")
    found.append(f"u:{min(message.residue, 12) // 2}")
    found.append(f"n:{min(len(message.text), 40) // 6}")
    if message.asks:
        found.append(f"{role}asks")
    return found
