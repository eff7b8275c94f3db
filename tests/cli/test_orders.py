"""`orders show CODE` tells a whole lunch, and nobody's secrets."""
import re

import pytest
from click.testing import CliRunner

from cli.orders import orders
from models.order import Order
from tests.transcripts.test_first_lunch import pin_of


@pytest.fixture
def show(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")

    def one(*arguments):
        return CliRunner().invoke(orders, ["show", *arguments])
    return one


@pytest.fixture
def lunch(chat):
    """An order from the first word to the hand-over code."""
    chat.play("""
        小林  来份黄焖鸡微辣不要香菜 送12栋302
        bot   order.quoted  code=$c
        小林  〔确认付款〕
        (小林 pays)
        (work)
        阿香  接$c
        阿哲  上线
        (work)
        阿哲  〔接〕
        (work)
        阿香  〔出餐了〕
        阿哲  〔到店了〕
        阿哲  〔取到了〕
        阿哲  〔到了〕
        (work)
    """)
    chat.kept["pin"] = pin_of(chat, "小林")
    chat.play(f"""
        阿哲  {chat.kept["pin"]}
        bot   rider.delivered
        (work)
    """)
    return chat


def test_the_story_of_a_lunch(lunch, show, database):
    print(show(lunch.kept["$c"]).output)
    assert 0
