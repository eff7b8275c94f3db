"""Understanding on every labelled campus, beside plain jieba keyword rules, in one table.

    .venv/bin/python -m benchmarks.understanding [--public DIR] [--frozen] [--write FILE]

`--public`: a folder with the public sets (CrossWOZ turns, time expressions). `--frozen`: score the
campus that was frozen before tuning, too. `--write`: the page docs/understanding.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

from benchmarks import time_sets
from benchmarks.corpora import CAMPUSES, CORPORA, FROZEN
from benchmarks.keywords import Keywords
from benchmarks.scoring import (
    ACTING,
    Figures,
    Row,
    Verdict,
    calibration_error,
    is_false_action,
    is_false_commit,
    is_guarded,
    judge,
)
from bot.nlu.lexicon import Lexicon, lexicon_from
from bot.nlu.understand import understand

Answer = Callable[[Row], dict[str, Any]]


@dataclass(slots=True)
class Run:
    """All answers of one system on one campus."""

    figures: Figures = field(default_factory=Figures)
    phenomena: dict[str, Figures] = field(default_factory=lambda: defaultdict(Figures))
    guarded: int = 0
    false_actions: int = 0
    false_commits: int = 0
    sure: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    confused: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[tuple[float, Row, dict[str, Any]]] = field(default_factory=list)

    def take(self, row: Row, found: dict[str, Any], spent_us: float) -> None:
        verdict = judge(row, found)
        self.figures.add(verdict)
        for tag in row["tags"] or ["plain"]:
            self.phenomena[tag].add(verdict)
        self.guarded += is_guarded(row)
        self.false_actions += is_false_action(row, found["intent"])
        self.false_commits += is_false_commit(row, found["intent"])
        self.sure.append(found.get("confidence", 1.0))
        self.right.append(verdict.is_exact)
        self.times.append(spent_us)
        self._remember(row, found, verdict)

    def _remember(self, row: Row, found: dict[str, Any], verdict: Verdict) -> None:
        if not verdict.is_intent:
            self.confused[verdict.gold, found["intent"]] += 1
        if not verdict.is_exact:
            self.wrong.append((found.get("confidence", 1.0), row, found))

    def cells(self) -> list[str]:
        times = sorted(self.times)
        return [str(self.figures.messages), f"{self.figures.intent_share:.3f}",
                f"{self.figures.slot_f1:.3f}", f"{self.figures.exact_share:.3f}",
                f"{self.false_actions}/{self.guarded}", str(self.false_commits),
                f"{calibration_error(self.sure, self.right):.3f}",
                f"{times[len(times) // 2] / 1000:.2f}",
                f"{times[int(len(times) * .99)] / 1000:.2f}"]


HEADS: Final = ("campus", "system", "messages", "intent", "slot F1", "exact", "false actions",
                "false commits", "ECE", "p50 CPU ms", "p99 CPU ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--public", type=Path, help="folder with the public sets")
    parser.add_argument("--frozen", action="store_true", help="score the frozen campus, too")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page there")
    given = parser.parse_args()
    pages = list(report(given.public, {**CAMPUSES, **(FROZEN if given.frozen else {})}))
    text = "\n\n".join(pages) + "\n"
    print(text)
    if given.write:
        given.write.write_text(INTRO + text, "utf-8")


INTRO: Final = """# Understanding, measured

Written by `.venv/bin/python -m benchmarks.understanding --public DIR --frozen --write FILE`; not by
hand. How messages are labelled is in the shared `LABELS.md`; a result is exact when its intent and
every hard slot are right. What the learned part may do is in
[ADR 9](adr/0009-rules-and-a-learned-part.md).

The rules were written with the messages of donghu, north, lingnan, jiangnan and northwest in view,
so their figures flatter; linjiang was frozen before tuning began and is scored for this page only.
haibin was written by somebody who had not seen the program. At first sight its 220 messages had
intent 0.927, slot F1 0.966, exact 0.873, no false action of 28 and no false commit; then it was
learnt from, so its figures flatter now as well. shancheng came the same way, later: at first sight
0.941, 0.954 and 0.882, no false action of 31 and one false commit (a cancellation, mended), and
then learnt from. beichen came last, by another hand again: at first sight its 240 messages had
intent 0.967, slot F1 0.969, exact 0.921, no false action of 29, no false commit, and an expected
calibration error of 0.037. guinan came on the same day by a third hand: its 240 messages had 0.983,
0.986 and 0.963, no false action of 33, no false commit and 0.050 (one cry for help was not heard,
which led to many more words for it). Neither is taught, but their misses have been mended since.
Both hands had seen the shared development set, and each labelled alone.

To teach it more: a phrase goes into `config/understanding/phrases.txt`, a word or a pattern into
`config/lexicon`, a labelled message into `tests/corpora`; then
`.venv/bin/python -m benchmarks.train_understanding` writes the weights anew (two minutes), and
the tests in `tests/bot/nlu` say whether anything was forgotten. A name of a place or a dish needs
none of this: `./paotang words add 老图 图书馆`.

"""


def report(public: Path | None, campuses: dict[str, str]) -> Iterator[str]:
    """The page's sections."""
    ours: dict[str, Run] = {}
    lines = []
    for name, file in tqdm(campuses.items(), desc="campuses"):
        lexicon = lexicon_from(json.loads((CORPORA / file).read_text("utf-8")))
        ours[name] = run(name, _ours(lexicon))
        plain = Keywords(lexicon)
        theirs = run(name, lambda row, plain=plain: plain.answer(  # type: ignore[misc]
            row["text"], row["role"], row.get("context") or {}))
        lines += [[name, "Paotang", *ours[name].cells()], [name, "keywords", *theirs.cells()]]
    yield "## By campus\n\n" + table(HEADS, lines)
    yield "## By phenomenon\n\n" + _phenomena(ours)
    yield "## Intents confused\n\n" + _confusion(ours)
    yield "## The ten worst errors\n\n" + _worst(ours)
    yield "## Speed and size\n\n" + _speed()
    yield "## Public sets\n\n" + _public(public)


def run(name: str, answer: Answer) -> Run:
    """Every message of a campus, after one warm round; its time is the best of three, of the
    processor and not of the clock, so that the figures do not depend on who else is at work."""
    rows = [json.loads(line) for line in
            (CORPORA / f"{name}.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        answer(row)
    done = Run()
    for row in rows:
        spent, found = [], {}
        for _ in range(3):
            started = time.thread_time_ns()
            found = answer(row)
            spent.append((time.thread_time_ns() - started) / 1000)
        done.take(row, found, min(spent))
    return done


def _ours(lexicon: Lexicon) -> Answer:
    def answer(row: Row) -> dict[str, Any]:
        found = understand(row["text"], lexicon, row.get("context"), role=row["role"],
                           now=datetime.fromisoformat(row["now"]))
        return {"intent": found.intent, "slots": found.slots, "confidence": found.confidence}
    return answer


def table(heads: tuple[str, ...], lines: list[list[str]]) -> str:
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads),
                      *("| " + " | ".join(line) + " |" for line in lines)])


def _phenomena(runs: dict[str, Run]) -> str:
    total: dict[str, Figures] = defaultdict(Figures)
    for done in runs.values():
        for tag, figures in done.phenomena.items():
            for key in Figures.__slots__:
                setattr(total[tag], key, getattr(total[tag], key) + getattr(figures, key))
    return table(("phenomenon", "messages", "intent", "slot F1", "exact"), [
        [tag, str(one.messages), f"{one.intent_share:.3f}", f"{one.slot_f1:.3f}",
         f"{one.exact_share:.3f}"]
        for tag, one in sorted(total.items(), key=lambda pair: -pair[1].messages)])


def _confusion(runs: dict[str, Run]) -> str:
    pairs: Counter[tuple[str, str]] = Counter()
    for done in runs.values():
        pairs += done.confused
    if not pairs:
        return "None."
    return table(("meant", "answered", "messages"), [
        [*pair, str(count)] for pair, count in pairs.most_common(20)])


def _worst(runs: dict[str, Run]) -> str:
    """The surest of the wrong ones."""
    wrong = sorted((one for done in runs.values() for one in done.wrong),
                   key=lambda one: (-one[0], one[1]["id"]))
    return table(("confidence", "message", "meant", "answered"), [
        [f"{sure:.2f}", row["text"].replace("|", "/").replace("\n", " "), _short(row["gold"]),
         _short(found)] for sure, row, found in wrong[:10]])


def _short(reading: Row) -> str:
    slots = json.dumps(reading["slots"], ensure_ascii=False).replace("|", "/")
    return f"{reading['intent']} {slots if slots != '{}' else ''}".strip()


# -- speed

LONG: Final = "来一份黄焖鸡微辣不要香菜送12栋302,明天下午六点二十,圆通5-2-3014,"


def _speed() -> str:
    lines = [["3 KB of text, worst of 25 (CPU)", f"{_long_text_ms():.1f} ms"]]
    for shops in (10, 500):
        spent, size = _start(shops)
        lines.append([f"start with {shops} shops: lexicon and words ready (CPU)", f"{spent:.2f} s"])
        lines.append([f"memory of `understand` with {shops} shops", f"{size:.0f} MB"])
    return table(("what", "figure"), lines)


def _long_text_ms() -> float:
    lexicon = lexicon_from(json.loads((CORPORA / "world_dev.json").read_text("utf-8")))
    text = (LONG * 60).encode()[:3072].decode(errors="ignore")
    now = datetime.fromisoformat("2026-03-18T12:00:00+08:00")
    spent = []
    for _ in range(30):
        started = time.thread_time_ns()
        understand(text, lexicon, now=now)
        spent.append(time.thread_time_ns() - started)
    return max(spent[5:]) / 1e6


def _start(shops: int) -> tuple[float, float]:
    """Seconds until the first message is answered and MB held then, in a process of its own."""
    code = f"from benchmarks.understanding import started; started({shops})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    spent, size = map(float, done.stdout.split())
    return spent, size


def started(shops: int) -> None:
    """Print the seconds and MB that `_start` asks for."""
    before = time.process_time()
    lexicon = lexicon_from(campus_of(shops))
    understand("来一份", lexicon, now=datetime.fromisoformat("2026-03-18T12:00:00+08:00"))
    spent = time.process_time() - before
    status = Path("/proc/self/status").read_text("utf-8")
    peak_kb = next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line)
    print(spent, peak_kb / 1024)


def campus_of(shops: int) -> dict[str, Any]:
    """The development campus, its shops repeated under other names until there are enough."""
    campus = json.loads((CORPORA / "world_dev.json").read_text("utf-8"))
    own = campus["shops"]
    campus["shops"] = [
        shop if turn == 0 else {
            **shop, "id": f"{shop['id']}x{turn}", "aliases": [],
            "name": f"{shop['name']}{turn}号店",
            "dishes": [{**dish, "id": f"{dish['id']}x{turn}", "aliases": [],
                        "name": f"{'甲乙丙丁戊己庚辛壬癸'[turn % 10]}{dish['name']}"}
                       for dish in shop["dishes"]]}
        for turn in range(-(-shops // len(own))) for shop in own][:shops]
    return campus


# -- public sets

def _public(folder: Path | None) -> str:
    if folder is None or not folder.is_dir():
        return "Left out: no folder of them was given."
    lexicon = lexicon_from(json.loads((CORPORA / "world_dev.json").read_text("utf-8")))
    lines = []
    turns = folder / "crosswoz_user_turns.jsonl"
    if turns.exists():
        said = [json.loads(line)["text"] for line in turns.read_text("utf-8").splitlines()]
        now = datetime.fromisoformat("2026-03-18T12:00:00+08:00")
        acted = sum(understand(text, lexicon, now=now).intent in ACTING
                    for text in tqdm(said, desc="CrossWOZ"))
        lines.append(["CrossWOZ user turns answered with an acting intent", str(len(said)),
                      f"{acted} ({acted / len(said):.2%})"])
    for name, found in time_sets.cases(folder).items():
        right = sum(time_sets.is_right(case, lexicon) for case in found)
        lines.append([f"times of {name}", str(len(found)),
                      f"{right} right ({right / max(1, len(found)):.1%})"])
    return (table(("set", "cases", "result"), lines)
            + f"\n\nKinds of times counted: {time_sets.KINDS}.")


if __name__ == "__main__":
    main()
