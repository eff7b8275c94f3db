"""邀请好友: a code of one's own, a coupon for both, and what speaks against it."""
import re
from datetime import timedelta

import pytest
import requests
from playwright.sync_api import expect
from sqlalchemy import func, select, update

from config.settings import VAR
from models.base import Sessions, utcnow
from models.coupon import Coupon
from models.order import Order
from models.person import Person
from models.referral import InviteCode, Referral
from tests.support.browser import put_away, small_page
from tests.support.payment import balances

SHOTS = VAR / "screenshots"


def person(chat, who) -> Person:
    with Sessions() as session:
        return session.scalars(select(Person).filter_by(openid=chat.stage.openid(who))).one()


def change(chat, who, **values):
    with Sessions.begin() as session:
        session.execute(update(Person).where(
            Person.openid == chat.stage.openid(who)).values(**values))


def coupons() -> dict[str, int]:
    with Sessions() as session:
        return dict(session.execute(select(Person.openid, func.count()).join(
            Coupon, Coupon.person_id == Person.id).group_by(Person.openid)).all())


def scanned(chat, who, *, by="小林"):
    """`who`, new to us, holds the phone over the code on the page."""
    chat.play(f"{by}  邀请好友\nbot  referral.invite  url=$i\n(work)")
    with Sessions() as session:
        url = session.scalars(select(InviteCode.qr_url)).one()
    chat.stage.world.add_phone(who, "student", followed=False)
    chat.play(f"({who} follows {chat.stage.world.scene_of(url)})")


def eats(chat, who, door="5栋101", **kept):
    """A whole order, fetched by the buyer; the rest of the day is nobody's matter here."""
    chat.kept.pop("$x", None)
    chat.play(f"""
        {who}  来份黄焖鸡微辣 送{door}
        bot   order.quoted  code=$x
        {who}  确认$x
        bot   order.confirmed
        ({who} pays)
        (work)
        阿香  接$x
        bot   kitchen.accepted
        阿香  $x出餐
        bot   kitchen.cooked
        {who}  $x自取
        (work)
        {who}  $x拿到了
        bot   shelf.enjoy
        (work)
    """)


def test_both_get_a_coupon_and_use_it(chat):
    chat.play("小林  我住12栋302\nbot  address.saved")
    scanned(chat, "小周")
    chat.play("(work)\npush  小周  referral.welcome  ¥3.00券")
    eats(chat, "小周")
    chat.play("""
        push  小周  referral.to_newcomer  ¥3.00券（满¥15.00可用）
        push  小林  referral.to_inviter  ¥3.00券
        小林  〔我的券〕
        bot   coupon.mine  ¥3.00券
        小周  优惠券
        bot   coupon.mine  ¥3.00券
        小周  我还有几张券没用
        bot   coupon.mine  ¥3.00券
        小周  来份黄焖鸡微辣 送5栋101
        bot   order.quoted  payable=¥15.50  邀请券-¥3.00  code=$d
        小周  确认$d
        bot   order.confirmed
        小周  我的券
        bot   coupon.none
        (小周 pays)
        (work)
        小林  邀请好友
        bot   referral.invite  已有1位同学下了第一单
    """)
    eats(chat, "小周")  # a second order earns nothing more
    assert coupons() == {chat.stage.openid("小林"): 1, chat.stage.openid("小周"): 1}
    with Sessions() as session:
        assert sum(balances(session).values()) == 0
        assert session.scalars(select(Order.discount_fen).order_by(Order.id)).all() == [500, 300, 0]


def test_the_page_shows_the_code_and_nothing_of_the_person(chat):
    chat.play("""
        小林  我住12栋302 小林
        bot   address.saved
        小林  怎么邀请室友
        bot   referral.invite  url=$i
    """)
    page = requests.get(chat.kept["$i"], timeout=10)
    assert "过几秒刷新" in page.text
    assert "data:image/png" not in page.text
    chat.play("(work)")
    page = requests.get(chat.kept["$i"], timeout=10)
    assert "data:image/png" in page.text
    assert "你和邀请你的同学各得一张¥3.00券（满¥15.00可用）" in page.text
    assert not [word for word in ("小林", "302", "12栋") if word in page.text]
    assert len(page.content) < 30_000
    with Sessions() as session:
        code = session.scalars(select(InviteCode)).one()
        assert chat.stage.world.scene_of(code.qr_url) == "u_" + chat.kept["$i"].rpartition("/")[2]
    chat.stage.pass_time(days=31)
    assert "data:image/png" not in requests.get(chat.kept["$i"], timeout=10).text
    chat.play("小林  邀请好友\nbot  referral.invite\n(work)")
    assert "data:image/png" in requests.get(chat.kept["$i"], timeout=10).text
    with Sessions() as session:
        assert session.scalars(select(InviteCode.qr_url)).one() != code.qr_url
    assert requests.get(re.sub(r"/i/.*", "/i/zzzzzzzzzzzz", chat.kept["$i"]),
                        timeout=10).status_code == 404


@pytest.mark.browser
def test_the_page_fits_a_small_phone(chat, chromium):
    chat.play("小林  邀请好友\nbot  referral.invite  url=$i\n(work)")
    page = small_page(chromium, chat.kept["$i"])
    expect(page.get_by_role("img", name="长按识别")).to_be_visible()
    page.screenshot(path=SHOTS / "invite.png")
    put_away(page)


def test_whoever_forgot_to_offer_it_still_has_a_code(chat, demo_campus):
    del demo_campus["referral"]
    chat.stage.load(demo_campus)
    scanned(chat, "小周")
    chat.play("(work)\nquiet 小周")
    eats(chat, "小周")
    assert coupons() == {}


@pytest.fixture
def campus(chat, demo_campus):
    """王老师 looks at students' cards; 小林 lives in 12栋302."""
    chat.stage.add("王老师")
    demo_campus["operators"] = [{"openid": chat.stage.openid("王老师"), "name": "王老师"}]
    chat.stage.load(demo_campus)
    chat.play("王老师  在\n小林  我住12栋302\nbot  address.saved")
    return chat


def test_a_roommate_earns_nothing_until_both_have_shown_a_card(campus):
    scanned(campus, "小周")
    eats(campus, "小周", "12栋302")
    campus.play("""
        push  小周  referral.welcome
        push  小周  referral.held  住同一间
        push  小林  referral.held  住同一间
        小林  邀请好友
        bot   referral.invite  住同一间
        小林  我的券
        bot   coupon.none
    """)
    shows_card(campus, "小周", "2023000001 周")
    campus.play("quiet 小林")
    assert coupons() == {}
    shows_card(campus, "小林", "2023000002 林")
    campus.play("push  小周  referral.to_newcomer\npush  小林  referral.to_inviter")
    assert sorted(coupons().values()) == [1, 1]


def shows_card(chat, who, card):
    chat.play(f"""
        {who}  学生认证
        bot   student.how
        {who}  {card}
        bot   student.sent
        (work)
        push  王老师  student.look
        王老师  〔通过〕
        bot   student.decided_approved
        (work)
        push  {who}  student.you_are_verified
        (work)
    """)


def test_a_room_they_ordered_to_before_counts_too(campus):
    eats(campus, "小林", "5栋101")
    scanned(campus, "小周")
    eats(campus, "小周", "5栋101")
    campus.play("push  小周  referral.welcome\npush  小周  referral.held  住同一间")
    assert coupons() == {}


def test_the_same_phone_earns_nothing(campus):
    eats(campus, "小林", "12栋302")
    scanned(campus, "小周")
    campus.stage.share_phone("小林", "小周")
    change(campus, "小周", created_at=utcnow() - timedelta(days=99))  # no newcomers' discount
    eats(campus, "小周")
    campus.play("push  小周  referral.welcome\npush  小周  referral.held  同一台手机")
    assert coupons() == {}


def test_the_same_telephone_number_earns_nothing(campus):
    scanned(campus, "小周")
    change(campus, "小林", phone="138 0000 1234")
    change(campus, "小周", phone="+8613800001234")
    eats(campus, "小周")
    campus.play("push  小周  referral.welcome\npush  小周  referral.held  同一个手机号")
    assert coupons() == {}


def test_a_newcomer_is_noted_as_a_friends_once_and_never_as_ones_own(chat):
    scanned(chat, "小周")
    code = chat.kept["$i"].rpartition("/")[2]
    chat.play(f"(小林 follows u_{code})")
    chat.stage.pass_time(minutes=1)
    chat.play("小周  邀请好友\nbot  referral.invite  url=$j")
    theirs = chat.kept["$j"].rpartition("/")[2]
    chat.play(f"(小林 follows u_{theirs})")
    assert person(chat, "小周").invited_by_id == person(chat, "小林").id
    assert person(chat, "小林").invited_by_id is None


def test_who_follows_already_and_has_never_ordered_is_a_newcomer_too(chat):
    chat.play("小林  邀请好友\nbot  referral.invite  url=$i")
    chat.stage.add("小周", "student")
    chat.play(f"(小周 scans u_{chat.kept['$i'].rpartition('/')[2]})\nbot  welcome.where")
    assert person(chat, "小周").invited_by_id == person(chat, "小林").id


def test_who_has_ordered_before_was_not_invited(chat):
    chat.stage.add("小周", "student")
    chat.play("""
        小周  来份黄焖鸡微辣 送5栋101
        bot   order.quoted
        小林  邀请好友
        bot   referral.invite  url=$i
    """)
    chat.play(f"(小周 follows u_{chat.kept['$i'].rpartition('/')[2]})")
    assert person(chat, "小周").invited_by_id is None


def test_a_cancelled_order_gives_its_coupon_back(chat):
    gift(chat, "小林")
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥13.00  首单-¥5.00
        小林  取消
    """)
    change(chat, "小林", created_at=utcnow() - timedelta(days=99))
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥15.00  邀请券-¥3.00  code=$c
        小林  确认$c
        bot   order.confirmed
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  payable=¥18.00  code=$d
        (小林 pays)
        小林  取消$c
        小林  确定取消$c
        bot   cancel.refunding
        小林  我的券
        bot   coupon.none
        小林  〔撤回〕
        小林  取消$c
        小林  确定取消$c
        bot   cancel.refunding
        (3 min pass)
        (work)
        小林  我的券
        bot   coupon.mine  ¥3.00券
        小林  确认$d
        bot   order.quoted  payable=¥15.00
    """)


def test_a_coupon_ends_and_a_member_of_a_group_uses_none(chat):
    gift(chat, "小林")
    change(chat, "小林", created_at=utcnow() - timedelta(days=99))
    chat.play("""
        小林  拼单 阿香黄焖鸡米饭 23:40截止 送12栋
        bot   group.opened  code=$g
    """)
    chat.stage.says("小林", f"{re.search('G[0-9]+', chat.kept['$g'])[0]} 一份黄焖鸡微辣")
    with Sessions() as session:
        assert session.scalars(select(Order.coupon_id)).all() == [None]
    chat.stage.pass_time(days=31)
    chat.play("小林  我的券\nbot  coupon.none")


def gift(chat, who):
    chat.play(f"{who}  在吗")
    with Sessions.begin() as session:
        Coupon.give(session, person(chat, who).id, "a gift", kind="referral", off_fen=300,
                    threshold_fen=1500, created_at=utcnow(),
                    good_until=utcnow() + timedelta(days=30))


def test_who_leaves_takes_the_code_along(chat):
    scanned(chat, "小周")
    chat.play("(小林 leaves)\n(11 min pass)\n(work)")
    with Sessions() as session:
        assert session.scalars(select(InviteCode)).all() == []
        assert session.scalars(select(Referral)).all() == []
    assert requests.get(chat.kept["$i"], timeout=10).status_code == 404
    eats(chat, "小周")  # and the friend still eats


def test_where_there_are_points_they_are_told_beside_the_coupons(chat, demo_campus):
    demo_campus["points"] = {"percent_back": 1}
    chat.stage.load(demo_campus)
    gift(chat, "小林")
    chat.play("""
        小林  有什么优惠
        bot   coupon.and_points  ¥3.00券  还没有积分
    """)
