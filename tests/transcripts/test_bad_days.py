"""The side paths: what ran out, who is late, who is not there, and words without a net."""
import re
from datetime import timedelta

from sqlalchemy import select

from config.texts import CATALOG
from models.base import Sessions
from models.order import Order, OrderLog
from tests.transcripts.stories import AT_THE_DOOR, COOKING, ON_THE_WAY, PAID, TAKEN
from tests.transcripts.test_second_thoughts import accounts, state

TWO_DISHES = """
    小林  来份黄焖鸡微辣 再来个可乐 送12栋302
    bot   order.quoted  code=$c  payable=¥17.00
    小林  确认$c
    bot   order.confirmed
    (小林 pays)
    (work)
    card  小林  paid  $c
"""


def pin_of(chat, who="小林"):
    cards = [e for e in chat.stage.world.events(0, who) if e.get("template_id") == "arrived"]
    return next(v for v in (r["value"] for r in cards[-1]["rows"]) if re.fullmatch(r"\d{4}", v))


# What ran out


def test_what_ran_out_is_swapped_at_the_same_price(chat):
    chat.play(TWO_DISHES + """
        阿香  $c缺货
        bot   kitchen.which_lacks  code=$c
        阿香  〔可乐〕
        bot   kitchen.lacking  dish=可乐
        小林  在吗
        (work)
        push  小林  shortage.choose  code=$c  dish=可乐
        小林  $c换酸梅汤
        bot   shortage.swapped  dish=酸梅汤  payable=¥17.00
        (work)
        push  阿香  kitchen.line_swapped  dish=酸梅汤
        小林  到哪了
        bot   status.under_way
        (4 min pass)
        (work)
    """)
    assert state() == "cooking"
    assert accounts() == {"wechat": 1700, "order": -1700}


def test_silence_drops_what_ran_out_and_pays_it_back(chat):
    chat.play(TWO_DISHES + """
        阿香  $c缺可乐
        bot   kitchen.lacking
        (2 min pass)
        (work)
        quiet 阿哲
        (70 s pass)
        (work)
        push  阿香  kitchen.line_dropped  dish=可乐
        push  小林  shortage.choose
        push  小林  shortage.dropped  dish=可乐  amount=¥3.00
        card  小林  refunded  ¥3.00
    """)
    # first order -5, shared by price: the drink's 4.00 were 3.00
    assert accounts() == {"wechat": 1400, "order": -1400}
    with Sessions() as session:
        order = session.scalars(select(Order)).one()
        assert [line.name for line in order.lines] == ["黄焖鸡米饭"]
        assert (order.goods_fen, order.discount_fen, order.payable_fen) == (1600, 400, 1400)


def test_when_all_of_it_ran_out_all_of_it_is_paid_back(chat):
    chat.play(PAID + """
        阿香  $c缺货
        bot   kitchen.which_lacks
        阿香  $c缺黄焖鸡米饭
        bot   kitchen.lacking
        小林  在吗
        (work)
        push  小林  shortage.choose
        小林  $c去掉黄焖鸡米饭
        bot   shortage.all_back  amount=¥13.00
        (work)
        card  小林  refunded  ¥13.00
    """)
    assert accounts() == {}


def test_nobody_else_decides_what_ran_out(chat):
    chat.stage.add("路人", "student")
    chat.play(TWO_DISHES + """
        路人  $c缺可乐
        bot   order.unknown
        小林  $c缺可乐
        bot   order.unknown
        阿香  $c缺可乐
        bot   kitchen.lacking
        路人  $c去掉可乐
        bot   order.which_dish
    """)
    assert state() == "cooking"


# Late


def test_a_busy_kitchen_says_so_and_the_buyer_hears_when(chat):
    chat.play(PAID + """
        (work)
        阿香  在
        阿香  $c加10分钟
        bot   kitchen.delayed  code=$c  minutes=10
        (work)
        card  小林  delayed  $c
        小林  到哪了
        bot   status.under_way  比说好的
        阿香  $c加25分钟
        bot   kitchen.delayed
        阿香  $c加10分钟
        bot   kitchen.no_longer
    """)


def test_a_delay_is_told_before_anybody_asks(chat):
    chat.play(COOKING + """
        阿哲  上线
        (work)
        阿哲  接$c
        bot   rider.taken
        (30 min pass)
        (work)
    """)
    cards = [e for e in chat.stage.world.events(0, "小林") if e.get("template_id") == "delayed"]
    assert len(cards) == 1
    chat.play("(work)")
    assert len([e for e in chat.stage.world.events(0, "小林")
                if e.get("template_id") == "delayed"]) == 1


def test_urging_is_passed_on_once_in_five_minutes(chat):
    chat.play(ON_THE_WAY + """
        小林  催一下
        bot   urge.rider  rider=阿哲
        小林  $c催一下
        bot   urge.again
        (work)
        push  阿哲  rider.urged
        (6 min pass)
        小林  怎么还没到 快点啊
        bot   urge.rider
    """)


def test_a_kitchen_that_does_not_look_is_called_once_more(chat):
    chat.play(PAID + """
        阿香  在
        (160 s pass)
        (work)
        push  阿香  kitchen.ring  code=$c
    """)


# Nobody carries it


def without_rider(chat):
    chat.stage.add("老王", "other")
    chat.play(COOKING + """
        小林  到哪了
        bot   status.under_way
        (11 min pass)
        (work)
        push  小林  stranded.choose  code=$c
    """)


def test_without_a_rider_for_ten_minutes_the_buyer_chooses_to_come(chat):
    without_rider(chat)
    chat.play("""
        小林  〔我自取，退配送费〕
        bot   stranded.come  code=$c  amount=¥2.00
        (work)
        card  小林  refunded  ¥2.00
        阿哲  上线
        (work)
        quiet 阿哲
        阿香  $c出餐
        bot   kitchen.cooked
        小林  $c拿到了
        bot   shelf.enjoy
    """)
    assert accounts() == {"wechat": 1100, "shop": -1600, "promotion": 500}


def test_without_a_rider_all_money_goes_back_and_the_cook_is_paid(chat):
    without_rider(chat)
    chat.play("""
        小林  〔不等了，全退〕
        bot   stranded.all_back  amount=¥13.00
        (work)
        card  小林  refunded  ¥13.00
    """)
    assert accounts() == {"platform": 1600, "shop": -1600}
    assert state() == "cancelled"


def test_the_buyer_may_go_on_waiting_and_hears_of_it_only_once(chat):
    without_rider(chat)
    chat.play("""
        小林  〔再等等〕
        bot   status.under_way
        (2 min pass)
        (work)
        阿哲  上线
        (work)
        push  阿哲  rider.offer
        小林  $c不等了
        bot   stranded.all_back
        阿哲  接$c
        bot   rider.gone
    """)


# Nobody at the door


def test_nobody_comes_and_it_waits_on_the_rack_with_a_photo(chat):
    chat.play(AT_THE_DOOR + """
        阿哲  $c放餐架
        bot   rider.say_nobody_first
        阿哲  〔没人来〕
        bot   rider.wait_at_door
        阿哲  $c放餐架
        bot   rider.wait_at_door
        (3 min pass)
        阿哲  $c放餐架
        bot   rider.photo_please
        (阿哲 sends a picture)
        bot   rider.shelved  code=$c
        小林  到哪了
        bot   status.under_way  放餐架
        (11 min pass)
        (work)
        push  小林  shelf.got_it
        小林  〔拿到了〕
        bot   shelf.enjoy
        小林  $c拿到了
        bot   redirect.not_now  已完成
    """)
    assert state() == "delivered"


def test_what_waits_on_the_rack_is_done_after_two_hours(chat):
    chat.play(AT_THE_DOOR + """
        小林  $c放餐架
        bot   redirect.rack
        阿哲  $c放餐架
        bot   rider.photo_please
        (阿哲 sends a picture)
        bot   rider.shelved
        (119 min pass)
        (work)
    """)
    assert state() == "shelved"
    chat.play("""
        (2 min pass)
        (work)
    """)
    assert state() == "delivered"
    assert accounts() == {"wechat": 1300, "shop": -1600, "rider": -160, "platform": -40,
                          "promotion": 500}


# The hand-over code


def test_three_wrong_codes_need_a_photo_and_a_human_or_a_new_code(chat):
    chat.play(AT_THE_DOOR)
    pin = pin_of(chat)
    wrong = f"{(int(pin) + 1) % 10_000:04d}"
    chat.play(f"""
        阿哲  {wrong}
        bot   rider.pin_wrong  left=2
        阿哲  {wrong}
        bot   rider.pin_wrong  left=1
        阿哲  {wrong}
        bot   rider.pin_locked
        阿哲  {pin}
        bot   rider.pin_locked
        (阿哲 sends a picture)
        bot   rider.photo_for_duty
        小林  $c换码
        bot   shelf.new_pin  code=$c  pin=$p
        阿哲  {pin}
        bot   rider.pin_wrong  left=2
        阿哲  $p
        bot   rider.delivered
    """)


def test_only_the_buyer_gets_a_new_code_and_not_for_ever(chat):
    chat.play(AT_THE_DOOR + """
        阿哲  $c换码
        bot   order.unknown
        小林  换码
        bot   shelf.new_pin
        小林  换码
        bot   shelf.new_pin
        小林  换码
        bot   shelf.new_pin
        小林  换码
        bot   shelf.no_more_pins
    """)
    for event in chat.stage.world.events(0, "阿哲"):
        assert pin_of(chat) not in str(event.get("content", "")) + str(event.get("rows", ""))


# A rider without a net, and one who rests


def test_words_that_come_late_and_out_of_order_make_the_right_story(chat):
    chat.play(TAKEN + """
        阿哲  $c到店
        bot   rider.at_shop
    """)
    world = chat.stage.world
    code = chat.kept["$c"]
    early = world.now()
    chat.stage.pass_time(minutes=6)
    assert "还没收到你报“取到”" in (world.say("阿哲", f"{code}到了") or "")
    late = world.say("阿哲", f"取到{code} 12:21", sent_at=early)
    assert "已喊人下楼" in late
    with Sessions() as session:
        order = session.scalars(select(Order)).one()
        steps = session.execute(select(OrderLog.event, OrderLog.facts).order_by(OrderLog.id)).all()
        assert order.state == "arrived"
        # our own time counts; what the rider said of it is kept beside it
        assert order.picked_up_at - order.taken_at > timedelta(minutes=5)
        assert steps[-2][0] == "picked_up"
        assert steps[-2][1]["claimed"] == "12:21"
        assert steps[-2][1]["said_at"] < order.picked_up_at.isoformat()


def test_a_rider_who_taps_in_the_wrong_order_is_asked(chat):
    chat.play(TAKEN + """
        阿哲  $c到了
        bot   rider.picked_up_first
        阿哲  〔取到了〕
        bot   rider.picked_up
        阿哲  〔到了〕
        bot   rider.arrived
    """)


def test_a_break_ends_by_itself(chat):
    chat.play(COOKING + """
        阿哲  上线
        bot   rider.online
        阿哲  〔歇20分钟〕
        bot   rider.on_break
        (work)
        quiet 阿哲
        (21 min pass)
        (work)
        push  阿哲  rider.back
        (work)
        push  阿哲  rider.offer
    """)


def test_only_orders_on_the_way_where_the_rider_wishes_it(chat):
    chat.stage.add("小赵", "student")
    chat.play("""
        阿哲  上线
        阿哲  〔只接顺路〕
        bot   rider.on_way_only
    """ + COOKING + """
        (work)
        push  阿哲  rider.offer
        阿哲  接$c
        bot   rider.taken
        小赵  来份黄焖鸡 送西区3号楼 101
        bot   order.quoted  code=$d
        小赵  确认$d
        (小赵 pays)
        阿香  接$d
        (work)
    """)
    with Sessions() as session:
        assert session.scalars(select(Order.rider_id).order_by(Order.id)).all()[1] is None


# Ahead of time, and once more


def test_a_meal_for_tomorrow_waits_for_its_hour(chat):
    chat.play("""
        小林  明天中午12点 来份黄焖鸡 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        bot   order.confirmed
        (小林 pays)
        (work)
        card  小林  paid
        (10 min pass)
        阿香  接$c
        bot   kitchen.accepted
        阿哲  上线
        (20 min pass)
        (work)
        quiet 阿哲
    """)
    assert state() == "cooking"


def test_a_quarter_hour_that_is_full_offers_others(chat, monkeypatch):
    with Sessions.begin() as session:
        from models.shop import Shop
        session.query(Shop).update({"slot_cap": 1})
    chat.stage.add("小赵", "student")
    chat.play("""
        小赵  明天中午12点 来份黄焖鸡 送12栋302
        bot   order.quoted  code=$d
        小赵  确认$d
        bot   order.confirmed
        小林  明天中午12点 来份黄焖鸡 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        bot   order.slot_full  12:00这一刻钟
        小林  〔12:15送〕
        bot   order.quoted  code=$c  12:15
        小林  确认$c
        bot   order.confirmed
    """)


def test_the_same_again(chat):
    chat.play(PAID + """
        小林  老样子
        bot   order.quoted  code=$d  黄焖鸡米饭  微辣  302
        小林  再来$c
        bot   order.quoted  黄焖鸡米饭  微辣
    """)
    chat.stage.add("小赵", "student")
    chat.play("""
        小赵  老样子
        bot   order.nothing_to_repeat
        小赵  再来$c
        bot   order.unknown
    """)


def test_an_unpaid_order_is_mentioned_before_it_closes_and_can_be_had_again(chat):
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        bot   order.confirmed
        (9 min pass)
        (work)
        quiet 小林
        (2 min pass)
        (work)
        push  小林  order.pay_soon  code=$c
        (5 min pass)
        (work)
        小林  到哪了
        bot   status.expired
        小林  〔照样再来一单〕
        bot   order.quoted  黄焖鸡米饭  微辣
    """)


def test_every_hint_fits_its_template(chat):
    dish = "番茄"
    for name, words in CATALOG["hint"].items():
        assert len(words.format(code="A9999", dish=dish)) <= 20, name
