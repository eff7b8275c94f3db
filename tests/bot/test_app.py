"""What is ready before the first message."""
import pytest

from bot import context
from bot.nlu import words
from config import settings
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


def test_a_database_that_another_key_sealed_does_not_keep_the_web_from_coming_up(
        door, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "another secret, with which nothing here was sealed")
    settings.load.cache_clear()
    try:
        assert create_app().test_client().get("/healthz").status_code == 200
    finally:
        settings.load.cache_clear()


def _away():
    from sqlalchemy.exc import OperationalError

    raise OperationalError("SELECT 1", {}, Exception("away"))
