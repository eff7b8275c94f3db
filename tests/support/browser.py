"""Headless Chromium for the pages. Without one, what needs it is skipped; in CI it fails."""
import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

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


def put_away(page: Page) -> None:
    """Close it; it had nothing to complain of, and nothing stood out at its side."""
    page.wait_for_function(FITS)  # asked again where a live page has just loaded itself anew
    assert page.complaints == []  # type: ignore[attr-defined]
    page.context.close()
