"""The labelled messages: one campus file and one list of messages each."""
import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "corpora"
CAMPUSES = {"donghu": "world_dev.json", "north": "north.campus.json",
            "lingnan": "lingnan.campus.json", "jiangnan": "jiangnan.campus.json",
            "northwest": "northwest.campus.json", "haibin": "haibin.campus.json",
            "shancheng": "shancheng.campus.json"}


@cache
def campus(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / CAMPUSES[name]).read_text("utf-8"))


@cache
def messages(name: str) -> list[dict[str, Any]]:
    lines = (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]
