"""What every rule is given: the message with what is known around it."""
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from bot.nlu.patterns import PATTERNS
from bot.nlu.reading import Reading

_P: Final = PATTERNS["intents"]


class Guess(NamedTuple):
    """An intent, how sure the rule that found it is, 0–1, and the rule's name."""

    intent: str
    sure: float
    rule: str = ""


@dataclass(slots=True)
class Message:
    """A reading with what is known around it."""

    reading: Reading
    role: str
    context: Mapping[str, Any]
    core: str = ""
    pending: str = ""
    asks: bool = False
    items: int = 0                # dishes wanted
    residue: int = 0
    notes: list[str] = field(default_factory=list)

    def has(self, *classes: str) -> bool:
        """Whether a phrase of any class is there."""
        return self.reading.has(*classes)

    @property
    def text(self) -> str:
        """The plain text."""
        return self.reading.text

    @property
    def has_come(self) -> bool:
        """Whether the order that is shown has reached its buyer."""
        return (self.context.get("order") or {}).get("status") in ("delivered", "done", "finished")

    @property
    def names_reason(self) -> bool:
        """Whether something that goes wrong with orders is named."""
        return any(cue.startswith("reasons.") for cue in self.reading.cues)

_NOISE: Final = re.compile(r"[\s,.。!?~、;:…\"'()\[\]【】*#_^-]+")

def message_of(reading: Reading, role: str, context: Mapping[str, Any]) -> Message:
    """Gather what the rules ask for most."""
    core = _NOISE.sub("", reading.text)
    return Message(
        reading=reading, role=role, context=context, core=core,
        pending=str(context.get("pending") or ""), asks=_asks(reading.text),
        items=len(reading.of("D")), residue=len(reading.residue))

_ASKING: Final = _P["asking"]

def _asks(text: str) -> bool:
    return bool(_ASKING.search(text))


class Grammars:
    """Whole-message grammars, compiled from the lists once per lexicon."""

    def __init__(self, cues: Mapping[str, tuple[str, ...]]) -> None:
        filler = cues["affirm.fillers"]
        self.affirm = _whole(cues["affirm"], filler)
        self.deny = _whole(cues["deny"], filler)
        self.keep = _whole(cues["deny.keep"] + cues["deny"], filler)
        self.withdraw = _whole(cues["deny.withdraw"] + ("我", "吧", "还是", "那", "就"), filler)
        self.cooks = _whole(cues["merchant.accept"] + cues["affirm"],
                            filler + cues["marks.polite"] + ("马上", "这就", "给", "他", "她"))
        self.chat = _whole(cues["chat"] + cues["marks.polite"], filler)


def _whole(words: tuple[str, ...], fillers: tuple[str, ...]) -> re.Pattern[str]:
    core = "|".join(sorted({re.escape(_NOISE.sub("", word.lower())) for word in words} - {""},
                           key=len, reverse=True))
    edge = "|".join(sorted(map(re.escape, fillers), key=len, reverse=True))
    return re.compile(rf"(?:{edge})*(?:(?:{core})(?:{edge})*)+")

NOT_YES: Final = _P["not_yes"]

def says_yes(message: Message, grammars: Grammars) -> bool:
    """Whether the whole message is an agreement and nothing else."""
    core = message.core
    return (0 < len(core) <= 18 and "?" not in message.text and not NOT_YES.fullmatch(core)
            and grammars.affirm.fullmatch(core) is not None)

Rule = Callable[[Message, Grammars], Guess | None]
