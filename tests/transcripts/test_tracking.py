"""Journey 7's page, /t/<token>: an order watched by whoever was given its link."""
import re

import pytest
import requests
from playwright.sync_api import Browser, expect

from models.base import utcnow
from tests.transcripts.stories import AT_THE_DOOR, COOKING, ON_THE_WAY, PAID, TAKEN
from tests.transcripts.test_first_lunch import pin_of
from web import limits


def watched(chat) -> str:
    chat.play("""
        小林  分享$c进度
        bot   track.shared  code=$c  url=$u
    """)
    return chat.kept["$u"]


def shown(url: str) -> str:
    page = requests.get(url, timeout=10)
    assert page.status_code == 200
    assert "302" not in re.sub(r"https?:[^\"]*|data-live=\"[^\"]*\"|\?v=\w+", "", page.text)
    return page.text


def test_each_step_is_seen_without_room_telephone_or_code(chat):
    chat.play(PAID)
    url = watched(chat)
    assert re.fullmatch(r".*/t/[A-Za-z0-9_-]{32}", url)
    assert "等阿香黄焖鸡米饭接单" in shown(url)
    rest = AT_THE_DOOR.removeprefix(PAID)
    chat.play(rest.partition("阿哲  $c到店")[0])
    assert "阿哲" in shown(url)
    chat.play("""
        阿哲  $c到店
        阿哲  $c取到
        bot   rider.picked_up
    """)
    assert "阿哲在送" in shown(url)
    assert "骑手在这附近" in shown(url)
    chat.play("""
        阿哲  $c到了
        bot   rider.arrived
        (work)
    """)
    pin = pin_of(chat, "小林")
    page = shown(url)
    assert "阿哲到楼下了" in page
    assert pin not in page
    assert "13800000001" not in page
    chat.play(f"""
        阿哲  {pin}
        bot   rider.delivered
    """)
    over = shown(url)
    assert "已完成" in over
    assert "东区12号楼" not in over


def test_a_delay_shows_the_later_time(chat):
    chat.play(COOKING)
    url = watched(chat)
    chat.play("""
        阿香  $c加10分钟
        bot   kitchen.delayed
    """)
    assert "晚了，对不住。现在" in shown(url)


def test_only_who_has_the_token_sees_it_and_the_buyer_may_take_it_back(chat):
    chat.play(TAKEN)
    url = watched(chat)
    assert requests.get(url[:-1] + ("A" if url[-1] != "A" else "B"), timeout=10).status_code == 404
    assert requests.get(url[:-1], timeout=10).status_code == 404
    chat.play("""
        阿哲  分享$c进度
        bot   order.unknown
        小林  到哪了
        bot   status.under_way
        小林  〔看地图〕
        bot   track.shared  url=$u
        小林  $c不分享了
        bot   track.stopped
    """)
    assert requests.get(url, timeout=10).status_code == 404
    chat.play("""
        小林  〔让室友看着〕
        bot   track.shared  url=$v
    """)
    assert chat.kept["$v"] != url
    assert "阿哲" in shown(chat.kept["$v"])


def test_what_is_told_of_an_order_opens_its_page(chat):
    chat.play(ON_THE_WAY)
    url = watched(chat)
    cards = [event for event in chat.stage.world.events(0, "小林") if event["type"] == "template"]
    assert {card["url"] for card in cards} == {url}


def test_nothing_to_watch_before_it_is_paid_or_after(chat):
    chat.play("""
        小林  来份黄焖鸡微辣 送12栋302
        bot   order.quoted  code=$c
        小林  分享$c进度
        bot   track.not_now
    """)


@pytest.mark.browser
def test_three_watch_at_once_and_see_the_rider_come(chat, chromium: Browser):
    chat.play(TAKEN)
    url, pages, complaints = watched(chat), [], []
    for scheme in ("light", "dark", "light"):
        context = chromium.new_context(viewport={"width": 375, "height": 667}, color_scheme=scheme)
        pages.append(context.new_page())
        pages[-1].on("pageerror", lambda error: complaints.append(str(error)))
        pages[-1].goto(url)
    chat.play("""
        阿哲  $c到店
        阿哲  $c取到
        bot   rider.picked_up
    """)
    for page in pages:
        expect(page.get_by_text("阿哲在送")).to_be_visible(timeout=30_000)
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
    sizes = pages[0].evaluate("""performance.getEntries().filter(e => e.decodedBodySize)
        .map(e => e.decodedBodySize)""")
    assert 0 < sum(sizes) < 100_000
    pages[1].context.set_offline(True)
    expect(pages[1].get_by_text("网断了")).to_be_visible(timeout=30_000)
    assert complaints == []
    for page in pages:
        page.context.close()


def test_whoever_tries_many_links_is_told_to_wait(chat, monkeypatch):
    moment = utcnow()
    monkeypatch.setattr(limits, "utcnow", lambda: moment)  # all in one minute
    tried = [requests.get(f"{chat.stage.base_url}/t/{n:032d}", timeout=10).status_code
             for n in range(35)]
    assert tried[0] == 404
    assert tried[-1] == 429
