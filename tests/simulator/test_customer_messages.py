"""Who may be written to unasked, how often, and with what."""
import pytest


def test_five_messages_in_the_48_hours_after_a_message(world, api, lin):
    assert api.send_text(lin.openid) == 45015  # nothing was said yet
    world.say(lin, "在吗")

    assert [api.send_text(lin.openid) for _ in range(6)] == [0] * 5 + [45047]
    assert [e["content"] for e in world.heard(lin)] == ["好"] * 5

    world.say(lin, "再问一下")
    world.advance(48 * 3600 + 1)
    api.token = api.stable_token()["access_token"]
    assert api.send_text(lin.openid) == 45015


@pytest.mark.parametrize("act", ["tap_menu", "scan"])
def test_three_messages_in_the_minute_after(world, api, lin, act):
    getattr(world, act)(lin, "b_zy7")

    assert [api.send_text(lin.openid) for _ in range(4)] == [0, 0, 0, 45047]
    world.advance(61)
    assert api.send_text(lin.openid) == 45015


def test_following_opens_a_minute_and_leaving_closes_all(world, api):
    new = world.add_phone("新同学", followed=False)
    assert api.send_text(new.openid) == 45015

    world.follow(new, "b_zy7")
    assert [api.send_text(new.openid) for _ in range(4)] == [0, 0, 0, 45047]

    world.say(new, "在吗")
    world.unfollow(new)
    assert api.send_text(new.openid) == 45015
    world.follow(new)
    world.advance(61)
    assert api.send_text(new.openid) == 45015  # the 48 hours did not come back


def test_the_window_that_closes_first_is_used_first(world, api, lin):
    world.say(lin, "在吗")
    world.tap_menu(lin, "MINE")

    assert [api.send_text(lin.openid) for _ in range(9)] == [0] * 8 + [45047]


@pytest.mark.parametrize("act", ["report_position", "view"])
def test_what_opens_no_window(world, api, lin, act):
    if act == "view":
        world.tap_menu(lin, "https://example.com/")
    else:
        world.report_position(lin, 29.5, 106.4)

    assert api.send_text(lin.openid) == 45015


@pytest.mark.parametrize(("body", "errcode"), [
    ({"touser": "oNobody", "msgtype": "text", "text": {"content": "a"}}, 40003),
    ({"touser": None, "msgtype": "text", "text": {"content": "a"}}, 40003),
    ({"msgtype": "txt", "txt": {"content": "a"}}, 40008),
    ({"msgtype": ["text"], "text": {"content": "a"}}, 40008),
    ({"msgtype": "text"}, 44004),
    ({"msgtype": "text", "text": {"content": " \n"}}, 44004),
    ({"msgtype": "text", "text": {"content": "汉" * 683}}, 45002),
    ({"msgtype": "image", "image": {}}, 41006),
    ({"msgtype": "image", "image": {"media_id": "m1"}}, 40007),
    ({"msgtype": "news", "news": {"articles": []}}, 44003),
    ({"msgtype": "news", "news": {"articles": [{}, {}]}}, 45008),
    ({"msgtype": "msgmenu", "msgmenu": {"list": []}}, 47001),
    ({"msgtype": "msgmenu", "msgmenu": {"list": [{"id": "1", "content": "汉" * 43}]}}, 45002),
])
def test_refused_and_nothing_is_spent(world, api, lin, body, errcode):
    world.say(lin, "在吗")
    told = api.post("/cgi-bin/message/custom/send", {"touser": lin.openid, **body})

    assert told["errcode"] == errcode
    assert world.heard(lin) == []
    assert [api.send_text(lin.openid) for _ in range(6)] == [0] * 5 + [45047]


def test_a_text_of_2048_bytes_arrives_whole(world, api, lin):
    world.say(lin, "在吗")
    longest = "汉" * 682 + "ab"

    assert api.send_text(lin.openid, longest) == 0
    assert world.heard(lin)[-1]["content"] == longest


def test_escapes_and_rubbish_are_refused(world, api, lin):
    world.say(lin, "在吗")
    escaped = (f'{{"touser":"{lin.openid}","msgtype":"text",'
               '"text":{"content":"\\u4f60\\u597d"}}').encode()

    assert api.post("/cgi-bin/message/custom/send", escaped)["errcode"] == 40033
    assert api.post("/cgi-bin/message/custom/send", b"{")["errcode"] == 47001
    assert api.post("/cgi-bin/message/custom/send", b"[]")["errcode"] == 47001
    assert api.post("/cgi-bin/message/custom/send", b"")["errcode"] == 44002
    assert api.get("/cgi-bin/message/custom/send")["errcode"] == 43002
    assert api.send_text(lin.openid, "反斜杠 \\u4f60 不是转义") == 0


def test_menu_message(world, api, lin):
    world.say(lin, "在吗")
    menu = {"head_content": "满意吗？", "list": [{"id": "101", "content": "满意"}],
            "tail_content": "谢谢"}
    body = {"touser": lin.openid, "msgtype": "msgmenu", "msgmenu": menu}

    assert api.post("/cgi-bin/message/custom/send", body)["errcode"] == 0
    assert world.heard(lin)[-1]["list"] == [{"id": "101", "content": "满意"}]
    world.account.certified = False
    assert api.post("/cgi-bin/message/custom/send", body)["errcode"] == 40200


def test_typing(world, api, lin):
    def typing(command="Typing"):
        return api.post("/cgi-bin/message/custom/typing",
                        {"touser": lin.openid, "command": command})["errcode"]

    assert typing() == 45080
    world.say(lin, "在吗")
    assert typing("Dance") == 45072
    assert (typing(), typing()) == (0, 45081)
    assert (typing("CancelTyping"), typing()) == (0, 0)
    assert api.send_text(lin.openid) == 0  # sending ends the typing
    assert typing() == 0
    world.advance(16)
    assert typing() == 0
    world.advance(31)
    assert typing() == 45080


def test_another_accounts_openid_is_nobody(world, api):
    world.add_account("wx00000000000000b1", "s", "tok", None, "gh_b1")
    stranger = world.add_phone("小林", app_id="wx00000000000000b1")
    world.say(stranger, "在吗")

    assert api.send_text(stranger.openid) == 40003
