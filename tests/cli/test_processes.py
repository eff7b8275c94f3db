"""Several processes under one launcher: nobody outlives it, whoever falls gets up again."""
import os
import signal
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from cli.embedded import python_path
from tests.cli.conftest import eventually

# A child that has a child, as granian has: both tell who they are.
FAMILY = """
import os, subprocess, sys, time
small = subprocess.Popen([sys.executable, "-S", "-E", "-c", "import time; time.sleep(60)"])
print("here", os.getpid(), small.pid, flush=True)
time.sleep(60)
"""
TALKS = "import time; print('one'); print('two', flush=True); time.sleep(60)"
FALLS = "import os; print('here', os.getpid(), flush=True); os._exit(3)"
MISCONFIGURED = "import sys; sys.exit(2)"
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("here", os.getpid(), flush=True)
time.sleep(60)
"""
LAUNCHER = """
import sys
from cli.processes import Process, run_all
programs = sys.argv[1:]
sys.exit(run_all([Process(f"p{at}", [sys.executable, "-S", "-E", "-c", program])
                  for at, program in enumerate(programs)]))
"""


@pytest.fixture
def launch():
    started = []

    def launch(*programs: str) -> subprocess.Popen[str]:
        launcher = subprocess.Popen(
            [sys.executable, "-P", "-c", LAUNCHER, *programs], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": python_path()})
        started.append(launcher)
        return launcher

    yield launch
    for launcher in started:
        launcher.kill()
        launcher.communicate()


def here(launcher: subprocess.Popen[str], count: int = 1) -> list[psutil.Process]:
    """The processes that say they are here, in `count` lines."""
    found = []
    for _ in range(count):
        line = launcher.stdout.readline()
        found += [psutil.Process(int(word)) for word in line.partition("here")[2].split()]
    return found


def gone(found: list[psutil.Process]) -> bool:
    return not any(process.is_running() for process in found)


def test_lines_carry_the_name_of_who_wrote_them(launch):
    launcher = launch(TALKS)
    assert [launcher.stdout.readline() for _ in range(2)] == ["p0 | one\n", "p0 | two\n"]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_of_them_and_their_children(launch, signum):
    launcher = launch(FAMILY, FAMILY)
    family = here(launcher, 2)
    launcher.send_signal(signum)
    assert launcher.wait(20) == 0
    assert len(family) == 4
    assert eventually(lambda: gone(family), within_s=20)


def test_nothing_survives_a_killed_launcher(launch):
    launcher = launch(FAMILY, FAMILY)
    watchdog = [child for child in psutil.Process(launcher.pid).children()
                if "watchdog.py" in " ".join(child.cmdline())]
    family = here(launcher, 2)
    launcher.kill()
    assert eventually(lambda: gone(family + watchdog), within_s=20)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of this")
def test_the_children_at_least_die_when_the_watchdog_is_killed_too(launch):
    launcher = launch(FAMILY)
    parent, child = here(launcher)
    for process in psutil.Process(launcher.pid).children():
        if "watchdog.py" in " ".join(process.cmdline()):
            process.kill()
    launcher.kill()
    assert eventually(lambda: gone([parent]), within_s=20)
    with suppress(psutil.NoSuchProcess):
        child.kill()


def test_who_falls_is_said_and_started_again_more_slowly_each_time(launch):
    launcher = launch(FALLS)
    lines = [launcher.stdout.readline() for _ in range(6)]
    assert [line.split()[2] for line in lines[::2]] == ["here"] * 3
    assert len({line.split()[3] for line in lines[::2]}) == 3
    assert lines[1] == "p0 | ended (exit 3), starting it again in 0.5 s\n"
    assert lines[3] == "p0 | ended (exit 3), starting it again in 1 s\n"


def test_a_misconfigured_child_ends_all_with_status_2(launch):
    launcher = launch(FAMILY, MISCONFIGURED)
    assert launcher.wait(20) == 2


def test_a_stubborn_child_is_killed_after_its_grace(launch):
    launcher = launch(STUBBORN)
    stubborn = here(launcher)
    launcher.terminate()
    assert launcher.wait(20) == 0
    assert eventually(lambda: gone(stubborn), within_s=20)
