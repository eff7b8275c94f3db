"""Menus, codes, people, materials: by wechatpy's client where it can, by hand where it cannot."""
import io

import pytest
import requests
from wechatpy.exceptions import WeChatClientException

from simulator import menus, tokens
from tests.simulator.clients import wechatpy_client

MENU = {"button": [
    {"type": "click", "name": "到哪了", "key": "WHERE"},
    {"name": "我的", "sub_button": [
        {"type": "view", "name": "跑单", "url": "http://127.0.0.1:8000/r/"},
        {"type": "click", "name": "找人工", "key": "HUMAN"}]}]}


@pytest.fixture
def client(world):
    return wechatpy_client(world)


def test_wechatpy_sends_a_text_and_a_template(world, client, lin):
    world.say(lin, "在吗")
    client.message.send_text(lin.openid, "你好")
    told = client.message.send_template(lin.openid, "delayed", {
        "character_string1": {"value": "A27-20260921"}, "thing2": {"value": "商家爆单"},
        "time3": {"value": "12:42"}, "thing4": {"value": "还在路上"}})

    assert isinstance(told["msgid"], int)
    assert [e["type"] for e in world.heard(lin)] == ["heard", "template"]


def test_wechatpy_hears_refusals(client, lin):
    with pytest.raises(WeChatClientException) as refused:
        client.message.send_text(lin.openid, "你好")

    assert refused.value.errcode == 45015


def test_wechatpy_gets_a_new_token_when_its_own_has_died(world, client):
    client.user.get_followers()
    tokens.expire_all(world)

    assert client.user.get_followers()["total"] == 0
    assert [e["path"] for e in world.journal.entries()].count("/cgi-bin/token") == 2


def test_menu_comes_and_goes(world, client, lin):
    assert client.menu.get() is None  # its way to say 46003
    client.menu.create(MENU)

    assert client.menu.get()["menu"]["button"][0]["key"] == "WHERE"
    assert [b["name"] for b in menus.seen_by(world, lin)["button"]] == ["到哪了", "我的"]
    assert menus.label_of(world, lin, "HUMAN") == "找人工"
    client.menu.delete()
    assert menus.seen_by(world, lin) == {"button": []}


@pytest.mark.parametrize(("button", "errcode"), [
    ([], 40016),
    ([{"type": "click", "name": "a", "key": "k"}] * 4, 40016),
    ([{"type": "press", "name": "a", "key": "k"}], 40017),
    ([{"type": "click", "name": "六个汉字的名", "key": "k"}], 40018),
    ([{"type": "click", "name": "", "key": "k"}], 40018),
    ([{"type": "click", "name": "a"}], 40019),
    ([{"type": "click", "name": "a", "key": "k" * 129}], 40019),
    ([{"type": "view", "name": "a", "url": "http://" + "u" * 1024}], 40020),
    ([{"type": "view", "name": "a", "url": "example.com"}], 40055),
    ([{"name": "a", "sub_button": [{"type": "click", "name": "a", "key": "k"}] * 6}], 40023),
    ([{"name": "a", "sub_button": [{"type": "press", "name": "a"}]}], 40024),
    ([{"name": "a", "sub_button": [{"type": "click", "name": "汉" * 21, "key": "k"}]}], 40025),
    ([{"name": "a", "sub_button": [{"type": "click", "name": "a"}]}], 40026),
    (["click"], 47001),
])
def test_menus_that_are_refused(world, api, button, errcode):
    assert api.post("/cgi-bin/menu/create", {"button": button})["errcode"] == errcode
    assert world.account.menu is None


def test_names_up_to_their_limits(api):
    menu = {"button": [{"name": "五个汉字名", "sub_button": [
        {"type": "click", "name": "汉" * 20, "key": "k" * 128}] * 5}] * 3}

    assert api.post("/cgi-bin/menu/create", menu)["errcode"] == 0


def test_a_riders_menu_by_tag(world, client, lin):
    rider = world.add_phone("阿哲", "rider")
    tag = client.tag.create("rider")["id"]
    conditional = {"button": [{"type": "click", "name": "上线", "key": "ON"}],
                   "matchrule": {"tag_id": str(tag)}}
    with pytest.raises(WeChatClientException, match="65303"):
        client.menu.add_conditional(conditional)
    client.menu.create(MENU)
    menu_id = client.menu.add_conditional(conditional)["menuid"]
    client.tag.tag_user(tag, rider.openid)

    assert menus.seen_by(world, rider)["button"][0]["name"] == "上线"
    assert menus.seen_by(world, lin)["button"][0]["name"] == "到哪了"
    assert client.menu.try_match(rider.openid)["button"][0]["name"] == "上线"
    client.menu.del_conditional(menu_id)
    assert menus.seen_by(world, rider)["button"][0]["name"] == "到哪了"


def test_tags_have_their_rules(api, lin):
    def tag(path, **body):
        return api.post(f"/cgi-bin/tags/{path}", body).get("errcode", 0)

    made = api.post("/cgi-bin/tags/create", {"tag": {"name": "rider"}})["tag"]["id"]
    assert tag("create", tag={"name": "rider"}) == 45157
    assert tag("create", tag={"name": "x" * 31}) == 45158
    assert tag("delete", tag={"id": 1}) == 45058
    assert tag("members/batchtagging", openid_list=[lin.openid], tagid=9999) == 45159
    assert tag("members/batchtagging", openid_list=[lin.openid] * 51, tagid=made) == 40032
    assert tag("members/batchtagging", openid_list=[lin.openid, "oNobody"], tagid=made) == 40003
    assert api.post("/cgi-bin/tags/getidlist", {"openid": lin.openid}) == {"tagid_list": []}
    assert tag("members/batchtagging", openid_list=[lin.openid], tagid=made) == 0
    assert api.post("/cgi-bin/tags/getidlist", {"openid": lin.openid}) == {"tagid_list": [made]}
    assert tag("delete", tag={"id": made}) == 0
    assert lin.tags == []


def test_a_temporary_code_is_scanned_until_it_lapses(world, client, receiver, lin):
    made = client.qrcode.create({"expire_seconds": 1800, "action_name": "QR_STR_SCENE",
                                 "action_info": {"scene": {"scene_str": "g_G5"}}})
    picture = requests.get(f"{world.base_url}/cgi-bin/showqrcode",
                           {"ticket": made["ticket"]}, timeout=5)

    assert made["expire_seconds"] == 1800
    assert picture.content.startswith(b"\x89PNG")
    world.scan(lin, "g_G5")
    assert receiver.heard[0].ticket == made["ticket"]
    world.advance(1801)
    assert not world.scan(lin, "g_G5").answered
    assert world.heard(lin)[-1]["content"] == "该二维码已过期"


@pytest.mark.parametrize("body", [
    {"action_name": "QR_X", "action_info": {"scene": {"scene_str": "a"}}},
    {"action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_str": "a" * 65}}},
    {"action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_id": 1}}},
    {"action_name": "QR_SCENE", "action_info": {"scene": {"scene_id": 0}}},
    {"action_name": "QR_LIMIT_SCENE", "action_info": {"scene": {"scene_id": 100001}}},
    {"action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_str": "a"}},
     "expire_seconds": 2592001},
    {"action_name": "QR_STR_SCENE"}, {}])
def test_codes_that_are_refused(world, api, body):
    assert api.post("/cgi-bin/qrcode/create", body)["errcode"] in (40052, 40053)
    assert world.qr_tickets == {}


def test_permanent_code_and_bad_ticket(world, api):
    made = api.post("/cgi-bin/qrcode/create", {
        "action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "b_zy7"}}})

    assert set(made) == {"ticket", "url"}
    bad = requests.get(f"{world.base_url}/cgi-bin/showqrcode", {"ticket": "no"}, timeout=5)
    assert bad.status_code == 404


def test_people(world, client, lin):
    left = world.add_phone("走了", followed=False)
    world.follow(world.add_phone("新同学", followed=False), "b_zy7")
    new = world.phone("新同学")

    assert client.user.get(lin.openid)["subscribe"] == 1
    assert client.user.get(left.openid) == {
        "subscribe": 0, "openid": left.openid, "tagid_list": []}
    assert client.user.get(new.openid)["qr_scene_str"] == "b_zy7"
    assert client.user.get_followers()["data"]["openid"] == [lin.openid, new.openid]
    client.user.update_remark(lin.openid, "林同学")
    assert client.user.get(lin.openid)["remark"] == "林同学"
    with pytest.raises(WeChatClientException, match="40003"):
        client.user.get("oNobody")


def test_materials(world, client, lin):
    told = client.media.upload("image", io.BufferedReader(_named(b"\x89PNG12", "a.png")))

    world.say(lin, "在吗")
    client.message.send_image(lin.openid, told["media_id"])
    assert world.heard(lin)[-1]["media_id"] == told["media_id"]
    assert client.media.download(told["media_id"]).content == b"\x89PNG12"
    with pytest.raises(WeChatClientException, match="40005"):
        client.media.upload("voice", io.BufferedReader(_named(b"x", "a.wav")))


def test_materials_are_kept_three_days(world, api):
    media_id = world.add_media("image", b"x")
    world.advance(3 * 86400 + 1)
    api.token = api.stable_token()["access_token"]

    assert api.get("/cgi-bin/media/get", media_id=media_id)["errcode"] == 40007


def test_jsapi_ticket_is_kept(world, api, client):
    first = api.get("/cgi-bin/ticket/getticket", type="jsapi")

    assert (first["errcode"], first["expires_in"]) == (0, 7200)
    assert client.jsapi.get_ticket()["ticket"] == first["ticket"]
    assert api.get("/cgi-bin/ticket/getticket", type="x")["errcode"] == 40097


def test_wechats_addresses(client, api):
    assert client.misc.get_wechat_ips() == ["127.0.0.1"]
    assert "dns" in api.post("/cgi-bin/callback/check", {
        "action": "all", "check_operator": "DEFAULT"})


def test_unknown_path(api):
    assert api.get("/cgi-bin/nothing")["errcode"] == 40066


def _named(content, name):
    raw = io.BytesIO(content)
    raw.name = name  # type: ignore[attr-defined]
    return raw


def test_templates_from_the_library(world, api, client):
    before = len(world.account.templates)
    made = api.post("/cgi-bin/template/api_add_template", {
        "template_id_short": "43001", "keyword_name_list": ["订单号", "商品"]})

    listed = api.get("/cgi-bin/template/get_all_private_template")["template_list"]
    assert listed[-1]["template_id"] == made["template_id"]
    assert listed[-1]["content"] == "订单号:{{character_string1.DATA}}\n商品:{{thing2.DATA}}\n"
    for _ in range(25 - before - 1):
        assert api.post("/cgi-bin/template/api_add_template", {
            "template_id_short": "43001"})["errcode"] == 0
    assert api.post("/cgi-bin/template/api_add_template", {
        "template_id_short": "43001"})["errcode"] == 45026
    assert api.post("/cgi-bin/template/api_add_template", {
        "template_id_short": "1"})["errcode"] == 40037
    told = {"template_id": made["template_id"]}
    assert api.post("/cgi-bin/template/del_private_template", told)["errcode"] == 0
    assert api.post("/cgi-bin/template/del_private_template", told)["errcode"] == 40037
    client.template.set_industry(10, 1)
    assert client.template.get_industry()["primary_industry"]["first_class"] == "餐饮"
    assert api.post("/cgi-bin/template/api_set_industry", {})["errcode"] == 40102


def test_people_by_the_hundred(world, client, api, lin):
    nobody = world.add_phone("走了", followed=False)

    assert [u["subscribe"] for u in client.user.get_batch([lin.openid, nobody.openid])] == [1, 0]
    many = {"user_list": [{"openid": lin.openid}] * 101}
    assert api.post("/cgi-bin/user/info/batchget", many)["errcode"] == 40032
    assert api.post("/cgi-bin/user/info/batchget", {})["errcode"] == 40032


@pytest.mark.parametrize(("kind", "part", "errcode"), [
    ("mpnews", {"media_id": "m"}, 0), ("mpnewsarticle", {"article_id": "a"}, 0),
    ("wxcard", {"card_id": "c"}, 0), ("mpnews", {}, 40007), ("wxcard", {}, 47001)])
def test_messages_that_refer_to_something(world, api, lin, kind, part, errcode):
    world.say(lin, "在吗")
    told = api.post("/cgi-bin/message/custom/send", {
        "touser": lin.openid, "msgtype": kind, kind: part or {"x": 1}})

    assert told["errcode"] == errcode
