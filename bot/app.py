"""WeChat's ear and mouth as a blueprint, warm before the first message."""
from datetime import UTC, datetime
from typing import Final

from flask import Blueprint

from bot import context, webhook
from bot.nlu.lexicon import lexicon_from
from bot.nlu.understand import understand
from handlers.sos import guards
from models.base import Sessions
from models.campus import Campus

ROLES: Final = ("student", "merchant", "rider")
EMPTY: Final = {"campus": "", "shops": [], "places": []}


def create_blueprint() -> Blueprint:
    return webhook.blueprint


def warm_up() -> None:
    """Read the words, build every campus's lexicon and understand something in every role, so
    that the first message is as quick as the next. The words are read whatever the database says.
    """
    lexicons = [lexicon_from(EMPTY)]
    try:
        with Sessions() as session:
            campuses = session.query(Campus).order_by(Campus.id).limit(context.MOST_LEXICONS)
            guards.refresh(session)
            lexicons += [context.lexicon_of(campus) for campus in campuses]
    finally:
        for role in ROLES:
            understand("12:30", lexicons[-1], {}, now=datetime(2026, 1, 1, tzinfo=UTC), role=role)
