"""The engine beside two plain policies, on a folder of Meal Delivery Routing instances.

    .venv/bin/python -m benchmarks.dispatch FOLDER [--jobs 2] [--only NAME …] [--out DIR]

Every figure is a mean over instances of the instance's own mean, in minutes and money; the bound
is what no policy can beat: each order alone, carried by the first courier who could be there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tqdm import tqdm

from dispatch.baselines import NearestIdle, hungarian
from dispatch.figures import figures
from dispatch.mdrp import read
from dispatch.replay import replay
from dispatch.rolling import Rolling

POLICIES = {"engine": Rolling, "hungarian": hungarian, "nearest idle": NearestIdle}
COLUMNS = {
    "click_to_door": "click-to-door",
    "click_to_door_penalised": "with penalty",
    "bound": "bound",
    "ratio": "× bound",
    "undelivered_pct": "undelivered %",
    "ready_to_pickup": "ready-to-pickup",
    "overage": "overage",
    "cost_per_order": "cost",
    "p99_ms": "p99 ms",
    "worst_ms": "worst ms",
}

Figures = dict[str, float]


def run(folder: Path, policy: str) -> Figures:
    """Replay one instance once: the checker's names, the bound, and the decision times."""
    instance = read(folder)
    day = replay(instance, POLICIES[policy](), timer=time.perf_counter)
    spent = sorted(day.decision_ms) or [0.0]
    return {
        **figures(instance, day.trips),
        "p99_ms": spent[int(0.99 * (len(spent) - 1))],
        "worst_ms": spent[-1],
    }


def run_all(
    folders: Sequence[Path], policies: Sequence[str], jobs: int, out: Path | None = None
) -> dict[str, dict[str, Figures]]:
    """policy → instance → figures; instances in parallel, each on one core.

    What is done is written to `out` at once, so that a run that is cut short is not lost.
    """
    told: dict[str, dict[str, Figures]] = {policy: {} for policy in policies}
    with ProcessPoolExecutor(jobs) as pool:
        asked = {pool.submit(run, f, p): (f.name, p) for f in folders for p in policies}
        for done in tqdm(as_completed(asked), total=len(asked), unit="day", file=sys.stderr):
            name, policy = asked[done]
            told[policy][name] = done.result()
            if out:
                out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return told


def means(days: Mapping[str, Figures]) -> Figures:
    """Over instances; the worst decision is the worst of all, p99 the mean of the days'."""
    keys = next(iter(days.values()))
    mean = {key: sum(d[key] for d in days.values()) / len(days) for key in keys}
    mean["ratio"] = mean["click_to_door_penalised"] / mean["bound"]
    mean["worst_ms"] = max(d["worst_ms"] for d in days.values())
    return mean


def table(told: Mapping[str, Mapping[str, Figures]]) -> Iterator[str]:
    """Lines of a Markdown table, one policy each."""
    yield "| policy | " + " | ".join(COLUMNS.values()) + " |"
    yield "|---" * (len(COLUMNS) + 1) + "|"
    for policy, days in told.items():
        mean = means(days)
        cells = [f"{mean[key]:.{4 if key == 'ratio' else 2}f}" for key in COLUMNS]
        yield f"| {policy} | " + " | ".join(cells) + " |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 2 when the folder holds no instance."""
    parser = argparse.ArgumentParser(prog="benchmarks.dispatch", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder of instance folders")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", nargs="*", help="names of instances; all without it")
    parser.add_argument("--policy", nargs="*", choices=POLICIES, default=list(POLICIES))
    parser.add_argument("--out", type=Path, help="also write every instance's figures here, JSON")
    asked = parser.parse_args(arguments)
    folders = sorted(path.parent for path in asked.folder.glob("**/orders.txt"))
    folders = [f for f in folders if not asked.only or f.name in asked.only]
    if not folders:
        parser.error(f"no instance under {asked.folder}")
    told = run_all(folders, asked.policy, asked.jobs, asked.out)
    print(f"{len(folders)} instances, {sum(read(f).placed.size for f in folders)} orders")
    print("\n".join(table(told)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
