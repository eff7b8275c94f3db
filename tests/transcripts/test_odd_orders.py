"""What makes an order look odd, as the person hears it, and how it is answered."""
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import requests
from sqlalchemy import select, update

from models.base import Sessions, utcnow
from models.payment import Payment, Refund
from models.person import Person
from models.rules.risk import Facts
from tests.transcripts.test_paying_for import take

FIRST = """
    小林  来份黄焖鸡微辣 送12栋302
    bot   order.quoted  code=$c  payable=¥13.00
    小林  〔确认付款〕
    (小林 pays)
    (work)
"""


@pytest.fixture
def roommates(chat):
    for name in ("小周", "王老师"):
        chat.stage.add(name, "student")
    return chat


def verified(chat, who):
    with Sessions.begin() as session:
        session.execute(update(Person).where(Person.openid == chat.stage.openid(who)).values(
            student_until=utcnow() + timedelta(days=300)))


def test_the_same_room_alone_is_asked_nothing(roommates):
    roommates.play(FIRST + """
        小周  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥13.00  首单-¥5.00
    """)


def test_a_room_with_more_newcomers_than_beds_is_asked_for_a_card_first(roommates, monkeypatch):
    monkeypatch.setattr("models.rules.risk.BEDS", 1)
    roommates.play(FIRST + """
        小周  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥18.00  床位还多，认证一下学生就减¥5.00
        小周  取消
    """)
    verified(roommates, "小周")
    roommates.play("""
        小周  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥13.00  首单-¥5.00
    """)


def test_another_room_is_asked_nothing(roommates):
    roommates.play(FIRST + """
        小周  来份黄焖鸡微辣 送12栋303
        bot   order.quoted  payable=¥13.00
    """)


def test_the_same_phone_is_known_at_the_till_and_the_card_answers_it(roommates):
    roommates.stage.share_phone("小林", "小周")
    roommates.play(FIRST + """
        小周  来份黄焖鸡微辣 送12栋505
        bot   order.quoted  payable=¥13.00  code=$d
        小周  〔确认付款〕
        bot   order.confirmed
    """)
    assert tapped(roommates, "小周") == (409, "revised")
    roommates.play("""
        (work)
        push  小周  order.quoted  payable=¥18.00  code=$d  这台手机用过首单了
    """)
    verified(roommates, "小周")
    roommates.play("""
        小周  〔确认付款〕
        bot   order.quoted  payable=¥13.00
        小周  〔确认付款〕
        bot   order.confirmed
        (小周 pays)
        (work)
        card  小周  paid  $d
    """)
    assert given_back() == []


def test_whoever_does_not_show_a_card_pays_without_the_discount(roommates):
    roommates.stage.share_phone("小林", "小周")
    roommates.play(FIRST + """
        小周  来份黄焖鸡微辣 送12栋505
        bot   order.quoted  code=$d
        小周  〔确认付款〕
        bot   order.confirmed
    """)
    assert tapped(roommates, "小周") == (409, "revised")
    roommates.play("""
        (work)
        push  小周  order.quoted
        小周  好的
        bot   order.confirmed  payable=¥18.00
        (小周 pays)
        (work)
        card  小周  paid  $d
    """)
    assert given_back() == []


def test_a_wallet_that_had_it_does_not_pay_another_first_order(roommates):
    roommates.play(FIRST + """
        小周  来份黄焖鸡微辣 送12栋505
        bot   order.quoted  payable=¥13.00  code=$d
        小周  确认$d
        bot   order.confirmed
        小周  $d代付
        bot   paying_for.forward  url=$url
    """)
    link = take(roommates, "小林", roommates.kept["$url"]).json()["url"]
    assert tapped(roommates, "小林", link) == (409, "revised")
    roommates.play("""
        (work)
        push  小周  order.quoted  payable=¥18.00  code=$d  认证一下学生就减¥5.00
    """)


def test_a_phone_of_ones_own_pays_as_quoted(roommates):
    roommates.play(FIRST + """
        小周  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$d
        小周  〔确认付款〕
        bot   order.confirmed
        (小周 pays)
        (work)
        card  小周  paid  $d  ¥13.00
    """)
    with Sessions() as session:
        assert len(set(session.scalars(select(Payment.device_hash)))) == 2


def tapped(chat, who, link=None):
    """Open the pay page and tap its button: the status, and what the page hears."""
    page = chat.stage.world.open(who, link or chat.pay_link(who))
    shown = requests.get(page, timeout=10)
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(page))
    asked = requests.post(f"{origin}{urlsplit(shown.url).path}/prepay", timeout=10, headers={
        "Origin": origin, "Sec-Fetch-Site": "same-origin"})
    return asked.status_code, asked.json().get("state")


def given_back():
    with Sessions() as session:
        return session.scalars(select(Refund)).all()


def test_many_unpaid_orders_in_an_hour_want_a_card(chat, monkeypatch):
    odd(monkeypatch, confirmed=6, paid=1)
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        bot   risk.card  code=$c
    """)
    verified(chat, "小林")
    chat.play("小林  确认$c\nbot  order.confirmed")


def odd(monkeypatch, **known):
    from handlers import risk

    counted = risk._counted
    monkeypatch.setattr(risk, "_counted", lambda *told: counted(*told) | dict.fromkeys(
        ("bought", "complained", "confirmed", "paid"), 0) | known)
    assert Facts(**known)


def test_much_that_went_back_waits_for_a_look(roommates, demo_campus, monkeypatch):
    chat = roommates
    demo_campus["operators"] = [{"openid": chat.stage.openid("王老师"), "name": "王老师"}]
    chat.stage.load(demo_campus)
    odd(monkeypatch, bought=4, complained=4)
    chat.play("""
        王老师  在吗
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c
        小林  确认$c
        bot   risk.human  code=$c
        (work)
        push  王老师  duty.odd_order  code=$c
        小林  $c放行
        小林  确认$c
        bot   risk.human  code=$c
        王老师  〔放行〕
        bot   risk.let_pass  code=$c
        (work)
        push  小林  risk.cleared  code=$c
        小林  〔确认付款〕
        bot   order.confirmed  code=$c
    """)
