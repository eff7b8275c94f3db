"""The live page of a group, /g/<code>: what who sees, and what its buttons do."""
import re
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from config.settings import VAR
from models.base import Sessions
from models.group_order import GroupOrder
from models.order import Order
from models.payment import Payment
from models.rules.order_state import OrderState
from tests.support.browser import put_away, small_page, wait_until
from tests.transcripts.test_group_order import at_two_windows, gathered, until

SHOTS = VAR / "screenshots"


class Reader:
    """Somebody's phone on the group's page, without a screen."""

    def __init__(self, chat, name: str, code: str = "G1") -> None:
        self.url = chat.stage.world.open(name, f"{chat.stage.base_url}/g/{code}")
        self.page = requests.get(self.url, timeout=10)
        self.origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.url))
        self.path = f"/g/{code}"

    def live(self) -> dict:
        return requests.get(f"{self.origin}{self.path}/live", timeout=10).json()

    def post(self, what: str, body: dict | None = None, **headers: str) -> requests.Response:
        told = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"} | headers
        return requests.post(f"{self.origin}{self.path}/{what}", json=body or {}, headers=told,
                             timeout=10)


def dish_on(page: str, name: str) -> str:
    return re.search(rf'data-dish="([^"]+)"\s+aria-label="要{name}"', page)[1]


def test_who_is_in_sees_whose_dishes_are_whose_and_a_stranger_how_to_get_in(dorm):
    gathered(dorm)
    dorm.stage.add("路人", "student", followed=False)
    mine, strangers = Reader(dorm, "小周").page.text, Reader(dorm, "路人").page.text
    assert "香菇滑鸡饭" in mine
    assert "<b>林</b>" in mine
    assert "还想加什么" in mine
    assert "点一份就进来" not in mine
    assert "付我这份 ¥20.00" in mine
    assert "3人✓免配送" in strangers
    assert "<b>" not in strangers
    assert "付我这份" not in strangers
    assert "点一份就进来" in strangers


def test_everybodys_note_reaches_the_kitchen_of_a_treat_with_whose_it_is(dorm):
    gathered(dorm)
    dorm.play("""
        小林  $g我请客
        bot   group.treats
    """)
    for who, note in (("小林", "汤多一点" * 10), ("小周", "面多一点" * 10), ("小陈", "对花生过敏")):
        reader = Reader(dorm, who)
        assert reader.post("join", {"dish": dish_on(reader.page.text, "黄焖豆腐饭"),
                                    "note": note}).status_code == 200
    dorm.play("""
        小林  $g锁单
        bot   group.bill
        (小林 pays)
        阿香  接$g
        bot   group.accepted  count=3
    """)
    assert dorm.last("阿香").count("3号：对花生过敏") == 1
    assert dorm.last("阿香").count("林：汤多一点") == 1


def test_who_does_not_follow_joins_and_pays_on_the_page(dorm):
    gathered(dorm)
    dorm.stage.add("路人", "student", followed=False)
    reader = Reader(dorm, "路人")
    told = reader.post("join", {"dish": dish_on(reader.page.text, "黄焖牛腩饭"), "note": "少油"})
    assert told.json() == {"says": "加上了，在上面付你那份"}
    live = reader.live()
    assert "黄焖牛腩饭" in live["html"]
    assert "付我这份 ¥20.00" in live["html"]
    assert "现在锁单" not in live["html"]
    assert reader.post("lock").status_code == 409
    dorm.stage.pay("路人", reader.post("pay").json()["url"])
    dorm.stage.world.settle()
    assert "我付了" in reader.live()["html"]
    with Sessions() as session:
        paid = session.scalars(select(Order).filter_by(state=OrderState.PAID)).one()
        assert (paid.payable_fen, paid.note) == (2000, "少油")
        assert session.query(GroupOrder).one().seated[-1].seat == 4


def test_options_and_how_many_are_priced_as_in_the_chat(dorm):
    gathered(dorm)
    dorm.stage.add("路人", "student", followed=False)
    reader = Reader(dorm, "路人")
    dish = dish_on(reader.page.text, "黄焖鸡米饭")
    wish = {"dish": dish, "quantity": 2, "options": ["size_m", "size_l", "spice_mild", "no_such"]}
    assert reader.post("join", wish).status_code == 200
    with Sessions() as session:
        line, = session.scalars(select(Order).order_by(Order.id.desc()).limit(1)).one().lines
        assert (line.options, line.quantity) == (["size_l", "spice_mild"], 2)
        assert line.amount_fen == 2 * (1600 + 300)
    assert "黄焖鸡米饭 大份 微辣 ×2" in reader.live()["html"]


def test_a_dish_is_taken_off_again_until_it_is_paid_for(dorm):
    gathered(dorm)
    dorm.stage.add("路人", "student", followed=False)
    reader = Reader(dorm, "路人")
    chicken, beef = (dish_on(reader.page.text, name) for name in ("黄焖鸡米饭", "黄焖牛腩饭"))
    assert reader.post("remove", {"dish": chicken}).status_code == 409  # has no seat, and gets none
    with Sessions() as session:
        assert len(session.query(GroupOrder).one().seated) == 3
    for dish in (chicken, beef):
        reader.post("join", {"dish": dish})
    assert "付我这份 ¥36.00" in reader.live()["html"]
    assert reader.live()["html"].count("/remove") == 2
    assert reader.post("remove", {"dish": beef}).json() == {"says": "去掉了"}
    live = reader.live()["html"]
    assert ("付我这份 ¥16.00" in live, "黄焖牛腩饭" in live) == (True, False)
    assert reader.post("remove", {"dish": chicken}).status_code == 200
    assert "付我这份" not in reader.live()["html"]
    reader.post("join", {"dish": beef})
    dorm.stage.pay("路人", reader.post("pay").json()["url"])
    dorm.stage.world.settle()
    assert "/remove" not in reader.live()["html"]
    for odd in ({"dish": 7}, {}, None):
        assert reader.post("remove", odd).status_code == 403


def test_the_parts_of_ones_share_add_up_with_their_packing(chat, demo_campus):
    demo_campus["campaigns"], demo_campus["points"] = [], None
    for shop in demo_campus["shops"]:
        shop["packing_fen"] = 50
    chat.stage.load(demo_campus)
    chat.play(f"""
        小林  我住12栋302 小林
        小林  拼单 阿香黄焖鸡 {until()}截止
        bot   group.opened  code=$g
        小林  $g 一份香菇滑鸡饭
        bot   group.joined  打包¥0.50  配送¥2.00  payable=¥18.50
    """)
    receipt = Reader(chat, "小林").page.text.partition('aria-label="我的小票"')[2]
    amounts = re.findall(r'<dd class="figure">¥([\d.]+)</dd>', receipt)
    assert amounts == ["16.00", "0.50", "2.00"]


def test_the_newcomers_discount_stands_on_the_receipt(chat, demo_campus):
    demo_campus["points"] = None
    chat.stage.load(demo_campus)
    chat.play(f"""
        小林  我住12栋302 小林
        小林  拼单 阿香黄焖鸡 {until()}截止
        bot   group.opened  code=$g
        小林  $g 一份香菇滑鸡饭
        bot   group.joined  首单-¥5.00  payable=¥13.00
    """)
    receipt = Reader(chat, "小林").page.text.partition('aria-label="我的小票"')[2]
    assert "<dt>首单</dt>" in " ".join(receipt.split()).replace(" </dt>", "</dt>")
    amounts = re.findall(r'<dd class="figure">(-?¥[\d.]+)</dd>', receipt)
    assert amounts == ["¥16.00", "¥2.00", "-¥5.00"]


def test_of_two_windows_one_is_paid_after_the_other_and_the_trip_once(dorm):
    at_two_windows(dorm)
    reader = Reader(dorm, "小林")
    pay_page = requests.get(dorm.stage.world.open("小林", reader.post("pay").json()["url"]),
                            timeout=10).text
    assert "先付阿香黄焖鸡米饭 ¥18.00" in reader.page.text
    assert "付完再付蜀味盖码饭 ¥14.00，" in reader.page.text
    assert "¥18.00" in pay_page
    assert "拼单一个窗口付一笔，付完再付蜀味盖码饭 ¥14.00" in pay_page
    told = reader.post("remove", {"dish": dish_on(reader.page.text, "香菇滑鸡饭")})
    assert told.json() == {"says": "去掉了"}
    assert "付我这份 ¥16.00" in reader.live()["html"]


def test_the_pay_page_of_one_window_leads_to_the_other(dorm):
    at_two_windows(dorm)
    reader = Reader(dorm, "小林")

    def page_at(url: str) -> str:
        return requests.get(dorm.stage.world.open("小林", url), timeout=10).text

    first = reader.post("pay").json()["url"]
    with Sessions() as session:
        token = session.scalars(select(Payment.token).where(Payment.amount_fen == 1400)).one()
    second = first.rpartition("/")[0] + f"/{token}"
    assert f'href="{first}">先付阿香黄焖鸡米饭 ¥18.00</a>' in page_at(second)
    dorm.stage.pay("小林", first)
    dorm.stage.pump()
    assert f'href="{second}">再付蜀味盖码饭 ¥14.00</a>' in page_at(first)
    assert "再付蜀味盖码饭 ¥14.00" in reader.live()["html"]
    assert "我付了" in reader.live()["html"]
    assert reader.post("pay").json()["url"] == second
    dorm.stage.pay("小林", second)
    dorm.stage.pump()
    assert "再付" not in page_at(second) + reader.live()["html"]


def test_the_opener_locks_on_the_page_and_hears_of_it_in_the_chat(dorm):
    gathered(dorm)
    dorm.play("(小林 pays)")
    opener = Reader(dorm, "小林")
    assert "现在锁单" in opener.live()["html"]
    assert Reader(dorm, "小周").post("lock").status_code == 409
    assert opener.post("lock").json() == {"says": "锁好了，明细发在聊天里"}
    assert opener.live()["state"] == "locked"
    assert opener.post("lock").status_code == 409
    dorm.play("""
        (work)
        push  小林  group.summary  people=1
        push  小周  group.removed
    """)


def test_who_treats_locks_and_pays_the_bill_on_the_page(dorm):
    gathered(dorm)
    dorm.play("""
        小林  $g我请客
        bot   group.treats
    """)
    guest = Reader(dorm, "小周")
    told = guest.post("join", {"dish": dish_on(guest.page.text, "黄焖牛腩饭")})
    assert told.json() == {"says": "加上了，团长付"}
    assert guest.post("pay").status_code == 409
    opener = Reader(dorm, "小林")
    assert opener.post("lock").status_code == 200
    paid = opener.post("pay")
    dorm.play("(work)")
    dorm.stage.pay("小林", paid.json()["url"])
    dorm.stage.world.settle()
    assert "我付了" in opener.live()["html"]
    with Sessions() as session:
        bill = session.scalars(select(Order).filter_by(state=OrderState.PAID)).one()
        assert bill.goods_fen + bill.delivery_fen - bill.discount_fen == bill.payable_fen


def test_the_page_follows_the_group_to_its_end(dorm):
    gathered(dorm)
    dorm.play("(小林 pays)")
    reader = Reader(dorm, "小林")
    assert reader.live()["state"] == "open"
    assert 0 < reader.live()["left_s"] <= 20 * 60
    dorm.play("""
        小林  $g锁单
        bot   group.summary  people=1
        (work)
    """)
    live = reader.live()
    assert live["state"] == "locked"
    assert "我的小票" in live["html"]
    assert "¥2.00" in live["html"]
    assert "待接单" in live["html"]
    assert "排骨" not in live["html"]
    late = reader.post("join", {"dish": "whatever"})
    assert late.status_code == 409
    assert "已经锁了" in late.json()["error"]


def test_only_our_own_page_may_order_and_only_for_its_reader(dorm):
    gathered(dorm)
    reader = Reader(dorm, "小周")
    dish = dish_on(reader.page.text, "黄焖牛腩饭")
    elsewhere = reader.post("join", {"dish": dish}, **{"Sec-Fetch-Site": "cross-site"})
    assert elsewhere.status_code == 403
    for wish in ({"dish": 7}, {"dish": dish, "quantity": 0}, {"dish": dish, "quantity": 10},
                 {"dish": dish, "quantity": True}, {"dish": dish, "options": "size_l"},
                 {"dish": dish, "options": [7]}, ["dish"]):
        assert reader.post("join", wish).status_code == 403
    assert reader.post("lock", **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    own = f"{dorm.stage.base_url}/g/G1"
    stranger = requests.post(f"{own}/join", json={"dish": dish}, timeout=10,
                             headers={"Sec-Fetch-Site": "same-origin"})
    assert stranger.status_code == 401
    for wrong in ("G999", "g1", "G1x", "<b>"):
        assert requests.get(f"{dorm.stage.base_url}/g/{wrong}", timeout=10).status_code == 404
    with Sessions() as session:
        assert session.query(Order).count() == 3


def test_the_code_is_drawn_from_what_wechat_says_is_in_it(dorm):
    gathered(dorm)
    assert "室友扫一下" not in Reader(dorm, "小林").page.text
    dorm.play("(work)")
    assert 'src="data:image/png;base64' in Reader(dorm, "小林").page.text
    with Sessions() as session:
        assert session.query(GroupOrder).one().qr_url


@pytest.mark.browser
def test_wechat_takes_the_card_for_sharing(dorm, chromium: Browser):
    gathered(dorm)
    page = _phone(chromium, dorm, "小林", SHARES)
    wait_until(page, "window.shared")
    card = page.evaluate("window.shared")
    assert card["title"].startswith("拼单G1：阿香黄焖鸡米饭")
    assert "3人✓免配送" in card["desc"]
    assert card["link"].endswith("/g/G1")
    assert requests.get(card["imgUrl"], timeout=10).headers["Content-Type"] == "image/png"
    put_away(page)


@pytest.mark.browser
def test_three_people_at_once_see_each_other_come_and_pay(dorm, chromium: Browser):
    dorm.play(f"""
        小林  拼单 阿香黄焖鸡 {until()}截止
        bot   group.opened  code=$g
        小林  $g 一份香菇滑鸡饭
        bot   group.joined
        (work)
    """)
    pages = {name: _phone(chromium, dorm, name) for name in ("小林", "小周", "小陈")}
    lin, zhou, chen = pages.values()
    for page, dish in ((zhou, "黄焖排骨饭"), (chen, "黄焖牛腩饭")):
        page.get_by_role("button", name=f"要{dish}").click()
        page.locator("#put").click()
        expect(page.get_by_role("button", name="付我这份")).to_be_visible(timeout=30_000)
    expect(lin.get_by_text("3人✓免配送")).to_be_visible(timeout=30_000)
    expect(lin.get_by_text("黄焖牛腩饭").first).to_be_visible()
    zhou.get_by_role("button", name="付我这份").click(no_wait_after=True)
    zhou.get_by_role("button", name="微信支付").click(no_wait_after=True)
    zhou.get_by_role("button", name="确认支付").click(no_wait_after=True)
    expect(zhou.locator("#standing")).to_contain_text("付好了", timeout=30_000)
    own = lin.locator(".bags .cell", has_text="黄焖排骨饭")
    expect(own).to_contain_text("已付", timeout=30_000)
    sizes = lin.evaluate("""performance.getEntries().filter(e => e.decodedBodySize &&
        !e.name.includes('jweixin')).map(e => e.decodedBodySize)""")
    assert 0 < sum(sizes) < 100_000
    dorm.play("""
        小林  $g锁单
        bot   group.summary
    """)
    expect(chen.get_by_text("已锁单")).to_be_visible(timeout=30_000)
    for page in pages.values():
        put_away(page)


@pytest.mark.browser
def test_a_dish_is_chosen_on_its_sheet(dorm, chromium: Browser):
    gathered(dorm)
    page = _phone(chromium, dorm, "小周")
    page.get_by_role("button", name="要黄焖鸡米饭").click()
    page.get_by_role("button", name="大份 +¥3.00").click()
    page.get_by_role("button", name="微辣").click()
    page.get_by_role("button", name="中辣").click()  # instead of 微辣
    page.get_by_role("button", name="多一份").click()
    page.get_by_label("备注").fill("少油")
    expect(page.locator("#put")).to_have_text("加上 ¥38.00")
    page.screenshot(path=SHOTS / "group-sheet.png")
    page.locator("#put").click()
    expect(page.locator("#sheet")).to_be_hidden()
    expect(page.locator(".bags .own")).to_contain_text("黄焖鸡米饭 中辣 大份 ×2", timeout=30_000)
    with Sessions() as session:
        order = session.scalars(select(Order).filter_by(note="少油")).one()
        assert set(order.lines[-1].options) == {"size_l", "spice_mid"}
    put_away(page)


# What WeChat's script accepted of the card, once wx.config had been.
SHARES = """Object.defineProperty(window, "wx", {configurable: true, get: () => undefined, set(wx) {
    const real = wx.updateAppMessageShareData;
    wx.updateAppMessageShareData = (card) => real(
        {...card, success: () => { window.shared = card; }});
    Object.defineProperty(window, "wx", {value: wx});
}})"""


def _phone(chromium: Browser, chat, name: str, script: str = "") -> Page:
    page = small_page(chromium, chat.stage.world.open(name, f"{chat.stage.base_url}/g/G1"),
                      script=script)
    expect(page.locator("#live")).to_be_visible()
    return page
