"""`demo` as it is started from a fresh checkout, and what it survives."""
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import redis
import requests

from config.settings import ROOT
from tests.cli.conftest import eventually

PATIENCE_S = 180.0  # of a busy machine
LATE_S = 20.0  # for an answer that did not come in time
OURS = ("bot", "cli", "config", "dispatch", "gateways", "handlers", "migrations", "models",
        "simulator", "web", "workers")


class Demo:
    """A checkout of its own, its demo, and the hands that hold the three phones."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        with (self.root / "log").open("w") as log:
            self.process = self.launch(stdout=log)
        assert eventually(self._is_ready, PATIENCE_S), self.log()
        self.url = re.findall(r"ready: (\S+?)/sim/", self.log())[-1]

    def launch(self, *options: str, **how: Any) -> subprocess.Popen[str]:
        environ = {name: value for name, value in os.environ.items()
                   if name not in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PUBLIC_URL")
                   and not name.startswith("WECHAT_")}
        paths = [str(self.root), sysconfig.get_path("purelib")]
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "cli", "demo", *options], cwd=self.root, text=True,
            stderr=subprocess.STDOUT, env={**environ, "PYTHONPATH": os.pathsep.join(paths)}, **how)

    def _is_ready(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log()
        return "ready: " in self.log()

    def log(self) -> str:
        return (self.root / "log").read_text("utf-8")

    def processes(self, having: str = "") -> list[psutil.Process]:
        """Everything that runs from this checkout, servers too; `having`: and says this."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                words = " ".join(process.cmdline())
                if process.pid != os.getpid() and (
                        str(self.root) in words or self._is_child(process)) and having in words:
                    found.append(process)
        return found

    def _is_child(self, process: psutil.Process) -> bool:
        return self.process is not None and self.process.pid in (
            process.pid, *(above.pid for above in process.parents()))

    def kill_everything(self) -> None:
        """kill -9, all at once: the launcher, web, workers, clock, WeChat, both servers."""
        for process in self.processes():
            with suppress(psutil.Error):
                process.kill()
        assert self.process
        self.process.wait(30)
        assert eventually(lambda: not self.processes()), self.processes()

    def ask(self, path: str, **body: Any) -> Any:
        return requests.post(f"{self.url}/sim{path}", json=body, timeout=60).json()

    def phone(self, name: str) -> str:
        phones = requests.get(f"{self.url}/sim/phones", timeout=60).json()
        phones = phones["phones"] if isinstance(phones, dict) else phones
        return next(phone["id"] for phone in phones if phone["name"] == name)

    def says(self, name: str, words: str) -> str:
        """What the phone shows after these words, taps and all.

        WeChat says the message again while nobody answers; what takes us too long is answered
        by a worker a little later, in a message of its own.
        """
        phone = self.phone(name)
        before = self.news(phone)["last"]
        if reply := self.ask(f"/phones/{phone}/text", content=words).get("reply"):
            return str(reply)
        eventually(lambda: self.chat(phone, before), LATE_S)
        return self.chat(phone, before)

    def chat(self, phone: str, after: int) -> str:
        """The account's words since then, and WeChat's own when nobody answered it."""
        return "\n".join(event.get("content", "") for event in self.news(phone, after)["events"]
                         if event["type"] in ("heard", "notice"))

    def news(self, phone: str, after: int = 0) -> Any:
        return requests.get(f"{self.url}/sim/events", params={"phone": phone, "after": after},
                            timeout=60).json()

    def shows(self, name: str, words: str) -> bool:
        """Whether this phone has shown these words by now."""
        return words in str(self.news(self.phone(name))["events"])

    def pays(self, name: str, reply: str) -> None:
        link = re.search(r'href="(http[^"]*/p/[^"]*)"', reply)
        assert link, reply
        page = self.ask(f"/phones/{self.phone(name)}/open", url=link[1])["url"]
        shown = requests.get(page, timeout=60)
        origin, path = "{0.scheme}://{0.netloc}".format(urlsplit(page)), urlsplit(shown.url).path
        signed = requests.post(f"{origin}{path}/prepay", timeout=60, headers={
            "Origin": origin, "Sec-Fetch-Site": "same-origin"}).json()
        paid = self.ask(f"/phones/{self.phone(name)}/pay", request=signed,
                        prepay_id=signed["package"].removeprefix("prepay_id="))
        assert paid["err_msg"] == "get_brand_wcpay_request:ok"

    def server_url(self, service: str) -> str:
        return (self.root / "var/main" / service / "address").read_text()


@pytest.fixture
def demo(open_folder: Path) -> Iterator[Demo]:
    root = open_folder / "checkout"
    root.mkdir(mode=0o755)
    for name in OURS:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "wsgi.py", root)
    demo = Demo(root)
    yield demo
    for process in demo.processes():
        with suppress(psutil.Error):
            process.kill()
    if demo.process:
        demo.process.wait(30)
    with suppress(FileNotFoundError):
        shutil.rmtree((root / "var/elsewhere").read_text().strip())


def code_in(words: str) -> str:
    found = re.search(r"[A-Z]\d{1,4}", words)
    assert found, words
    return found[0]


def test_a_lunch_goes_on_after_everything_has_been_killed(demo):
    """Each step meets another death: all processes, Redis' memory, PostgreSQL, the web."""
    demo.start()
    second = demo.launch(stdout=subprocess.PIPE)
    assert second.communicate(timeout=PATIENCE_S)[0].splitlines()[-1] == (
        "paotang: a demo of this checkout is running already")
    assert second.returncode == 1

    quote = demo.says("小林", "来份黄焖鸡微辣不要香菜 送12栋302")
    assert "合计 ¥13.00" in quote
    code = code_in(quote)

    demo.kill_everything()
    demo.start()
    assert "合计 ¥13.00" in demo.says("小林", "到哪了")
    demo.pays("小林", demo.says("小林", f"确认{code}"))
    redis.Redis.from_url(demo.server_url("redis")).flushall()
    assert eventually(lambda: demo.shows("阿香", code), PATIENCE_S), demo.log()

    for postgres in demo.processes("/postgres -D"):
        postgres.kill()
    assert eventually(lambda: "接了" in demo.says("阿香", f"接{code}")
                      or "制作中" in demo.says("阿香", f"接{code}"), PATIENCE_S), demo.log()
    assert eventually(lambda: "在线" in demo.says("阿哲", "上线"), PATIENCE_S)
    assert eventually(lambda: demo.shows("阿哲", "派给你因为"), PATIENCE_S), demo.log()

    assert "归你了" in demo.says("阿哲", f"接{code}")
    for web in demo.processes("spawn_main"):
        web.kill()
    assert eventually(lambda: "收到" in demo.says("阿哲", f"{code}到店"), PATIENCE_S), demo.log()
    demo.kill_everything()
    demo.start()
    demo.says("阿香", f"{code}出餐")
    assert "核对" in demo.says("阿哲", f"{code}取到")
    demo.says("阿哲", f"{code}到了")
    assert eventually(lambda: demo.shows("小林", "取餐码"), PATIENCE_S), demo.log()
    told = demo.says("小林", "到哪了")
    pin = re.search(r"取餐码 (\d{4})", told)
    assert pin, (told, demo.log())
    assert f"{code}完成" in demo.says("阿哲", pin[1])
    assert _booked(demo) == {"wechat": 1300, "shop": -1600, "rider": -160, "platform": -40,
                             "promotion": 500 + 13, "points": -13}  # a fen a yuan comes back

    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 0
    assert demo.log().splitlines()[-1] == "paotang: stopped; what happened is kept in var/"
    assert eventually(lambda: not demo.processes()), demo.processes()
    assert "Traceback" not in demo.log()


def _booked(demo: Demo) -> dict[str, int]:
    with psycopg.connect(demo.server_url("postgres")) as connection:
        rows = connection.execute(
            "SELECT split_part(account, ':', 1), sum(amount_fen) FROM ledger_entries "
            "GROUP BY account HAVING sum(amount_fen) <> 0").fetchall()
    return {account: int(fen) for account, fen in rows}
