"""Floors under the figures of docs/understanding.md: what was understood stays understood."""
import json
import time
from datetime import datetime

import pytest

from benchmarks.scoring import (
    Figures,
    calibration_error,
    is_false_action,
    is_false_commit,
    judge,
)
from bot.nlu.explain import explained
from bot.nlu.lexicon import lexicon_from
from bot.nlu.understand import understand
from tests.bot.nlu.corpora import CAMPUSES, campus, messages

LEAST_EXACT = 0.97
NOW = datetime.fromisoformat("2026-03-18T12:00:00+08:00")


@pytest.mark.parametrize("name", CAMPUSES)
def test_a_campus_stays_understood_and_nothing_is_committed_wrongly(name):
    lexicon, figures = lexicon_from(campus(name)), Figures()
    sure, right = [], []
    for row in messages(name):
        found = understand(row["text"], lexicon, row.get("context"), role=row["role"],
                           now=datetime.fromisoformat(row["now"]))
        verdict = judge(row, {"intent": found.intent, "slots": found.slots})
        figures.add(verdict)
        sure.append(found.confidence)
        right.append(verdict.is_exact)
        assert not is_false_commit(row, found.intent), row["id"]
        assert not is_false_action(row, found.intent), row["id"]
    assert figures.exact_share >= LEAST_EXACT
    assert calibration_error(sure, right) <= 0.1


def test_the_same_text_is_understood_the_same_whatever_came_before():
    lexicon = lexicon_from(campus("north"))
    rows = messages("north")[:60]
    first = [understand(row["text"], lexicon, row.get("context"), role=row["role"], now=NOW)
             for row in rows]
    again = [understand(row["text"], lexicon, row.get("context"), role=row["role"], now=NOW)
             for row in reversed(rows)]
    assert first == again[::-1]


def test_huge_texts_take_milliseconds():
    lexicon = lexicon_from(campus("donghu"))
    text = "来一份黄焖鸡微辣不要香菜送12栋302,明天下午六点二十," * 40
    understand(text, lexicon, now=NOW)
    best = min(_spent(text, lexicon) for _ in range(5))
    assert best < 0.03    # 4 ms on a quiet machine; this one may not be quiet


def _spent(text, lexicon):
    started = time.perf_counter()
    understand(text, lexicon, now=NOW)
    return time.perf_counter() - started


def test_an_explanation_shows_cells_candidates_scores_and_why():
    shown = explained("来份黄焖鸡微辣", lexicon_from(campus("donghu")), {}, now=NOW)
    for piece in ("D 黄焖鸡", "as01d01=黄焖鸡米饭", "O 微辣", "why", "likely order_food",
                  "intent      order_food", "confidence"):
        assert piece in shown


def test_the_corpora_are_json_lines():
    for name in CAMPUSES:
        assert all(json.dumps(row, ensure_ascii=False) for row in messages(name))
