"""Journey 9: the rider, from 上线 to the code."""
import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.base import Sessions
from models.order import Order
from models.rider import Offer, OfferState, Rider, RiderStatus
from tests.conftest import CAMPUS
from tests.support.transcript import Chat
from tests.transcripts.stories import COOKING, TAKEN
from tests.transcripts.test_first_lunch import pin_of


@pytest.fixture
def riders(chat: Chat) -> Chat:
    """阿哲 and 大鹏 ride; 小林 and 小陈 order; 阿香 cooks."""
    campus = json.loads(CAMPUS.read_text("utf-8"))
    for name, role in (("大鹏", "rider"), ("小陈", "student")):
        chat.stage.add(name, role)
    for shop in campus["shops"]:
        shop["owners"] = [chat.stage.openid("阿香")]
    campus["riders"] = [{"openid": chat.stage.openid(name), "name": name, "phone": phone}
                        for name, phone in (("阿哲", "13800000001"), ("大鹏", "13800000002"))]
    chat.stage.load(campus)
    return chat


def cooking(name: str, code: str, place: str = "12栋302") -> str:
    """Somebody's order, paid for and on the stove."""
    return f"""
        {name}  来份黄焖鸡 送{place}
        bot   order.quoted  code={code}
        {name}  确认{code}
        bot   order.confirmed
        ({name} pays)
        (work)
        阿香  接{code}
        bot   kitchen.accepted
    """


def taken(name: str, code: str) -> str:
    return cooking(name, code) + f"""
        (work)
        push  阿哲  rider.offer  code={code}
        阿哲  接{code}
        bot   rider.taken
    """


def test_an_offer_that_is_declined_goes_to_the_next_and_nobody_is_blamed(riders):
    riders.play("""
        阿哲  上线
        大鹏  上线
    """ + cooking("小林", "$c") + "(work)")
    first, second = _asked_first(riders)
    riders.play(f"""
        push  {first}  rider.offer  code=$c
        {second}  接$c
        bot   rider.gone
        {first}  〔不接〕
        bot   rider.declined
        (work)
        push  {second}  rider.offer  code=$c
        {first}  接$c
        bot   rider.gone
        {second}  〔接〕
        bot   rider.taken
        {second}  接$c
        bot   rider.already_yours
    """)


def test_an_offer_that_is_not_answered_goes_on_after_forty_seconds(riders):
    riders.play("""
        阿哲  上线
        大鹏  上线
    """ + cooking("小林", "$c") + "(work)")
    first, second = _asked_first(riders)
    riders.play(f"""
        push  {first}  rider.offer  code=$c  seconds=40
        (15 s pass)
        (work)
        quiet {second}
        (30 s pass)
        (work)
        push  {second}  rider.offer  code=$c
        {first}  接$c
        bot   rider.gone
        {second}  接
        bot   rider.taken
    """)
    with Sessions() as session:
        offers = session.scalars(select(Offer).order_by(Offer.id)).all()
        assert [offer.state for offer in offers] == [OfferState.EXPIRED, OfferState.ACCEPTED]
        assert all(len(offer.candidates) >= 1 for offer in offers)


def _asked_first(chat: Chat) -> tuple[str, str]:
    with Sessions() as session:
        offer = session.scalars(select(Offer)).one()
        first = session.get_one(Rider, offer.rider_id).name
    return (first, "大鹏" if first == "阿哲" else "阿哲")


def test_a_rider_off_duty_is_offered_nothing(riders):
    riders.play("""
        阿哲  上线
        bot   rider.online
        阿哲  下线
        bot   rider.offline  count=0
    """ + cooking("小林", "$c") + """
        (work)
        quiet 阿哲
        quiet 大鹏
        小林  到哪了
        bot   status.under_way  正在找骑手
        大鹏  上线
        (work)
        push  大鹏  rider.offer  code=$c
    """)


def test_going_off_duty_hands_the_open_offer_on_but_not_what_is_in_hand(riders):
    riders.play("阿哲  上线" + taken("小林", "$c") + cooking("小陈", "$d") + """
        (work)
        push  阿哲  rider.offer  code=$d
        阿哲  收工
        bot   rider.offline_with_orders  codes=$c
        大鹏  上线
        (work)
        push  大鹏  rider.offer  code=$d
        阿哲  $c取到
        bot   rider.picked_up
    """)


def test_the_same_building_is_a_reason_and_two_codes_are_told_apart(riders):
    riders.play("阿哲  上线" + taken("小林", "$c") + cooking("小陈", "$d") + """
        (work)
        push  阿哲  rider.offer  code=$d  手上  $c
        阿哲  接$d
        bot   rider.taken
        阿哲  取到了
        bot   rider.which_job  $c  $d
        阿哲  $c取到
        bot   rider.picked_up  $d
        阿哲  取到了
        bot   rider.picked_up
        阿哲  $c到了
        bot   rider.arrived
        阿哲  $d到了
        bot   rider.arrived
        (work)
    """)
    mine, other = pin_of(riders, "小林"), pin_of(riders, "小陈")
    wrong = next(f"{n:04d}" for n in range(3) if f"{n:04d}" not in (mine, other))
    riders.play(f"""
        阿哲  {wrong}
        bot   rider.pin_wrong  left=2
        阿哲  {mine}
        bot   rider.delivered  code=$c  count=1
        阿哲  {wrong}
        bot   rider.pin_wrong  left=1
        阿哲  {other}
        bot   rider.delivered  code=$d  count=2
        阿哲  下线
        bot   rider.offline  count=2
    """)


def test_guesses_count_against_everybody_at_the_door_and_equal_codes_are_asked_about(riders):
    riders.play("阿哲  上线" + taken("小林", "$c") + cooking("小陈", "$d") + """
        (work)
        push  阿哲  rider.offer  code=$d
        阿哲  接$d
        阿哲  $c取到
        阿哲  $d取到
        阿哲  $c到了
        阿哲  $d到了
        bot   rider.arrived
        (work)
    """)
    with Sessions.begin() as session:
        session.execute(update(Order).values(pin="1234"))
    riders.play("""
        阿哲  1234
        bot   rider.which_order  $c  $d
        阿哲  0000
        bot   rider.pin_wrong
        阿哲  1111
        bot   rider.pin_wrong
        阿哲  2222
        bot   rider.pin_locked
        阿哲  $d 1234
        bot   rider.pin_locked
        阿哲  $c 1234
        bot   rider.pin_locked
    """)


def test_sentences_without_a_code_mean_the_order_in_hand(riders):
    riders.play("阿哲  上线" + cooking("小林", "$c") + """
        (work)
        push  阿哲  rider.offer
        阿哲  好的
        bot   rider.taken
        阿哲  我到店了
        bot   rider.at_shop
        阿哲  取到了
        bot   rider.picked_up
        阿哲  到了
        bot   rider.arrived
        阿哲  送到了
        bot   rider.ask_pin
    """)


@pytest.mark.parametrize("words", ["你好", "师傅好", "在吗", "没好"])
def test_a_greeting_takes_no_order(riders, words):
    riders.play("阿哲  上线" + cooking("小林", "$c") + "(work)")
    riders.stage.says("阿哲", words)
    with Sessions() as session:
        assert session.scalars(select(Offer.state)).all() == [OfferState.OPEN]


def test_steps_out_of_order_move_nothing_and_say_what_comes_next(riders):
    riders.play("阿哲  上线" + taken("小林", "$c") + """
        阿哲  $c到了
        bot   rider.picked_up_first
        大鹏  $c取到
        bot   rider.not_yours
        阿哲  $c取到
        bot   rider.picked_up
        阿哲  $c取到
        bot   rider.as_it_stands  配送中
        阿哲  4071
        小林  到哪了
        bot   status.under_way  阿哲在送
    """)


def test_after_three_wrong_codes_even_the_right_one_does_not_count(riders):
    riders.play("阿哲  上线" + taken("小林", "$c") + """
        阿哲  $c取到
        阿哲  $c到了
        (work)
    """)
    pin = pin_of(riders, "小林")
    wrong = [f"{(int(pin) + n) % 10_000:04d}" for n in (1, 2, 3)]
    riders.play(f"""
        阿哲  {wrong[0]}
        bot   rider.pin_wrong  left=2
        阿哲  {wrong[1]}
        bot   rider.pin_wrong  left=1
        阿哲  {wrong[2]}
        bot   rider.pin_locked
        阿哲  {pin}
        bot   rider.pin_locked
        大鹏  $c {pin}
        小林  到哪了
        bot   status.under_way  到楼下了
    """)


def test_nobody_is_offered_or_can_take_their_own_order(riders):
    riders.play("阿哲  上线" + cooking("阿哲", "$c") + """
        (work)
        card  阿哲  paid
        quiet 阿哲
        阿哲  接$c
        bot   rider.gone
        大鹏  上线
        (work)
        push  大鹏  rider.offer  code=$c
    """)


def test_somebody_who_may_not_ride_is_told_so(riders):
    riders.play("""
        小林  上线
        bot   rider.not_one
    """)
    with Sessions.begin() as session:
        session.execute(update(Rider).values(status=RiderStatus.SUSPENDED))
    riders.play("""
        阿哲  上线
        bot   rider.not_approved
    """)


def test_a_rider_who_is_asked_nothing_is_told_so(riders):
    riders.play("""
        阿哲  接
        bot   rider.no_offer
        阿哲  接单
        bot   rider.no_offer
        阿哲  不接
        bot   rider.no_offer
        阿哲  上线
        阿哲  乱七八糟的话
        bot   talk.lost_at_work
        阿哲  还是乱七八糟
        bot   talk.lost_again
    """)


def test_a_rider_holds_three_orders_at_most(riders):
    for name in ("小王", "小李"):
        riders.stage.add(name, "student")
    riders.play("阿哲  上线" + taken("小林", "$c") + taken("小陈", "$d") + taken("小王", "$e")
                + cooking("小李", "$f") + """
        (work)
        quiet 阿哲
        大鹏  上线
        (work)
        push  大鹏  rider.offer  code=$f
    """)


def test_a_pin_on_the_map_says_where_a_rider_is(riders):
    riders.play("阿哲  上线")
    outcome = riders.stage.world.share_location("阿哲", 30.5, 114.3, "梅园路")
    assert "位置" in outcome.reply
    with Sessions() as session:
        rider = session.scalars(select(Rider).filter_by(name="阿哲")).one()
        assert (rider.lat, rider.lng) == (30.5, 114.3)
        assert session.scalars(select(Order)).all() == []


def test_a_rider_who_asks_why_hears_the_numbers_of_both(riders):
    riders.play("""
        阿哲  为什么没派给我
        bot   rider.why_none
        阿哲  上线
        大鹏  上线
    """ + cooking("小林", "$c") + "(work)")
    first, second = _asked_first(riders)
    with Sessions() as session:
        offer = session.scalars(select(Offer)).one()
        [chosen] = [c for c in offer.candidates if c["why"] == "chosen"]
        [other] = [c for c in offer.candidates if c["why"] != "chosen"]
        assert (chosen["rider_id"], chosen["cost_s"]) == (offer.rider_id, offer.reason["cost_s"])
    cost, best = round(other["cost_s"]), round(chosen["cost_s"])
    riders.play(f"""
        {second}  $c为啥没派给我
        bot   rider.why_dearer  code=$c  cost={cost}  best={best}
        {second}  为什么没派给我
        bot   rider.why_dearer  {other["arrival_s"] / 60:.1f}分钟到店
        {first}  $c为什么没派给我
        bot   rider.why_yours
        小林  $c为什么没派给我
    """)


def test_why_is_answered_of_an_older_offer_as_well(riders):
    """Offers of before kept their candidates in the reason, by column or one by one."""
    riders.play("阿哲  上线\n大鹏  上线\n" + cooking("小林", "$c") + "(work)")
    _, second = _asked_first(riders)
    for kept in ("by column", "one by one"):
        with Sessions.begin() as session:
            offer = session.scalars(select(Offer)).one()
            told = offer.candidates if kept == "one by one" else offer.considered
            offer.reason, offer.considered = {**offer.reason, "candidates": told}, None
        riders.play(f"{second}  为什么没派给我\nbot  rider.why_dearer  code=$c")


def test_a_rider_who_stood_aside_hears_why_not_for_this_one(riders):
    riders.play("""
        大鹏  上线
    """ + cooking("阿哲", "$c") + """
        阿哲  上线
        (work)
        push  大鹏  rider.offer  code=$c
        阿哲  为什么没派给我
        bot   rider.why_barred  code=$c  自己点的
        阿哲  A999为什么没派给我
        bot   order.unknown
        阿哲  下线
    """ + cooking("小林", "$d") + """
        大鹏  接$c
        (work)
        阿哲  $d为什么没派给我
        bot   rider.why_away  code=$d
    """)



def test_a_code_with_nobody_at_the_door_says_what_comes_first(chat):
    chat.play("""
        阿哲  1234
        bot   talk.lost_at_work
    """)
    chat.play(TAKEN)
    chat.play("""
        阿哲  1234
        bot   rider.nothing_arrived  还没有到楼下的单  手上还有
        阿哲  $c 1234
        bot   rider.as_it_stands  code=$c
    """)
    chat.play("""
        阿哲  $c到店
        阿香  $c出餐
        阿哲  $c取到
        阿哲  $c到了
        bot   rider.arrived
        (work)
    """)
    chat.play(f"""
        阿哲  {pin_of(chat, "小林")}
        bot   rider.delivered
        阿哲  {pin_of(chat, "小林")}
        bot   rider.nothing_in_hand
        阿哲  $c {pin_of(chat, "小林")}
        bot   rider.as_it_stands  code=$c
    """)


def test_nobody_carries_their_own_order_whatever_was_offered(chat):
    """Dispatch offers none; an offer made by hand, or by a slip, is refused all the same."""
    chat.play(COOKING)
    with Sessions.begin() as session:
        order = session.scalars(select(Order)).one()
        mine = Rider(person_id=order.buyer_id, campus_id=order.campus_id, name="小林",
                     is_on_duty=True)
        session.add(mine)
        session.flush()
        session.add(Offer(
            order_id=order.id, rider_id=mine.id, offered_at=order.created_at, fee_fen=160,
            expires_at=order.created_at + timedelta(hours=1), reason={}))
    chat.play("""
        小林  接$c
        bot   rider.own_order  code=$c
    """)
    with Sessions() as session:
        assert session.scalars(select(Order.rider_id)).one() is None


def test_a_rider_with_full_hands_takes_no_more(chat, monkeypatch):
    chat.play(COOKING + """
        阿哲  上线
        bot   rider.online
        (work)
        push  阿哲  rider.offer  code=$c
    """)
    monkeypatch.setattr("handlers.rider.offer.CAPACITY", 0)
    chat.play("""
        阿哲  接$c
        bot   rider.full
    """)
    with Sessions() as session:
        assert session.scalars(select(Order.rider_id)).one() is None


@pytest.mark.parametrize("words", ["干到12点半", "我12点半下班", "12:30下线", "今天跑到12点半"])
def test_a_shift_ends_when_its_rider_said(riders, words):
    riders.stage.wait_until(11, 20)
    riders.play(f"""
        阿哲  上线
        阿哲  {words}
        bot   rider.off_at  12:30
    """)
    assert a_rider("阿哲").is_on_duty
    riders.stage.pass_time(minutes=69)
    riders.play("(work)")
    assert a_rider("阿哲").is_on_duty
    riders.stage.pass_time(minutes=2)
    riders.play("""
        (work)
        push  阿哲  rider.shift_over
    """)
    assert (a_rider("阿哲").is_on_duty, a_rider("阿哲").off_at) == (False, None)


def test_near_its_end_only_what_can_be_brought_by_then_is_offered(riders):
    riders.stage.wait_until(11, 20)
    riders.play("""
        阿哲  上线
        阿哲  干到11点25
        bot   rider.off_at  11:25
    """)
    riders.play(cooking("小林", "$c"))
    riders.play("""
        (work)
        quiet 阿哲
        大鹏  上线
        (work)
        push  大鹏  rider.offer  code=$c
    """)
    with Sessions() as session:
        offer = session.scalars(select(Offer)).one()
        assert [each["why"] for each in offer.candidates] == ["chosen", "ending"]


def test_online_again_and_a_break_do_not_forget_or_keep_it_wrongly(riders):
    riders.stage.wait_until(11, 20)
    riders.play("""
        阿哲  上线
        阿哲  干到12点半
        阿哲  歇20分钟
    """)
    assert a_rider("阿哲").off_at
    riders.play("阿哲  上线")
    assert a_rider("阿哲").off_at is None
    riders.play("""
        阿哲  干到12点半
        阿哲  下线
    """)
    assert a_rider("阿哲").off_at is None


def a_rider(name):
    with Sessions() as session:
        return session.scalars(select(Rider).filter_by(name=name)).one()
