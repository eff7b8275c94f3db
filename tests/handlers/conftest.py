from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from models.base import Sessions
from models.campus import Campus
from tests.support.payment import a_campus, wechat_pay


@pytest.fixture
def newcomers(database: Any) -> Iterator[None]:
    """A campus where newcomers get five yuan off, and WeChat Pay."""
    with wechat_pay(), Sessions.begin() as session:
        a_campus(session)
        session.scalars(select(Campus)).one().file = {
            "campaigns": [{"kind": "first_order", "off_fen": 500}]}
        session.commit()
        yield
