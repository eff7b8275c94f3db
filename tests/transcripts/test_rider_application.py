"""我要当骑手: from the wish to the first offer."""
import json

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from cli.riders import riders
from config import settings
from models.base import Sessions, utcnow
from models.order import Order
from models.person import Person
from models.rider import Offer, Rider, RiderStatus
from tests.support.transcript import Chat


@pytest.fixture
def campus(chat: Chat) -> Chat:
    """The demo campus, its shops answered for by nobody, run by 王老师."""
    data = json.loads((settings.ROOT / "config/campuses/demo.json").read_text("utf-8"))
    data["operators"] = [{"openid": chat.stage.openid("王老师"), "name": "王老师"}]
    for shop in data["shops"]:
        shop["owners"] = []
    chat.stage.add("王老师", "operator")
    chat.stage.add("小马", "student")
    chat.stage.load(data)
    chat.stage.says("王老师", "在")
    chat.stage.news("王老师")
    return chat


def test_a_student_becomes_a_rider(campus):
    campus.play("""
        小马  我要当骑手
        bot   riders.who
        小马  阿马 1380000
        bot   riders.not_clear
        小马  阿马 138 0000 0001
        bot   riders.applied  阿马
        小马  我想跑单
        bot   riders.is_applied
        小马  上线
        bot   rider.not_approved
        (work)
        push  王老师  riders.application  阿马  13800000001
        王老师  〔通过〕
        bot   riders.decided_approved
        (work)
        push  小马  riders.you_are_approved
        小马  〔上线〕
        bot   rider.online
        王老师  骑手申请
        bot   riders.none_waiting
    """)


def test_refused_they_may_ask_again(campus):
    campus.play("""
        小马  我要当骑手
        小马  13800000001 阿马
        bot   riders.applied
        (work)
        push  王老师  riders.application
        王老师  骑手申请
        bot   riders.waiting  阿马
        王老师  〔拒绝〕
        bot   riders.decided_refused
        王老师  〔拒绝〕
        bot   riders.so_already
        (work)
        push  小马  riders.you_are_refused
        小马  〔再报一次〕
        bot   riders.who
        小马  先等等 到哪了
        bot   status.none
    """)


def test_only_an_operator_decides_and_not_on_themselves(campus):
    campus.play("""
        小马  我要当骑手
        小马  阿马 13800000001
        bot   riders.applied
    """)
    with Sessions() as session:
        number = f"R{session.scalar(select(Rider.id).where(Rider.name == '阿马'))}"
    campus.play(f"""
        小马  通过{number}
        bot   riders.not_operator
        小林  通过{number}
        bot   riders.not_operator
        小林  骑手申请
        bot   riders.not_operator
        王老师  通过R999999
        bot   riders.unknown
        王老师  我要当骑手
        王老师  王师 13800000009
        bot   riders.applied
        (work)
        push  王老师  riders.application  阿马
        push  王老师  riders.application  王师
        王老师  〔王师 通过〕
        bot   riders.unknown
    """)


def test_who_was_not_approved_is_never_offered_anything(campus):
    campus.play("""
        小马  我要当骑手
        小马  阿马 13800000001
        bot   riders.applied
    """)
    with Sessions.begin() as session:
        rider = session.scalars(select(Rider).where(Rider.name == "阿马")).one()
        rider.is_on_duty, rider.on_duty_since = True, utcnow()  # whatever went wrong before
    campus.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        (小林 pays)
        (work)
        小马  接$c
    """)
    with Sessions() as session:
        assert session.scalars(select(Offer)).all() == []
        assert session.scalars(select(Order)).one().rider_id is None


def test_from_a_terminal(campus, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    campus.play("""
        小马  我要当骑手
        小马  阿马 13800000001
        bot   riders.applied
    """)
    listed = CliRunner().invoke(riders, ["list"])
    assert "applied" in listed.output
    assert "13800000001" not in listed.output
    with Sessions() as session:
        number = f"R{session.scalar(select(Rider.id).where(Rider.name == '阿马'))}"
    assert CliRunner().invoke(riders, ["approve", number]).exit_code == 0
    campus.play("""
        (work)
        push  小马  riders.you_are_approved
        小马  上线
        bot   rider.online
    """)
    assert CliRunner().invoke(riders, ["suspend", number]).exit_code == 0
    with Sessions() as session:
        rider = session.scalars(select(Rider).where(Rider.name == "阿马")).one()
        assert (rider.status, rider.is_on_duty) == (RiderStatus.SUSPENDED, False)
        phone = session.scalars(select(Person.phone).where(Person.id == rider.person_id)).one()
        assert phone == "13800000001"
    assert CliRunner().invoke(riders, ["approve", "seven"]).exit_code == 2
    assert CliRunner().invoke(riders, ["approve", "R999999"]).exit_code == 1
