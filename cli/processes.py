"""Several processes under one launcher: their lines on one screen, restarted when they fall,
stopped in order, and never outliving the launcher, even one that is killed -9.
"""
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO

from cli import leash
from cli.embedded import python_path

LOOK_S = 0.1
GRACE_S = 5.0  # for one child to stop; all together get STOP_S
STOP_S = 9.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
STEADY_S = 30.0  # who ran for so long has not failed at starting
MISUSED = 2  # the exit status of a child whose configuration no restart will mend
WATCHDOG = Path(__file__).with_name("watchdog.py")


@dataclass(frozen=True, slots=True)
class Process:
    """One child. `env` is added to our own environment; lower ranks are stopped later. `once`:
    it may end by itself."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    rank: int = 0
    once: bool = False


class Stopped(Exception):
    """Somebody pressed Ctrl-C, or a child cannot go on. `status` is ours to exit with."""

    def __init__(self, status: int = 0) -> None:
        super().__init__(status)
        self.status = status


class Child:
    """A running Process, started again when it ends by itself."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.wait_s = FIRST_WAIT_S
        self.due_at = 0.0
        self.started_at = 0.0
        self.popen: subprocess.Popen[str] | None = None
        self.status: int | None = None  # of one that has done what it was started for
        self.pump: threading.Thread | None = None

    def start(self) -> subprocess.Popen[str]:
        """In a group of its own, so that a Ctrl-C reaches us alone."""
        self.started_at = time.monotonic()
        self.popen = subprocess.Popen(
            leash.command(list(self.process.argv)), start_new_session=True,
            env={**os.environ, "PYTHONPATH": python_path(), "PYTHONUNBUFFERED": "1",
                 **self.process.env},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace")
        return self.popen

    def has_ended(self) -> bool:
        return self.popen is not None and self.popen.poll() is not None

    def put_off(self) -> float:
        """Seconds until the next try: twice as long each time."""
        if time.monotonic() - self.started_at > STEADY_S:
            self.wait_s = FIRST_WAIT_S
        wait_s, self.wait_s = self.wait_s, min(self.wait_s * 2, LONGEST_WAIT_S)
        self.due_at = time.monotonic() + wait_s
        return wait_s


class Crew:
    """A context: whoever was started within is stopped, rank by rank, when it is left."""

    def __init__(self, *, prefix: bool = True) -> None:
        self.children: list[Child] = []
        self.prefix = prefix
        self.width = 0
        self._screen = threading.Lock()
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> "Crew":
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._handlers[signum] = signal.signal(signum, _stop)
        self._watchdog = subprocess.Popen(
            [sys.executable, "-S", "-E", str(WATCHDOG)], stdin=subprocess.PIPE, text=True,
            start_new_session=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None,
                 __: TracebackType | None) -> None:
        # A second Ctrl-C does not wait.
        for signum in self._handlers:
            signal.signal(signum, self._kill_all)
        self.stop()
        with suppress(OSError):
            assert self._watchdog.stdin is not None
            self._watchdog.stdin.close()
        self._watchdog.wait()
        for signum, handler in self._handlers.items():
            signal.signal(signum, handler)  # type: ignore[arg-type]

    def start(self, process: Process) -> Child:
        """Call it from the main thread: a child's leash is tied to the thread."""
        child = Child(process)
        self.width = max(self.width, len(process.name))
        self.children.append(child)
        self._start(child)
        return child

    def _start(self, child: Child) -> None:
        popen = child.start()
        self._tell_watchdog(f"+{popen.pid}")
        child.pump = threading.Thread(
            target=self._pump, args=(child.process.name, popen.stdout), daemon=True)
        child.pump.start()

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> bool:
        """Look after the children until `ready()`. False: not in time."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if time.monotonic() > deadline:
                return False
            self.look_after()
            time.sleep(LOOK_S)
        return True

    def supervise(self) -> None:
        """Until a signal: raises Stopped."""
        while True:
            self.look_after()
            time.sleep(LOOK_S)

    def look_after(self) -> None:
        for child in self.children:
            if child.has_ended():
                self._note_end(child)
            elif child.popen is None and child.status is None and time.monotonic() >= child.due_at:
                self._start(child)

    def _note_end(self, child: Child) -> None:
        assert child.popen is not None
        status, name = child.popen.returncode, child.process.name
        self._bury(child)
        if child.process.once:
            child.status = status
            return
        if status == MISUSED:
            raise Stopped(MISUSED)
        self.say(name, f"ended ({_told(status)}), starting it again in {child.put_off():g} s")

    def _bury(self, child: Child) -> None:
        """What the child itself started ends with it; its last lines are shown."""
        assert child.popen is not None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.popen.pid, signal.SIGKILL)
        self._tell_watchdog(f"-{child.popen.pid}")
        if child.pump:
            child.pump.join(timeout=1)
        child.popen = None

    def stop(self) -> None:
        """Each may finish what it is at, those of one rank at the same time."""
        deadline = time.monotonic() + STOP_S
        for rank in sorted({child.process.rank for child in self.children}, reverse=True):
            together = [child for child in self.children
                        if child.process.rank == rank and child.popen]
            self._stop_together(together, min(deadline, time.monotonic() + GRACE_S))

    def _stop_together(self, children: Sequence[Child], deadline: float) -> None:
        running = [child.popen for child in children if child.popen]
        for popen in running:
            popen.terminate()
        for popen in running:
            with suppress(subprocess.TimeoutExpired):
                popen.wait(max(0.1, deadline - time.monotonic()))
        for child in children:
            self._bury(child)
        for popen in running:
            popen.wait()

    def _kill_all(self, *_: object) -> None:
        for child in self.children:
            if child.popen:
                with suppress(ProcessLookupError):
                    os.killpg(child.popen.pid, signal.SIGKILL)

    def say(self, name: str, line: str) -> None:
        shown = f"{name:<{self.width}} | {line}\n" if self.prefix else f"{line}\n"
        with self._screen, suppress(OSError, ValueError):  # nobody reads us any more: go on
            sys.stdout.write(shown)
            sys.stdout.flush()

    def _pump(self, name: str, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                self.say(name, line.rstrip("\n"))

    def _tell_watchdog(self, line: str) -> None:
        with suppress(OSError):
            assert self._watchdog.stdin is not None
            self._watchdog.stdin.write(f"{line}\n")
            self._watchdog.stdin.flush()


def run_all(processes: Sequence[Process]) -> int:
    """Run them until Ctrl-C or SIGTERM (0), or until one is misconfigured (2)."""
    with Crew() as crew:
        try:
            for process in processes:
                crew.start(process)
            crew.supervise()
        except Stopped as stopped:
            return stopped.status
    return 0


def ours(*arguments: str) -> list[str]:
    """The command line of one of our own commands."""
    return [sys.executable, "-P", "-m", "cli", *arguments]


def _stop(signum: int, _: FrameType | None) -> None:
    raise Stopped


def _told(status: int) -> str:
    return f"exit {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"
