"""People who write to a webhook over HTTP, sealed as WeChat seals: the load of webhook.py."""
import http.client
import itertools
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from bot.wire import seal, sign, unseal
from config.settings import WeChatAccount

ORDERS = ("来份黄焖鸡微辣不要香菜 送12栋302", "我要一份牛肉拉面，送到东区9号楼415",
          "两份鱼香肉丝盖饭 送西3 206", "帮我点个香辣鸡腿堡 送南苑1栋118")
STATUS, CHATTER = "到哪了", "谢谢，辛苦了"
CODE = re.compile(rf"{quote('确认')}([A-Z]\d{{1,4}})")  # in the tap's address
ENCRYPTED = re.compile(rb"<Encrypt><!\[CDATA\[(.*?)\]\]>|<Encrypt>([^<]+)<")
SALT = b"0123456789abcdef"


class NoReply(Exception):
    """Something else than words came back."""


@dataclass(frozen=True, slots=True)
class Target:
    port: int
    account: WeChatAccount
    answers: bool  # our own service: a confirmation carries the code of its quote


@dataclass
class Load:
    """What came of one measurement. `latencies_s`: from when a message was due to its reply."""

    latencies_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Messages a second."""
        return len(self.latencies_s) / self.seconds

    def at(self, share: float) -> float:
        """The latency, in ms, that this share of the messages did not exceed."""
        ordered = sorted(self.latencies_s) or [0.0]
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class People:
    """One connection's people, one after another: each orders, confirms, asks and chats."""

    _numbers = itertools.count(1)

    def __init__(self, target: Target) -> None:
        self.target, self.account = target, target.account
        self.link = http.client.HTTPConnection("127.0.0.1", target.port, timeout=10)
        self.code = "A1"

    def sentences(self) -> Iterator[tuple[str, str]]:
        """(openid, words), for ever."""
        while True:
            number = next(self._numbers)
            openid = f"oBench{number:022d}"
            yield openid, ORDERS[number % len(ORDERS)]
            yield openid, f"确认{self.code}"
            yield openid, STATUS
            yield openid, CHATTER

    def say(self, openid: str, words: str) -> str:
        """The words of the reply; raises NoReply where there is none."""
        path, body = self.sealed(openid, words)
        self.link.request("POST", path, body, {"Content-Type": "text/xml"})
        answer = self.link.getresponse()
        return self.opened(answer.status, answer.read())

    def sealed(self, openid: str, words: str) -> tuple[str, bytes]:
        """Path and body of a push that says this."""
        stamp, nonce = str(int(time.time())), "n"
        inner = (f"<xml><ToUserName><![CDATA[gh_bench]]></ToUserName><FromUserName><![CDATA["
                 f"{openid}]]></FromUserName><CreateTime>{stamp}</CreateTime><MsgType><![CDATA["
                 f"text]]></MsgType><Content><![CDATA[{words}]]></Content><MsgId>"
                 f"{next(self._numbers)}</MsgId></xml>")
        sealed = seal(self.account.aes_key or "", self.account.app_id, inner.encode(), SALT)
        query = urlencode({"timestamp": stamp, "nonce": nonce, "encrypt_type": "aes",
                           "signature": sign(self.account.token, stamp, nonce),
                           "msg_signature": sign(self.account.token, stamp, nonce, sealed)})
        return (f"/wechat/{self.account.app_id}?{query}",
                f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode())

    def opened(self, status: int, body: bytes) -> str:
        """The words of an answer; "" of an echo. Raises NoReply."""
        found = ENCRYPTED.search(body)
        if status != 200 or not found:
            raise NoReply(f"{status} {body[:80]!r}")
        if not self.target.answers:
            return ""
        said = unseal(self.account.aes_key or "", self.account.app_id,
                      (found[1] or found[2]).decode()).decode()
        if quoted := CODE.search(said):
            self.code = quoted[1]
        return said


def press(target: Target, *, connections: int, seconds: float, rate: float | None = None) -> Load:
    """Write for so long. `rate`: messages a second in all; None: as fast as answers come."""
    load, began = Load(), time.perf_counter()
    threads = [threading.Thread(target=_write, args=(
        target, load, began, began + seconds, connections / rate if rate else 0.0,
        n / rate if rate else 0.0)) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - began
    return load


def _write(target: Target, load: Load, began: float, until: float, every_s: float,
           first_s: float) -> None:
    people, due = People(target), began + first_s
    for openid, words in people.sentences():
        now = time.perf_counter()
        if not every_s:
            due = now
        elif due > now:
            time.sleep(due - now)
        if due >= until:
            return
        try:
            people.say(openid, words)
            load.latencies_s.append(time.perf_counter() - due)
        except (NoReply, OSError, http.client.HTTPException) as error:
            load.failures.append(f"{type(error).__name__}: {error}")
            people.link.close()
        due += every_s
