"""The typed fields' limits, as real accounts enforce them."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.message_templates import check_value, default_templates

# one sample a kind, as journeys.md has them
SAMPLES = {
    "paid": ["A27-20260921", "黄焖鸡(大)微辣等2件", "¥17.50", "待接单", "12:30"],
    "progress": ["A27-20260921", "配送中", "阿哲", "12:27~12:33", "到楼下了再喊你"],
    "arrived": ["A27-20260921", "4071", "竹园7栋大厅 右手餐架2层", "12:28", "码只给本单骑手看"],
    "delayed": ["A27-20260921", "商家爆单，出餐晚了", "12:42", "还在路上，已帮你催"],
    "refunded": ["R82-20260921", "¥12.85", "已退回", "2026-09-21 13:05", "原路退回微信零钱"],
    "rider_task": ["A27-20260921", "二食堂3号窗", "竹园7栋大厅", "¥3.20", "12:06"],
    "merchant_order": ["A27-20260921", "黄焖鸡大份微辣×1等2件", "¥17.50", "12:30", "去香菜"],
    "group_locked": ["G5-20260921", "已锁单", "¥13.00", "12:10", "3人已付，免配送费"],
    "sos": ["SOS-031", "一键求助", "梅园路近梅园3栋", "22:41:07", "订单A88 骑手已知"],
}


def test_the_account_has_the_nine_templates_and_takes_their_samples():
    templates = {t["template_id"]: t for t in default_templates()}

    assert set(templates) == set(SAMPLES)
    for kind, values in SAMPLES.items():
        keys = list(templates[kind]["keys"])
        assert [int(key[-1]) for key in keys] == [1, 2, 3, 4, 5][:len(values)]
        assert [check_value(k, v) for k, v in zip(keys, values, strict=True)] == [None] * len(keys)


def test_keys_of_the_first_template():
    paid = default_templates()[0]

    assert list(paid["keys"]) == ["character_string1", "thing2", "amount3", "const4", "time5"]
    assert paid["content"].startswith("订单号:{{character_string1.DATA}}\n")


@pytest.mark.parametrize(("key", "value"), [
    ("thing2", "一" * 21), ("thing2", "两\n行"), ("thing2", " "), ("thing2", ""),
    ("character_string1", "单号A27"), ("character_string1", "1" * 33),
    ("character_string1", "¥5"), ("amount3", "17.5块"), ("amount3", "¥"), ("amount3", "¥¥1"),
    ("amount3", "1" * 13), ("amount3", "-1"), ("const4", "一" * 21), ("const4", "两\n行"),
    ("time5", "尽快"), ("time5", "24:00"), ("time5", "12:60"), ("time5", "2026-02-30 12:00"),
    ("time5", "2026-09-21"), ("time5", "12:00~13:00~14:00"), ("time5", "12:00~"),
    ("phone_number1", "1" * 18), ("phrase1", "六个汉字不行"), ("car_number1", "粤B1234567"),
    ("date1", "2026-13-01"), ("number1", "1a"),
])
def test_refused(key, value):
    assert check_value(key, value) is not None


@pytest.mark.parametrize(("key", "value"), [
    ("thing2", "一" * 20), ("character_string1", "1" * 32), ("amount3", "17.50元"),
    ("amount3", "¥" + "1" * 12), ("const4", ""), ("time5", "9:05"), ("time5", "12:00 ~ 13:00"),
    ("time5", "2026年9月21日 12:30~2026年9月21日 13:00"), ("phone_number1", "+86-0766-66888866"),
    ("car_number1", "粤A8Z888挂"), ("date1", "2026年9月21日"), ("phrase1", "已发货"),
])
def test_taken(key, value):
    assert check_value(key, value) is None


def test_reviewed_words_of_a_const():
    assert check_value("const4", "待接单", ["待接单", "配送中"]) is None
    assert check_value("const4", "待命", ["待接单", "配送中"]) == "invalid"


@given(st.text(max_size=40))
def test_a_thing_is_one_line_of_at_most_twenty(value):
    broken = any(end in value for end in "\r\n\u2028\u2029")

    assert (check_value("thing1", value) is None) == (
        bool(value.strip()) and len(value) <= 20 and not broken)


@given(st.integers(0, 10**12 - 1), st.booleans())
def test_every_amount_of_fen_fits(fen, with_sign):
    yuan = f"{'¥' if with_sign else ''}{fen // 100}.{fen % 100:02d}"

    assert check_value("amount1", yuan) is None


@given(st.times(), st.dates(), st.booleans())
def test_every_moment_fits(time, day, with_day):
    text = f"{day.isoformat()} {time:%H:%M}" if with_day else f"{time:%H:%M:%S}"

    assert check_value("time1", text) is None


@given(st.text(max_size=40))
def test_a_character_string_is_printable_ascii(value):
    taken = check_value("character_string1", value) is None

    assert taken == (bool(value.strip()) and len(value) <= 32 and value.isascii()
                     and value.isprintable())
