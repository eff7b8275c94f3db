"""Teach the learned part of understanding from the corpora and the phrases in this repository.

    .venv/bin/python -m benchmarks.train_understanding

Deterministic. Learns without each campus in turn first: how its messages fare then tells how sure a
result may be.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from tqdm import tqdm

from benchmarks.corpora import CAMPUSES, CORPORA
from benchmarks.scoring import judge
from bot.nlu.features import features
from bot.nlu.intents import intent_of, message_of
from bot.nlu.lexicon import Lexicon, lexicon_from
from bot.nlu.nouns import with_short_names
from bot.nlu.ranker import FILE, Ranker, ranker_from
from bot.nlu.reading import read
from bot.nlu.understand import grammars, understand

ROOT: Final = Path(__file__).resolve().parents[1]
PHRASES: Final = ROOT / "config" / "understanding" / "phrases.txt"
STRENGTH: Final = 1.0      # of the pull towards zero
ROUNDS: Final = 60
ROUNDS_LEFT_OUT: Final = 25
SIGNALS: Final = 17
EXPECTED: Final = 0.9      # exact on a campus never seen, as measured before its messages were read
HOLES: Final = tomllib.loads((PHRASES.parent / "holes.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Sample:
    """One message to learn from: what `features` says, the role, the intents that are right."""

    names: list[str]
    role: str
    intents: frozenset[str]
    weight: float


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    lexicons = {name: lexicon_from(json.loads((CORPORA / file).read_text("utf-8")))
                for name, file in CAMPUSES.items()}
    rows = {name: list(corpus(name, lexicon)) for name, lexicon in lexicons.items()}
    found: list[tuple[float, ...]] = []
    right: list[bool] = []
    for held in tqdm(CAMPUSES, desc="campuses left out"):
        signals, exact = checked(held, lexicons, rows)
        found += signals
        right += exact
        print(f"{held}: {sum(exact) / len(exact):.3f} of {len(exact)} exact, learnt elsewhere")
    table = learnt([*all_of(rows), *taught(lexicons)], ROUNDS)
    save(replace(table, sureness=sureness(found, right)), FILE)


def all_of(rows: dict[str, list[Sample]], without: str = "") -> Iterator[Sample]:
    return (sample for name, samples in rows.items() if name != without for sample in samples)


def checked(held: str, lexicons: dict[str, Lexicon], rows: dict[str, list[Sample]]
            ) -> tuple[list[tuple[float, ...]], list[bool]]:
    """The signals of a campus's messages, learnt on the others, and which results were right."""
    others = {name: lexicon for name, lexicon in lexicons.items() if name != held}
    table = learnt([*all_of(rows, held), *taught(others)], ROUNDS_LEFT_OUT)
    table = replace(table, sureness=(0.0,) * SIGNALS)
    signals, exact = [], []
    for row in messages(held):
        found = understand(row["text"], lexicons[held], row.get("context"), role=row["role"],
                           now=datetime.fromisoformat(row["now"]), ranker=table)
        signals.append(found.signals)
        exact.append(judge(row, {"intent": found.intent, "slots": found.slots}).is_exact)
    return signals, exact


def sureness(found: Sequence[tuple[float, ...]], right: Sequence[bool]) -> tuple[float, ...]:
    """Logistic weights of the signals. Mistakes weigh as much as on a campus seen first, since
    the rules have been written with these campuses in view."""
    table, truth = np.array(found), np.array(right, float)
    often = (1 - EXPECTED) / EXPECTED * truth.sum() / max(1.0, (1 - truth).sum())
    weight = np.where(truth == 1, 1.0, often)

    def loss(flat: Any) -> tuple[float, Any]:
        chance = 1 / (1 + np.exp(-(table @ flat)))
        total = -(weight * np.log(np.where(truth == 1, chance, 1 - chance) + 1e-12)).sum()
        return total + (flat[1:] ** 2).sum(), (
            table.T @ (weight * (chance - truth)) + np.array([0, *(2 * flat[1:])]))

    start = np.zeros(table.shape[1])
    return tuple(minimize(loss, start, jac=True, method="L-BFGS-B").x.tolist())


# -- what is learnt from

def corpus(name: str, lexicon: Lexicon) -> Iterator[Sample]:
    for row in messages(name):
        wanted = {reading["intent"] for reading in (row["gold"], *row.get("accept", ()))}
        yield sample_of(row["text"], row["role"], row.get("context") or {}, wanted, lexicon, 1.0)


def messages(name: str) -> list[dict[str, Any]]:
    lines = (CORPORA / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def sample_of(text: str, role: str, context: dict[str, Any], wanted: set[str],
              lexicon: Lexicon, weight: float) -> Sample:
    message = message_of(with_short_names(read(text, lexicon), context), role, context)
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

def learnt(samples: Sequence[Sample], rounds: int) -> Ranker:
    """A softmax fitted to the samples; features seen once or twice are left out."""
    intents = tuple(sorted({intent for sample in samples for intent in sample.intents}))
    places = {name: at for at, name in enumerate(intents)}
    counts = Counter(name for sample in samples for name in set(sample.names))
    names = sorted(name for name, count in counts.items() if count > 2)
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
    weights, bias = _fitted(matrix, wanted, ban, weight, rounds)
    return Ranker(intents, rows, weights, bias, barred, places)


def _barred(samples: Sequence[Sample], places: dict[str, int]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for sample in samples:
        bar = said.setdefault(sample.role, np.full(len(places), -1e4, np.float32))
        bar[[places[intent] for intent in sample.intents]] = 0
    return said


def _fitted(matrix: Any, wanted: Any, ban: Any, weight: Any, rounds: int) -> tuple[Any, Any]:
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
                     options={"maxiter": rounds})
    table = found.x.reshape(size + 1, kinds).astype(np.float32)
    return table[:-1], table[-1]


def save(table: Ranker, path: Path) -> None:
    roles = sorted(table.barred)
    np.savez_compressed(
        path, intents=np.array(table.intents), names=np.array("\n".join(table.rows)),
        weights=table.weights.astype(np.float16), bias=table.bias,
        sureness=np.array(table.sureness),
        roles=np.array(roles), barred=np.array([table.barred[role] for role in roles]))
    print(f"{len(table.rows)} features, {path.stat().st_size / 1e6:.1f} MB; "
          f"{len(ranker_from(path).rows)} read back")


if __name__ == "__main__":
    main()
