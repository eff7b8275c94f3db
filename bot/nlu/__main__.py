"""`./paotang understand --campus FILE`: JSON lines in, one result a line out (contract §5)."""
import argparse
import json
import sys
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from bot.nlu.explain import explained
from bot.nlu.lexicon import Lexicon, lexicon_from
from bot.nlu.understand import Understanding, understand

ROLES = ("student", "rider", "merchant")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 done, 1 some line was bad, 2 bad usage or campus file."""
    parser = argparse.ArgumentParser(prog="paotang understand", description=__doc__)
    parser.add_argument("--campus", required=True, type=Path, help="campus file (JSON)")
    parser.add_argument("--explain", metavar="TEXT", help="show how one message is read")
    parser.add_argument("--role", choices=ROLES, default="student", help="with --explain")
    parser.add_argument("--now", help="with --explain: ISO 8601, default 2026-03-18T12:00+08:00")
    parser.add_argument("--context", help="with --explain: a JSON object")
    given = parser.parse_args(arguments)
    try:
        lexicon = loaded(given.campus)
        if given.explain is None:
            _warm(lexicon)
            return answer(sys.stdin, sys.stdout, lexicon)
        now = _moment(given.now or "2026-03-18T12:00:00+08:00")
        print(explained(given.explain, lexicon, json.loads(given.context or "{}"), now=now,
                        role=given.role))
    except ValueError as error:
        print(f"paotang understand: {error}", file=sys.stderr)
        return 2
    return 0


def loaded(path: Path) -> Lexicon:
    """The lexicon of a campus file. Raises ValueError naming the file, line or field."""
    try:
        campus = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: line {error.lineno}: {error.msg}") from error
    if not isinstance(campus, dict):
        raise ValueError(f"{path}: an object is expected")
    try:
        return lexicon_from(campus)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: {error}") from error


def answer(lines: Iterable[str], out: TextIO, lexicon: Lexicon) -> int:
    """Answer every line; a bad one gets a result with `error` and a line on stderr."""
    status = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        result = _answered(line, lexicon)
        if "error" in result:
            status = 1
            print(f"line {number} (id {result['id']!r}): {result['error']}", file=sys.stderr)
        out.write(json.dumps(result, ensure_ascii=False) + "\n")
        out.flush()
    return status


def _answered(line: str, lexicon: Lexicon) -> dict[str, Any]:
    identity: Any = None
    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError("an object is expected")
        identity = row.get("id")
        context = row.get("context") or {}
        _check(row, context)
        now = _moment(row["now"])
        started = time.perf_counter()
        found = understand(row["text"], lexicon, context, now=now, role=row.get("role", "student"))
        spent = (time.perf_counter() - started) * 1e6
        return result_of(identity, found, spent)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        return {"id": identity, "intent": "out_of_scope", "slots": {}, "confidence": 0.0,
                "action": "none", "us": 0.0, "error": str(error) or type(error).__name__}


def _check(row: dict[str, Any], context: Any) -> None:
    if not isinstance(row.get("text"), str):
        raise ValueError("text: a text is expected")
    if not isinstance(row.get("now"), str):
        raise ValueError("now: an ISO 8601 text is expected")
    if row.get("role", "student") not in ROLES:
        raise ValueError(f"role: one of {', '.join(ROLES)} is expected")
    if not isinstance(context, dict):
        raise ValueError("context: an object is expected")


def result_of(identity: Any, found: Understanding, spent_us: float) -> dict[str, Any]:
    """One line's result in the contract's shape."""
    return {"id": identity, "intent": found.intent, "slots": found.slots,
            "confidence": found.confidence, "action": found.action, "us": round(spent_us, 1)}


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("now: a time zone is expected")
    return moment


def _warm(lexicon: Lexicon) -> None:
    """Compile what is compiled on first use, so that the first message is as quick as others."""
    now = datetime.fromisoformat("2026-03-18T12:00:00+08:00")
    for text in ("来两份微辣送到楼下", "取消", "1", "确认"):
        understand(text, lexicon, now=now)


if __name__ == "__main__":
    sys.exit(main())
