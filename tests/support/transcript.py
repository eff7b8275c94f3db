"""Chat transcripts as tests.

    小林  来份黄焖鸡米饭                   types, word for word ($c: what was kept before)
    小林  〔确认付款〕                     taps those words in the newest bubble that shows them
    小林  〔¥13.00 确认付款〕              … in the newest that shows ¥13.00 as well
    bot   order.quoted  payable=¥18.00 code=$c   the reply: catalogue key, some parameters;
                                           $c keeps the value, or must be the one kept;
                                           a word without = must occur in the reply
    push  阿哲  rider.offer  code=$c       a customer-service message, next unread on that phone
    card  小林  paid  ¥18.00  待接单       a template message: kind, and values among its rows
    quiet 小林                             nothing unread on that phone
    (小林 pays)  (阿哲 follows b_ap02)     stage directions: outside the chat
    (小陈 scans b_ap02)  (小陈 leaves)
    (10 min pass)  (it is 10:00)  (work)   time; relay, clock and workers do what is due
    (help is called)                       the web process places what calls are due
    (小林 is at 30.1,120.2)                 a pin
    (redis forgets)                        what was enqueued is lost, and half a minute goes by

Replies are matched by catalogue key, not by wording, so the copy may be improved freely.
Whatever is said, in any transcript, must have the form that contract §7 promises.
"""
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from config.texts import CATALOG, MAX_BYTES
from tests.support.stage import Stage

SHAPES = {"code": r"[A-Z]\d{1,4}", "payable": r"¥[\d.]+",
          "when": r"(?:\d+-\d+ )?\d\d:\d\d"}  # others may be anything, or empty
ANCHOR = re.compile(r'<a href="([^"]*)">([^<]*)</a>')
MOST_LINES, MOST_TAPS = 9, 4


class WrongTurn(AssertionError):
    pass


@dataclass
class Chat:
    """`by_hand`: taps are typed instead, without their ids. `times`: how often each message comes,
    as after answers that WeChat did not hear."""

    stage: Stage
    by_hand: bool = False
    times: int = 1
    kept: dict[str, str] = field(default_factory=dict)
    _so_far: list[str] = field(default_factory=list)
    _answer: str | None = None
    _unread: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _shown: dict[str, list[str]] = field(default_factory=dict)  # bubbles by phone, newest last

    def play(self, script: str) -> None:
        for line in filter(None, map(str.strip, script.splitlines())):
            if not line.startswith("#"):
                self._line(line)
                self._so_far.append(line)

    def last(self, who: str) -> str:
        """The newest bubble on a phone."""
        self._read(who)
        return self._shown[who][-1]

    def _line(self, line: str) -> None:
        speaker, _, said = line.partition(" ")
        said = said.strip()
        match speaker:
            case _ if line.startswith("("):
                self._direct(line.strip("()"))
            case "bot":
                self._expect(line, said, self._answer)
            case "push":
                who, _, wanted = said.partition(" ")
                self._expect(line, wanted.strip(), self._next(line, who, "heard")["content"])
            case "card":
                who, *wanted = said.split()
                self._expect_card(line, wanted, self._next(line, who, "template"))
            case "quiet":
                self._read(said)
                if self._unread[said]:
                    raise self._wrong(line, self._unread[said])
            case _:
                self._speak(speaker, said)

    def _speak(self, who: str, said: str) -> None:
        self._read(who)
        tap = re.fullmatch(r"〔(.+)〕", said)
        words, tap_id = self._tapped(who, tap[1]) if tap else (self._filled(said), None)
        self._answer = self.stage.says(who, words, None if self.by_hand else tap_id, self.times)
        check_form(self._answer or "")
        self.stage.seen[who] = self.stage.world.last_seq
        self._shown.setdefault(who, []).append(self._answer or "")

    def _tapped(self, who: str, shown: str) -> tuple[str, str | None]:
        whole = shown
        *words, shown = shown.split()  # 〔¥13.00 确认付款〕: in the newest bubble with ¥13.00
        for bubble in reversed(self._shown.get(who, [])):
            if not (whole in bubble or all(word in bubble for word in words)):
                continue
            for url, label in ANCHOR.findall(bubble):
                if label in (shown, whole) and url.startswith("weixin://bizmsgmenu"):
                    asked = parse_qs(urlsplit(url).query)
                    return asked["msgmenucontent"][0], asked["msgmenuid"][0]
        raise self._wrong(f"{who} 〔{shown}〕", "no such tap")

    def _direct(self, direction: str) -> None:
        if direction == "work":
            self.stage.pump()
            return
        if direction == "help is called":
            self.stage.ring()
            return
        if direction == "redis forgets":
            self.stage.lose_redis()
            return
        if clock := re.fullmatch(r"it is (\d\d):(\d\d)", direction):
            self.stage.wait_until(int(clock[1]), int(clock[2]))
            return
        if passing := re.fullmatch(r"(\d+) (s|min|h) pass", direction):
            unit = {"s": "seconds", "min": "minutes", "h": "hours"}[passing[2]]
            self.stage.pass_time(**{unit: float(passing[1])})
            return
        who, verb, *rest = direction.split()
        match verb:
            case "pays":
                self.stage.pay(who, self.pay_link(who))
                self.stage.world.settle()
            case "sends":  # a picture
                self._speak_by(who, lambda who: self.stage.world.send_image(who).reply)
            case "is":
                lat, lng = map(float, rest[1].split(","))
                self._speak_by(who, lambda who: self.stage.world.share_location(
                    who, lat, lng).reply)
            case "follows":
                outcome = self.stage.world.follow(who, rest[0] if rest else None)
                self._answer = outcome.reply
                self.stage.seen[who] = self.stage.world.last_seq
                self._shown.setdefault(who, []).append(self._answer or "")
            case "scans":
                self._answer = self.stage.world.scan(who, rest[0]).reply
                self.stage.seen[who] = self.stage.world.last_seq
                self._shown.setdefault(who, []).append(self._answer or "")
            case "leaves":
                self._read(who)
                self.stage.world.unfollow(who)
                self.stage.seen[who] = self.stage.world.last_seq
            case _:
                raise ValueError(direction)

    def _speak_by(self, who: str, act: Any) -> None:
        self._read(who)
        self._answer = act(who)
        self.stage.seen[who] = self.stage.world.last_seq
        self._shown.setdefault(who, []).append(self._answer or "")

    def pay_link(self, who: str) -> str:
        """The newest pay link on a phone."""
        self._read(who)
        for bubble in reversed(self._shown.get(who, [])):
            for url, _ in ANCHOR.findall(bubble):
                if "/p/" in url:
                    return str(url)
        raise self._wrong(f"({who} pays)", "no pay link")

    def _read(self, who: str) -> None:
        news = self.stage.news(who)
        for event in news:
            if event["type"] == "heard":
                check_form(event.get("content", ""))
        self._unread.setdefault(who, []).extend(news)
        self._shown.setdefault(who, []).extend(
            event.get("content", "") for event in news if event["type"] == "heard")

    def _next(self, line: str, who: str, type_: str) -> dict[str, Any]:
        self._read(who)
        unread = self._unread[who]
        for event in unread:
            if event["type"] == type_:
                unread.remove(event)
                return event
        raise self._wrong(line, unread)

    def _expect(self, line: str, said: str, heard: str | None) -> None:
        key, *stated = said.split()
        got = parameters(key, heard or "")
        if got is None:
            raise self._wrong(line, heard)
        for piece in stated:
            name, is_named, value = piece.partition("=")
            if not is_named:
                if self._filled(name) not in (heard or ""):
                    raise self._wrong(line, heard)
            elif value.startswith("$") and value not in self.kept:
                self.kept[value] = got[name]
            elif got.get(name) != self._filled(value):
                raise self._wrong(line, f"{heard!r}\n{name} is {got.get(name)!r}")

    def _expect_card(self, line: str, wanted: list[str], event: dict[str, Any]) -> None:
        values = {row["value"] for row in event["rows"]}
        kind, *stated = wanted
        if event["template_id"] != kind or any(
                not any(self._filled(v) in value for value in values) for v in stated):
            raise self._wrong(line, event)

    def _filled(self, words: str) -> str:
        for name, value in self.kept.items():
            words = words.replace(name, value)
        return words

    def _wrong(self, line: str, heard: Any) -> WrongTurn:
        return WrongTurn("\n".join([
            "the conversation went another way", *self._so_far,
            f"{line}        <- expected", f"{heard!r}        <- heard"]))


def check_form(said: str) -> None:
    """What contract §7 promises of every reply."""
    assert len(said.encode()) <= MAX_BYTES, said
    assert len(said.split("\n")) <= MOST_LINES, said
    links = ANCHOR.findall(said)
    assert len([url for url, _ in links if url.startswith("weixin:")]) <= MOST_TAPS, said
    assert all(url and words for url, words in links), said
    assert not re.search(r"[<>〔〕⟨⟩{}]", ANCHOR.sub("", said)), said


def parameters(key: str, text: str) -> dict[str, str] | None:
    """Read a catalogue sentence backwards: its parameters, or None if `text` is another one.

    Lines that a parameter left empty are gone from the text, and taps have become links.
    """
    topic, name = key.split(".", 1)
    shown = ANCHOR.sub(_as_written, text)
    lines = [_line_pattern(line) for line in CATALOG[topic][name].strip("\n").split("\n")]
    pattern = "".join(f"(?:{line}(?:\n|$))?" if optional else f"{line}(?:\n|$)"
                      for line, optional in lines)
    pattern = _named_once(pattern)
    match = re.fullmatch(pattern, shown, re.DOTALL)
    return {k: v or "" for k, v in match.groupdict().items()} if match else None


def _named_once(pattern: str) -> str:
    """Python's groups have one name each: later ones refer back to the first."""
    seen: set[str] = set()

    def again(group: re.Match[str]) -> str:
        if group[1] in seen:
            return f"(?P={group[1]})"
        seen.add(group[1])
        return group[0]
    return re.sub(r"\(\?P<(\w+)>[^)]*\)", again, pattern)


def _as_written(anchor: re.Match[str]) -> str:
    """A link as the catalogue writes it: 〔shown|sent〕 or ⟨url|words⟩."""
    url, shown = anchor.groups()
    if not url.startswith("weixin://bizmsgmenu"):
        return f"⟨{url}|{shown}⟩"
    sent = parse_qs(urlsplit(url).query)["msgmenucontent"][0]
    return f"〔{shown}〕" if sent == shown else f"〔{shown}|{sent}〕"


def _line_pattern(line: str) -> tuple[str, bool]:
    """A catalogue line as a pattern on what is shown, and whether it may be missing."""
    pieces = re.split(r"\{(\w+)\}", line.rstrip())
    pattern = ""
    for i, piece in enumerate(pieces):
        if i % 2 == 0:
            pattern += re.escape(piece)
        else:
            pattern += f"(?P<{piece}>{SHAPES.get(piece, '.*?')})"
    bare = not "".join(pieces[::2]).strip()
    return pattern.replace(r"\ ", r"\ ?"), bare
