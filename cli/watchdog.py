"""Ends the children of a launcher that was killed before it could.

`python watchdog.py` reads lines `+PID` and `-PID` (leaders of process groups) on stdin. At end of
file, that is when the launcher is gone, it kills what is left, and their whole groups.
"""
import os
import signal
import sys
from contextlib import suppress


def main() -> None:
    alive: set[int] = set()
    for line in sys.stdin:
        change = alive.add if line[0] == "+" else alive.discard
        change(int(line[1:]))
    for pid in alive:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, signal.SIG_IGN)  # it ends with its stdin, not before
    main()
