"""The list of guards: what keeps each promise, and the tests that go red without it."""
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Guard:
    name: str
    file: str
    was: str
    becomes: str
    test: str


def guards() -> list[Guard]:
    listed = tomllib.loads((Path(__file__).parent / "guards.toml").read_text("utf-8"))
    return [Guard(name, **what) for name, what in listed.items()]
