"""Stages that several transcripts share."""
import json

import pytest

from tests.conftest import CAMPUS
from tests.support.transcript import Chat


@pytest.fixture
def dorm(chat: Chat) -> Chat:
    """Four who share a room; 小林's surname and address are known. No campaigns, no points."""
    campus = json.loads(CAMPUS.read_text("utf-8"))
    for shop in campus["shops"]:
        shop["owners"] = [chat.stage.openid("阿香")]
    campus["riders"] = [{"openid": chat.stage.openid("阿哲"), "name": "阿哲"}]
    campus["campaigns"], campus["points"] = [], None
    chat.stage.load(campus)
    for name in ("小周", "小陈", "小王"):
        chat.stage.add(name, "student")
    chat.play("""
        小林  我住12栋302 小林
        bot   address.saved
    """)
    return chat
