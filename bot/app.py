"""WeChat's ear and mouth as a blueprint, warm before the first message."""
from flask import Blueprint

from bot import context, webhook
from models.base import Sessions
from models.campus import Campus


def create_blueprint() -> Blueprint:
    return webhook.blueprint


def warm_up() -> None:
    """Build every campus's words now, so that the first message is as quick as the next."""
    with Sessions() as session:
        for campus in session.query(Campus).order_by(Campus.id).limit(context.MOST_LEXICONS):
            context.lexicon_of(campus)
