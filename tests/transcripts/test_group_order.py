"""Journey 8: open, join, each pays, lock, out again; and what may go wrong on the way."""
from datetime import timedelta, timezone

import pytest
from requests import HTTPError
from sqlalchemy import select, update

from handlers.kitchen import reject_unanswered
from handlers.payment import link
from models.base import Sessions, utcnow
from models.group_order import GroupOrder
from models.order import Order
from models.payment import Payment
from models.rules.order_state import OrderState
from models.shop import Dish, Shop
from tests.support.payment import balances
from tests.support.transcript import Chat
from tests.transcripts.test_first_lunch import pin_of


def until(minutes: int = 20) -> str:
    """A clock time on the campus, between `minutes` - 1 and `minutes` from now."""
    zone = timezone(timedelta(hours=8))
    return f"{utcnow().astimezone(zone) + timedelta(minutes=minutes):%H:%M}"


@pytest.mark.parametrize("said", [
    "拼单 二食堂", "拼单 二食堂 {until}截止", "开个拼单，二食堂", "二食堂拼单", "我想拼单 二食堂"])
def test_a_group_wished_for_while_the_address_is_asked_for_is_no_address(chat, demo_campus, said):
    """The canteen is where the food comes from."""
    chat.stage.load(demo_campus)
    chat.play(f"""
        小林  改地址
        bot   address.ask
        小林  {said.format(until=until())}
        bot   group.where
        小林  12栋 412 小林
        bot   group.opened  二食堂  送东区12号楼
    """)


def test_the_whole_journey(dorm):
    dorm.play(f"""
        小林  拼单 阿香黄焖鸡 {until()}截止
        bot   group.opened  code=$g  source=阿香黄焖鸡米饭  free=3
        小林  〔我先点〕
        bot   group.door
        小林  一份香菇滑鸡饭
        bot   group.joined  order=$l  payable=¥18.00
        (小林 pays)
        小周  【拼单$g】关注跑堂，发“$g 想吃的”就进来，11:40截止
        bot   group.door  opener=林同学
        小周  $g 一份黄焖排骨饭
        bot   group.joined  order=$z  payable=¥20.00  2人，再来1人免配送
        (小周 pays)
        小陈  $g 来份黄焖鸡微辣
        bot   group.joined  order=$k  payable=¥16.00  3人✓免配送
        小王  $g 一份黄焖牛腩饭
        bot   group.joined  payable=¥20.00  4人✓免配送
        (小陈 pays)
        (18 min pass)
        (work)
        push  小王  group.remind  payable=¥20.00  code=$g
        card  小林  paid  ¥18.00
        card  小周  paid  ¥20.00
        card  小陈  paid  ¥16.00
        quiet 小林
        (3 min pass)
        (work)
        card  小林  group_locked  已锁单  ¥16.00  3人已付
        card  小周  group_locked  ¥19.00
        card  小陈  group_locked  ¥16.00
        push  小王  group.removed
        push  小林  group.summary  people=3  黄焖排骨饭-2号  香菇滑鸡饭-林  ¥51.00 免配送
        card  阿香  merchant_order  $g  3袋  ¥51.00
        card  小林  refunded  ¥2.00  已退回
        card  小周  refunded  ¥1.00
        阿香  接$g
        bot   group.accepted  code=$g  count=3  黄焖排骨饭  林
        阿哲  上线
        bot   rider.online
        (work)
        push  阿哲  rider.offer
        阿哲  〔接〕
        bot   group.rider_taken  code=$g  count=3
        阿哲  撤回接$g
        bot   rider.given_back  code=$g
        (work)
        (4 min pass)
        (work)
        push  阿哲  rider.offer
        阿哲  接$g
        bot   group.rider_taken  code=$g  count=3
        阿香  〔出餐了〕
        bot   kitchen.cooked  code=$g
        阿香  撤回$g
        bot   kitchen.not_cooked  code=$g
        阿香  $g出餐
        bot   kitchen.cooked  code=$g
        阿哲  〔到店了〕
        bot   rider.at_shop  code=$g
        阿哲  〔取到了〕
        bot   group.rider_picked_up  count=3
        阿哲  〔到了〕
        bot   group.rider_arrived  count=3
        (work)
    """)
    dorm.play(f"""
        card  小周  progress  配送中
        card  小周  arrived  {pin_of(dorm, "小周")}
        阿哲  {pin_of(dorm, "小周")}
        bot   group.rider_given  labels=2号  left=2
        阿哲  {pin_of(dorm, "小林")}
        bot   rider.delivered  code=$g  count=3  fee=¥1.60  earned=¥1.60
        阿哲  $g {pin_of(dorm, "小陈")}
        bot   group.rider_all_given  code=$g
        小陈  $g {pin_of(dorm, "小陈")}
        bot   group.is_locked
        (work)
        push  小陈  buyer.delivered
    """)
    with Sessions() as session:
        assert sorted(balances(session).values()) == [-5100, -160, 160, 5100]


def gathered(dorm: Chat) -> None:
    """小林 opens; 小周 and 小陈 are in, each with a dish."""
    dorm.play(f"""
        小林  拼单 阿香黄焖鸡 {until()}截止
        bot   group.opened  code=$g
        小林  $g 一份香菇滑鸡饭
        bot   group.joined  payable=¥18.00
        小周  $g 一份黄焖排骨饭
        bot   group.joined  payable=¥20.00
        小陈  $g 来份黄焖鸡微辣
        bot   group.joined  payable=¥16.00  order=$k
    """)


def test_whoever_leaves_before_the_lock_changes_nobody_elses_price(dorm):
    gathered(dorm)
    dorm.play("""
        (小陈 pays)
        (小周 pays)
        小周  退出$g
        bot   group.leave_paid  amount=¥20.00
        小周  不了
        小周  退出$g
        bot   group.leave_paid
        小周  〔确定退出〕
        bot   group.left_refunding  amount=¥20.00
        小周  〔撤回〕
        bot   group.stayed
        小周  确定退出$g
        bot   group.left_refunding  amount=¥20.00
        小林  退出$g
        bot   group.left
        (work)
        push  小陈  group.you_lead  code=$g
        小陈  $g还差谁
        bot   group.standing  opener=团长  你的 ¥16.00 付好了
        小陈  $g锁单
        bot   group.summary  people=1  payable=¥16.00
        (work)
        card  小陈  paid
        card  小陈  group_locked  ¥16.00
        card  小周  paid
        quiet 小周
        (2 min pass)
        (work)
        card  小周  refunded  ¥20.00
    """)


def test_whoever_leaves_after_the_lock_gets_their_own_money_back_and_nothing_else_moves(dorm):
    gathered(dorm)
    dorm.play("""
        (小林 pays)
        (小周 pays)
        (小陈 pays)
        小林  $g锁单
        bot   group.summary  people=3
        (work)
        card  小周  paid
        card  小周  group_locked  ¥19.00
        小周  退出$g
        bot   group.leave_locked  amount=¥19.00
        小周  〔不退了〕
        bot   group.stayed
        小周  退出$g
        bot   group.leave_locked
        小周  好的
        bot   group.left_for_good  amount=¥19.00
        小周  撤回
        bot   undo.nothing
        (work)
        card  阿香  merchant_order
        card  小周  refunded  ¥1.00
        (2 min pass)
        (work)
        card  小周  refunded  ¥19.00
        小林  $g到哪了
        bot   status.under_way
        阿香  接$g
        bot   group.accepted  count=2
        小陈  退出$g
        bot   cancel.ask_kitchen  code=$k
    """)


def test_the_opener_gives_up_and_everybody_gets_their_money_back(dorm):
    gathered(dorm)
    dorm.play("""
        (小周 pays)
        小陈  $g解散
        bot   group.opener_only
        小林  $g解散
        bot   group.dissolve_sure  paid=1
        小林  〔确定解散〕
        bot   group.dissolved
        (work)
        card  小周  paid
        push  小周  group.told_dissolved  你付的 ¥20.00
        card  小周  refunded  ¥20.00
        push  小陈  group.told_dissolved
        小王  $g 一份黄焖牛腩饭
        bot   group.is_dissolved
    """)


def test_it_locks_as_soon_as_three_have_paid(dorm):
    gathered(dorm)
    dorm.play("""
        小林  〔够3人就锁〕
        bot   group.lock_when  people=3
        (小林 pays)
        (小周 pays)
        (work)
        小王  $g
        bot   group.door
        (小陈 pays)
        (work)
        push  小林  group.summary  people=3
        小王  $g 一份黄焖牛腩饭
        bot   group.is_locked
    """)


def test_another_deadline_is_another_reminder_with_a_link_that_is_good(dorm):
    gathered(dorm)
    dorm.play("""
        (18 min pass)
        (work)
        push  小周  group.remind
        小林  $g改截止
        bot   group.deadline_changed
        (10 min pass)
        (work)
        push  小周  group.remind  payable=¥20.00
        (小周 pays)
        (2 min pass)
        (work)
        card  小周  paid
        card  小周  group_locked
    """)


def treated_at_the_canteen(dorm: Chat) -> None:
    dorm.play(f"""
        小林  拼单 二食堂 {until()}截止
        bot   group.opened  code=$g
        小林  $g我请客
        bot   group.treats
    """)


def test_the_opener_who_treats_at_two_windows_hears_of_each_bill(dorm):
    treated_at_the_canteen(dorm)
    dorm.play("""
        小林  $g 一份香菇滑鸡饭
        bot   group.joined_own_treat
        小周  $g 一份鱼香肉丝盖饭
        bot   group.joined_treat
        小林  $g锁单
        bot   group.bill
        (小林 pays)
        (work)
        push  小林  group.bill
        card  小林  paid
        card  小林  group_locked
        push  小林  group.summary
        (小林 pays)
        (work)
        card  小林  paid
        card  小林  group_locked
        push  小林  group.summary
        push  小周  group.treated
    """)


def test_nobody_pays_and_it_ends_by_itself(dorm):
    gathered(dorm)
    dorm.play("""
        (21 min pass)
        (work)
        push  小周  group.removed
        push  小林  group.removed
        push  小林  group.told_dissolved
        小林  退出$g
        bot   group.is_dissolved
    """)


def test_dishes_are_changed_swapped_and_added(dorm):
    gathered(dorm)
    dorm.play("""
        小周  $g换菜
        bot   group.swap
        小周  一份黄焖牛腩饭
        bot   group.joined  payable=¥20.00  黄焖牛腩饭
        小周  $g 再来一份黄焖鸡爪
        bot   group.joined  payable=¥35.00
        (小周 pays)
        小周  $g换菜
        bot   group.swap_paid
        小周  $g 一份黄焖豆腐饭
        bot   group.joined  payable=¥13.00
        小林  改到18点
        小林  $g改截止
        bot   group.deadline_changed
        小周  我姓周
        bot   group.bag_named  label=周
        小周  $g锁单
        bot   group.opener_only
    """)


def test_the_opener_treats(dorm):
    gathered(dorm)
    dorm.play("""
        小林  $g我请客
        bot   group.treats
        (work)
        push  小周  group.told_treat  opener=林同学
        小王  $g 一份黄焖牛腩饭
        bot   group.joined_treat  opener=林同学
        小林  $g锁单
        bot   group.bill  payable=¥71.00  count=4
        (小林 pays)
        (work)
        card  小林  paid  ¥71.00
        card  小林  group_locked  ¥71.00
        push  小周  group.treated
        阿香  接$g
        bot   group.accepted  count=4
    """)


def test_an_opener_who_treats_after_all_not_has_everybody_told_both_times(dorm):
    gathered(dorm)
    dorm.play("""
        小林  $g我请客
        bot   group.treats
        (work)
        push  小周  group.told_treat
        小林  〔改成各付各的〕
        bot   group.each_pays
        (work)
        push  小周  group.joined  payable=¥20.00
        小林  $g我请客
        bot   group.treats
        (work)
        push  小周  group.told_treat
    """)


def test_an_opener_who_treated_and_leaves_makes_nobody_else_pay_for_all(dorm):
    gathered(dorm)
    dorm.play("""
        小林  $g我请客
        bot   group.treats
        (work)
        push  小周  group.told_treat
        小林  退出$g
        bot   group.left
        (work)
        push  小周  group.you_lead  code=$g
        push  小周  group.joined  payable=¥21.00
        push  小陈  group.told_treat
        push  小陈  group.joined  payable=¥17.00
        (小陈 pays)
        小周  〔锁单〕
        bot   group.summary  people=1  payable=¥17.00
    """)


def test_who_is_treated_may_eat_from_two_windows(dorm):
    treated_at_the_canteen(dorm)
    dorm.play("""
        小周  $g 一份香菇滑鸡饭
        bot   group.joined_treat
        小周  $g 一份鱼香肉丝盖饭
        bot   group.joined_treat
        小林  $g锁单
        bot   group.bill  payable=¥18.00  count=1
        (work)
        push  小林  group.bill  payable=¥14.00
    """)


@pytest.mark.parametrize("how", ["阿香  拒$g", "小林  确定退出$g"])
def test_who_was_treated_hears_that_it_came_to_nothing(dorm, how):
    gathered(dorm)
    dorm.play(f"""
        小林  $g我请客
        bot   group.treats
        (work)
        push  小周  group.told_treat
        小林  $g锁单
        bot   group.bill
        (小林 pays)
        (work)
        push  小周  group.treated
        {how}
        (work)
        quiet 小周
        (2 min pass)
        (work)
        push  小周  group.treat_off
        (work)
        quiet 小周
    """)


def test_nobody_pays_for_a_wish_that_the_opener_treats_to(dorm):
    gathered(dorm)
    dorm.play("""
        小林  $g我请客
        bot   group.treats
        小陈  确认$k
        bot   group.nothing_to_pay
        小陈  $k代付
        bot   group.nothing_to_pay
        小林  $g锁单
        bot   group.bill  count=3
    """)
    with Sessions() as session:
        assert {order.buyer_id for order in session.scalars(select(Order).filter_by(
            state=OrderState.AWAITING_PAYMENT))} == {session.query(GroupOrder).one().opener_id}


def test_ones_part_is_changed_by_its_own_code_but_stays_on_the_one_trip(dorm):
    gathered(dorm)
    dorm.play("""
        小陈  $k送到9栋
        bot   group.one_trip
        小陈  $k改成12:30送
        bot   group.one_trip
        小陈  $k备注不要辣
        bot   group.joined  payable=¥16.00  不要辣
        小陈  $g 备注多放葱
        bot   group.joined  payable=¥16.00  多放葱
        小陈  $g 再来一份黄焖鸡爪
        bot   group.joined  payable=¥31.00
        小陈  $g 黄焖鸡爪不要了
        bot   group.joined  payable=¥16.00
        小陈  确认$k
        bot   group.joined  payable=¥16.00
        (小陈 pays)
        小陈  $k改地址
        bot   redirect.where
        小陈  东区9号楼 412
        bot   group.one_trip
        小周  $g 不要黄焖排骨饭了
        bot   group.nothing_left
    """)


def test_a_treat_that_is_not_paid_for_comes_to_nothing(dorm):
    gathered(dorm)
    dorm.play("""
        小林  $g我请客
        bot   group.treats
        (work)
        小林  $g锁单
        bot   group.bill
        (11 min pass)
        (work)
        (work)
        push  小周  group.told_treat
        push  小周  group.told_dissolved
    """)


def test_what_ran_out_is_no_part_of_a_treat(dorm):
    gathered(dorm)
    dorm.play("""
        小林  $g我请客
        bot   group.treats
        (work)
        push  小周  group.told_treat
        阿香  黄焖排骨饭卖完了
        bot   kitchen.sold_out
        小林  $g锁单
        bot   group.bill  payable=¥32.00  count=2
        (work)
        push  小林  group.bill  黄焖排骨饭  payable=¥32.00
        push  小周  group.treat_lacks  dishes=黄焖排骨饭
    """)


def test_a_treat_of_which_nothing_is_left_says_so(dorm):
    gathered(dorm)
    dorm.play("""
        小林  $g我请客
        bot   group.treats
        (work)
        push  小周  group.told_treat
    """)
    sold_out("香菇滑鸡饭", "黄焖排骨饭", "黄焖鸡米饭")
    dorm.play("""
        小林  $g锁单
        bot   group.told_dissolved  卖完
        (work)
        push  小周  group.told_dissolved  卖完
    """)


def test_the_trip_of_a_treat_is_on_a_window_that_has_something_left(dorm):
    treated_at_the_canteen(dorm)
    dorm.play("""
        小林  $g 一份香菇滑鸡饭
        bot   group.joined_own_treat
        小周  $g 一份鱼香肉丝盖饭
        bot   group.joined_treat
    """)
    sold_out("香菇滑鸡饭")
    dorm.play("""
        小林  $g锁单
        bot   group.bill  payable=¥16.00  配送¥2.00
    """)


def test_all_that_was_paid_for_has_run_out_and_the_opener_hears_why(dorm):
    gathered(dorm)
    dorm.play("""
        (小林 pays)
        阿香  香菇滑鸡饭卖完了
        bot   kitchen.sold_out
        小林  $g锁单
        bot   group.told_dissolved  卖完  你付的 ¥18.00
    """)


def test_below_the_shops_minimum_the_opener_hears_why_and_a_treat_has_one_too(dorm):
    with Sessions.begin() as session:
        session.execute(update(Shop).values(min_order_fen=9900))
    gathered(dorm)
    dorm.play("""
        (小林 pays)
        小林  $g锁单
        bot   group.told_dissolved  不到起送价  你付的 ¥18.00
    """)
    dorm.kept.clear()
    gathered(dorm)
    dorm.play("""
        小林  $g我请客
        bot   group.treats
        小林  $g锁单
        bot   group.told_dissolved  不到起送价
        (work)
        push  小周  group.removed
        push  小周  group.told_treat
        push  小周  group.told_dissolved  不到起送价
    """)


def sold_out(*dishes: str) -> None:
    with Sessions.begin() as session:
        session.execute(update(Dish).where(Dish.name.in_(dishes)).values(stock=0))


def test_a_saved_group_is_reopened_in_one_word(dorm):
    gathered(dorm)
    dorm.play("""
        小林  $g存成学习小组
        bot   group.saved  name=学习小组  count=3
        小林  $g解散
        bot   group.dissolved
        小林  〔再开一次〕
        bot   group.opened  code=$h  “学习小组”的2个人我去喊
        (work)
        push  小周  group.told_dissolved
        push  小周  group.again  code=$h
        小周  一份黄焖排骨饭
        小周  $h 一份黄焖排骨饭
        bot   group.joined
    """)


def test_a_scanned_code_leads_in_and_a_stranger_sees_no_names(dorm):
    gathered(dorm)
    dorm.stage.add("路人", "student", followed=False)
    dorm.play("""
        (路人 follows g_G1)
        bot   group.door  code=$g
        路人  $g还差谁
        bot   group.standing
        路人  $g锁单
        bot   group.opener_only
        路人  退出$g
        bot   group.not_in
        路人  一份黄焖牛腩饭
        bot   group.joined
    """)
    assert "排骨" not in dorm.last("路人")


def test_leaving_two_windows_is_taken_back_whole_or_not_at_all(dorm):
    at_two_windows(dorm)
    with Sessions.begin() as session:
        session.execute(update(Dish).where(Dish.name == "鱼香肉丝盖饭").values(stock=3))
    dorm.play("""
        小林  $g付款
        (小林 pays)
        小林  $g付款
        (小林 pays)
        小林  确定退出$g
        bot   group.left_refunding  amount=¥32.00
    """)
    sold_out("鱼香肉丝盖饭")
    dorm.play("""
        小林  〔撤回〕
        bot   undo.too_late
    """)
    with Sessions() as session:
        assert set(session.scalars(select(Order.state))) == {OrderState.CANCELLED}


def test_what_was_not_paid_at_one_of_two_windows_is_missed_aloud(dorm):
    at_two_windows(dorm)
    dorm.play("""
        小林  $g付款
        bot   group.joined  payable=¥18.00
        (小林 pays)
        (21 min pass)
        (work)
        push  小林  group.dropped  dishes=鱼香肉丝盖饭
        push  小林  group.summary  香菇滑鸡饭
    """)


def test_one_who_comes_to_the_shop_keeps_no_rider_from_the_others(dorm):
    gathered(dorm)
    dorm.play("""
        (小林 pays)
        (小周 pays)
        (小陈 pays)
        小林  $g锁单
        bot   group.summary  people=3
        阿香  接$g
        bot   group.accepted
        (11 min pass)
        (work)
        push  小林  stranded.choose  code=$c
        小林  $c自取
        bot   stranded.come_free
        阿哲  上线
        bot   rider.online
        (work)
        push  阿哲  rider.offer  ¥1.60
        阿哲  接$g
        bot   group.rider_taken  count=2
    """)
    with Sessions() as session:
        assert sorted(session.scalars(select(Order.rider_fee_fen))) == [0, 80, 80]


def test_a_window_that_says_no_leaves_the_rider_the_pay_for_the_trip(dorm):
    dorm.play(f"""
        小林  拼单 二食堂 {until()}截止
        bot   group.opened  code=$g
        小林  $g 一份香菇滑鸡饭
        bot   group.joined
        小周  $g 一份鱼香肉丝盖饭
        bot   group.joined
        (小林 pays)
        (小周 pays)
        小林  $g锁单
        bot   group.summary  people=2
        (6 min pass)
    """)
    with Sessions.begin() as session:
        first = session.scalars(select(Order.id).order_by(Order.id).limit(1)).one()
        reject_unanswered(session, first, now=utcnow())
    dorm.play("""
        阿香  接$g
        bot   group.accepted  count=1
        阿哲  上线
        bot   rider.online
        (work)
        push  阿哲  rider.offer  ¥1.60
        阿哲  接$g
        bot   group.rider_taken  count=1
    """)
    with Sessions() as session:
        assert session.scalars(select(Order.rider_fee_fen).where(
            Order.rider_id.is_not(None))).all() == [160]


@pytest.mark.parametrize("reports", [["〔取到了〕"], ["$k取到", "$l取到"]])
def test_a_wait_for_several_bags_is_one_wait(dorm, reports):
    gathered(dorm)
    dorm.play("""
        小陈  $g付款
        bot   group.joined  order=$k
        小林  $g付款
        bot   group.joined  order=$l
        (小林 pays)
        (小陈 pays)
        小林  $g锁单
        阿香  接$g
        阿哲  上线
        bot   rider.online
        (work)
        push  阿哲  rider.offer
        阿哲  〔接〕
        bot   group.rider_taken  count=2
        阿哲  〔到店了〕
        (10 min pass)
    """)
    for said in reports:
        dorm.play(f"阿哲  {said}")
    dorm.play("""
        阿哲  $g到了
        bot   group.rider_arrived
        (work)
    """)
    dorm.play(f"""
        阿哲  {pin_of(dorm, "小林")}
        bot   rider.delivered  fee=¥1.60+等待¥0.50=¥2.10  earned=¥2.10
    """)


def test_the_canteen_is_one_group_with_all_its_windows(dorm):
    dorm.play(f"""
        小林  拼单 二食堂 {until()}截止
        bot   group.opened  code=$g  source=二食堂
        小林  $g 一份香菇滑鸡饭
        bot   group.joined  payable=¥18.00
        小周  $g 一份鱼香肉丝盖饭
        bot   group.joined  payable=¥15.00
        小陈  $g 一杯珍珠奶茶
        bot   group.not_sold_here
        (小林 pays)
        (小周 pays)
        小林  $g锁单
        bot   group.summary  people=2
        阿香  接$g
        bot   group.accepted  count=2
        阿哲  上线
        bot   rider.online
        (work)
        push  阿哲  rider.offer  code=$g
        阿哲  〔接〕
        bot   group.rider_taken  count=2
    """)


def at_two_windows(dorm: Chat) -> None:
    dorm.play(f"""
        小林  拼单 二食堂 {until()}截止
        bot   group.opened  code=$g
        小林  $g 一份香菇滑鸡饭
        bot   group.joined  payable=¥18.00
        小林  $g 一份鱼香肉丝盖饭
        bot   group.joined  payable=¥14.00
    """)


def test_who_eats_from_two_windows_pays_their_part_of_the_trip_once(dorm):
    at_two_windows(dorm)
    dorm.play("""
        小林  $g付款
        bot   group.joined  payable=¥18.00
        小林  $g 加一份香菇滑鸡饭
        bot   group.joined  payable=¥34.00
    """)


def test_of_two_windows_each_payment_says_what_comes_after_it(dorm):
    at_two_windows(dorm)
    assert "先付阿香黄焖鸡米饭 ¥18.00</a>，付完再付蜀味盖码饭 ¥14.00" in dorm.last("小林")
    dorm.play("""
        (小林 pays)
        (work)
        push  小林  group.pay_next  蜀味盖码饭
        (小林 pays)
        (work)
        小林  $g付款
        bot   group.nothing_to_pay
        小林  $g锁单
        bot   group.summary  payable=¥32.00
    """)


def test_one_reminder_speaks_of_both_windows(dorm):
    at_two_windows(dorm)
    dorm.play("""
        (18 min pass)
        (work)
        push  小林  group.remind  payable=¥32.00
        (小林 pays)
        (work)
        push  小林  group.pay_next
    """)


def test_who_has_one_of_two_windows_to_pay_yet_does_not_make_the_number_full(dorm):
    at_two_windows(dorm)
    dorm.play("""
        小林  $g满1人锁
        bot   group.lock_when
        (小林 pays)
        (work)
        push  小林  group.pay_next
        (小林 pays)
        (work)
        push  小林  group.summary  payable=¥32.00
    """)


def test_the_window_with_the_way_in_it_is_paid_first(dorm):
    """Else the other would be carried for nothing."""
    at_two_windows(dorm)
    with Sessions() as session:
        with_way, without = session.scalars(select(Payment).order_by(Payment.id))
        links = link(with_way), link(without)
    with pytest.raises(HTTPError, match="409"):
        dorm.stage.open_sheet("小林", links[1])
    dorm.stage.pay("小林", links[0])
    dorm.stage.pump()
    dorm.stage.pay("小林", links[1])
    dorm.play("""
        (work)
        小林  $g锁单
        bot   group.summary
    """)
    with Sessions() as session:
        assert set(session.scalars(select(Order.state))) == {OrderState.PAID}
        assert sum(balances(session).values()) == 0


def test_a_dish_that_became_dearer_costs_what_was_quoted_line_by_line(dorm):
    gathered(dorm)
    with Sessions.begin() as session:
        session.execute(update(Dish).where(Dish.name == "黄焖排骨饭").values(price_fen=2500))
    dorm.play("""
        小周  $g付款
        bot   group.joined  黄焖排骨饭  ¥19.00  payable=¥20.00
    """)
    with Sessions() as session:
        for order in session.scalars(select(Order)):
            assert sum(line.amount_fen for line in order.lines) == order.goods_fen


def test_a_dish_that_runs_out_before_the_lock_costs_only_its_eater_a_meal(dorm):
    gathered(dorm)
    dorm.play("""
        (小林 pays)
        (小周 pays)
        (小陈 pays)
        阿香  黄焖排骨饭卖完了
        bot   kitchen.sold_out
        小林  $g锁单
        bot   group.summary  people=2
        (work)
        push  小周  group.sold_out  amount=¥20.00
        card  小周  paid
        card  小周  refunded  ¥20.00
        小王  拼单 阿香黄焖鸡
        bot   group.where
    """)


def test_a_saved_group_does_not_call_its_people_again_and_again(dorm):
    gathered(dorm)
    dorm.play("""
        小林  $g存成学习小组
        bot   group.saved
        小林  确定解散$g
    """)
    for _ in range(3):
        dorm.play("""
            小林  学习小组
            bot   group.opened  “学习小组”的2个人我去喊
        """)
        dorm.stage.says("小林", f"确定解散{newest_group()}")
        dorm.stage.pump()
    for name in ("小周", "小陈"):
        dorm.stage.news(name)
    dorm.play("""
        小林  学习小组
        bot   group.opened  不再一个个喊
        (work)
    """)
    assert not dorm.stage.news("小周")


def newest_group() -> str:
    with Sessions() as session:
        return session.scalars(select(GroupOrder.code).order_by(GroupOrder.id.desc())).first() or ""


def test_a_dish_is_taken_out_of_ones_part_in_many_words(dorm):
    gathered(dorm)
    dorm.play("""
        小周  $g 加一份黄焖鸡米饭
        bot   group.joined  黄焖鸡米饭 黄焖排骨饭
        小周  $g 去掉黄焖鸡米饭
        bot   group.joined  黄焖排骨饭
    """)
    assert "黄焖鸡米饭" not in dorm.last("小周")


@pytest.mark.parametrize("said", [
    "去掉香菇滑鸡饭", "不要香菇滑鸡饭了", "香菇滑鸡饭不要了", "把香菇滑鸡饭去掉", "删掉香菇滑鸡饭"])
def test_a_dish_is_taken_off_at_the_window_ordered_from_first(dorm, said):
    """And what is left carries the way."""
    at_two_windows(dorm)
    dorm.play(f"""
        小林  $g {said}
        bot   group.joined  鱼香肉丝盖饭  payable=¥16.00
    """)
    assert "香菇滑鸡饭" not in dorm.last("小林")


def test_the_welcome_of_a_canteens_group_names_every_window(dorm):
    at_two_windows(dorm)
    dorm.play("""
        小王  $g
        bot   group.door  这些窗口都能点：阿香黄焖鸡米饭、
    """)
    with Sessions() as session:
        group = session.scalars(select(GroupOrder)).one()
        windows = session.scalars(select(Shop.name).filter_by(
            place_id=group.canteen_id).order_by(Shop.id)).all()
        first = [session.scalars(select(Dish.name).join(Shop).where(Shop.name == name).order_by(
            Dish.id)).first() for name in windows]
    assert len(windows) > 1
    assert all(name in dorm.last("小王") for name in windows)
    assert all(f">{dish}</a>" in dorm.last("小王") for dish in first)


@pytest.mark.parametrize("said", [
    "不要糖醋里脊", "去掉黄焖排骨饭", "锅包肉不要了", "把锅包肉去掉吧"])
def test_what_was_not_ordered_is_said_not_to_be_in_it(dorm, said):
    at_two_windows(dorm)
    dorm.play(f"""
        小林  $g {said}
        bot   group.not_ordered  mine=香菇滑鸡饭、鱼香肉丝盖饭
        小王  $g {said}
        bot   group.not_in
    """)


@pytest.mark.parametrize("said", ["我那份不要了", "全部不要了", "不要这个了"])
def test_who_means_all_of_it_is_not_told_of_a_dish_of_that_name(dorm, said):
    at_two_windows(dorm)
    dorm.stage.says("小林", f"{newest_group()} {said}")
    assert "你那份里没有" not in dorm.last("小林")


def test_what_is_not_paid_is_taken_off_by_part_of_its_name(dorm):
    at_two_windows(dorm)
    dorm.play("""
        小林  $g 删了肉丝
        bot   group.joined  payable=¥18.00  香菇滑鸡饭
    """)
    assert "鱼香肉丝" not in dorm.last("小林")


def test_a_name_of_two_dishes_takes_neither_off_and_neither_is_said_to_be_paid(dorm):
    gathered(dorm)
    dorm.play("""
        小周  $g 加一份黄焖鸡米饭
        bot   group.joined  黄焖鸡米饭 黄焖排骨饭
        小周  $g 删了黄焖
        bot   group.joined  黄焖鸡米饭 黄焖排骨饭
    """)


def test_what_is_paid_is_not_taken_off_but_left_first(dorm):
    gathered(dorm)
    dorm.play("""
        (小林 pays)
        小林  $g 不要香菇滑鸡饭
        bot   group.swap_paid
        小林  $g 不要黄焖排骨饭
        bot   group.not_ordered
    """)


def test_who_eats_from_two_windows_is_told_that_one_link_pays_one(dorm):
    dorm.play(f"""
        小林  拼单 二食堂 {until()}截止
        bot   group.opened  code=$g
        小林  $g 一份香菇滑鸡饭
        bot   group.joined  payable=¥18.00  pay=付我这份
    """)
    dorm.play("""
        小林  $g 一份鱼香肉丝盖饭
        bot   group.joined  payable=¥14.00
        小林  $g付款
        bot   group.joined  payable=¥18.00
    """)
    assert "先付阿香黄焖鸡米饭 ¥18.00</a>，付完再付蜀味盖码饭 ¥14.00" in dorm.last("小林")
    dorm.play("""
        (小林 pays)
        小林  $g付款
        bot   group.joined  payable=¥14.00  pay=付我这份
    """)


def test_who_has_not_paid_is_said_to_who_asks(dorm):
    gathered(dorm)
    dorm.play("""
        (小周 pays)
        小林  $g谁没付
        bot   group.standing  香菇滑鸡饭-林（没付）  黄焖排骨饭-2号
    """)
    assert "2号（没付）" not in dorm.last("小林")


def test_no_fee_is_given_back_first_where_none_was_paid(dorm):
    gathered(dorm)
    dorm.play("""
        (小林 pays)
        (小周 pays)
        (小陈 pays)
        小林  $g锁单
        bot   group.summary
        阿香  接$g
        bot   group.accepted
        小周  退出$g
    """)
    assert "餐费要商家点头" in dorm.last("小周")
    assert "先退你" not in dorm.last("小周")
