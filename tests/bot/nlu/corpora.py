"""The labelled messages: one campus file and one list of messages each."""
import json
from functools import cache
from typing import Any

from benchmarks.corpora import CAMPUSES, CORPORA


@cache
def campus(name: str) -> dict[str, Any]:
    return json.loads((CORPORA / CAMPUSES[name]).read_text("utf-8"))


@cache
def messages(name: str) -> list[dict[str, Any]]:
    lines = (CORPORA / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]
