"""flock: the kernel forgets a lock with its last holder, however that one ended."""
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_S = 0.02


def opened(path: Path) -> int:
    """A descriptor to lock; the file is made when missing. Not inherited over exec."""
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)


def try_shared(fd: int) -> bool:
    return _try(fd, fcntl.LOCK_SH)


def try_exclusive(fd: int) -> bool:
    return _try(fd, fcntl.LOCK_EX)


def _try(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_exclusive(fd: int, timeout_s: float) -> bool:
    """Whether the lock could be had in time; others may hold it shared for an instant."""
    deadline = time.monotonic() + timeout_s
    while not try_exclusive(fd):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def shared(fd: int) -> None:
    """Wait for as long as somebody holds it exclusively."""
    fcntl.flock(fd, fcntl.LOCK_SH)


def is_held(path: Path) -> bool:
    """Whether somebody holds this lock exclusively."""
    fd = opened(path)
    try:
        return not try_shared(fd)
    finally:
        os.close(fd)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """One process at a time; the others wait."""
    fd = opened(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
