"""A child that ends with its parent, even when the parent is killed -9.

`python leash.py PARENT_PID SIGNAL COMMAND…` runs COMMAND so leashed. A wrapper, since code
between fork and exec (preexec_fn) is not safe in a process with threads.
"""
import ctypes
import os
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1


def tie(parent: int, signum: int = signal.SIGKILL) -> None:
    """Die by `signum` when `parent`, which started this process, is gone.

    Linux tells us through the kernel (prctl(2), PR_SET_PDEATHSIG; kept over exec). Elsewhere
    this does nothing; see `watch_parent`.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
    if os.getppid() != parent:  # it ended before we could ask
        os.kill(os.getpid(), signum)


def watch_parent(parent: int) -> None:
    """Where the kernel does not tell: look twice a second. For processes of our own code."""
    def look() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)

    if sys.platform != "linux":
        threading.Thread(target=look, daemon=True, name="parent").start()


def command(argv: list[str], signum: int = signal.SIGKILL) -> list[str]:
    """`argv`, leashed to this process. To be started from a thread that lives as long."""
    return [sys.executable, "-S", "-E", __file__, str(os.getpid()), str(int(signum)), *argv]


if __name__ == "__main__":
    tie(int(sys.argv[1]), int(sys.argv[2]))
    os.execvp(sys.argv[3], sys.argv[3:])
