"""Make `.venv` and install requirements.txt into it. Called by the launcher; standard library only.

`python bootstrap.py ROOT` exits 0 when all is installed, 1 when pip failed. One at a time; what
a kill left half-made is made anew. Everything it says goes to stderr.
"""
import fcntl
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

TAIL = 15  # of pip's lines shown when it fails
FETCHED = ("Collecting ", "Processing ")  # how pip begins a line about one more package


def main(root: Path) -> int:
    folder = root / ".venv"
    try:
        folder.mkdir(exist_ok=True)
        lock = os.open(root / ".venv" / "lock", os.O_RDONLY | os.O_CREAT, 0o644)
    except OSError as error:
        say(f"cannot write {error.filename}: {error.strerror}")
        return 2
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another command is installing; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)
    return 0 if is_ready(root, folder) else make(root, folder)


def is_ready(root: Path, folder: Path) -> bool:
    stamp = folder / "installed-requirements.txt"
    return (works(folder) and not (folder / "half-made").exists() and stamp.exists()
            and stamp.read_bytes() == (root / "requirements.txt").read_bytes())


def works(folder: Path) -> bool:
    """Whether it has a Python with pip; not so after the system's Python went to a new version."""
    try:
        tried = subprocess.run([folder / "bin" / "python", "-I", "-c", "import pip"],
                               capture_output=True, check=False)
    except OSError:
        return False
    return tried.returncode == 0


def make(root: Path, folder: Path) -> int:
    half, stamp = folder / "half-made", folder / "installed-requirements.txt"
    if half.exists() or not works(folder):
        say("first run: making .venv (needs a minute or two, and the network)")
        empty(folder)
        half.touch()
        venv.create(folder, with_pip=True, symlinks=True)
    else:
        say("requirements.txt has changed: bringing .venv up to date")
    half.touch()
    stamp.unlink(missing_ok=True)
    if not install(root / "requirements.txt", folder):
        return 1
    new = folder / "installed-requirements.new"
    shutil.copyfile(root / "requirements.txt", new)
    new.rename(stamp)
    half.unlink()
    say("ready")
    return 0


def empty(folder: Path) -> None:
    """All but the lock that we hold."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()


def install(requirements: Path, folder: Path) -> bool:
    total = len(re.findall(r"(?m)^[A-Za-z0-9]", requirements.read_text("utf-8")))
    pip = subprocess.Popen(
        [folder / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check",
         "--no-input", "--progress-bar", "off", "-r", requirements],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env={**os.environ, "PIP_USER": "0", "PYTHONPATH": ""})
    assert pip.stdout is not None
    lines = []
    with pip.stdout:
        for line in pip.stdout:
            lines.append(line.rstrip())
            progress(lines, total)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if pip.wait() == 0:
        return True
    print("\n".join(lines[-TAIL:]), file=sys.stderr)
    say("pip could not install requirements.txt (see above)")
    return False


def progress(lines: list[str], total: int) -> None:
    """One line that counts up on a terminal; every tenth package elsewhere."""
    line = lines[-1].strip()
    terminal = sys.stderr.isatty()
    if line.startswith(FETCHED):
        count = sum(line.lstrip().startswith(FETCHED) for line in lines)
        if terminal:
            print(f"\r\033[Kpaotang: {count} of {total}: {line.split()[1]}", end="",
                  file=sys.stderr, flush=True)
        elif count % 10 == 0:
            say(f"fetched {count} of {total}")
    elif line.startswith("Installing collected"):
        if terminal:
            print("\r\033[K", end="", file=sys.stderr)
        say("installing")


def say(text: str) -> None:
    print(f"paotang: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
