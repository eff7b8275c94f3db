"""The learned part: how likely each intent is, given everything `features` sees. Weights come from
`benchmarks/train_understanding.py`; nothing here learns."""
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

FILE: Final = Path(__file__).resolve().parents[2] / "config" / "understanding" / "ranker.npz"


@dataclass(frozen=True, slots=True)
class Ranker:
    """Weights of a softmax over intents; `rows` maps a feature's name to its row."""

    intents: tuple[str, ...]
    rows: dict[str, int]
    weights: Any                    # features × intents, float32
    bias: Any                       # intents
    barred: dict[str, Any]          # role → what is added: 0, or −∞ for what the role never says
    places: dict[str, int]
    sureness: tuple[float, ...] = ()   # of the signals of bot/nlu/confidence.py

    def chances(self, names: Iterable[str], role: str) -> Any:
        """P(intent), in the order of `intents`."""
        rows = self.rows
        held = [row for name in names if (row := rows.get(name)) is not None]
        scores = self.bias + self.barred[role]
        if held:
            scores = scores + self.weights[held].sum(axis=0)
        scores = np.exp(scores - scores.max())
        return scores / scores.sum()


def ranker_from(path: Path) -> Ranker:
    """Read a file of weights. Raises OSError or ValueError."""
    with np.load(path, allow_pickle=False) as held:
        intents = tuple(str(name) for name in held["intents"])
        names = str(held["names"]).split("\n")
        return Ranker(
            intents, {name: row for row, name in enumerate(names)},
            held["weights"].astype(np.float32), held["bias"].astype(np.float32),
            {str(role): held["barred"][at] for at, role in enumerate(held["roles"])},
            {name: at for at, name in enumerate(intents)},
            tuple(float(weight) for weight in held["sureness"]))


@lru_cache(maxsize=1)
def shipped_ranker() -> Ranker:
    """The weights as they lie in config/understanding."""
    return ranker_from(FILE)
