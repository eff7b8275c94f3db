"""What an order costs besides its dishes, as students read it."""
import pytest
from sqlalchemy import select

from handlers import fees
from models.base import Sessions, utcnow
from models.campus import Campus
from models.order import Order
from models.rules.hours import WEEKDAYS
from models.rules.surge import Load
from tests.support.payment import MCH as OURS
from tests.support.payment import a_campus, a_payment, a_person, an_order, balances, paid
from tests.transcripts.test_offers import newest

QUOTE = """
    小林  来份黄焖鸡微辣 送12栋302
    bot   order.quoted  code=$c
"""


@pytest.fixture
def priced(chat, demo_campus):
    """A campus without campaigns, changed by a function."""
    def load(change=lambda campus: None):
        demo_campus["campaigns"] = []
        change(demo_campus)
        chat.stage.load(demo_campus)
        return chat
    return load


@pytest.fixture
def busy(monkeypatch):
    """How busy the campus is, as long as the test says so."""
    now = {"load": Load(0, 1)}
    monkeypatch.setattr(fees, "load_of", lambda *_, **__: now["load"])
    return lambda trips, riders=1: now.update(load=Load(trips, riders))


def test_packing_is_shown_and_is_the_shops(priced):
    def packed(campus):
        campus["shops"][0]["packing_fen"] = 50
        campus["shops"][0]["dishes"][0]["packing_fen"] = 100
    chat = priced(packed)
    chat.play("""
        小林  来两份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥36.50  打包¥2.50
        小林  〔确认付款〕
        bot   order.confirmed  payable=¥36.50
        (小林 pays)
    """)
    order = newest()
    assert (order.goods_fen, order.packing_fen, order.dishes_fen) == (3450, 250, 3200)


def test_a_building_and_an_hour_may_cost_more(priced):
    def extra(campus):
        next(p for p in campus["places"] if p["name"] == "东区12号楼")["rules"]["extra_fen"] = 100
        campus["fees"]["times"] = [{"from": "21:30", "until": "23:30", "extra_fen": 150}]
    chat = priced(extra)
    chat.stage.wait_until(12, 0)
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥19.00  配送¥3.00
        小林  取消
        (it is 21:40)
        小林  来份黄焖鸡微辣
        bot   order.quoted  payable=¥20.50  配送¥4.50
    """)
    assert newest().rider_fee_fen == 360


def test_the_rush_is_shown_frozen_and_can_be_waited_out(priced, busy):
    chat = priced()
    chat.stage.wait_until(12, 2)
    busy(5)
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c  payable=¥19.00  配送¥3.00  高峰¥1.00，12:25后恢复
    """)
    busy(30)
    chat.play("""
        小林  再来个卤蛋
        bot   order.quoted  code=$c  payable=¥21.00  高峰¥1.00
        (9 min pass)
        小林  确认$c
        bot   order.confirmed  payable=¥21.00
    """)
    assert newest().rush_fen == 100


def test_waiting_is_a_tap_and_costs_what_it_always_does(priced, busy):
    chat = priced()
    chat.stage.wait_until(12, 2)
    busy(9)
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c  payable=¥21.00  13:05后恢复
        小林  〔等等再下〕
        bot   order.quoted  code=$c  payable=¥18.00  13:05
        小林  确认$c
        bot   order.confirmed  payable=¥18.00
    """)


def test_a_quote_that_is_old_is_looked_at_anew_and_shown_before_paying(priced, busy):
    chat = priced()
    busy(5)
    chat.play(QUOTE)
    busy(0)
    chat.play("""
        (11 min pass)
        小林  确认$c
        bot   order.quoted  code=$c  payable=¥18.00
        小林  确认$c
        bot   order.confirmed  payable=¥18.00
    """)


def test_a_campus_without_a_cap_has_no_rush(priced, busy):
    chat = priced(lambda campus: campus["fees"].pop("surge_cap_fen"))
    busy(90)
    chat.play(QUOTE + "bot  order.quoted  payable=¥18.00")


def test_a_budget_for_the_week_is_watched(priced):
    chat = priced()
    chat.play("""
        小林  每周预算多少
        bot   budget.bad
        小林  每周预算30
        bot   budget.set  budget=¥30.00  left=¥30.00
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥18.00  这周外卖还剩¥12.00
        小林  〔确认付款〕
        (小林 pays)
        (work)
        小林  来份黄焖鸡微辣
        bot   order.quoted  会超出这周预算（¥30.00）¥6.00
        小林  取消预算
        bot   budget.gone
        小林  来份黄焖鸡微辣
        bot   order.quoted
    """)
    assert "预算" not in chat.last("小林")


@pytest.mark.parametrize(("where", "name"), [
    ("shops", "packing_fen"), ("places", "extra_fen"), ("fees", "times")])
def test_an_amount_that_is_none_is_refused_by_its_place(demo_campus, where, name):
    from models.rules.campus_file import CampusFileError, check

    if where == "fees":
        demo_campus["fees"]["times"] = [{"from": "21:30", "until": "25:00", "extra_fen": 1}]
    elif where == "places":
        demo_campus["places"][0]["rules"] = {"extra_fen": -1}
    else:
        demo_campus["shops"][0][name] = "1"
    with pytest.raises(CampusFileError, match=name if where != "fees" else "until"):
        check(demo_campus)


def test_how_busy_it_is_counts_trips_and_riders_on_duty(database, monkeypatch):
    from handlers.payment import record_payment

    monkeypatch.setenv("SECRET_KEY", "k" * 32)
    now = utcnow()
    with Sessions.begin() as session:
        shop = a_campus(session)
        campus = session.get_one(Campus, shop.campus_id)
        for number in range(3):
            buyer = a_person(session, f"o-{number}")
            payment = a_payment(session, an_order(session, buyer, now=now), now=now)
            record_payment(session, paid(payment, paid_at=now), our_mch_id=OURS, now=now)
        an_order(session, a_person(session, "o-unpaid"), now=now)
        assert fees.load_of(session, campus, now=now) == Load(3, 0)
        assert balances(session)["wechat"] == 3 * 1750


def test_a_tip_is_paid_with_the_order_and_is_the_rider_s_whole(priced):
    chat = priced()
    chat.play("""
        小林  小费2元
        bot   tip.none
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥18.00
        小林  小费99元
        bot   tip.range
        小林  给骑手加小费3块
        bot   order.quoted  payable=¥21.00  小费¥3.00
        小林  不要小费
        bot   order.quoted  payable=¥18.00
        小林  小费2.5元
        bot   order.quoted  payable=¥20.50  配送¥2.00  小费¥2.50  code=$c
        小林  〔确认付款〕
        (小林 pays)
        小林  小费5元
        bot   tip.too_late
    """)
    order = newest()
    assert (order.delivery_fen, order.rider_fee_fen) == (450, 160 + 250)


def test_an_errand_has_words_of_its_own_for_a_tip(priced):
    chat = priced()
    chat.play("""
        小林  帮我取个快递 送12栋302 取件码 1-2-3456 南门菜鸟
        小林  小费3元
    """)
    with Sessions() as session:
        assert session.scalars(select(Order)).one().tip_fen == 0


def test_free_delivery_does_not_take_the_tip_off(priced):
    def free(campus):
        campus["campaigns"] = [{"kind": "weekday", "weekdays": list(WEEKDAYS),
                                "free_delivery": True}]
    priced(free).play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥16.00
        小林  小费2元
        bot   order.quoted  payable=¥18.00  小费¥2.00
    """)
