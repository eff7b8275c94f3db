"""Journey 11: a picture, what is wrong, the money by what was paid, and who bears it."""
import re

import pytest
import requests
from sqlalchemy import select

from models.base import Sessions
from models.complaint import Complaint, ComplaintState
from models.order import Order
from models.payment import Refund
from tests.support.payment import balances
from tests.transcripts.stories import AT_THE_DOOR
from tests.transcripts.test_first_lunch import pin_of

TWO_DISHES = AT_THE_DOOR.replace(
    "小林  来份黄焖鸡微辣 送12栋302", "小林  来份黄焖鸡微辣 再来一份黄焖鸡爪 送12栋302")


@pytest.fixture
def campus(chat, demo_campus):
    """小王 runs the campus."""
    chat.stage.add("小王", "other")
    demo_campus["operators"] = [{"openid": chat.stage.openid("小王"), "name": "小王"}]
    chat.stage.load(demo_campus)
    chat.play("小王  在")
    return chat


def delivered(chat, story: str = AT_THE_DOOR) -> None:
    chat.play(story)
    chat.play(f"""
        阿哲  {pin_of(chat, "小林")}
        bot   rider.delivered
        (work)
        push  小林  buyer.delivered
    """)


def zero() -> None:
    with Sessions() as session:
        assert sum(balances(session).values()) == 0


def test_the_whole_journey(campus):
    delivered(campus, TWO_DISHES)
    campus.play("""
        (小林 sends picture)
        bot   complaint.what  code=$c  dish=黄焖鸡米饭  看到图了
        小林  〔黄焖鸡米饭洒了〕
        bot   complaint.choose  code=$c  what=黄焖鸡米饭  amount=¥13.42
        小林  $c退款
        bot   complaint.refunding  amount=¥13.42  refund=$r
        (work)
        card  小林  progress
        card  小林  arrived
        card  小林  refunded  $r  ¥13.42  已退回  投诉赔付
        push  阿哲  complaint.told  洒了  ¥13.42
        push  阿香  complaint.told  code=$c
        push  小王  complaint.judge  ¥13.42
        小王  〔骑手〕
        bot   complaint.judged  amount=¥13.42  骑手账上
        小王  $c判商家
        bot   complaint.judged  商家账上
    """)
    zero()
    with Sessions() as session:
        order = session.scalars(select(Order)).one()
        assert balances(session)[f"shop:{order.shop_id}"] == -order.goods_fen + 1342
        assert f"rider:{order.rider_id}" in balances(session)


def test_another_dish_then_all_and_never_more_than_was_paid(campus):
    delivered(campus, TWO_DISHES)
    campus.play("""
        小林  $c少送
        bot   complaint.choose  what=黄焖鸡米饭
        小林  〔是别的菜〕
        bot   complaint.which  code=$c
        小林  〔黄焖鸡爪〕
        bot   complaint.choose  what=黄焖鸡爪  amount=¥12.58
        小林  $c退款
        bot   complaint.refunding  amount=¥12.58
        小林  $c退款
        bot   complaint.say_what
        小林  $c全洒了
        bot   complaint.choose  what=黄焖鸡米饭  amount=¥13.42
        小林  退款
        bot   complaint.refunding  amount=¥13.42
        小林  $c没收到
        bot   complaint.given_before
        (work)
    """)
    zero()
    with Sessions() as session:
        paid = session.scalars(select(Order)).one().payable_fen
        assert sum(refund.amount_fen for refund in session.scalars(select(Refund))) <= paid


def test_words_alone_do_and_so_do_words_after_the_picture(campus):
    delivered(campus)
    campus.play("""
        小林  投诉
        bot   complaint.what  code=$c
        小林  全洒了
        bot   complaint.choose  what=黄焖鸡米饭
        小林  汤全洒了！
        bot   complaint.choose  what=黄焖鸡米饭
        小林  我要退款
        bot   complaint.refunding
    """)


def test_what_has_not_come_is_not_complained_of_but_cancelled_or_waited_for(campus):
    campus.play("""
        小林  投诉
        bot   complaint.none
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        (小林 pays)
        (work)
        小林  $c洒了
        bot   complaint.not_yet
        小林  $c退款
        bot   cancel.sure
        (小林 sends picture)
        bot   talk.words_only
    """)


def test_a_day_later_it_is_too_late(campus):
    delivered(campus)
    campus.play("""
        (25 h pass)
        小林  $c洒了
        bot   complaint.too_late
        小林  投诉
        bot   complaint.none
    """)


def test_who_is_unhappy_gets_a_person_and_strangers_get_nothing(campus):
    delivered(campus)
    campus.play("""
        小林  $c送错
        bot   complaint.choose
        小林  $c退款
        bot   complaint.refunding  refund=$r
        小林  不满意$r
        bot   complaint.heard_again
        (work)
        push  小王  complaint.judge
        push  小王  complaint.unhappy  code=$c
        阿哲  不满意$r
        bot   complaint.no_such_refund
        阿哲  $c洒了
        bot   order.unknown
        阿哲  $c判商家
        bot   order.unknown
        小林  $c判平台
        bot   order.unknown
    """)


def test_the_fourth_in_a_month_waits_for_a_person(campus):
    delivered(campus)
    with Sessions.begin() as session:
        order = session.scalars(select(Order)).one()
        for _ in range(3):
            session.add(Complaint(
                order_id=order.id, buyer_id=order.buyer_id, kind="bad", lines=[], amount_fen=1,
                state=ComplaintState.REFUNDED, created_at=order.created_at))
    campus.play("""
        小林  $c洒了
        bot   complaint.choose
        小林  $c退款
        bot   complaint.handed_on
        小林  $c洒了
        bot   complaint.being_decided
        (work)
        push  小王  complaint.decide
        小王  $c不赔
        bot   complaint.decided
        (work)
        push  小林  complaint.refused
        小林  $c洒了
        bot   complaint.choose
        小林  $c退款
        bot   complaint.handed_on
        小王  $c同意赔
        bot   complaint.decided
        (work)
        push  小林  complaint.granted
        小王  $c同意赔
        bot   complaint.nothing_waits
    """)
    zero()


def test_the_picture_is_seen_by_its_people_only(campus):
    delivered(campus)
    campus.play("""
        (小林 sends picture)
        bot   complaint.what
        小林  〔没收到/被拿了〕
        bot   complaint.choose_lost
        小林  $c赔付
        bot   complaint.refunding
        (work)
        push  阿香  complaint.told  看图
    """)
    url = re.search(r'href="([^"]*/e/[^"]*)"', campus.last("阿香"))[1]
    campus.stage.add("路人", "student")
    seen = requests.get(campus.stage.world.open("阿香", url), timeout=10)
    assert seen.status_code == 200
    assert f"{campus.kept['$c']} 的图" in seen.text
    origin = seen.url.partition("/e/")[0]
    token = url.rpartition("/")[2]
    picture = requests.get(f"{origin}/e/{token}/picture", timeout=10)
    assert picture.headers["Content-Type"].startswith("image/")
    assert requests.get(campus.stage.world.open("路人", url), timeout=10).status_code == 403
    assert requests.get(f"{campus.stage.base_url}/e/{token}/picture", timeout=10).status_code == 403
    assert requests.get(f"{campus.stage.base_url}/e/{token[:-1]}x", timeout=10).status_code == 404
