"""The phones page in a real browser, with a small account behind it."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect
from werkzeug.serving import BaseWSGIServer, make_server

from simulator import app
from simulator.credentials import Credentials
from simulator.state import Transfer
from simulator.world import World
from tests.simulator.small_account import SmallAccount
from tests.support.browser import wait_until

PAID_TEMPLATE = {
    "character_string1": "A27-20260921", "thing2": "黄焖鸡(大)微辣等2件", "amount3": "¥14.50",
    "const4": "待接单", "time5": "12:30",
}  # fmt: skip

pytestmark = pytest.mark.browser


@dataclass
class Desk:
    """The page, the world behind it, and the account the phones talk to."""

    page: Page
    world: World
    account: SmallAccount

    def phone(self, name: str) -> Locator:
        return self.page.locator(f'section[data-phone="{name}"]')

    def send(self, name: str, text: str) -> Locator:
        phone = self.phone(name)
        phone.locator("[data-input]").fill(text)
        phone.locator("[data-send]").click()
        return phone

    def web(self, name: str) -> FrameLocator:
        return self.phone(name).frame_locator("iframe[data-webview]")


@pytest.fixture
def world(credentials: Credentials) -> Iterator[World]:
    world = World(credentials)
    world.account.mode = "plain"
    for name, role in (("小林", "student"), ("食堂", "merchant"), ("阿哲", "rider")):
        world.add_phone(name, role)
    server = _serve(app.make(world))
    yield world
    _stop(server)
    world.close()


@pytest.fixture
def desk(world: World, chromium: Browser) -> Iterator[Desk]:
    account = SmallAccount(world)
    server = _serve(make_server("127.0.0.1", 0, account.app(), threaded=True))
    account.url = f"http://127.0.0.1:{server.server_port}"
    world.webhook = f"{account.url}/wechat"
    context = chromium.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{world.base_url}/sim/")
    expect(page.locator("section[data-phone]")).to_have_count(3)
    yield Desk(page, world, account)
    context.close()
    _stop(server)
    assert faults == []


def _serve(server: BaseWSGIServer) -> BaseWSGIServer:
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


def _stop(server: BaseWSGIServer) -> None:
    server.shutdown()
    server.server_close()


def test_a_sentence_is_sent_and_answered(desk):
    phone = desk.send("小林", "来份黄焖鸡微辣")

    expect(phone.locator('[data-kind="said"] .bubble')).to_have_text("来份黄焖鸡微辣")
    heard = phone.locator('[data-kind="heard"] .bubble')
    expect(heard).to_contain_text("合计 ¥14.50 · 12:30 竹园7栋大厅")
    assert heard.inner_text().splitlines()[1].startswith("黄焖鸡米饭(中)")  # newlines show
    expect(phone.locator("[data-input]")).to_have_value("")
    expect(desk.phone("阿哲").locator('[data-kind="heard"]')).to_have_count(0)


def test_enter_sends_and_shift_enter_breaks_the_line(desk):
    box = desk.phone("小林").locator("[data-input]")
    box.press_sequentially("一行")
    box.press("Shift+Enter")
    box.press_sequentially("两行")
    box.press("Enter")

    expect(desk.phone("小林").locator('[data-kind="said"] .bubble')).to_have_text("一行\n两行")
    assert desk.account.after(1)[0]["Content"] == "一行\n两行"


def test_a_tap_sends_its_words_and_its_id(desk):
    phone = desk.send("小林", "来份黄焖鸡微辣")
    phone.get_by_role("link", name="换大份").click()

    expect(phone.locator('[data-kind="said"]').nth(1)).to_contain_text("A27换大份")
    phone.get_by_role("link", name="不要了").first.press("Enter")
    expect(phone.locator('[data-kind="said"]').nth(2)).to_contain_text("取消A27")
    taps = [(m["Content"], m.get("bizmsgmenuid")) for m in desk.account.after(3)[1:]]
    assert taps == [("A27换大份", "o7.4"), ("取消A27", None)]


def test_what_looks_like_markup_stays_text_and_percent_signs_are_decoded(desk):
    phone = desk.send("小林", "怪")
    heard = phone.locator('[data-kind="heard"] .bubble')

    expect(heard).to_contain_text('<b>不是粗体</b> 1 < 2 && "引号" <script>window.hacked=1')
    assert heard.locator("a").count() == 1  # no link to javascript:
    assert heard.locator("b, script, img").count() == 0
    phone.get_by_role("link", name="符号").click()
    expect(phone.locator('[data-kind="said"]').nth(1)).to_contain_text("100% + A&B")
    assert desk.account.after(2)[1]["bizmsgmenuid"] == "<1>"
    assert desk.page.evaluate("window.hacked") is None


def test_a_template_card_shows_rows_and_opens_its_page(desk):
    openid = desk.world.phone("小林").openid
    data = {key: {"value": value} for key, value in PAID_TEMPLATE.items()}
    desk.account.call("/cgi-bin/message/template/send", {
        "touser": openid, "template_id": "paid", "url": f"{desk.account.url}/p/tok", "data": data,
    })  # fmt: skip
    card = desk.phone("小林").locator('[data-kind="template"]')

    expect(card.locator("h3")).to_have_text("支付成功通知")
    assert card.locator("dt").all_inner_texts() == ["订单号", "商品", "金额", "状态", "预计送达"]
    assert card.locator("dd").all_inner_texts() == list(PAID_TEMPLATE.values())
    card.get_by_text("查看详情").click()
    expect(desk.web("小林").get_by_role("heading")).to_have_text("合计 ¥14.50")
    expect(desk.phone("小林").locator(".webview h2")).to_have_text("支付订单 A27")
    desk.phone("小林").locator("[data-webview-close]").click()
    expect(desk.page.locator("iframe")).to_have_count(0)


def test_the_pay_sheet_rises_and_takes_the_money(desk):
    phone = desk.send("小林", "确认A27")
    phone.get_by_role("link", name="点这里微信支付").click()
    web = desk.web("小林")
    expect(web.locator("#agent")).to_have_text("true")  # a MicroMessenger to its scripts too
    web.get_by_role("button", name="微信支付").click()
    sheet = web.locator("[data-pay-sheet]")

    expect(sheet.locator("[data-pay-amount]")).to_have_text("¥14.50")
    expect(sheet.locator("[data-pay-payee]")).to_have_text(desk.world.knobs.payee)
    sheet.locator("[data-wx-close]").click()
    expect(web.locator("#said")).to_have_text("get_brand_wcpay_request:cancel")
    assert desk.world.orders["A27-1"].state == "NOTPAY"

    web.get_by_role("button", name="微信支付").click()
    sheet.locator("[data-pay-confirm]").click()
    expect(sheet.locator("[data-pay-done]")).to_have_text("支付成功")
    expect(web.locator("#said")).to_have_text("get_brand_wcpay_request:ok")
    assert desk.world.orders["A27-1"].state == "SUCCESS"
    expect(sheet).to_have_count(0)


def test_another_person_cannot_pay_in_their_place(desk):
    phone = desk.send("阿哲", "确认A27")
    phone.get_by_role("link", name="点这里微信支付").click()
    desk.web("阿哲").get_by_role("button", name="微信支付").click()

    expect(desk.web("阿哲").locator("#said")).to_have_text("get_brand_wcpay_request:fail")
    assert desk.world.orders["A27-1"].state == "NOTPAY"


def test_the_js_sdk_works_once_its_signature_is_right(desk):
    phone = desk.send("小林", "G5")
    phone.get_by_role("link", name="进拼单").click()
    web = desk.web("小林")
    said = web.locator("#said li")

    expect(said).to_have_text([
        'pay {"errMsg":"chooseWXPay:permission denied"}',
        'share {"errMsg":"updateAppMessageShareData:ok"}'])  # fmt: skip
    web.get_by_role("button", name="定位").click()
    web.locator("[data-lat]").fill("30.5")
    web.get_by_role("button", name="允许").click()
    expect(said.nth(2)).to_contain_text('"latitude":30.5')
    web.get_by_role("button", name="扫码").click()
    web.locator("[data-scan]").fill("4071")
    web.get_by_role("button", name="扫到了").click()
    expect(said.nth(3)).to_contain_text('"resultStr":"4071"')
    with desk.page.expect_file_chooser() as chooser:
        web.get_by_role("button", name="选图").click()
    chooser.value.set_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": b"\x89PNG"})  # fmt: skip
    expect(said.nth(4)).to_contain_text('"localData":"data:image/png;base64,iVBORw=="')
    web.get_by_role("button", name="关", exact=True).click()
    expect(desk.page.locator("iframe")).to_have_count(0)


def test_a_forged_sdk_signature_is_refused(desk):
    phone = desk.send("小林", "G5?forged")
    phone.get_by_role("link", name="进拼单").click()

    expect(desk.web("小林").locator("#said li")).to_have_text(
        'error {"errMsg":"config:invalid signature"}')  # fmt: skip


def test_a_page_is_passed_on_to_another_phone_as_the_card_it_prepared(desk):
    phone = desk.send("小林", "G5")
    phone.get_by_role("link", name="进拼单").click()
    expect(desk.web("小林").locator("#said li").nth(1)).to_contain_text("share")
    phone.locator("[data-webview-more]").click()
    phone.get_by_role("button", name="转发给 阿哲").click()
    card = desk.phone("阿哲").locator('[data-kind="friend"]')

    expect(card.locator("h3")).to_have_text("一起拼单 G5")
    card.get_by_role("link").click()
    expect(desk.web("阿哲").get_by_role("heading")).to_have_text("拼单 G5")
    ports = [desk.phone(n).locator("iframe").get_attribute("src") for n in ("小林", "阿哲")]
    assert ports[0] != ports[1]


def test_a_page_of_the_wide_world_stays_closed(desk):
    desk.world.record(desk.world.phone("小林"), "heard", channel="custom", msgtype="text",
                      content="看 https://example.com/a 吧")  # fmt: skip
    phone = desk.phone("小林")
    phone.get_by_role("link", name="https://example.com/a").click()

    expect(phone.get_by_text("只打开本机的网页")).to_be_visible()
    expect(desk.page.locator("iframe")).to_have_count(0)


def test_the_menu_stands_above_the_keyboard(desk):
    desk.account.call("/cgi-bin/menu/create", {"button": [
        {"name": "点餐", "sub_button": [
            {"type": "click", "name": "今天吃啥", "key": "EAT"},
            {"type": "view", "name": "看菜单", "url": f"{desk.account.url}/p/tok"}]},
        {"type": "click", "name": "到哪了", "key": "WHERE"}]})  # fmt: skip
    desk.page.reload()
    phone = desk.phone("小林")

    phone.get_by_role("button", name="到哪了").click()
    expect(phone.locator('[data-kind="said"]')).to_have_text("点了菜单「到哪了」")
    phone.get_by_role("button", name="点餐").click()
    phone.get_by_role("button", name="今天吃啥").click()
    expect(phone.locator('[data-kind="said"]').nth(1)).to_have_text("点了菜单「今天吃啥」")
    phone.get_by_role("button", name="点餐").click()
    phone.get_by_role("button", name="看菜单").click()
    expect(desk.web("小林").get_by_role("heading")).to_have_text("合计 ¥14.50")
    events = [m["Event"] for m in desk.account.after(3)]
    assert events == ["CLICK", "CLICK", "VIEW"]


def test_a_place_a_picture_and_a_code(desk):
    places = [{"name": "竹园7栋", "lat": 30.5412, "lng": 114.3601}, {"name": "无坐标"}]
    file = desk.world.credentials.directory / "places.json"
    file.write_text(json.dumps(places), "utf-8")
    phone = desk.phone("小林")
    phone.locator("[data-plus]").click()
    phone.locator("[data-tool-place]").click()
    phone.get_by_role("button", name="竹园7栋").click()
    phone.get_by_role("button", name="发送", exact=True).last.click()
    expect(phone.locator('[data-kind="said"] .place b')).to_have_text("竹园7栋")
    file.unlink()

    phone.locator("[data-tool-picture]").click()
    phone.get_by_role("button", name="校园卡").click()
    picture = phone.locator('[data-kind="said"] img.picture')
    expect(picture).to_have_js_property("naturalWidth", 320)

    phone.locator("[data-tool-scan]").click()
    phone.locator("[data-scene]").fill("b_ap01")
    phone.locator("[data-scene]").press("Enter")
    expect(phone.get_by_text("扫了二维码 b_ap01")).to_be_visible()
    place, image, scan = desk.account.after(3)
    assert (place["Label"], place["Location_X"], place["Location_Y"]) == (
        "竹园7栋", "30.5412", "114.3601")  # fmt: skip
    assert requests.get(image["PicUrl"], timeout=5).content.startswith(b"\xff\xd8")
    assert (scan["Event"], scan["EventKey"]) == ("SCAN", "b_ap01")


def test_who_stops_following_can_come_back(desk):
    phone = desk.phone("小林")
    phone.locator("[data-plus]").click()
    phone.locator("[data-tool-follow]").click()
    expect(phone.locator("[data-input]")).to_be_hidden()
    phone.locator("[data-follow]").click()

    expect(phone.locator("[data-input]")).to_be_visible()
    assert [m["Event"] for m in desk.account.after(2)] == ["unsubscribe", "subscribe"]


def test_a_stranger_follows_by_a_poster_and_reports_where_they_are(desk):
    desk.world.add_phone("新生", "student", followed=False)
    desk.page.reload()
    phone = desk.phone("新生")
    phone.locator("[data-follow-scan]").click()
    phone.locator("[data-scene]").fill("b_zy7")
    phone.locator("[data-scene]").press("Enter")
    phone.locator("[data-plus]").click()
    phone.locator("[data-tool-place]").click()
    phone.locator("[data-map]").click(position={"x": 10, "y": 10})
    west, north = (float(phone.locator(f"[data-{n}]").input_value()) for n in ("lng", "lat"))
    phone.get_by_role("button", name="只上报我的位置").click()

    follow, position = desk.account.after(2)
    assert (follow["Event"], follow["EventKey"]) == ("subscribe", "qrscene_b_zy7")
    assert (position["Event"], float(position["Latitude"])) == ("LOCATION", north)
    assert west < 114.36
    assert north > 30.54
    expect(phone.locator('[data-kind="said"]')).to_have_count(0)


def test_a_phone_is_added_and_history_survives_a_reload(desk):
    desk.send("小林", "菜单")
    expect(desk.phone("小林").locator('[data-kind="heard"]')).to_have_count(1)
    desk.page.get_by_role("button", name="加一部手机").click()
    desk.page.get_by_label("名字").fill("室友周")
    desk.page.get_by_role("button", name="加上").click()
    expect(desk.phone("室友周")).to_have_attribute("data-role", "student")

    desk.page.reload()

    expect(desk.page.locator("section[data-phone]")).to_have_count(4)
    expect(desk.phone("小林").locator("[data-messages] > [data-kind]")).to_have_count(2)


def test_a_long_chat_stays_at_its_newest_line_and_times_stand_between_far_messages(desk):
    for number in range(12):
        desk.world.say("小林", f"菜单 {number}")
    desk.world.advance(301)
    desk.world.say("小林", "菜单")
    phone = desk.phone("小林")

    expect(phone.locator('[data-kind="heard"]').last).to_be_in_viewport()
    expect(phone.locator("[data-time]")).to_have_count(2)


def test_what_cannot_be_sent_is_kept(desk):
    desk.page.route("**/sim/phones/*/text", lambda route: route.abort())

    phone = desk.send("小林", "来份黄焖鸡")

    expect(phone.get_by_text("没发出去")).to_be_visible()
    expect(phone.locator("[data-input]")).to_have_value("来份黄焖鸡")


def test_a_simulator_that_is_gone_is_told(desk):
    desk.page.route("**/sim/events*", lambda route: route.abort())
    desk.world.say("小林", "菜单")  # ends the poll that is under way

    expect(desk.phone("小林").locator(".offline")).to_be_visible()
    desk.page.unroute("**/sim/events*")
    expect(desk.phone("小林").locator(".offline")).to_be_hidden(timeout=10_000)
    expect(desk.phone("小林").locator('[data-kind="said"]')).to_have_count(1)


def test_on_a_narrow_window_one_phone_fills_it(desk):
    desk.world.share_location("食堂", 30.54, 114.36, "二食堂门口右手边第三个窗口")
    desk.world.share_location("阿哲", 30.54, 114.36, "竹园")
    for width, name, role in ((375, "食堂", "商家"), (320, "阿哲", "骑手")):
        desk.page.set_viewport_size({"width": width, "height": 667})
        desk.page.get_by_role("button", name=f"{name} {role}").click()
        expect(desk.phone(name).locator("[data-input]")).to_be_in_viewport(ratio=1)
        box = desk.phone(name).bounding_box()
        assert box is not None
        assert (box["x"], box["width"]) == (0, width)
        expect(desk.phone(name).locator("[data-plus]")).to_be_in_viewport(ratio=1)


CONTRAST = """() => {
  const parse = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3]));
  const light = (rgb) => rgb.map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    const layers = [];
    for (let n = node; n; n = n.parentElement) {
      layers.push(parse(getComputedStyle(n).backgroundColor));
    }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const unread = node.closest("[aria-hidden], svg, .unseen, noscript, dialog");
    if (!own || unread || !node.offsetParent) continue;
    const under = ground(node);
    const [a, b] = [light(over(parse(getComputedStyle(node).color), under)), light(under)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const wanted = node.matches(".button, .send") ? 2 : 4.5; // WeChat's own white on green
    if (ratio < wanted) poor.push(`${node.tagName}.${node.className} ${ratio.toFixed(2)}`);
  }
  return poor;
}"""


def test_everything_can_be_read_by_day_and_by_night(desk):
    phone = desk.send("小林", "来份黄焖鸡微辣")
    data = {key: {"value": value} for key, value in PAID_TEMPLATE.items()}
    desk.account.call("/cgi-bin/message/template/send", {
        "touser": desk.world.phone("小林").openid, "template_id": "paid", "data": data,
    })  # fmt: skip
    desk.world.unfollow("阿哲")
    expect(phone.locator('[data-kind="template"]')).to_be_visible()
    expect(desk.phone("阿哲").locator('[data-kind="notice"]')).to_be_visible()

    for scheme in ("light", "dark"):
        desk.page.emulate_media(color_scheme=scheme)
        assert desk.page.evaluate(CONTRAST) == []


def test_every_control_has_a_name(desk):
    desk.phone("小林").locator("[data-plus]").click()
    nameless = """() => [...document.querySelectorAll("button, input, textarea, select, iframe")]
      .filter((n) => n.checkVisibility())
      .filter((n) => !(n.ariaLabel || n.title || n.textContent.trim() || n.labels?.length))
      .map((n) => n.outerHTML)"""

    assert desk.page.evaluate(nameless) == []


def test_the_page_is_light_and_loads_nothing_from_elsewhere(desk):
    seen = desk.page.evaluate("""() => performance.getEntriesByType("resource")
      .map((entry) => [entry.name, entry.encodedBodySize])""")

    assert all(url.startswith(desk.world.base_url) for url, _ in seen)
    assert 20_000 < sum(size for _, size in seen) < 100_000
    policy = requests.get(f"{desk.world.base_url}/sim/", timeout=5).headers
    assert "script-src 'self'" in policy["Content-Security-Policy"]


def test_troubles_are_switched_on_and_off(desk: Desk) -> None:
    page, world = desk.page, desk.world
    page.locator("[data-troubles]").click()
    drawer = page.locator("[data-drawer]")
    expect(drawer.locator("[data-faults-on]")).to_contain_text("一切正常")
    row = drawer.locator('[data-trouble="push-lost"]')
    row.get_by_label("在哪").select_option(label="文字消息")
    row.get_by_label("几次").select_option(label="直到关掉")
    row.get_by_role("button").click()

    expect(drawer.locator("[data-faults-on]")).to_contain_text("文字消息：丢了 直到关掉")
    expect(page.locator("[data-troubles] .badge")).to_have_text("1")
    world.say("小林", "在吗")
    expect(drawer.locator("[data-journal] em").first).to_have_text("文字消息：丢了")
    expect(drawer.locator("[data-faults-on]")).to_contain_text("已出 1 次")
    assert desk.account.heard == []

    drawer.locator("[data-fault]").get_by_role("button", name="关掉").click()
    expect(drawer.locator("[data-faults-on]")).to_contain_text("一切正常")
    expect(page.locator("[data-troubles] .badge")).to_be_hidden()
    drawer.locator("[data-drawer-close]").click()
    expect(drawer).to_be_hidden()
    world.say("小林", "在吗")
    desk.account.after(1)


def test_a_rider_takes_a_transfer_in_the_page(desk: Desk) -> None:
    world = desk.world
    rider = world.phone("阿哲")
    with world.lock:
        world.transfers["T1"] = Transfer(
            "T1", "1330", world.account.app_id, rider.openid, 660, {"transfer_remark": "配送费"},
            world.now(), "WAIT_USER_CONFIRM", package="pkg")
    world.knobs.transfer_takes_s = 0
    desk.send("阿哲", "确认").locator("a", has_text="微信支付").click()
    web = desk.web("阿哲")
    expect(web.locator("#pay")).to_be_visible()
    frame = next(f for f in desk.page.frames if "/p/tok" in f.url)
    wait_until(frame, "window.WeixinJSBridge")
    frame.evaluate("""([mchId, appId]) => { WeixinJSBridge.invoke("requestMerchantTransfer",
        { mchId, appId, package: "pkg" }, (res) => { said.textContent = res.err_msg; }); }""",
                   [world.credentials.mch_id, world.account.app_id])
    expect(web.locator("[data-transfer-sheet]")).to_contain_text("6.60")
    web.locator("[data-transfer-confirm]").click()
    expect(web.locator("#said")).to_have_text("requestMerchantTransfer:ok")
    world.settle()
    assert world.transfers["T1"].state == "SUCCESS"
