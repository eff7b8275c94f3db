"""Virtual people read what a phone shows, and no two lunches need be alike."""
import json
import time

import pytest

from config.settings import ROOT
from simulator.crowd import cast
from simulator.crowd.__main__ import _students, _wait
from simulator.crowd.bubble import Bubble, of_event, read
from simulator.crowd.group import Mate, Opener
from simulator.crowd.merchant import Merchant
from simulator.crowd.operator import Operator
from simulator.crowd.rider import Rider
from simulator.crowd.student import FATES, Student
from simulator.crowd.town import WORDS, Town

QUOTE = ('听懂了 · A27\n黄焖鸡米饭 ¥16.00\n合计 ¥13.00\n'
         '<a href="weixin://bizmsgmenu?msgmenucontent=%E7%A1%AE%E8%AE%A4A27&msgmenuid=27.1">'
         '确认付款</a> <a href="http://127.0.0.1/p/x?a=1&amp;b=2">付</a>')


@pytest.fixture
def town(world):
    campus = json.loads((ROOT / "config/campuses/demo.json").read_text("utf-8"))
    return Town(world.base_url, campus, campus["shops"], until=time.monotonic() + 60)


def test_a_bubble_is_read_as_a_person_reads_it():
    bubble = read(QUOTE)
    assert bubble.text.endswith("确认付款 付")
    assert [(t.label, t.content, t.id, t.code) for t in bubble.taps] == [
        ("确认付款", "确认A27", "27.1", "A27")]
    assert bubble.links == ("http://127.0.0.1/p/x?a=1&b=2",)
    assert bubble.tap("^确认") == bubble.taps[0]
    assert bubble.tap("取消") is None


def test_only_what_comes_by_itself_is_news():
    card = {"type": "template", "template_id": "arrived", "rows": [{"value": "A27"}]}
    assert of_event(card) == Bubble(card="arrived", values=("A27",))
    assert of_event({"type": "heard", "channel": "custom", "content": "好"}).text == "好"
    assert of_event({"type": "heard", "channel": "passive", "content": "好"}) is None
    assert of_event({"type": "said", "content": "好"}) is None


@pytest.mark.parametrize(("people", "parts"), [(3, (1, 1, 1)), (6, (4, 1, 1)), (40, (28, 4, 8)),
                                               (200, (140, 20, 40))])
def test_a_cast_has_everybody_and_no_name_twice(people, parts):
    all_of_them = cast(people)
    assert (len(all_of_them.students), len(all_of_them.merchants),
            len(all_of_them.riders)) == parts
    names = [*all_of_them.students, *all_of_them.merchants, *all_of_them.riders]
    assert len(set(names)) == all_of_them.size == people
    assert cast(people) == all_of_them


def test_fewer_than_three_are_no_crowd():
    with pytest.raises(ValueError, match="3 people"):
        cast(2)


def test_students_come_with_every_fate_and_some_together(town):
    students = _students(town, cast(40).students)
    assert {s.fate for s in students} == set(FATES)
    openers = [s for s in students if isinstance(s, Opener)]
    assert [len(opener.mates) for opener in openers] == [2, 2, 2]
    assert len([s for s in students if isinstance(s, Mate)]) == 9
    assert all(mate.dorm == opener.dorm for opener in openers for mate in opener.mates)


def test_the_same_seed_says_the_same(town):
    def orders():
        return [Student(town, "小林", 0, 0).words("order") for _ in range(2)]
    assert len(set(orders())) == 1
    town.seed = 1
    assert len({*orders(), *WORDS["student"]["order"]}) == 9


def test_a_cook_takes_a_group_as_it_is_and_refuses_some_others(town):
    cook = Merchant(town, "渝妹")
    assert {cook._decision(f"G{n}") for n in range(200)} == {"accept"}
    decisions = [cook._decision(f"A{n}") for n in range(200)]
    assert set(decisions) == {"accept", "reject", "lacks", "later"}
    assert decisions.count("accept") > 120


def test_a_phone_that_is_not_there_is_tried_again(town, monkeypatch):
    student = Student(town, "小林", 0, 0)
    town.sim_url = student.phone.sim = "http://127.0.0.1:9"
    said = []
    town.say = said.append
    student._try(lambda: student.say("在吗"))
    assert said == ["小林: 在吗", "小林: POST /sim/phones/1/text: ConnectionError"]
    assert len(student._plans) == 1


def does_next(person):
    person._plans[0][2]()


def test_who_was_invited_comes_with_the_friend_s_code(town):
    inviter, newcomer = Student(town, "小林", 0, 0), Student(town, "小周", 0, 0)
    inviter.hear(read('<a href="http://127.0.0.1/i/2s">我的邀请码</a>'))
    assert inviter.is_done
    newcomer._come()
    assert (newcomer.phone.follows, town.invitation()) == (False, None)  # it was taken
    assert newcomer._plans


def test_a_number_is_shown_once_when_it_is_asked_for(town):
    student, said = Student(town, "小林", 0, 0), []
    student.say = said.append
    for _ in range(2):
        student.hear(read("发我校园卡照片，或回学号+姓，像这样：2023123456 林"))
    assert len(student._plans) == 1
    does_next(student)
    assert said[0].startswith("2023")
    assert said[0].endswith(" 小")


def test_who_is_on_duty_lets_cards_and_complaints_pass(town):
    operator, tapped = Operator(town, "何姐"), []
    operator.tap_later = lambda tap, *_: tapped.append(tap.content)
    for content in ("学生通过7", "A27同意赔", "确认A27"):
        operator.hear(read(f'<a href="weixin://bizmsgmenu?msgmenucontent={content}">x</a>'))
    assert tapped == ["学生通过7", "A27同意赔"]


def test_a_rider_takes_the_money_after_some_ways_and_is_waited_for(town):
    rider, said = Rider(town, "大鹏"), []
    answers = ["慢一点，我一条条看。22秒后再发就好。", "¥7.84 在路上了"]
    rider.say = lambda words: said.append(words) or Bubble(answers.pop(0))
    for _ in range(3):
        rider._has_delivered()
    assert rider.awaits_money
    assert _wait(town, [rider], 0) == [rider]
    for _ in range(2):
        rider._plans.pop(0)[2]()
    assert said == ["提现", "提现"]
    assert rider._plans == []
    rider.phone.receive = lambda link: bool(said.append(link))
    rider.hear(read('<a href="http://127.0.0.1/r/abc">收进零钱</a>'))
    rider._plans[-1][2]()
    assert said[-1] == "http://127.0.0.1/r/abc"
    assert not rider.awaits_money


def test_an_opener_saves_the_group_and_reopens_it_by_its_name(town):
    mates = [Mate(town, "小周", 0, 0)]
    opener, said = Opener(town, "小林", 0, 0, mates), []
    opener.say, opener.happens = said.append, lambda share: True
    opened = read('<a href="weixin://bizmsgmenu?msgmenucontent=G1%E6%88%91%E5%85%88%E7%82%B9">'
                  '我先点</a>')
    opener.hear(opened)
    assert mates[0].news.get_nowait().values == ("G1",)
    opener.hear(Bubble(card="invitation", values=("G1",)))
    opener.hear(Bubble("进G1了(你开的，1人)"))
    opener._give_up_and_reopen(0)
    assert said == []  # one is not in yet: nobody would call that one
    mates[0].is_in = True
    opener._give_up_and_reopen(2)
    assert said[0].startswith("G1存成")
    assert said[1] == "G1解散"
    opener._plans[-1][2]()
    assert said[2].replace(" ", "") == "拼单" + said[0].removeprefix("G1存成")


def test_a_mate_follows_the_group_that_is_open_again(town):
    mate = Mate(town, "小周", 0, 0)
    mate.hear(Bubble(card="invitation", values=("G1",)))
    mate.has_paid = True
    mate.hear(Bubble("林同学又开“学习小组”了：G2 阿香黄焖鸡米饭，11:40截止"))
    assert (mate.group, mate.has_paid, mate.is_in) == ("G2", False, False)
    assert town.buyers("G2") == [mate]
