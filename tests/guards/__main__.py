"""Take out each guard in turn, on a copy of the tree, and see its tests go red.

    python -m tests.guards [NAME…]     exit 1 when a test stayed green without its guard
"""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.guards import ROOT, Guard, guards

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "var", "node_modules", "__pycache__", ".*_cache",
                                  ".hypothesis")


def main(names: list[str]) -> int:
    chosen = [guard for guard in guards() if not names or guard.name in names]
    with tempfile.TemporaryDirectory(prefix="guards-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        (tree / ".venv").symlink_to((ROOT / ".venv").resolve())
        idle = [guard.name for guard in chosen if not _matters(guard, tree)]
    print(f"{len(chosen) - len(idle)} of {len(chosen)} guards matter to a test")
    return 1 if idle else 0


def _matters(guard: Guard, tree: Path) -> bool:
    path = tree / guard.file
    whole = path.read_text("utf-8")
    path.write_text(whole.replace(guard.was, guard.becomes), "utf-8")
    ran = subprocess.run(["./paotang", "test", "-q", "-x", "-m", "not browser",
                          *guard.test.split()], cwd=tree, capture_output=True, check=False)
    path.write_text(whole, "utf-8")
    verdict = ran.stdout.decode().strip().rpartition("\n")[2]  # "1 failed, 12 passed in 20.1s"
    went_red = ran.returncode in (1, 2) and " failed" in verdict  # 2: stopped at the first one
    print(f"{'red' if went_red else 'GREEN':6}{guard.name}: {verdict}", flush=True)
    return went_red


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
