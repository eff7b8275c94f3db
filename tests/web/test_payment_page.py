"""The pay page in a real browser: what its button does, and what it says when things go wrong."""
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from models.base import Sessions, utcnow
from models.order import Order
from models.payment import Payment
from models.rules.order_state import OrderState
from tests.support.payment import House, a_campus, a_payment, a_person, an_order
from tests.support.simulator import credentials

pytestmark = pytest.mark.browser
APP = credentials().app_id


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 320, "height": 568}, color_scheme="dark")
    context.set_default_timeout(10_000)
    yield context
    context.close()


def link(house: House, **order) -> str:
    with Sessions.begin() as session:
        a_campus(session, app_id=APP, secret=credentials().secret)
        buyer = a_person(session, house.world.phone("小明").openid, app_id=APP)
        placed = an_order(session, buyer, now=utcnow(), **order)
        return f"{house.url}/p/{a_payment(session, placed, now=utcnow(), asked=False).token}"


@pytest.fixture
def page(house: House, context: BrowserContext) -> Page:
    """小明's phone shows the page."""
    page = context.new_page()
    page.complaints = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore
    page.goto(house.world.open("小明", link(house)))
    return page


def says(page: Page, words: str) -> None:
    expect(page.locator("#standing")).to_contain_text(words)


def test_pay_and_the_page_says_so_when_the_server_does(house, page):
    page.get_by_role("button", name="微信支付").click()
    page.get_by_role("button", name="确认支付").click()

    says(page, "付好了")
    expect(page.get_by_role("button")).to_have_count(0)
    with Sessions.begin() as session:
        assert session.query(Order).one().state == OrderState.PAID
    assert page.complaints == []


def test_closing_the_sheet_costs_nothing_and_the_button_works_again(house, page):
    page.get_by_role("button", name="微信支付").click()
    page.locator("[data-wx-sheet] button").first.click()

    says(page, "还没有付款")
    page.get_by_role("button", name="微信支付").click()
    page.get_by_role("button", name="确认支付").click()
    says(page, "付好了")


def test_the_sheets_word_is_not_taken_for_the_money(house, page):
    house.world.faults.add("notify/transaction", 99, drop=True)
    page.get_by_role("button", name="微信支付").click()
    page.get_by_role("button", name="确认支付").click()

    says(page, "正在确认")
    with Sessions.begin() as session:
        assert session.query(Order).one().state == OrderState.AWAITING_PAYMENT


def test_wechat_pay_away_is_said_and_the_next_tap_works(house, page):
    house.world.faults.add("/v3/pay/transactions/jsapi", status=500)
    page.get_by_role("button", name="微信支付").click()
    says(page, "微信支付没有回应，还没扣钱")

    page.get_by_role("button", name="微信支付").click()
    page.get_by_role("button", name="确认支付").click()
    says(page, "付好了")


def test_no_network_is_said_and_the_next_tap_works(house, page, context):
    context.set_offline(True)
    says(page, "网断了")
    page.get_by_role("button", name="微信支付").click()
    says(page, "网断了")

    context.set_offline(False)
    page.get_by_role("button", name="微信支付").click()
    expect(page.get_by_role("button", name="确认支付")).to_be_visible()


def test_a_quote_that_changed_while_the_page_was_open_is_not_paid(house, page):
    with Sessions.begin() as session:
        session.query(Order).one().revision += 1
    page.get_by_role("button", name="微信支付").click()

    says(page, "单子改过了")
    assert house.world.orders == {}


def test_outside_wechat_it_says_where_to_open_it(house, page):
    page.add_init_script("Object.defineProperty(window, 'WeixinJSBridge', "
                         "{ get: () => undefined, set: () => {} })")
    page.reload()
    page.get_by_role("button", name="微信支付").click()

    says(page, "请在微信里打开")
    with Sessions.begin() as session:
        assert session.query(Payment).one().asked_at is None


def test_a_tap_before_the_script_has_come_is_not_lost(house, context):
    """A slow network: until the page can pay, its button says that it cannot."""
    page, held = context.new_page(), []
    page.route("**/pay.js*", lambda route: held.append(route))
    with page.expect_request("**/pay.js*"):
        page.goto(house.world.open("小明", link(house)), wait_until="commit")
    expect(page.get_by_role("button", name="微信支付")).to_be_disabled()
    held[0].continue_()
    page.get_by_role("button", name="微信支付").click()
    page.get_by_role("button", name="确认支付").click()
    says(page, "付好了")


def test_when_the_time_is_up_the_button_is_off(house, context):
    url = link(house, pay_within=timedelta(seconds=3))
    page = context.new_page()
    page.goto(house.world.open("小明", url))

    says(page, "付款时间过了")
    expect(page.get_by_role("button", name="微信支付")).to_be_disabled()


@pytest.mark.parametrize("width", [320, 375])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_small_phone_in_both_colours_and_with_large_text(house, page, width, scheme):
    page.set_viewport_size({"width": width, "height": 640})
    page.emulate_media(color_scheme=scheme)
    for size in ("100%", "160%"):
        page.evaluate("size => { document.documentElement.style.fontSize = size }", size)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        button = page.get_by_role("button", name="微信支付").bounding_box()
        assert button
        assert button["height"] >= 44
    # The button wears WeChat's own colours, white on its green.
    for seen in page.locator("main *:not(:has(*)):not(.button)").all():
        if seen.is_visible() and seen.inner_text().strip():
            assert _contrast(seen) >= 4.5, seen.inner_text()


def _contrast(seen: Locator) -> float:
    """WCAG's contrast of a text with what stands behind it."""
    front, back = seen.evaluate("""element => {
        const solid = colour => !/, 0\\)$|transparent/.test(colour);
        let behind = element;
        while (behind && !solid(getComputedStyle(behind).backgroundColor)) {
            behind = behind.parentElement;
        }
        return [getComputedStyle(element).color,
                getComputedStyle(behind || document.documentElement).backgroundColor];
    }""")
    return _ratio(_channels(front), _channels(back))


def _channels(colour: str) -> list[float]:
    return [float(value) for value in re.findall(r"[\d.]+", colour)]


def _ratio(front: list[float], back: list[float]) -> float:
    opacity = front[3] if len(front) > 3 else 1.0
    mixed = [f * opacity + b * (1 - opacity) for f, b in zip(front[:3], back[:3], strict=True)]
    light, dark = sorted((_light(mixed), _light(back[:3])), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _light(channels: list[float]) -> float:
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
              for c in (channel / 255 for channel in channels)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_it_is_light_enough_for_a_slow_network(house, page):
    """look.md: a page weighs less than 100 KB; WeChat's own script is kept by the phone."""
    sizes = page.evaluate("""performance.getEntries().filter(e => e.decodedBodySize &&
        !e.name.includes('jweixin')).map(e => e.decodedBodySize)""")
    assert 0 < sum(sizes) < 100_000
