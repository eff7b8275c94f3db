"""Each role's menu on its phone, and what its items lead to."""
import pytest

from cli.menu import publish_all
from config.texts import CATALOG
from handlers import campus
from models.base import Sessions, utcnow
from models.rider import Rider, RiderStatus
from simulator import menus as shown_menus

UNHELPFUL = ("lost", "lost_again", "sorry", "words_only", "no_campus")


@pytest.fixture
def house(chat):
    """Menus published, and everybody tagged."""
    publish_all(None)
    chat.stage.pump()
    return chat.stage


def columns(stage, who):
    return [column["name"] for column in shown_menus.seen_by(
        stage.world, stage.world.phone(who))["button"]]


def test_each_role_has_its_menu(house):
    assert columns(house, "小林")[0] == "点餐"
    assert columns(house, "阿哲")[0] == "跑单"
    assert columns(house, "阿香")[0] == "厨房"


@pytest.mark.parametrize("who", ["小林", "阿哲", "阿香"])
def test_every_item_is_understood(house, who):
    first_lines = {CATALOG["talk"][name].strip().split("\n")[0] for name in UNHELPFUL}
    seen = shown_menus.seen_by(house.world, house.world.phone(who))
    for column in seen["button"]:
        for item in column["sub_button"]:
            reply = house.world.tap_menu(who, item["key"]).reply
            assert reply, item
            assert reply.split("\n")[0] not in first_lines, (item, reply)


def test_somebody_new_has_everybodys_menu_and_then_a_students(house):
    house.add("新同学", followed=False)
    house.world.follow("新同学")
    assert columns(house, "新同学")[0] == "点餐"
    assert house.world.phone("新同学").tags == []
    house.pump()
    assert house.world.phone("新同学").tags != []


def test_who_leaves_and_comes_back_is_tagged_again(house):
    house.world.unfollow("阿哲")
    assert house.world.phone("阿哲").tags == []
    house.world.follow("阿哲")
    house.pump()

    assert columns(house, "阿哲")[0] == "跑单"


def test_a_rider_who_is_dropped_gets_a_students_menu(house, demo_campus):
    house.load(demo_campus | {"riders": []})
    house.pump()

    assert columns(house, "阿哲")[0] == "点餐"
    with Sessions() as session:
        assert session.query(Rider).one().status == RiderStatus.SUSPENDED


def test_who_cooks_and_rides_sees_the_kitchen(house, demo_campus):
    """WeChat shows the menu of the tag that was set last, whichever was won last."""
    zhe, xiang = house.openid("阿哲"), house.openid("阿香")
    for shop in demo_campus["shops"]:
        shop["owners"] = [xiang, zhe]
    house.load(demo_campus)
    house.pump()
    assert columns(house, "阿哲")[0] == "厨房"

    house.load(demo_campus | {"riders": [*demo_campus["riders"], {"openid": xiang, "name": "香"}]})
    house.pump()
    assert columns(house, "阿香")[0] == "厨房"


def test_a_wechat_that_errs_is_asked_again(house, demo_campus):
    house.world.faults.add("/cgi-bin/tags/members/batchuntagging", errcode=-1)
    house.load(demo_campus | {"riders": []})
    house.pump()
    assert columns(house, "阿哲")[0] == "跑单"
    house.pass_time(minutes=1)
    house.pump()

    assert columns(house, "阿哲")[0] == "点餐"


def test_a_role_that_changes_under_way_is_set_right(house, demo_campus, monkeypatch):
    """The job looked, then the role changed, then WeChat was told the old one."""
    from workers import tags

    real = tags._set_tags

    def slow(task):
        monkeypatch.setattr(tags, "_set_tags", real)
        with Sessions.begin() as session:
            session.query(Rider).one().status = RiderStatus.APPROVED
        real(task)
    monkeypatch.setattr(tags, "_set_tags", slow)
    house.load(demo_campus | {"riders": []})
    house.pump()

    assert columns(house, "阿哲")[0] == "跑单"


def test_one_who_does_not_follow_does_not_keep_the_others_from_theirs(stage, demo_campus):
    stage.add("阿香", "merchant")
    owners = [stage.openid("阿香"), stage.openid("从没关注过")]
    for shop in demo_campus["shops"]:
        shop["owners"] = owners
    stage.load(demo_campus)
    publish_all(None)
    stage.pump()

    assert columns(stage, "阿香")[0] == "厨房"


def test_publishing_again_changes_nothing(house):
    before = len(house.world.journal.calls("/cgi-bin/menu/addconditional"))
    said = publish_all(None)

    assert "the menus are as they should be" in said[0]
    assert len(house.world.journal.calls("/cgi-bin/menu/addconditional")) == before == 3
    assert len(house.world.journal.calls("/cgi-bin/tags/create")) == 3  # none that is there
    house.world.account.conditional_menus.pop()
    assert "a menu for each of student, rider, merchant" in publish_all(None)[0]
    assert len(house.world.account.conditional_menus) == 3


def test_loading_an_unchanged_file_owes_nothing(house, demo_campus):
    from models.outbox import Outbox

    with Sessions() as session:
        before = session.query(Outbox).filter_by(kind="tags").count()
    with Sessions.begin() as session:
        campus.load_campus(session, demo_campus, app_id=house.world.account.app_id, now=utcnow())
    with Sessions() as session:
        assert session.query(Outbox).filter_by(kind="tags").count() == before
