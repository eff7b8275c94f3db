"""Real PostgreSQL and Redis without anybody installing a server (docs/adr/0001).

A command that has no DATABASE_URL or REDIS_URL asks here. The servers live in `var/`, are shared
by all commands of this checkout, and end with the last of them, however that one ends.
"""
import atexit
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

from cli import locks
from cli.keeper import Spec
from cli.places import settle
from config import settings
from config.settings import ROOT, VAR, ConfigurationError

GOODBYE_S = 20.0
LOG_MAX = 1 << 20


class ServersFailed(Exception):
    """An embedded server does not start. One line, naming the log."""


@dataclass(frozen=True, slots=True)
class Servers:
    """URLs as libpq, SQLAlchemy and redis-py read them; None for what was not wanted."""

    database_url: str | None
    redis_url: str | None


@dataclass(slots=True)
class Lease:
    """One use of one server, until `give_back` or the end of this process."""

    spec: Spec
    users: int = field(default=-1)
    given_back: bool = False

    def take(self) -> str:
        """Start the server if nobody has, and return its URL."""
        run = self.spec.run
        _make_folder(run)
        with locks.exclusive(self.spec.var / "door"):
            _make_folder(run)  # once more: `discard` may just have swept it away, unused as it was
            if self.users < 0:
                self.users = locks.opened(run / "users")
            locks.shared(self.users)  # waits while a keeper that found nobody here is stopping
            while True:
                if not locks.is_held(run / "keeper"):
                    self._start_keeper()
                if (url := self._address()) is not None:
                    return url

    def _start_keeper(self) -> None:
        run = self.spec.run
        log = run / "log"
        if not log.exists() and self.spec.instance == "main":
            _say(f"first start: making {self.spec.service} in {run}")
        place = settle(self.spec.var)
        mode = "ab" if log.exists() and log.stat().st_size < LOG_MAX else "wb"
        with log.open(mode) as file:
            subprocess.run(
                [sys.executable, "-P", "-m", "cli.keeper", self.spec.as_json(place)],
                cwd=ROOT, env={**os.environ, "PYTHONPATH": python_path()}, check=True,
                stdin=subprocess.DEVNULL, stdout=file, stderr=file)

    def _address(self) -> str | None:
        """The URL once the server is ready; None when its keeper ended first, of nothing amiss."""
        run, since, said = self.spec.run, time.monotonic(), False
        while True:
            try:
                return (run / "address").read_text()
            except FileNotFoundError:
                pass
            if not locks.is_held(run / "keeper"):
                if (run / "failure").exists():
                    raise ServersFailed((run / "failure").read_text().strip())
                return None
            if not said and time.monotonic() - since > 3:
                said = True
                _say(f"waiting for {self.spec.service} (its log: {run / 'log'})")
            time.sleep(locks.POLL_S)

    def watch(self) -> None:
        """Start a new keeper whenever ours is killed; it serves at the same address."""
        threading.Thread(target=self._watch, daemon=True, name="keeper").start()

    def _watch(self) -> None:
        fd = locks.opened(self.spec.run / "keeper")
        while True:
            locks.shared(fd)  # granted when the keeper is gone
            os.close(fd)
            if self.given_back:
                return
            try:
                self.take()
            except (ServersFailed, ConfigurationError, OSError) as error:
                _say(str(error))
                time.sleep(1)
            fd = locks.opened(self.spec.run / "keeper")

    def give_back(self) -> None:
        """Waits for the server's end if nobody else uses it."""
        if self.given_back or self.users < 0:
            return
        self.given_back = True
        alone = locks.try_exclusive(self.users)
        os.close(self.users)
        deadline = time.monotonic() + GOODBYE_S
        while alone and locks.is_held(self.spec.run / "keeper") and time.monotonic() < deadline:
            time.sleep(locks.POLL_S)


_leases: dict[Spec, tuple[Lease, str]] = {}


def ensure(var: Path, *, want_postgres: bool, want_redis: bool, instance: str = "main",
           durable: bool = True) -> Servers:
    """Use the servers of this `var/` for as long as this process lives, or until `release`.

    `instance` names a set of servers apart from the others. Without `durable` commits may be
    lost with the machine (not with a process), which tests do not mind.
    Raises ServersFailed, or ConfigurationError when `var` is of no use.
    """
    wanted = {"postgres": want_postgres, "redis": want_redis}
    urls = {service: _use(Spec(var.resolve(), instance, service, durable))
            for service, is_wanted in wanted.items() if is_wanted}
    return Servers(urls.get("postgres"), urls.get("redis"))


def _use(spec: Spec) -> str:
    if spec not in _leases:
        lease = Lease(spec)
        try:
            _leases[spec] = lease, lease.take()
        except PermissionError as error:
            raise ConfigurationError(
                f"cannot use {error.filename}: it belongs to another user; run as that user, or "
                "set DATABASE_URL and REDIS_URL") from error
        lease.watch()
    return _leases[spec][1]


@atexit.register
def release(instance: str | None = None) -> None:
    """Give back what this process uses (of one instance, or all)."""
    for spec in [spec for spec in _leases if instance in (None, spec.instance)]:
        lease, _ = _leases.pop(spec)
        lease.give_back()


def discard(var: Path, pattern: str) -> None:
    """Delete the instances of that name (a glob) which nobody uses: data, logs and all."""
    var = var.resolve()
    note = var / "elsewhere"
    homes = [var, *([Path(note.read_text().strip())] if note.exists() else [])]
    with locks.exclusive(var / "door"):
        for run in var.glob(pattern):
            busy = any(locks.is_held(lock) for lock in run.glob("*/keeper"))
            for home in homes if not busy else ():
                shutil.rmtree(home / run.name, ignore_errors=True)


def apply(environ: MutableMapping[str, str], var: Path = VAR) -> None:
    """Fill in DATABASE_URL and REDIS_URL where neither `.env` nor the environment has them."""
    given = settings.environment()
    missing = {name for name in ("DATABASE_URL", "REDIS_URL") if not given.get(name, "").strip()}
    servers = ensure(var, want_postgres="DATABASE_URL" in missing,
                     want_redis="REDIS_URL" in missing)
    if servers.database_url:
        environ["DATABASE_URL"] = servers.database_url
    if servers.redis_url:
        environ["REDIS_URL"] = servers.redis_url
    settings.load.cache_clear()


def python_path() -> str:
    """For a child that must find this checkout, wherever it is started from."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join([str(ROOT), *(part for part in given if part not in ("", str(ROOT)))])


def _make_folder(run: Path) -> None:
    try:
        for folder in (run.parent.parent, run.parent, run):
            if not folder.exists():
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o755)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {error.filename}: {error.strerror}; set DATABASE_URL and REDIS_URL, or "
            "make it writable") from error


def _say(text: str) -> None:
    print(f"paotang: {text}", file=sys.stderr, flush=True)
