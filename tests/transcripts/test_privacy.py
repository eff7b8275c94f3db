"""What is sealed while it is needed, and erased when it is not."""
import re

import pytest
from sqlalchemy import select, text

from models.base import Base, Sessions
from models.order import Order
from models.person import Person
from tests.support.payment import balances
from tests.support.simulator import credentials
from tests.transcripts.stories import AT_THE_DOOR, ON_THE_WAY
from tests.transcripts.test_bad_days import pin_of
from tests.transcripts.test_errands import CODE, SMS, campus

__all__ = ["campus"]
STORY = ON_THE_WAY.replace("12栋302", "12栋6731").replace("微辣", "微辣 备注放门口第三个架子")


def at_rest() -> str:
    """Every row of every table as it lies in the database, but for what is sealed."""
    with Sessions() as session:
        rows = [str(row) for table in Base.metadata.sorted_tables
                for row in session.scalars(text(f"SELECT t::text FROM {table.name} t"))]
    return re.sub(r"\\x[0-9a-f]*", "", "\n".join(rows))


def people(chat, name):
    with Sessions() as session:
        return session.scalars(select(Person).filter_by(openid=chat.stage.openid(name))).one()


def test_no_code_room_number_or_secret_lies_about_in_clear(campus):
    campus.play(f"""
        小林  东区9号楼 6731 小林
        bot   address.saved
        小林  {SMS}
        bot   errand.quoted  code=$c
        小林  〔下单〕
        bot   order.confirmed
        (小林 pays)
        阿哲  上线
        (work)
        阿哲  接$c
        (work)
        阿哲  $c到店
        (work)
    """)
    lies = at_rest() + repr([campus.stage.redis.dump(k) for k in campus.stage.redis.scan_iter()])
    account = credentials()
    for secret in (CODE, "7507", "6731", account.secret, account.token, account.aes_key):
        assert not re.search(rf"(?<!\d){re.escape(secret)}(?!\d)", lies)  # no part of a time


def test_the_hand_over_code_is_sealed_as_well(chat):
    chat.play(AT_THE_DOOR)
    with Sessions() as session:
        order = session.scalars(select(Order)).one()
        assert order.pin == pin_of(chat)
        raw = session.scalar(text("SELECT pin FROM orders"))
    assert order.pin.encode() not in bytes(raw)


def test_who_leaves_is_erased_and_the_books_stay(chat):
    chat.play(STORY + """
        阿哲  $c到了
        bot   rider.arrived
        (work)
    """)
    chat.stage.says("阿哲", pin_of(chat))
    chat.stage.pump()
    booked = balances_now()
    chat.play("""
        (小林 leaves)
        (11 min pass)
        (work)
    """)
    person = people(chat, "小林")
    assert (person.name, person.phone, person.room, person.place_id) == (None,) * 4
    assert person.dialogue == {}
    with Sessions() as session:
        order = session.scalars(select(Order)).one()
    assert (order.room, order.note, order.pin) == (None, None, None)
    assert order.payable_fen
    assert balances_now() == booked
    assert "第三个架子" not in at_rest()
    chat.play("""
        (小林 follows)
        bot   welcome.where
        小林  到哪了
        bot   status.delivered
    """)


def test_who_leaves_with_food_on_its_way_is_erased_when_it_has_come(chat):
    chat.play(STORY + """
        (小林 leaves)
        (11 min pass)
        (work)
    """)
    with Sessions() as session:
        assert session.scalars(select(Order.room)).one() == "6731"
    assert people(chat, "小林").dialogue == {}
    chat.play("""
        阿哲  $c到了
        bot   rider.arrived
        (work)
    """)
    with Sessions() as session:
        pin = session.scalars(select(Order.pin)).one()
    chat.stage.says("阿哲", pin)
    chat.stage.pump()
    with Sessions() as session:
        order = session.scalars(select(Order)).one()
    assert order.state == "delivered"
    assert order.room is None
    assert people(chat, "小林").room is None


def test_who_comes_back_before_that_is_not_erased(chat):
    chat.play(STORY + """
        (小林 leaves)
        (小林 follows)
        (11 min pass)
        阿哲  $c到了
        bot   rider.arrived
        (work)
    """)
    chat.stage.says("阿哲", pin_of(chat))
    chat.stage.pump()
    with Sessions() as session:
        assert session.scalars(select(Order.room)).one() == "6731"


@pytest.mark.parametrize("event", ["user_authorization_revoke", "user_authorization_cancellation"])
def test_who_takes_back_what_they_allowed_is_erased(chat, event):
    chat.play("""
        小林  东区12号楼 6731 小林
        bot   address.saved
    """)
    chat.stage.world._event(chat.stage.world.phone("小林"), event, RevokeInfo="1")
    person = people(chat, "小林")
    assert (person.name, person.room, person.place_id) == (None, None, None)
    assert person.is_following


def test_a_rider_who_leaves_is_sent_nowhere_and_followed_nowhere(chat):
    chat.play("""
        阿哲  上线
        bot   rider.online
    """)
    chat.stage.world.report_position("阿哲", 29.5, 106.5)
    chat.play("(阿哲 leaves)")
    with Sessions() as session:
        row = session.execute(text("SELECT is_on_duty, lat, lng, located_at FROM riders")).one()
    assert row == (False, None, None, None)


def balances_now():
    with Sessions() as session:
        return balances(session)
