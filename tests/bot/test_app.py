"""What is ready before the first message."""
import pytest

from bot import context
from bot.nlu import words
from tests.bot.test_webhook import ORDER, door
from wsgi import create_app

__all__ = ["door"]


def test_words_and_campuses_are_ready_before_the_first_message(door, monkeypatch):
    context._LEXICONS.clear()
    door.app = create_app()
    monkeypatch.setattr(context, "lexicon_from", lambda _: pytest.fail("built by a message"))
    monkeypatch.setattr(words, "words_from", lambda _: pytest.fail("read by a message"))
    assert "合计 ¥13.00" in door.says(ORDER)


def test_without_a_campus_the_words_are_ready_all_the_same(door, database, monkeypatch):
    words.shipped_words.cache_clear()
    monkeypatch.setattr("bot.app.Sessions", _away)
    create_app()
    assert words.shipped_words.cache_info().currsize == 1


def _away():
    from sqlalchemy.exc import OperationalError

    raise OperationalError("SELECT 1", {}, Exception("away"))
