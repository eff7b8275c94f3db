"""WeChat's windows: what may still be sent to somebody, whatever they and we do."""
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.person import Person

START = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)


def somebody() -> Person:
    return Person(app_id="wx", openid="o", is_following=True, service_sent=0, brief_left=0)


def test_a_message_opens_five_for_two_days_and_a_tap_three_for_a_minute():
    person = somebody()
    assert person.messages_left(START) == 0
    person.note_message(START)
    for left in (5, 4, 3, 2, 1):
        assert person.messages_left(START) == left
        person.spend()
    assert person.messages_left(START) == 0
    person.note_event("CLICK", START)
    assert person.messages_left(START) == 3
    assert person.messages_left(START + timedelta(minutes=1)) == 0
    person.note_message(START)
    assert person.messages_left(START + timedelta(hours=48)) == 0


def test_who_has_left_is_sent_nothing():
    person = somebody()
    person.note_message(START)
    person.note_event("unsubscribe", START)
    assert person.messages_left(START) == 0


@given(st.lists(st.sampled_from(("writes", "taps", "is sent", "an hour")), max_size=60))
def test_never_more_than_wechat_takes_since_the_last_word(deeds):
    """Whatever comes between, no more than five go out after a message, or three after a tap."""
    person, now, since = somebody(), START, 0
    for deed in deeds:
        if deed == "writes":
            person.note_message(now)
            since = 0
        elif deed == "taps":
            person.note_event("CLICK", now)
            since = 0
        elif deed == "an hour":
            now += timedelta(hours=1)
        elif person.messages_left(now):
            person.spend()
            since += 1
        assert since <= 5
