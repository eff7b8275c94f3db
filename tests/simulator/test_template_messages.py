"""Template messages: accepted, shown, reported."""
import pytest
from wechatpy.events import TemplateSendJobFinishEvent

GOOD = {"character_string1": "A27-20260921", "thing2": "黄焖鸡(大)微辣等2件", "amount3": "¥17.50",
        "const4": "待接单", "time5": "12:30"}


def send(api, openid, template_id="paid", data=None, **more):
    values = {k: {"value": v} for k, v in (GOOD if data is None else data).items()}
    return api.post("/cgi-bin/message/template/send",
                    {"touser": openid, "template_id": template_id, "data": values, **more})


def test_card_on_the_phone_and_report_to_the_account(world, api, receiver, lin):
    told = send(api, lin.openid, url="http://127.0.0.1:8000/t/x")
    assert world.settle()

    card = world.heard(lin)[0]
    assert (card["type"], card["title"]) == ("template", "支付成功通知")
    assert card["url"] == "http://127.0.0.1:8000/t/x"
    assert card["rows"][2] == {"key": "amount3", "label": "金额", "value": "¥17.50"}
    report = receiver.heard[0]
    assert isinstance(report, TemplateSendJobFinishEvent)
    assert (report.id, report.status) == (told["msgid"], "success")
    assert len(world.heard(lin)) == 1  # the answer to a report is not shown


def test_someone_who_blocks_them_gets_none_and_the_account_is_told(world, api, receiver, lin):
    lin.blocks_templates = True

    assert send(api, lin.openid)["errcode"] == 0
    world.settle()

    assert world.heard(lin) == []
    assert receiver.heard[0].status == "failed:user block"


def test_only_followers_and_known_templates(world, api, lin):
    stranger = world.add_phone("路人", followed=False)

    assert send(api, stranger.openid)["errcode"] == 43004
    assert send(api, "oNobody")["errcode"] == 40003
    assert send(api, lin.openid, "unheard_of")["errcode"] == 40037
    assert send(api, lin.openid, None)["errcode"] == 40037
    assert world.events() == []


@pytest.mark.parametrize(("key", "value"), [
    ("thing2", "一" * 21), ("character_string1", "单A27"), ("amount3", "很多"), ("time5", "尽快"),
    ("thing2", ""), ("thing2", 5), ("thing2", None)])
def test_a_value_beyond_its_type_is_named(world, api, lin, key, value):
    told = send(api, lin.openid, data=GOOD | {key: value})

    assert told["errcode"] == 47003
    assert told["errmsg"].startswith(f"argument invalid! data.{key}.value ")
    assert world.events() == []


def test_a_missing_key_is_refused_and_a_stray_one_is_not_shown(world, api, lin):
    missing = {k: v for k, v in GOOD.items() if k != "time5"}
    assert send(api, lin.openid, data=missing)["errcode"] == 47003

    assert send(api, lin.openid, data=GOOD | {"remark": "再来"})["errcode"] == 0
    assert "remark" not in [row["key"] for row in world.heard(lin)[0]["rows"]]


def test_the_same_client_msg_id_is_sent_once_in_ten_minutes(world, api, lin):
    first = send(api, lin.openid, client_msg_id="order:7:PAID")
    again = send(api, lin.openid, client_msg_id="order:7:PAID")
    assert again == first
    assert len(world.heard(lin)) == 1

    world.advance(601)
    assert send(api, lin.openid, client_msg_id="order:7:PAID")["msgid"] != first["msgid"]
    assert len(world.heard(lin)) == 2


def test_words_of_a_const_may_be_limited(world, api, lin):
    world.knobs.const_values["paid.const4"] = ["已支付"]

    assert send(api, lin.openid)["errcode"] == 47003
    assert send(api, lin.openid, data=GOOD | {"const4": "已支付"})["errcode"] == 0


def test_daily_quota(world, api, lin):
    world.knobs.template_sends_a_day = 1

    assert [send(api, lin.openid)["errcode"] for _ in range(2)] == [0, 45009]


def test_the_list_of_templates(api):
    listed = {t["template_id"]: t for t in api.get(
        "/cgi-bin/template/get_all_private_template")["template_list"]}

    assert len(listed) == 9
    assert "{{thing3.DATA}}" in listed["arrived"]["content"]
