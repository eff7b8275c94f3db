"""Commands that use embedded servers of a `var/` of their own, and ways to end them."""
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from cli import embedded
from config.settings import ROOT


class Users:
    """Starts processes that use the servers of one `var/`."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.all: list[subprocess.Popen[str]] = []

    def start(self, wanted: str = "r", **how: Any) -> subprocess.Popen[str]:
        root, python = how.pop("root", ROOT), how.pop("python", sys.executable)
        paths = [str(root), sysconfig.get_path("purelib")]
        user = subprocess.Popen(
            [python, "-P", root / "tests/cli/user.py", self.var, wanted], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/",
            env={**os.environ, "PYTHONPATH": ":".join(paths)}, **how)
        self.all.append(user)
        return user

    def ready(self, wanted: str = "r", **how: Any) -> tuple[subprocess.Popen[str], dict[str, str]]:
        user = self.start(wanted, **how)
        return user, told(user)

    def end_all(self) -> None:
        for user in self.all:
            user.kill()
            user.communicate()


def told(user: subprocess.Popen[str]) -> dict[str, str]:
    assert user.stdout is not None
    return json.loads(user.stdout.readline())


def processes(var: Path) -> list[psutil.Process]:
    """Keepers and servers of this `var/`, and the servers' own children."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if words[1:] and str(var) in " ".join(words) and "user.py" not in " ".join(words):
                found += [process, *process.children(recursive=True)]
    return list(dict.fromkeys(found))


def keepers(var: Path) -> list[psutil.Process]:
    found = []
    for process in processes(var):
        with suppress(psutil.Error):
            if "cli.keeper" in process.cmdline():
                found.append(process)
    return found


def eventually(true: Callable[[], object], within_s: float = 30.0) -> bool:
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account may enter, as a checkout in /srv would be."""
    folder = Path(tempfile.mkdtemp(prefix="paotang-")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def users(open_folder: Path) -> Iterator[Users]:
    made = Users(open_folder / "var")
    yield made
    made.end_all()
    assert eventually(lambda: not processes(made.var)), processes(made.var)
    _remove_what_is_elsewhere(made.var)


def _remove_what_is_elsewhere(var: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree((var / "elsewhere").read_text().strip())
    embedded.release("none of ours")
