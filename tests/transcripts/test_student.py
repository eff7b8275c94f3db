"""学生认证: a card's picture or a number; one card, one person; the picture does not stay."""
import re

import pytest
import requests
from sqlalchemy import select, text

from models.base import Sessions
from models.complaint import Photo
from models.person import Person
from models.student import ProofState, StudentProof


@pytest.fixture
def campus(chat, demo_campus):
    """小王 runs the campus."""
    for name in ("小王", "小周"):
        chat.stage.add(name, "student")
    demo_campus["operators"] = [{"openid": chat.stage.openid("小王"), "name": "小王"}]
    chat.stage.load(demo_campus)
    chat.play("小王  在")
    return chat


def proofs() -> list[StudentProof]:
    with Sessions() as session:
        return list(session.scalars(select(StudentProof).order_by(StudentProof.id)))


def test_a_number_and_a_surname(campus):
    campus.play("""
        小林  学生认证
        bot   student.how
        小林  2023123456 林
        bot   student.sent
        小林  学生认证
        bot   student.is_waiting
        (work)
        push  小王  student.look  2023123456
        小林  学生通过999
        bot   student.not_operator
        小王  〔通过〕
        bot   student.decided_approved
        小王  〔通过〕
        bot   student.unknown
        (work)
        push  小林  student.you_are_verified  until=2027.6
        小林  学生认证
        bot   student.is_verified  until=2027.6
    """)
    proof, = proofs()
    assert proof.told is None
    assert len(proof.number_hash) == 64
    with Sessions() as session:
        person = session.scalars(select(Person).filter_by(
            openid=campus.stage.openid("小林"))).one()
        assert person.student_until == proof.good_until
        for table in ("student_proofs", "outbox", "people"):
            rows = session.execute(text(f"SELECT {table}::text FROM {table}")).scalars()
            assert not any("2023123456" in row for row in rows), table


def test_a_picture_is_read_by_an_operator_and_gone_afterwards(campus):
    campus.play("""
        小林  学生认证
        bot   student.how
        (小林 sends picture)
        bot   student.sent
        (work)
        push  小王  student.look  看图
    """)
    url = re.search(r'href="([^"]*/e/[^"]*)"', campus.last("小王"))[1]
    assert requests.get(campus.stage.world.open("小王", url), timeout=10).status_code == 200
    assert requests.get(campus.stage.world.open("小周", url), timeout=10).status_code == 403
    campus.play("""
        小王  〔通过〕
        bot   student.read_number
        小王  2024555666
        bot   student.decided_approved
        (work)
        push  小林  student.you_are_verified  until=2028.6
    """)
    assert requests.get(campus.stage.world.open("小王", url), timeout=10).status_code == 404
    with Sessions() as session:
        assert session.query(Photo).count() == 0


def test_one_card_proves_one_person(campus):
    campus.play("""
        小林  学生认证
        小林  林 2023123456
        bot   student.sent
        小周  学生认证
        小周  2023123456 周
        bot   student.sent
        (work)
        push  小王  student.look  number=$1
        push  小王  student.look  number=$2
        小王  学生认证待审
        bot   student.waiting
        小王  学生通过$1
        bot   student.decided_approved
        小王  学生通过$2
        bot   student.decided_refused
        (work)
        push  小周  student.taken
        小周  学生认证
        小周  2023123456 周
        bot   student.taken
    """)
    assert [proof.state for proof in proofs()] == [ProofState.APPROVED, ProofState.REFUSED]
    assert proofs()[1].number_hash is None


def test_an_unclear_card_may_be_sent_again_and_nobody_decides_on_themselves(campus):
    campus.play("""
        小林  学生认证
        小林  20231
        bot   student.not_clear
        (小林 sends picture)
        bot   student.sent
        (work)
        小王  〔不行〕
        bot   student.decided_refused
        (work)
        push  小林  student.you_are_refused
        小林  〔学生认证〕
        bot   student.how
        小林  〔以后再说〕
        bot   talk.fine
        小王  学生认证
        小王  2023999999 王
        bot   student.sent
        小王  学生认证待审
        bot   student.waiting
        小王  〔通过〕
        bot   student.unknown
    """)


def test_what_nobody_looks_at_is_not_kept(campus):
    campus.play("""
        小林  学生认证
        (小林 sends picture)
        bot   student.sent
        (work)
        (73 h pass)
        小林  在
        (work)
        (work)
        push  小林  student.you_are_refused
    """)
    assert proofs()[0].state == ProofState.REFUSED
    with Sessions() as session:
        assert session.query(Photo).count() == 0
