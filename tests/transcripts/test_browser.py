"""The whole lunch, by hand, on the simulator's page: three phones in one browser."""
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from config.settings import VAR
from tests.support.stage import Stage

pytestmark = pytest.mark.browser
SHOTS = VAR / "screenshots"


@dataclass
class Hands:
    """Somebody who holds all three phones."""

    page: Page
    stage: Stage

    def phone(self, name: str) -> Locator:
        return self.page.locator(f'section[data-phone="{name}"]')

    def types(self, name: str, words: str) -> None:
        self.phone(name).locator("[data-input]").fill(words)
        self.phone(name).locator("[data-send]").click()

    def taps(self, name: str, words: str) -> None:
        link = self.phone(name).locator("[data-messages] a").get_by_text(words, exact=True)
        link.last.click()

    def sees(self, name: str, words: str) -> None:
        messages = self.phone(name).locator("[data-messages]")
        expect(messages.get_by_text(words).last).to_be_visible()

    def works(self, name: str, words: str) -> None:
        """Workers do what is due, until this phone shows these words."""
        self.stage.pump()
        self.sees(name, words)

    def web(self, name: str) -> FrameLocator:
        return self.phone(name).frame_locator("iframe[data-webview]")

    def shoot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(300)  # bubbles slide in
        self.page.screenshot(path=SHOTS / f"{name}.png")


@pytest.fixture
def hands(chat, chromium: Browser) -> Iterator[Hands]:  # type: ignore[no-untyped-def]
    context = chromium.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{chat.stage.world.base_url}/sim/")
    expect(page.locator("section[data-phone]")).to_have_count(3)
    yield Hands(page, chat.stage)
    context.close()
    assert not faults


def test_a_lunch_from_the_first_sentence_to_the_handover_code(hands):
    hands.types("小林", "来份黄焖鸡微辣不要香菜 送12栋302")
    hands.sees("小林", "合计 ¥13.00")
    hands.taps("小林", "确认付款")
    hands.sees("小林", "给你留15分钟")
    hands.shoot("1-quote")

    hands.taps("小林", "👉点这里微信支付")
    page = hands.web("小林")
    expect(page.get_by_text("黄焖鸡米饭 微辣 不要香菜")).to_be_visible()
    hands.shoot("2-pay-page")
    page.get_by_role("button", name="微信支付").click(no_wait_after=True)
    expect(page.locator("[data-pay-amount]")).to_contain_text("13.00")
    hands.shoot("3-pay-sheet")
    page.locator("[data-pay-confirm]").click()
    page.locator("[data-pay-done]").click()
    expect(page.get_by_text("付好了")).to_be_visible(timeout=15_000)
    hands.phone("小林").locator("[data-webview-close]").click()

    hands.types("阿香", "在")
    hands.works("小林", "支付成功")
    code = re.search(r"[A-Z]\d+(?=-2)", hands.phone("小林").inner_text())[0]
    hands.sees("阿香", f"新单{code}")
    hands.taps("阿香", "接单")
    hands.sees("阿香", f"{code} 接了")
    hands.types("阿哲", "上线")
    hands.sees("阿哲", "在线✓")
    hands.works("阿哲", "派给你因为")
    hands.taps("阿哲", "接")
    hands.sees("阿哲", "归你了")
    hands.shoot("4-taken")

    hands.taps("阿香", "出餐了")
    hands.sees("阿香", "出餐✓")
    hands.taps("阿哲", "到店了")
    hands.taps("阿哲", "取到了")
    hands.sees("阿哲", "核对：")
    hands.types("小林", "到哪了")
    hands.sees("小林", "阿哲在送")
    hands.taps("阿哲", "到了")
    hands.works("小林", "取餐码")
    pin = re.findall(r"取餐码\s*(\d{4})", hands.phone("小林").inner_text())[-1]
    assert pin not in hands.phone("阿哲").inner_text()
    hands.types("阿哲", pin)
    hands.sees("阿哲", f"✓ {code}完成")
    hands.works("小林", "送到了")
    hands.shoot("5-delivered")
