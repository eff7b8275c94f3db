"""An alarm's facts: merged in any order to the same; whom to call, and when."""
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.rules.alarm import Alarm, merge

NOW = datetime(2026, 9, 21, 14, 41, tzinfo=UTC)
TIMES = st.datetimes().map(datetime.isoformat)
NOTES = st.dictionaries(st.sampled_from(["ring:a:0", "ring:b:0", "rung"]), st.dictionaries(
    st.sampled_from(["sent", "failed", "at"]), TIMES))
FACTS = st.fixed_dictionaries({}, optional={
    "over_at": TIMES, "silent_at": TIMES, "seen": st.dictionaries(st.sampled_from("ab"), TIMES),
    "notes": NOTES})


@given(FACTS, FACTS, FACTS)
def test_copies_are_merged_in_any_order_and_as_often_as_one_likes(a, b, c):
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(merge(a, b), b) == merge(a, b)


def an_alarm():
    return Alarm.raised("u1", "SOS-1234", app_id="wx", openid="o1", words="救命", now=NOW)


def rung(alarm, id_, outcome="sent"):
    return alarm.with_(notes={id_: {"to": id_.split(":")[1], "words": {}, "at": NOW.isoformat(),
                                    outcome: NOW.isoformat()}})


def whom(alarm, on_duty, seconds):
    return [id_ for id_, _ in alarm.rings_due(on_duty, NOW + timedelta(seconds=seconds))]


def test_two_are_called_at_once_and_one_more_every_minute_and_round_again():
    alarm = an_alarm()
    assert whom(alarm, "abc", 0) == ["ring:a:0", "ring:b:0"]
    alarm = rung(rung(alarm, "ring:a:0"), "ring:b:0")
    assert whom(alarm, "abc", 59) == []
    assert whom(alarm, "abc", 60) == ["ring:c:0"]
    assert whom(alarm, "abc", 130) == ["ring:c:0", "ring:a:1"]


def test_one_alone_is_called_again_every_minute():
    assert whom(an_alarm(), "a", 0) == ["ring:a:0"]
    assert whom(rung(an_alarm(), "ring:a:0"), "a", 61) == ["ring:a:1"]


def test_whom_wechat_will_not_let_us_call_is_passed_over_at_once():
    alarm = rung(rung(an_alarm(), "ring:a:0", "failed"), "ring:b:0")
    assert whom(alarm, "abc", 1) == ["ring:c:0"]


def test_nobody_more_is_called_once_somebody_has_seen_it_or_it_is_over():
    seen = an_alarm().with_(seen={"a": NOW.isoformat()})
    over = an_alarm().with_(over_at=NOW.isoformat())
    assert whom(seen, "abc", 300) == whom(over, "abc", 300) == []


def test_what_is_known_is_never_changed():
    alarm = an_alarm().with_(silent_at="2026-01-01T00:00:00+00:00")
    assert alarm.with_(silent_at="2025-01-01T00:00:00+00:00").facts == alarm.facts
