"""The one place Chinese sentences come from: facts in, words out.

A sentence in `locale/zh_CN.toml` may hold `{parameters}`, taps and links:

    〔显示|发出〕   tappable words: a tap makes the reader send 发出 (〔x〕 shows and sends x)
    ⟨{url}|文字⟩   a link to a page
"""
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote as percent_encode

MAX_BYTES: Final = 2048  # WeChat's limit for a passive text reply
MOST_LINES: Final = 9  # of a reply, and
MOST_TAPS: Final = 4   # in one: what a small screen shows
KEPT_OF_A_LINE: Final = 120  # bytes of a line that is cut short: some forty characters

CATALOG: Final[dict[str, dict[str, str]]] = tomllib.loads(
    (Path(__file__).parent / "locale" / "zh_CN.toml").read_text("utf-8"))

_MARKUP = re.compile(r"〔([^〔〕|]*)(?:\|([^〔〕]*))?〕|⟨([^⟨⟩|]*)\|([^⟨⟩]*)⟩")
_SPACES = re.compile(" {2,}")
_UNSAFE = str.maketrans({"〔": "［", "〕": "］", "⟨": "〈", "⟩": "〉", "<": "＜", ">": "＞"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say, before it is put into words.

    A parameter may be a string, another Reply, or a sequence of Replies (one a line; a missing
    one, None, leaves no line). `tap_id` goes with every tap: the order and revision it acts on.
    """

    key: str
    params: "Mapping[str, Param]" = field(default_factory=dict)
    tap_id: str = ""


Param = str | int | Reply | Sequence[Reply | None] | None


def to_json(reply: Reply) -> dict[str, Any]:
    """The reply as plain JSON, to be said later by another process."""
    return {"key": reply.key, "tap_id": reply.tap_id,
            "params": {name: _param_json(value) for name, value in reply.params.items()}}


def from_json(data: Mapping[str, Any]) -> Reply:
    params = {name: _param_from_json(value) for name, value in data["params"].items()}
    return Reply(data["key"], params, data["tap_id"])


def _param_json(value: Param) -> Any:
    if isinstance(value, Reply):
        return to_json(value)
    if value is None or isinstance(value, str | int):
        return value
    return [None if part is None else to_json(part) for part in value]


def _param_from_json(value: Any) -> Param:
    if isinstance(value, Mapping):
        return from_json(value)
    if isinstance(value, list):
        return [None if part is None else from_json(part) for part in value]
    return cast(Param, value)


def text_of(reply: Reply) -> str:
    """The reply's words, taps still in the catalogue's notation.

    Raises KeyError on an unknown key or a missing parameter.
    """
    topic, name = reply.key.split(".", 1)
    params = {k: _param_text(v) for k, v in reply.params.items()}
    lines = CATALOG[topic][name].strip("\n").format_map(params).split("\n")
    return "\n".join(_SPACES.sub(" ", line).strip() for line in lines if line.strip())


def _param_text(value: Param) -> str:
    match value:
        case None:
            return ""
        case Reply():
            return text_of(value)
        case str() | int():
            return str(value).translate(_UNSAFE)
        case _:
            return "\n".join(text_of(part) for part in value if part is not None)


def say(reply: Reply, *, max_bytes: int = MAX_BYTES) -> str:
    """Put a reply into the words and links that WeChat shows, at most `max_bytes` of UTF-8.

    What is too long is cut where somebody's own words are longest; only then do whole lines go,
    from the middle: the first line and the way forward stay, and no link is ever cut.
    """
    lines = [_MARKUP.sub(lambda m: _anchor(m, reply.tap_id), line)
             for line in text_of(reply).split("\n")]
    while (over := len("\n".join(lines).encode()) - max_bytes) > 0:
        longest = max(range(len(lines)), key=lambda i: _bytes_to_cut(lines[i]))
        spare = _bytes_to_cut(lines[longest])
        if spare > 0:
            lines[longest] = _cut(lines[longest], min(over, spare))
        elif len(lines) > 2:
            del lines[max(1, len(lines) - 3)]
        else:
            break
    return "\n".join(lines)


def _bytes_to_cut(line: str) -> int:
    """How much shorter a line may become; one with a link in it stays whole."""
    return 0 if "<a " in line else len(line.encode()) - KEPT_OF_A_LINE


def _cut(line: str, spare_bytes: int) -> str:
    kept = len(line.encode()) - spare_bytes - len("…".encode())
    return line.encode()[:kept].decode(errors="ignore") + "…"


def plain(reply: Reply) -> str:
    """The reply's words without links, for places that show none (logs, templates)."""
    return _MARKUP.sub(lambda m: m[1] or m[4] or "", text_of(reply))


def tapped(reply: Reply) -> list[str]:
    """What a tap on each of the reply's taps would send, in order."""
    return [match[2] or match[1] for match in _MARKUP.finditer(text_of(reply)) if match[1]]


def _anchor(match: re.Match[str], tap_id: str) -> str:
    shown, sent, url, words = match.groups()
    if url is not None:
        return f'<a href="{url}">{words}</a>'
    content = percent_encode(sent or shown, safe="")
    marked = f"&msgmenuid={percent_encode(tap_id, safe='')}" if tap_id else "&msgmenuid=0"
    return f'<a href="weixin://bizmsgmenu?msgmenucontent={content}{marked}">{shown}</a>'


def yuan(amount_fen: int) -> str:
    """1450 -> '¥14.50'. Money is fen (int) everywhere else; only the last step writes yuan."""
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}¥{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"
