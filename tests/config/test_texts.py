import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from config import settings
from config.texts import CATALOG, MAX_BYTES, Reply, from_json, say, text_of, to_json, yuan

KEY = re.compile(r'(?:Reply|_words|_plainly)\(\s*"([a-z_]+\.[a-z_]+)"|headline="([a-z_.]+)"')
# Keys that code puts together: the fixed part, and where the rest comes from.
COMPOSED = ("day.", "weekday.", "state.", "status.", "step.", "hint.", "refund.", "refund_reason.",
            "buyer.", "discount.", "offer.", "kitchen.buyer_", "kitchen.wish_", "cancel.agreed_",
            "payment.state_", "payout.", "risk.", "page.", "duty.", "delay_reason.",
            "kitchen.line_", "errand.size_", "tie.", "referral.to_", "referral.page_",
            "errand.kind_", "errand.from_", "group.page_", "complaint.word_", "complaint.by_",
            "student.decided_", "riders.is_", "riders.decided_", "riders.you_are_", "practice.",
            "question.", "relay.words_of_")


def sources():
    for folder in ("bot", "handlers", "web", "workers"):
        yield from Path(settings.ROOT / folder).rglob("*.py")
        yield from Path(settings.ROOT / folder).rglob("*.html")


def catalogue():
    return {f"{topic}.{name}" for topic, names in CATALOG.items() for name in names}


def test_every_key_in_the_code_is_in_the_catalogue():
    used = {"".join(key) for path in sources() for key in KEY.findall(path.read_text("utf-8"))}
    assert used
    assert not used - catalogue()


def test_every_sentence_of_the_catalogue_is_used():
    code = "\n".join(path.read_text("utf-8") for path in sources())
    unused = {key for key in catalogue() if f'"{key}"' not in code
              and not key.startswith(COMPOSED)}
    assert not unused


def test_a_tap_sends_its_words_and_names_its_quote():
    CATALOG["test"] = {"tap": "好\n〔确认|确认{code}〕 〔取消〕\n⟨{url}|付款⟩"}
    try:
        said = say(Reply("test.tap", {"code": "A 27&", "url": "http://x/p/1"}, "q1.2.ab"))
    finally:
        del CATALOG["test"]
    assert said == (
        '好\n<a href="weixin://bizmsgmenu?msgmenucontent=%E7%A1%AE%E8%AE%A4A%2027%26'
        '&msgmenuid=q1.2.ab">确认</a> '
        '<a href="weixin://bizmsgmenu?msgmenucontent=%E5%8F%96%E6%B6%88&msgmenuid=q1.2.ab">取消'
        '</a>\n<a href="http://x/p/1">付款</a>')


@given(st.text(max_size=3000))
def test_whatever_a_parameter_holds_it_makes_no_link_and_never_exceeds_the_limit(words):
    said = say(Reply("order.note", {"note": words}))
    assert "<" not in said.replace("<a ", "")
    assert "〔" not in said
    many = say(Reply("order.nothing_changed", {
        "code": "A1", "remarks": [Reply("order.note", {"note": words})] * 9}))
    assert len(many.encode()) <= MAX_BYTES


def test_of_what_is_too_long_the_words_go_and_the_sum_and_the_taps_stay():
    long = Reply("order.line", {"what": "很长的菜名" * 60, "amount": "¥1.00"})
    said = say(Reply("order.quoted", {
        "headline": "听懂了 · A1", "lines": [long] * 4, "note": None, "parts": "配送¥2.00",
        "payable": "¥14.50", "when": "12:30", "where": "竹园" * 200, "remarks": None,
        "bigger": None, "code": "A1"}, "q1.1.aabbccddeeff"))
    lines = said.split("\n")
    assert len(said.encode()) <= MAX_BYTES
    assert len(lines) == 8
    assert lines[1].endswith("…")
    assert "合计 ¥14.50 · 12:30 竹园" in lines[6]
    assert lines[7].count("</a>") == 2


@given(st.lists(st.text(alphabet="菜x<〔|", min_size=1, max_size=100), min_size=1, max_size=8))
def test_whole_lines_go_only_where_cutting_does_not_do(names):
    said = say(Reply("menu.shops", {
        "taps": [Reply("menu.shop", {"shop": name}) for name in names[:4]],
        "others": "、".join(names)}))
    assert len(said.encode()) <= MAX_BYTES
    assert said.startswith("吃哪家")
    assert said.count("<a ") == said.count("</a>")


def test_a_missing_part_leaves_no_empty_line():
    unchanged = Reply("order.nothing_changed", {"code": "A1", "remarks": None})
    assert text_of(unchanged) == "A1 没有改动。\n〔确认付款|确认A1〕 〔不要了|取消A1〕"


def test_a_reply_survives_the_outbox():
    reply = Reply("order.nothing_changed", {"code": "A1", "remarks": [
        None, Reply("order.note", {"note": "少放盐"})]}, "q1.1.ff")
    assert say(from_json(to_json(reply))) == say(reply)


def test_money_has_two_decimals():
    assert [yuan(f) for f in (0, 5, 1450, 100_000, -250)] == [
        "¥0.00", "¥0.05", "¥14.50", "¥1000.00", "-¥2.50"]
