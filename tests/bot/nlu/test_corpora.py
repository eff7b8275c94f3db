"""The corpora themselves: enough messages, every label of the campus it is about."""
from itertools import chain

import pytest

from benchmarks.scoring import SCALARS
from bot.nlu.lexicon import lexicon_from
from tests.bot.nlu.corpora import CAMPUSES, campus, messages

KNOWN_SLOTS = {*SCALARS, "items", "parcels", "goods", "note"}
WRITTEN_BLIND = {"haibin", "shancheng"}


@pytest.mark.parametrize("name", CAMPUSES)
def test_a_corpus_has_300_messages_and_each_only_once(name: str) -> None:
    rows = messages(name)
    said = {(row["text"], row["role"], str(row.get("context"))) for row in rows}
    assert len(said) == len(rows) >= (200 if name in WRITTEN_BLIND else 300)


def test_campuses_share_hardly_a_message() -> None:
    texts = [{row["text"] for row in messages(name)} for name in CAMPUSES]
    every = list(chain.from_iterable(texts))
    assert len(every) - len(set(every)) <= 20


@pytest.mark.parametrize("name", CAMPUSES)
def test_labels_name_what_the_campus_has(name: str) -> None:
    lexicon = lexicon_from(campus(name))
    for row in messages(name):
        for gold in (row["gold"], *row.get("accept", ())):
            slots = gold["slots"]
            assert set(slots) <= KNOWN_SLOTS, row["id"]
            assert slots.get("shop_id", next(iter(lexicon.shops))) in lexicon.shops, row["id"]
            for key in ("place_id", "from_place_id"):
                assert slots.get(key, next(iter(lexicon.places))) in lexicon.places, row["id"]
            for item in slots.get("items", ()):
                ids = item["dish_id"] if isinstance(item["dish_id"], list) else [item["dish_id"]]
                for dish in ids:
                    assert set(item["options"]) <= lexicon.dishes[dish].options, row["id"]
