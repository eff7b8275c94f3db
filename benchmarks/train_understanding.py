"""Teach the learned part of understanding from the corpora and the phrases in this repository.

    .venv/bin/python -m benchmarks.train_understanding [--check]

Deterministic. `--check` also learns without each campus in turn and prints how its messages fare.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from bot.nlu.features import features
from bot.nlu.intents import intent_of, message_of
from bot.nlu.lexicon import Lexicon, lexicon_from
from bot.nlu.ranker import FILE, Ranker, ranker_from
from bot.nlu.reading import read
from bot.nlu.understand import grammars

ROOT: Final = Path(__file__).resolve().parents[1]
PHRASES: Final = ROOT / "config" / "understanding" / "phrases.txt"
CORPORA: Final = ROOT / "tests" / "corpora"
CAMPUSES: Final = {"donghu": "world_dev.json", "north": "north.campus.json",
                   "lingnan": "lingnan.campus.json", "jiangnan": "jiangnan.campus.json",
                   "northwest": "northwest.campus.json"}
STRENGTH: Final = 1.0      # of the pull towards zero
ROUNDS: Final = 80
HOLES: Final = tomllib.loads((PHRASES.parent / "holes.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Sample:
    """One message to learn from: what `features` says, the role, the intents that are right."""

    names: list[str]
    role: str
    intents: frozenset[str]
    weight: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="leave each campus out in turn")
    given = parser.parse_args()
    lexicons = {name: lexicon_from(json.loads((CORPORA / file).read_text("utf-8")))
                for name, file in CAMPUSES.items()}
    rows = {name: list(corpus(name, lexicon)) for name, lexicon in lexicons.items()}
    if given.check:
        for held in CAMPUSES:
            print(held, checked(held, lexicons, rows))
    save(learnt([*all_of(rows), *taught(lexicons)]), FILE)


def all_of(rows: dict[str, list[Sample]], without: str = "") -> Iterator[Sample]:
    return (sample for name, samples in rows.items() if name != without for sample in samples)


def checked(held: str, lexicons: dict[str, Lexicon], rows: dict[str, list[Sample]]) -> str:
    others = {name: lexicon for name, lexicon in lexicons.items() if name != held}
    table = learnt([*all_of(rows, held), *taught(others)])
    right = sum(best(table, sample) in sample.intents for sample in rows[held])
    return f"{right / len(rows[held]):.3f} of {len(rows[held])} intents"


def best(table: Ranker, sample: Sample) -> str:
    return table.intents[int(table.chances(sample.names, sample.role).argmax())]


# -- what is learnt from

def corpus(name: str, lexicon: Lexicon) -> Iterator[Sample]:
    for line in (CORPORA / f"{name}.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        wanted = {reading["intent"] for reading in (row["gold"], *row.get("accept", ()))}
        yield sample_of(row["text"], row["role"], row.get("context") or {}, wanted, lexicon, 1.0)


def sample_of(text: str, role: str, context: dict[str, Any], wanted: set[str],
              lexicon: Lexicon, weight: float) -> Sample:
    message = message_of(read(text, lexicon), role, context)
    guess = intent_of(message, grammars(lexicon))
    return Sample(features(message, guess), role, frozenset(wanted), weight)


def taught(lexicons: dict[str, Lexicon]) -> Iterator[Sample]:
    """Every phrase, on two campuses, its holes filled."""
    dice = random.Random(1)
    names = list(lexicons)
    at = 0
    for intent, role, contexts, phrases in sections():
        for phrase in phrases:
            at += 1
            for turn in range(2):
                lexicon = lexicons[names[(at + turn) % len(names)]]
                said = contexts[(at + turn) % len(contexts)]
                context = context_of(said, lexicon, dice)
                text = filled(phrase, lexicon, context, dice)
                yield sample_of(text, role, context, {intent}, lexicon, 0.5)


def sections() -> Iterator[tuple[str, str, list[str], list[str]]]:
    head: list[str] = []
    for line in PHRASES.read_text("utf-8").splitlines():
        if line.startswith("["):
            head = line.strip("[]").split()
        elif line.strip() and not line.startswith("#"):
            yield head[0], head[1], head[2:], line.split("|")


def filled(phrase: str, lexicon: Lexicon, context: dict[str, Any], dice: random.Random) -> str:
    """A phrase with something of the campus in every hole."""
    shop = lexicon.shops.get(str(context.get("shop_id") or (context.get("draft") or {}).get(
        "shop_id") or (context.get("group") or {}).get("shop_id") or ""))
    dishes = lexicon.menu(shop.id) if shop else list(lexicon.dishes.values())
    options = lexicon.campus.get("options") or []

    def one(match: re.Match[str]) -> str:
        kind = match[1]
        if kind == "D":
            return dice.choice(dice.choice(dishes).names)
        if kind == "S":
            return dice.choice(dice.choice(list(lexicon.shops.values())).names)
        if kind == "P":
            place = dice.choice(list(lexicon.places.values()))
            return str(dice.choice([place["name"], *place.get("aliases", ())]))
        if kind == "O":
            option = dice.choice(options)
            return str(dice.choice([option["name"], *option.get("aliases", ())]))
        if kind == "E":
            return str(dice.choice(lexicon.campus["carriers"]))
        return str(dice.choice(HOLES[kind]))

    return re.sub(r"\{([A-Z])\}", one, phrase)


def context_of(said: str, lexicon: Lexicon, dice: random.Random) -> dict[str, Any]:
    """The conversation around a phrase: see the head of the phrases."""
    kind, _, detail = said.partition(":")
    shop = dice.choice(list(lexicon.shops))
    lines = [{"dish_id": dish.id, "qty": dice.randint(1, 2), "options": []}
             for dish in dice.sample(lexicon.menu(shop), dice.randint(1, 2))]
    order = {"order_ref": "3021", "status": detail or "accepted", "shop_id": shop, "items": lines}
    bare = {"order_ref": "3021", "status": "accepted"}
    dishes = dice.sample(list(lexicon.dishes), 3)
    return {
        "none": {}, "order": {"order": order}, "own": {"shop_id": shop},
        "draft": {"draft": {"shop_id": shop, "items": lines},
                  "pending": detail or "confirm_order"},
        "pay": {"order": {**bare, "status": "unpaid", "total_fen": 2300}, "pending": "pay"},
        "rating": {"order": {**bare, "status": "delivered"}, "pending": "ask_rating"},
        "choose": {"pending": "choose", "choices": dishes},
        "code": {"draft": {"errand_kind": "parcel"}, "pending": "ask_pickup_code"},
        "cancel?": {"order": bare, "pending": "confirm_cancel"},
        "refund?": {"order": {**bare, "status": "delivered"}, "pending": "confirm_refund"},
        "group": {"group": {"code": "A7K2", "role": detail, "shop_id": shop}},
        "offer": {"offer": {"order_ref": "3055"}, **({"shop_id": shop} if detail else {})},
        "jobs": {"jobs": [{"order_ref": "3021", "status": "assigned", "shop_id": shop}]},
    }[kind]


# -- learning

def learnt(samples: Sequence[Sample]) -> Ranker:
    """A softmax fitted to the samples; features seen once are left out."""
    intents = tuple(sorted({intent for sample in samples for intent in sample.intents}))
    places = {name: at for at, name in enumerate(intents)}
    counts = Counter(name for sample in samples for name in set(sample.names))
    names = sorted(name for name, count in counts.items() if count > 1)
    rows = {name: row for row, name in enumerate(names)}
    barred = _barred(samples, places)
    held = [sorted({rows[name] for name in sample.names if name in rows}) for sample in samples]
    matrix = csr_matrix(
        (np.ones(sum(map(len, held))), np.concatenate([np.array(row, int) for row in held]),
         np.cumsum([0, *map(len, held)])), shape=(len(samples), len(names)))
    wanted = np.zeros((len(samples), len(intents)))
    for at, sample in enumerate(samples):
        wanted[at, [places[intent] for intent in sorted(sample.intents)]] = 1
    ban = np.array([barred[sample.role] for sample in samples])
    weight = np.array([sample.weight for sample in samples])[:, None]
    weights, bias = _fitted(matrix, wanted, ban, weight)
    return Ranker(intents, rows, weights, bias, barred, places)


def _barred(samples: Sequence[Sample], places: dict[str, int]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for sample in samples:
        bar = said.setdefault(sample.role, np.full(len(places), -1e4, np.float32))
        bar[[places[intent] for intent in sample.intents]] = 0
    return said


def _fitted(matrix: Any, wanted: Any, ban: Any, weight: Any) -> tuple[Any, Any]:
    """Greatest likelihood of any wanted intent, with weights pulled towards zero."""
    size, kinds = matrix.shape[1], wanted.shape[1]
    turned = matrix.T.tocsr()

    def loss(flat: Any) -> tuple[float, Any]:
        table = flat.reshape(size + 1, kinds)
        scores = matrix @ table[:-1] + table[-1] + ban
        scores -= scores.max(axis=1, keepdims=True)
        chance = np.exp(scores)
        chance /= chance.sum(axis=1, keepdims=True)
        right = (chance * wanted).sum(axis=1, keepdims=True)
        slope = weight * (chance - chance * wanted / np.maximum(right, 1e-12))
        total = float(-(weight * np.log(np.maximum(right, 1e-12))).sum())
        total += STRENGTH / 2 * float((table[:-1] ** 2).sum())
        return total, np.vstack([turned @ slope + STRENGTH * table[:-1],
                                 slope.sum(axis=0)]).ravel()

    found = minimize(loss, np.zeros((size + 1) * kinds), jac=True, method="L-BFGS-B",
                     options={"maxiter": ROUNDS})
    table = found.x.reshape(size + 1, kinds).astype(np.float32)
    return table[:-1], table[-1]


def save(table: Ranker, path: Path) -> None:
    roles = sorted(table.barred)
    np.savez_compressed(
        path, intents=np.array(table.intents), names=np.array("\n".join(table.rows)),
        weights=table.weights.astype(np.float16), bias=table.bias,
        roles=np.array(roles), barred=np.array([table.barred[role] for role in roles]))
    print(f"{len(table.rows)} features, {path.stat().st_size / 1e6:.1f} MB; "
          f"{len(ranker_from(path).rows)} read back")


if __name__ == "__main__":
    main()
