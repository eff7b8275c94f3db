"""`./paotang dispatch replay --instance DIR --out DIR`: one benchmark day, decided online."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from dispatch.figures import summary
from dispatch.mdrp import read, write
from dispatch.patience import Deadline
from dispatch.replay import replay
from dispatch.rolling import Rolling


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay, write the solution and `summary.json`, and show the summary. 2 on bad input."""
    parser = _Parser(prog="paotang dispatch", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("replay", help="replay one delivery-routing instance online")
    command.add_argument("--instance", type=Path, required=True, metavar="DIR")
    command.add_argument("--out", type=Path, required=True, metavar="DIR")
    asked = parser.parse_args(arguments)
    try:
        instance = read(asked.instance)
        asked.out.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        return _refuse(f"{wrong.filename}: {wrong.strerror}")
    except ValueError as wrong:
        return _refuse(str(wrong))
    deadline = Deadline(time.perf_counter)
    policy = Rolling(hurry=deadline)
    day = replay(instance, policy, timer=time.perf_counter, deadline=deadline)
    told = summary(instance, day.trips, day.decision_ms, policy.tuning) | {
        "cut_short": deadline.met}
    write(asked.out, instance, day.trips, day.legs)
    (asked.out / "summary.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


class _Parser(argparse.ArgumentParser):
    """Complains in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _refuse(why: str) -> int:
    sys.stderr.write(f"paotang dispatch replay: {why}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
