"""Journey 11: a picture, what is wrong, the money by what was paid, and who bears it."""
import re
from datetime import timedelta

import pytest
import requests
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from models.base import Sessions
from models.complaint import Complaint, ComplaintState
from models.order import Order, place_order
from models.payment import Refund
from models.person import Person
from models.rules.order_state import OrderState
from models.shop import Shop
from tests.support.browser import put_away, small_page, wait_until
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


@pytest.mark.parametrize(("by_hand", "times"), [(False, 1), (True, 1), (False, 3)])
def test_the_whole_journey(campus, by_hand, times):
    delivered(campus, TWO_DISHES)
    campus.by_hand, campus.times = by_hand, times
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


def with_a_picture(campus):
    """小林 complained with one; where it is shown, as 阿香 was told."""
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
    return re.search(r'href="([^"]*/e/[^"]*)"', campus.last("阿香"))[1]


def test_the_picture_is_seen_by_its_people_only(campus):
    url = with_a_picture(campus)
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
    assert requests.get(f"{campus.stage.base_url}/e/{token[:-1]}!", timeout=10).status_code == 404


@pytest.mark.browser
def test_the_cook_sees_the_picture_and_a_stranger_does_not(campus, chromium: Browser):
    url = with_a_picture(campus)
    campus.stage.add("路人", "student")
    page = small_page(chromium, campus.stage.world.open("阿香", url))
    wait_until(page, "document.querySelector('img.photo').complete")
    assert page.evaluate("document.querySelector('img.photo').naturalWidth") > 0
    stranger = small_page(chromium, campus.stage.world.open("路人", url))
    expect(stranger.locator("img")).to_have_count(0)
    put_away(page)
    put_away(stranger)


NEAR = ("小周", "小陈", "小王一", "小李", "小赵", "小钱")


def neighbours(chat) -> None:
    """Six others had a meal brought to the same hall within the same quarter-hour; one, much
    later."""
    for name in (*NEAR, "小晚"):
        chat.stage.add(name, "student")
        chat.play(f"{name}  在")
    with Sessions.begin() as session:
        lost = session.scalars(select(Order).order_by(Order.id.desc()).limit(1)).one()
        for n, name in enumerate((*NEAR, "小晚")):
            person = session.scalars(select(Person).filter_by(openid=chat.stage.openid(name))).one()
            other = place_order(session, Order(
                campus_id=lost.campus_id, shop_id=lost.shop_id, buyer_id=person.id,
                place_id=lost.place_id, room="999", created_at=lost.created_at))
            other.arrived_at = lost.arrived_at + timedelta(minutes=2 * n + 20 * (name == "小晚"))
            other.state, other.paid_at = OrderState.DELIVERED, lost.paid_at
            other.ended_at = other.arrived_at
            chat.kept[f"${name}"] = other.code


def test_a_swapped_bag_is_found_and_nobody_is_named(campus):
    delivered(campus)
    neighbours(campus)
    campus.play("""
        小林  $c没收到
        bot   complaint.choose_lost  code=$c  送到东区12号楼
        小林  〔问一下〕
        bot   complaint.searching  count=6
        (work)
    """)
    for name in NEAR:
        campus.play(f"""
            push  {name}  complaint.check  code=${name}  东区12号楼
        """)
        asked = campus.last(name)
        assert not any(word in asked for word in ("林", "302", campus.kept["$c"] + "？"))
    campus.play("""
        quiet 小晚
        小周  〔是我的〕
        bot   complaint.thanks
        小晚  核对$小晚对
        bot   complaint.not_asked
        小周  核对$小陈错
        bot   order.unknown
        小陈  〔拿错了〕
        bot   complaint.put_it_back  code=$小陈  东区12号楼
        小陈  〔放回去了〕
        bot   complaint.thanks
        (work)
        push  小林  complaint.found  code=$c
    """)
    told = campus.last("小林")
    assert not any(word in told for word in ("陈", "999", campus.kept["$小陈"]))
    campus.play("""
        小林  〔拿到了〕
        bot   shelf.enjoy
        (20 min pass)
        (work)
        小林  $c退款
        bot   complaint.say_what
    """)
    with Sessions() as session:
        assert session.scalars(select(Complaint)).one().state == ComplaintState.FOUND
        assert session.query(Refund).count() == 0


@pytest.mark.parametrize("how", ["silence", "all right", "eaten"])
def test_what_is_not_found_is_paid_back_by_itself(campus, how):
    delivered(campus)
    neighbours(campus)
    campus.play("""
        小林  $c没收到
        bot   complaint.choose_lost
        小林  $c找回
        bot   complaint.searching  count=6
        (work)
    """)
    if how == "silence":
        campus.play("""
            (16 min pass)
            (work)
        """)
    elif how == "all right":
        for name in NEAR:
            campus.play(f"{name}  核对${name}对")
    else:
        campus.play("""
            小李  核对$小李错
            bot   complaint.put_it_back
            小李  〔已经吃了〕
            bot   complaint.thanks
        """)
    campus.play(f"""
        (work)
        push  小林  complaint.{"eaten" if how == "eaten" else "not_found"}  code=$c  ¥13.00
        小林  $c赔付
        bot   complaint.say_what
    """)
    zero()
    with Sessions() as session:
        assert session.scalars(select(Refund)).one().amount_fen == 1300


def test_the_dish_is_made_again_for_nothing(campus):
    delivered(campus, TWO_DISHES)
    campus.play("""
        小林  $c洒了
        bot   complaint.choose  what=黄焖鸡米饭  马上补做一份
        小林  $c补做
        bot   complaint.remaking  code=$n
        小林  $c补做
        bot   complaint.say_what
        (work)
        card  小林  progress
        card  小林  arrived
        card  小林  paid  ¥0.00
        阿香  接$n
        bot   kitchen.accepted
        (work)
        push  阿哲  complaint.told
        push  阿哲  rider.offer  code=$n
        阿哲  接$n
        阿哲  $n到店
        阿哲  $n取到
        阿哲  $n到了
        bot   rider.arrived
        (work)
    """)
    campus.play(f"""
        阿哲  {pin_of(campus, "小林")}
        bot   rider.delivered  code=$n
        小林  $c少送
        bot   complaint.choose  what=黄焖鸡爪
    """)
    zero()
    with Sessions() as session:
        assert session.query(Refund).count() == 0
        first, again = session.scalars(select(Order).order_by(Order.id))
        made = balances(session)
        assert made[f"shop:{first.shop_id}"] == -(first.goods_fen + again.goods_fen)
        assert again.payable_fen == 0


@pytest.mark.parametrize("who", ["阿香  拒$n", "小林  确定取消$n"])
def test_what_is_not_made_again_is_paid_back(campus, who):
    delivered(campus)
    campus.play(f"""
        小林  $c洒了
        bot   complaint.choose
        小林  $c补做
        bot   complaint.remaking  code=$n
        (work)
        {who}
        (2 min pass)
        (work)
        (work)
        push  小林  complaint.no_remake  ¥11.00
    """)
    zero()


def test_a_closed_kitchen_makes_nothing_again(campus):
    delivered(campus)
    with Sessions.begin() as session:
        for shop in session.query(Shop):
            shop.hours = [["00:00", "00:01"]]
    campus.play("""
        小林  $c洒了
        bot   complaint.choose
        小林  $c补做
        bot   complaint.cannot_remake
    """)
    assert "补做一份" not in campus.last("小林")
