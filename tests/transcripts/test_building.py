"""「12栋再2单全楼免配送」: distinct verified people are counted, and the whole building gets it."""
import pytest
from sqlalchemy import select

from handlers.building import give_back
from models.base import Sessions, utcnow
from models.order import Order
from models.payment import Refund
from tests.support.payment import at_once, balances
from tests.transcripts.stories import AT_THE_DOOR
from tests.transcripts.test_first_lunch import pin_of
from tests.transcripts.test_offers import verify


@pytest.fixture
def dorm(chat, demo_campus):
    """Three verified people are wanted. 小林, 小周 and 小陈 are; 小王 is not."""
    demo_campus["campaigns"] = [{"kind": "building", "people": 3}]
    chat.stage.load(demo_campus)
    for name in ("小周", "小陈", "小王"):
        chat.stage.add(name, "student")
        chat.play(f"{name}  在")
    for name in ("小林", "小周", "小陈"):
        verify(chat, name)
    return chat


def order(chat, who: str, code: str, expect: str) -> None:
    chat.play(f"""
        {who}  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code={code}  {expect}
        {who}  确认{code}
        bot   order.confirmed
        ({who} pays)
        (work)
    """)


def test_the_third_verified_person_makes_it_free_for_all(dorm):
    dorm.play(AT_THE_DOOR.replace("$c", "$a"))
    dorm.play(f"""
        阿哲  {pin_of(dorm, "小林")}
        bot   rider.delivered
        (work)
        push  小林  buyer.delivered
    """)
    order(dorm, "小林", "$b", "今天1单，再2单全楼免配送")  # the same person again
    order(dorm, "小王", "$c", "再2单")                     # not verified
    order(dorm, "小周", "$d", "再2单")
    order(dorm, "小陈", "$e", "再1单")
    dorm.play("""
        (work)
        push  小林  building.given_back  code=$a  amount=¥2.00
        push  小林  building.given_back  code=$b
        push  小王  building.given_back  code=$c
        push  小周  building.given_back  code=$d
        push  小陈  building.given_back  code=$e
        小林  还差几单
        bot   building.reached
    """)
    order(dorm, "小王", "$f", "payable=¥16.00  全楼免配送-¥")
    with Sessions() as session:
        assert [refund.amount_fen for refund in session.scalars(select(Refund))] == [200] * 5
        assert sum(balances(session).values()) == 0
        delivered = session.scalars(select(Order).order_by(Order.id)).first()
        assert f"order:{delivered.id}" not in balances(session)


def test_who_cancels_does_not_count_and_gets_no_more_than_was_paid(dorm):
    order(dorm, "小林", "$a", "再3单")
    order(dorm, "小周", "$b", "再2单")
    dorm.play("""
        小周  取消$b
        小周  确定取消$b
        bot   cancel.refunding
        (2 min pass)
        (work)
    """)
    order(dorm, "小陈", "$c", "再2单")
    with Sessions() as session:
        assert session.scalars(select(Refund.amount_fen)).all() == [1800]
    order(dorm, "小周", "$d", "再1单")
    dorm.play("""
        (work)
        小林  取消$a
        bot   cancel.sure  amount=¥16.00
        小林  确定取消$a
        bot   cancel.refunding  amount=¥16.00
        (2 min pass)
        (work)
    """)
    with Sessions() as session:
        assert sum(balances(session).values()) == 0


def test_who_shows_their_card_after_paying_may_be_the_last_that_was_missing(dorm, demo_campus):
    dorm.stage.add("值班", "student")
    demo_campus["operators"] = [{"openid": dorm.stage.openid("值班"), "name": "值班"}]
    dorm.stage.load(demo_campus)
    dorm.play("值班  在")
    for who, code in (("小林", "$a"), ("小周", "$b"), ("小王", "$c")):
        order(dorm, who, code, "全楼免配送")
    dorm.play("""
        小王  学生认证
        bot   student.how
        小王  2023123456 王
        bot   student.sent
        (work)
        push  值班  student.look
        值班  〔通过〕
        bot   student.decided_approved
        (work)
        (work)
        push  小林  building.given_back  code=$a  amount=¥2.00
        push  小王  student.you_are_verified
        push  小王  building.given_back  code=$c
    """)


def test_twins_of_the_job_give_back_once_and_tomorrow_begins_anew(dorm):
    for who, code in (("小林", "$a"), ("小周", "$b"), ("小陈", "$c")):
        order(dorm, who, code, "全楼免配送")
    with Sessions() as session:
        ids = list(session.scalars(select(Order.id)))
    at_once(*[lambda session: [give_back(session, i, now=utcnow()) for i in ids]] * 3)
    with Sessions() as session:
        assert session.query(Refund).count() == 3
    dorm.stage.pass_time(days=1)
    dorm.play("""
        小王  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  今天0单，再3单
    """)
