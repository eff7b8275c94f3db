"""Headless Chromium for the pages. Without one, what needs it is skipped; in CI it fails."""
import os
import shutil
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, Frame, Page, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, (
    "chromium", "chromium-browser", "google-chrome"))), None)
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update"]
NO_BROWSER = "no Chromium: install it to run the browser tests"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(NO_BROWSER)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


POLL_S = 0.05
FITS = "document.readyState === 'complete' && document.documentElement.scrollWidth <= 375"


def small_page(chromium: Browser, url: str, *, script: str = "", scheme: str = "light") -> Page:
    """A small phone that shows this address. `script` runs before the page's own."""
    context = chromium.new_context(viewport={"width": 375, "height": 667},
                                   color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(60_000)  # the machine may be busy
    page = context.new_page()
    if script:
        page.add_init_script(script)
    page.complaints = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore
    page.goto(url)
    return page


def wait_until(page: Page | Frame, expression: str, timeout_s: float = 60) -> None:
    """Wait until this is true in the page. Playwright's own `wait_for_function` evaluates inside
    the page, which our Content-Security-Policy refuses as soon as it has to ask twice."""
    end = time.monotonic() + timeout_s
    while not _holds(page, expression):
        assert time.monotonic() < end, f"not true in {timeout_s} s: {expression}"
        page.wait_for_timeout(POLL_S * 1000)


def _holds(page: Page | Frame, expression: str) -> bool:
    try:
        return bool(page.evaluate(f"Boolean({expression})"))
    except Error as error:  # it loads itself anew just now
        if "context was destroyed" in str(error):
            return False
        raise


def put_away(page: Page) -> None:
    """Close it; it had nothing to complain of, and nothing stood out at its side."""
    wait_until(page, FITS)  # asked again where a live page has just loaded itself anew
    assert page.complaints == []  # type: ignore[attr-defined]
    page.context.close()
