"""Words that operators add: read with the next message, by every process."""
import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bot.context import lexicon_of
from bot.nlu.understand import understand
from cli.words import words
from config.settings import WeChatAccount
from handlers.campus import ensure_account, load_campus
from handlers.words import Nickname, WordRefused, add_word, remove_word
from models.campus import Campus
from models.rules.nicknames import is_named, with_words

WORLD = json.loads((Path(__file__).parent.parent / "corpora" / "world_dev.json").read_bytes())
NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
ACCOUNT = WeChatAccount("wx_words_test", "secret-1", "token-1", "k" * 43)


@pytest.fixture
def campus_id(database):
    with database() as session, session.begin():
        ensure_account(session, ACCOUNT)
        return load_campus(session, WORLD, app_id=ACCOUNT.app_id, now=NOW).campus_id


def place_of(session, campus_id, text):
    campus = session.get(Campus, campus_id)
    found = understand(text, lexicon_of(campus), now=NOW)
    return found.slots.get("place_id")


def test_a_nickname_is_understood_by_the_next_message_and_forgotten_as_fast(database, campus_id):
    said = "来份黄焖鸡米饭送老图那边"
    with database() as session:
        assert place_of(session, campus_id, said) is None
    with database() as session, session.begin():
        campus = session.get(Campus, campus_id)
        assert add_word(session, campus, Nickname("老图", "图书馆"), now=NOW)
    with database() as session:
        assert place_of(session, campus_id, said) == "ap13"
    with database() as session, session.begin():
        assert remove_word(session, session.get(Campus, campus_id), "老图") == 1
    with database() as session:
        assert place_of(session, campus_id, said) is None


def test_a_dish_may_have_a_nickname_too_and_a_word_twice_is_said_to_be_known(database, campus_id):
    with database() as session, session.begin():
        campus = session.get(Campus, campus_id)
        assert add_word(session, campus, Nickname("大黄", "黄焖鸡米饭"), now=NOW)
        version = campus.menu_version
        assert not add_word(session, campus, Nickname("大黄", "黄焖鸡米饭"), now=NOW)
        assert campus.menu_version == version
    with database() as session:
        found = understand("来份大黄微辣", lexicon_of(session.get(Campus, campus_id)), now=NOW)
    assert [item["dish_id"] for item in found.slots["items"]] == ["as01d01"]


@pytest.mark.parametrize(("word", "meaning"), [
    ("", "图书馆"), ("长" * 21, "图书馆"), ("老图", "没有")])
def test_what_names_nothing_is_refused_and_changes_nothing(database, campus_id, word, meaning):
    with database() as session:
        campus = session.get(Campus, campus_id)
        with pytest.raises(WordRefused):
            add_word(session, campus, Nickname(word, meaning), now=NOW)
        assert campus.menu_version == 1
        session.rollback()


def test_two_words_at_once_are_two_versions(database, campus_id):
    together = threading.Barrier(2)

    def teach(word):
        with database() as session, session.begin():
            campus = session.get(Campus, campus_id)
            together.wait(10)
            add_word(session, campus, Nickname(word, "图书馆"), now=NOW)

    both = [threading.Thread(target=teach, args=(word,)) for word in ("老图", "书楼")]
    for one in both:
        one.start()
    for one in both:
        one.join()
    with database() as session:
        assert session.get(Campus, campus_id).menu_version == 3


def test_operators_add_list_and_remove_by_command(database, campus_id):
    run = CliRunner()
    assert "老图 means 图书馆" in run.invoke(words, ["add", "老图", "图书馆"]).stdout
    assert run.invoke(words, ["list"]).stdout == "老图  图书馆\n"
    assert "forgotten" in run.invoke(words, ["remove", "老图"]).stdout
    assert run.invoke(words, ["remove", "老图"]).exit_code == 1
    refused = run.invoke(words, ["add", "老图", "没有这里"])
    assert refused.exit_code == 2
    assert "没有这里" in refused.stderr


@given(st.sampled_from([place["name"] for place in WORLD["places"]]), st.text(min_size=1))
def test_a_word_is_added_to_what_it_means_and_to_nothing_else(meaning, word):
    named = with_words(WORLD, [(word, meaning)])
    assert is_named(named, word)
    assert with_words(WORLD, [(word, "nothing is called so")]) == WORLD
    untouched = [shop for shop in named["shops"] if shop not in WORLD["shops"]]
    assert not untouched
