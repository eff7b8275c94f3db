"""Our webhook beside a bare Flask + wechatpy echo, on the same server, in the same run.

    .venv/bin/python -m benchmarks.webhook [--rounds 3] [--seconds 8] [--workers 2]

Both are served by granian with the same processes and threads, one after the other, round by
round, and hear the same encrypted messages over loopback: an order, its confirmation, 到哪了, and
chatter, of ever new people. Ours keeps everything: a real PostgreSQL with fsync and synchronous
commits, of this run's own. Workers and clock do not run: they are other processes' work.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import requests

from benchmarks.anatomy import profile
from benchmarks.people import Load, Target, press
from cli import demo, embedded, migrate
from config import settings
from config.settings import ROOT, VAR
from simulator import credentials

INSTANCE = "benchmark"
WARM_S, READY_S = 3.0, 60.0
NOWHERE = 9  # the port of WeChat's API: nobody is to be called


@dataclass(frozen=True, slots=True)
class Reading:
    """`cpu_ms`: of the web processes, a message. `database_ms`: of PostgreSQL, a message."""

    load: Load
    cpu_ms: float
    database_ms: float = 0.0


def measure(target: Target, server: psutil.Process, database: psutil.Process | None, **how: object
            ) -> Reading:
    before, db_before = _cpu_s(server), _cpu_s(database)
    load = press(target, **how)  # type: ignore[arg-type]
    count = max(1, len(load.latencies_s))
    return Reading(load, 1000 * (_cpu_s(server) - before) / count,
                   1000 * (_cpu_s(database) - db_before) / count)


def _cpu_s(process: psutil.Process | None) -> float:
    """User and system time of a process and all below it."""
    if process is None:
        return 0.0
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            spent = one.cpu_times()
        except psutil.Error:
            continue
        total += spent.user + spent.system
    return total


@contextmanager
def served(arguments: list[str], environ: dict[str, str], port: int) -> Iterator[psutil.Process]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", *arguments], cwd=ROOT, stdout=log, stderr=log,
            env={**os.environ, **environ, "PYTHONPATH": embedded.python_path()})
        try:
            _wait(lambda: _listens(port, process))
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(30)


def _listens(port: int, process: "subprocess.Popen[bytes]") -> bool:
    if process.poll() is not None:
        raise SystemExit("the server has ended; does it start by ./paotang web?")
    try:
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2).status_code < 500
    except requests.RequestException:
        return False


def _wait(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_S
    while not ready():
        if time.monotonic() > deadline:
            raise SystemExit("the server did not become ready")
        time.sleep(0.1)


def prepare(folder: Path, workers: int) -> tuple[dict[str, str], psutil.Process | None]:
    """A database of this run's own with the demo campus; the environment, and PostgreSQL."""
    VAR.mkdir(exist_ok=True)
    embedded.discard(VAR, INSTANCE)
    servers = embedded.ensure(VAR, want_postgres=True, want_redis=True, instance=INSTANCE)
    port = demo.free_port(18000)
    environ = {
        **credentials.ensure(folder).environ(NOWHERE), "DATABASE_URL": servers.database_url or "",
        "REDIS_URL": servers.redis_url or "", "BIND": f"127.0.0.1:{port}", "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}", "WEB_WORKERS": str(workers),
        "SECRET_KEY": "the secret of a benchmark, 32 long"}
    os.environ.update(environ)
    settings.load.cache_clear()
    migrate.upgrade(settings.load().database_url)
    demo.load_campus(settings.load())
    return environ, _postgres()


def _postgres() -> psutil.Process | None:
    wanted = f"/{INSTANCE}/postgres"
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or ())
        if "postgres" in words.split(" ")[0] and wanted in words and " -D" in words:
            return process
    return None


def run(told: argparse.Namespace, environ: dict[str, str],
        database: psutil.Process | None) -> list[tuple[Reading, Reading, Reading]]:
    """For each round: the echo and ours at full load, ours at half of its own."""
    account, port = settings.load().wechat_account, int(environ["PORT"])
    rounds = []
    for number in range(told.rounds):
        with served(["benchmarks.echo"], environ, port) as server:
            echo = _full(Target(port, account, answers=False), server, None, told)
        with served(["cli", "web"], environ, port) as server:
            target = Target(port, account, answers=True)
            ours = _full(target, server, database, told)
            half = measure(target, server, database, connections=told.connections,
                           seconds=told.seconds, rate=ours.load.rate / 2)
        rounds.append((echo, ours, half))
        print(f"round {number + 1}", *map(_line, (("echo", echo), ("ours", ours),
                                                  ("ours, half load", half))), sep="\n")
    return rounds


def _full(target: Target, server: psutil.Process, database: psutil.Process | None,
          told: argparse.Namespace) -> Reading:
    press(target, connections=told.connections, seconds=WARM_S)
    return measure(target, server, database, connections=told.connections, seconds=told.seconds)


def _line(named: tuple[str, Reading]) -> str:
    name, it = named
    failed = f"  {len(it.load.failures)} failed: {it.load.failures[0]}" if it.load.failures else ""
    return (f"  {name:<16}{it.load.rate:8.1f}/s  p50 {it.load.at(0.5):6.1f} ms  p99 "
            f"{it.load.at(0.99):6.1f} ms  CPU {it.cpu_ms:5.2f} + {it.database_ms:.2f} ms{failed}")


def main() -> int:
    told = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        environ, database = prepare(Path(folder), told.workers)
        if told.profile:
            print(profile(told.profile))
            return 0
        rounds = run(told, environ, database)
    embedded.release(INSTANCE)
    print("\nmedian of rounds")
    print(f"  ours / echo, messages a second    {_median(rounds, _speed):.3f}")
    print(f"  ours / echo, web CPU a message    {_median(rounds, _cost):.1f}")
    p50, p99 = (_median(rounds, lambda three, share=share: three[2].load.at(share))
                for share in (0.5, 0.99))
    print(f"  ours at half load                 p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    return 1 if any(reading.load.failures for three in rounds for reading in three) else 0


Round = tuple[Reading, Reading, Reading]


def _median(rounds: list[Round], of: Callable[[Round], float]) -> float:
    return median(of(each) for each in rounds)


def _speed(three: Round) -> float:
    return three[1].load.rate / three[0].load.rate


def _cost(three: Round) -> float:
    return three[1].cpu_ms / three[0].cpu_ms


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webhook", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    parser.add_argument("--workers", type=int, default=2, help="web processes, as WEB_WORKERS")
    parser.add_argument("--connections", type=int, default=8, help="messages under way at once")
    parser.add_argument("--profile", type=int, metavar="N", default=0,
                        help="no comparison: profile N messages in this process")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
