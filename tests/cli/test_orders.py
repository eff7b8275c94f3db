"""`orders show CODE` tells a whole lunch, and nobody's secrets."""
import re
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from cli.orders import orders
from config import settings
from models.campus import Account, Campus
from models.inbox import Inbox
from models.order import Order, OrderCode, place_order
from models.payment import Payment
from models.person import Person
from models.rules.order_state import OrderEvent
from models.shop import Shop
from tests.transcripts.test_first_lunch import pin_of

NOW = datetime(2026, 9, 21, 4, 30, tzinfo=UTC)


@pytest.fixture
def show(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")

    def one(*arguments):
        return CliRunner().invoke(orders, ["show", *arguments])
    yield one
    settings.load.cache_clear()


@pytest.fixture
def lunch(chat):
    """An order from the first word to the hand-over code."""
    chat.play("""
        小林  来份黄焖鸡微辣不要香菜 送12栋三零二
        小林  送12栋302，电话13912345678
        bot   order.quoted  code=$c
        小林  〔确认付款〕
        (小林 pays)
        (work)
        阿香  接$c
        阿哲  上线
        (work)
        阿哲  〔接〕
        (work)
        阿香  〔出餐了〕
        阿哲  〔到店了〕
        阿哲  〔取到了〕
        阿哲  〔到了〕
        (work)
    """)
    chat.kept["pin"] = pin_of(chat, "小林")
    chat.play(f"""
        阿哲  {chat.kept["pin"]}
        bot   rider.delivered
        (work)
    """)
    return chat


def test_the_story_of_a_lunch(lunch, show, database):
    code = lunch.kept["$c"]

    told = show(code.lower())

    assert told.exit_code == 0, told.output
    said = told.stdout
    assert said.startswith(f"{code}  东湖大学  delivered\n")
    wanted = [
        r"message buyer: “来份黄焖鸡微辣不要香菜 送12栋•••”",
        r"event   quoted for the first time",
        rf"message buyer: “确认{code}” \(tapped\)",
        r"event   confirmed by buyer: draft → awaiting_payment",
        r"payment P\w+ ¥13.00 asked of buyer",
        r"event   paid by buyer: awaiting_payment → paid",
        r"ledger  paid \(payment:\d+\), sum 0.00\n +wechat \+13.00\n +order:\d+ -13.00",
        r"notice  merchant_order to shop \(person \d+\): delivered by template \(1 try, ",
        rf"message shop \(person \d+\): “接{code}”",
        r"event   accepted by shop \(person \d+\): paid → cooking",
        r"offer   to rider 阿哲, ¥1.60, good until [\d:]{8}\n +cost_s .*\n +rider 阿哲: chosen",
        r"event   rider_taken by rider 阿哲",
        r"offer   accepted: rider 阿哲",
        r"event   handed_over by rider 阿哲: arrived → delivered",
        r"ledger  delivered \(delivered:\d+\), sum 0.00",
        r"\nmoney, line by line, in yuan:\n"
        r"  [-\d]{10} [:\d]{8}  paid +\+13.00  WeChat Pay\n +-13.00  held for the buyer\n"
        r"  [-\d]{10} [:\d]{8}  delivered +\+13.00  held for the buyer\n",
        r" \+5.00  platform, discounts\n +-0.40  platform\n +-16.00  shop 阿香黄焖鸡米饭\n"
        r" +-1.60  rider 阿哲\n",
        r"\n  rider:\d+ +-1.60\n",
        r"\n  wechat +\+13.00\n",
        r"\n  sum +0.00\n",
    ]
    at = 0
    for pattern in wanted:
        match = re.compile(pattern).search(said, at)
        assert match, f"{pattern}\nnot found after\n{said[:at]}"
        at = match.start()
    with database() as session:
        tokens = [p.token for p in session.scalars(select(Payment))]
    hidden = [lunch.stage.openid(name) for name in ("小林", "阿香", "阿哲")]
    hidden += [lunch.kept["pin"], "302", "三零二", "13912345678", "13800000001", *tokens]
    assert [secret for secret in hidden if secret in re.sub(r"P\w{20,}|\d{28}", "", said)] == []


def an_order(session, campus_name, code_from=None):
    """An order at a campus of its own; with `code_from` it goes by that order's code."""
    account = session.merge(Account(app_id="wx_story", secret="s", token="t"))
    campus = Campus(name=campus_name, tz="+08:00", file={}, loaded_at=NOW)
    session.add_all([account, campus])
    session.flush()
    shop = Shop(campus_id=campus.id, key="s", name="阿香")
    buyer = Person(app_id="wx_story", openid=f"o{campus_name}", created_at=NOW)
    session.add_all([shop, buyer])
    session.flush()
    order = place_order(session, Order(
        campus_id=campus.id, shop_id=shop.id, buyer_id=buyer.id, created_at=NOW, lines=[],
        goods_fen=1300, payable_fen=1300))
    if code_from:
        session.get_one(OrderCode, (campus.id, order.code)).code = code_from.code
        order.code = code_from.code
    return order


def test_a_code_of_two_campuses_asks_which(show, database):
    with database.begin() as session:
        first = an_order(session, "东校")
        an_order(session, "西校", first)

    both, east = show(first.code), show(first.code, "--campus", "东校")

    assert both.exit_code == 2
    assert both.stderr == (f"paotang: {first.code} is an order at each of “东校”, “西校”: "
                           "add --campus NAME\n")
    assert east.stdout.startswith(f"{first.code}  东校  draft\n")
    assert show(first.code, "--campus", "北校").exit_code == 1


@pytest.mark.parametrize("code", ["Z99", "#99", "黄焖鸡", "'; DROP TABLE orders", ""])
def test_an_unknown_code_is_one_line(show, database, code):
    told = show(code)

    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr == f"paotang: no order goes by {code}\n"


def test_an_order_is_found_by_its_day_and_by_its_number(show, database):
    with database.begin() as session:
        order = an_order(session, "东校")

    assert show(f"{order.code}-20260921").exit_code == 0
    assert show(f"{order.code}-20260920").exit_code == 1
    assert show(f"#{order.id}").stdout.startswith(f"{order.code}  东校")


def test_words_that_were_erased_and_reasons_are_told(show, database):
    with database.begin() as session:
        order = an_order(session, "东校")
        session.add_all(Inbox(app_id="wx_story", key=key, person_id=order.buyer_id, heard_at=NOW,
                              body=body, answer=answer, answered_at=NOW if answer else None)
                        for key, body, answer in (
                            ("1", '{"kind": "event", "event": "subscribe"}', None),
                            ("2", '{"kind": "text", "text": "不要了"}', "好")))
        session.flush()
        session.execute(update(Inbox).where(Inbox.key == "2").values(body=None))
        order.apply(session, OrderEvent.CANCELLED, now=NOW, by=order.buyer_id,
                    reason="call 13912345678")

    told = show(order.code).stdout

    assert "12:30:00  message buyer: (subscribe)\n" + " " * 29 + "not answered yet" in told
    assert "message buyer: (words erased)" in told
    assert "cancelled by buyer: draft → cancelled\n" + " " * 29 + "reason: call •••" in told


def test_a_complaint_is_part_of_the_story(lunch, show):
    code = lunch.kept["$c"]
    lunch.play("""
        (小林 sends picture)
        bot   complaint.what
        小林  $c洒了
        bot   complaint.choose
        小林  $c退款
        bot   complaint.refunding
    """)
    told = show(code).output
    assert re.search(r"complaint: spilled, ¥[\d.]+, with a picture", told)
    assert "complaint refunded" in told
