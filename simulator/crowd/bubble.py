"""What a person sees on a phone: words, words to tap, links, and cards with rows."""
import re
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

ANCHOR = re.compile(r'<a href="([^"]*)">([^<]*)</a>')
MENU = "weixin"
CODE = re.compile(r"[A-Z]\d{1,4}")


@dataclass(frozen=True, slots=True)
class Tap:
    """Tappable words: what they show, the text they send, and their id."""

    label: str
    content: str
    id: str

    @property
    def code(self) -> str:
        found = CODE.search(self.content)
        return found[0] if found else ""


@dataclass(frozen=True, slots=True)
class Bubble:
    """`card`: the template's id, or "". `values`: the rows of a card."""

    text: str = ""
    taps: tuple[Tap, ...] = ()
    links: tuple[str, ...] = ()
    card: str = ""
    values: tuple[str, ...] = ()

    def tap(self, pattern: str) -> Tap | None:
        """The first words to tap whose text matches."""
        return next((tap for tap in self.taps if re.search(pattern, tap.content)), None)

    def link(self, part: str) -> str | None:
        """The first link with this in its address."""
        return next((link for link in self.links if part in link), None)

    @property
    def code(self) -> str:
        """The first order's or group's code that is read anywhere."""
        found = CODE.search("\n".join((self.text, *self.values)))
        return found[0] if found else ""


def read(content: str) -> Bubble:
    """A text as the phone shows it."""
    taps, links = [], []
    for address, label in ANCHOR.findall(content):
        url = unescape(address)
        if urlsplit(url).scheme == MENU:
            query = parse_qs(urlsplit(url).query)
            taps.append(Tap(label, query["msgmenucontent"][0], query.get("msgmenuid", [""])[0]))
        else:
            links.append(url)
    return Bubble(ANCHOR.sub(r"\2", content), tuple(taps), tuple(links))


def of_event(event: dict[str, Any]) -> Bubble | None:
    """A message or card that came by itself; None for all else that a phone records."""
    if event["type"] == "template":
        return Bubble(card=event["template_id"],
                      values=tuple(row["value"] for row in event["rows"]))
    if event["type"] == "heard" and event.get("channel") == "custom":
        return read(str(event.get("content") or ""))
    return None
