"""订阅通知: a consent is worth one message."""
import pytest


@pytest.fixture
def template_id(api):
    return api.post("/wxaapi/newtmpl/addtemplate", {
        "tid": 7001, "kidList": [1, 2], "sceneDesc": "取餐时告诉你"})["priTmplId"]


def send(api, phone, template_id, **other):
    data = {"character_string1": {"value": "A27"}, "thing2": {"value": "竹园7栋大厅"}}
    return api.post("/cgi-bin/message/subscribe/bizsend", {
        "touser": phone.openid, "template_id": template_id, "data": data, **other})["errcode"]


def test_one_message_for_one_consent(world, api, receiver, lin, template_id):
    assert send(api, lin, template_id) == 43101
    world.answer_subscription(lin, {template_id: True})
    assert send(api, lin, template_id) == 0
    assert send(api, lin, template_id) == 43101
    world.settle()

    card = world.heard(lin)[-1]
    assert [(r["label"], r["value"]) for r in card["rows"]] == [
        ("取餐码", "A27"), ("取餐地点", "竹园7栋大厅")]
    report = receiver.heard[-1]._data
    assert report["Event"] == "subscribe_msg_sent_event"
    assert report["SubscribeMsgSentEvent"]["List"]["MsgID"] == str(card["msgid"])


def test_following_is_not_needed(world, api, template_id):
    stranger = world.add_phone("路人", followed=False)
    world.answer_subscription(stranger, {template_id: True})

    assert send(api, stranger, template_id) == 0


def test_what_is_refused(world, api, lin, template_id):
    world.answer_subscription(lin, {template_id: True})

    assert send(api, lin, "no") == 40037
    assert send(api, lin, template_id, data={}) == 47003
    assert send(api, lin, template_id, touser="oNobody") == 40003
    assert send(api, lin, template_id, data={
        "character_string1": {"value": "汉字"}, "thing2": {"value": "好"}}) == 47003
    assert lin.subscriptions == {template_id: 1}


def test_the_library(api, template_id):
    listed = api.get("/wxaapi/newtmpl/getpubtemplatetitles", ids="612", start="0", limit="30")
    words = api.get("/wxaapi/newtmpl/getpubtemplatekeywords", tid="7001")
    assert {t["tid"] for t in listed["data"]} == {7001, 7002, 7003}
    assert words["data"][0] == {"kid": 1, "name": "取餐码", "example": "取餐码",
                                "rule": "character_string"}
    assert api.get("/wxaapi/newtmpl/getcategory")["data"][0]["id"] == 612
    assert [t["priTmplId"] for t in api.get("/wxaapi/newtmpl/gettemplate")["data"]] == [template_id]

    def add(**other):
        return api.post("/wxaapi/newtmpl/addtemplate", {
            "tid": 7001, "kidList": [1, 2], "sceneDesc": "好"} | other)["errcode"]
    assert (add(kidList=[1]), add(kidList=[1, 9]), add(tid=1), add(sceneDesc="长" * 16)) == (
        200013, 200013, 200014, 200011)
    assert api.post("/wxaapi/newtmpl/deltemplate", {"priTmplId": template_id})["errcode"] == 0
    assert api.post("/wxaapi/newtmpl/deltemplate", {"priTmplId": template_id})["errcode"] == 40037
