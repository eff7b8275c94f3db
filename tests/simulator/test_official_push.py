"""What the account's server hears, and what WeChat makes of its answers."""
import threading
import time
from xml.etree import ElementTree

import pytest
from flask import Response
from hypothesis import given
from hypothesis import strategies as st
from wechatpy import events, messages
from wechatpy.crypto import WeChatCrypto

from simulator import message_crypto
from simulator.official_push import OUT_OF_ORDER, BadReply, read_reply, to_xml
from simulator.state import Account
from tests.simulator.receiver import Receiver

PLAIN = Account("wx1", "s", "tok", None, "gh_1", mode="plain")


def told(world, phone):
    return [e.get("content") for e in world.heard(phone)]


def test_text_and_its_passive_reply(world, receiver, lin):
    receiver.answer = lambda message: f"你说<{len(message.content)}>个字&符号"

    assert world.say(lin, "来份黄焖鸡<辣>&]]>") == "你说<12>个字&符号"
    assert [e["type"] for e in world.events()] == ["said", "heard"]
    heard = receiver.heard[0]
    assert isinstance(heard, messages.TextMessage)
    assert heard.content == "来份黄焖鸡<辣>&]]>"
    assert (heard.source, heard.target) == (lin.openid, world.account.original_id)


@pytest.mark.parametrize("mode", ["plain", "compat", "safe"])
def test_each_mode_with_a_reply_of_its_kind(world, receiver, lin, mode):
    world.account.mode = mode
    receiver.answer = lambda message: "好"

    assert world.say(lin, "在吗") == "好"
    query = world.journal.pushes("text")[0]["query"]
    assert ("msg_signature" in query) == (mode != "plain")
    assert query["openid"] == lin.openid


def test_compat_mode_takes_a_plain_reply_and_safe_mode_does_not(world, receiver, lin):
    receiver.answer, receiver.encrypted = (lambda message: "好"), False

    world.account.mode = "compat"
    assert world.say(lin, "在吗") == "好"
    world.account.mode = "safe"
    assert world.say(lin, "在吗") is None
    assert told(world, lin) == ["好", OUT_OF_ORDER]


def test_tap_on_a_menu_message_carries_its_id(world, receiver, lin):
    world.account.mode = "plain"

    world.say(lin, "确认A27", msgmenuid="27.3")

    assert receiver.heard[0]._data["bizmsgmenuid"] == "27.3"


def test_the_same_message_again_has_the_same_id(world, receiver, lin):
    world.say(lin, "来两份", times=3)
    world.say(lin, "来两份")
    ids = [message.id for message in receiver.heard]

    assert len(set(ids[:3])) == 1
    assert ids[3] != ids[0]
    assert len({(m.id, m.create_time) for m in receiver.heard[:3]}) == 1


def test_pictures_voices_and_places(world, api, receiver, lin):
    world.send_image(lin, content=b"\xff\xd8jpeg")
    world.send_voice(lin, "来份黄焖鸡")
    world.share_location(lin, 29.53, 106.46, "竹园7栋")
    image, voice, place = receiver.heard

    assert isinstance(image, messages.ImageMessage)
    assert api.world.media_bytes[image.media_id] == b"\xff\xd8jpeg"
    assert (voice.format, voice.recognition) == ("amr", "来份黄焖鸡")
    assert (place.location, place.label) == (("29.53", "106.46"), "竹园7栋")


def test_a_voice_without_speech_recognition_has_no_words(world, receiver, lin):
    world.account.speech_recognition = False
    world.send_voice(lin, "来份黄焖鸡")

    assert not receiver.heard[0].recognition


def test_events(world, receiver):
    new = world.add_phone("新同学", followed=False)
    world.follow(new, "b_zy7")
    world.scan(new, "g_G5")
    world.tap_menu(new, "MINE")
    world.tap_menu(new, "https://example.com/m")
    world.report_position(new, 29.5, 106.4)
    world.unfollow(new)
    world.follow(new)
    heard = receiver.heard

    assert [type(e) for e in heard] == [
        events.SubscribeScanEvent, events.ScanEvent, events.ClickEvent, events.ViewEvent,
        events.LocationEvent, events.UnsubscribeEvent, events.SubscribeEvent]
    assert heard[0].scene_id == "b_zy7"
    assert heard[0].ticket
    assert heard[1].scene_id == "g_G5"
    assert heard[2].key == "MINE"
    assert heard[3].url == "https://example.com/m"
    assert (heard[4].latitude, heard[4].longitude) == (29.5, 106.4)
    assert heard[6].key == ""


def test_scanning_as_a_stranger_is_following(world, receiver):
    new = world.add_phone("新同学", followed=False)

    world.scan(new, "b_zy7")

    assert new.followed
    assert isinstance(receiver.heard[0], events.SubscribeScanEvent)


def test_someone_who_does_not_follow_is_not_heard(world, receiver):
    stranger = world.add_phone("路人", followed=False)

    assert world.say(stranger, "在吗") is None
    assert receiver.heard == []


def test_handshake(world, receiver):
    assert world.handshake()
    world.account.token = "another"
    assert not world.handshake()


@pytest.mark.parametrize("body", ["success", "", "  success\n", b"\n"])
def test_success_and_nothing_say_nothing(world, receiver, lin, body):
    receiver.answer = lambda message: Response(body)

    outcome = world.send_text(lin, "在吗")

    assert (outcome.answered, outcome.reply, outcome.deliveries) == (True, None, 1)
    assert world.heard(lin) == []


@pytest.mark.parametrize("body", [
    '{"ok":true}', "<xml>", "好", "<html></html>", b"\xff\xfe",
    "<xml><ToUserName>a</ToUserName></xml>"])
def test_illegal_answers_show_the_grey_line(world, receiver, lin, body):
    world.account.mode = "plain"
    receiver.answer = lambda message: Response(body)

    assert not world.send_text(lin, "在吗").answered
    assert told(world, lin) == [OUT_OF_ORDER]
    assert len(receiver.heard) == 1  # an answer came, so it is not asked for again


def test_silent_events_never_show_it(world, receiver, lin):
    receiver.answer = lambda message: Response("{}")

    world.report_position(lin, 29.5, 106.4)
    world.tap_menu(lin, "https://example.com/m")

    assert world.heard(lin) == []


def test_three_deliveries_of_a_message_that_is_not_answered_in_time(world, receiver, lin):
    world.knobs.reply_timeout_s = 0.2
    receiver.answer = lambda message: time.sleep(0.5)

    assert world.say(lin, "在吗") is None
    assert len({message.id for message in receiver.heard}) == 1
    assert len(receiver.heard) == 3
    assert told(world, lin) == [OUT_OF_ORDER]


def test_answering_the_second_delivery_is_early_enough(world, receiver, lin):
    world.knobs.reply_timeout_s = 0.3
    receiver.answer = lambda message: time.sleep(0.6) if len(receiver.heard) == 1 else "来了"

    assert world.say(lin, "在吗") == "来了"
    assert told(world, lin) == ["来了"]


def test_an_answer_that_trickles_is_too_late(world, receiver, lin):
    world.account.mode = "plain"
    world.knobs.reply_timeout_s, world.knobs.deliveries = 0.3, 1

    def slowly():
        for _ in range(6):
            yield " "
            time.sleep(0.1)
    receiver.answer = lambda message: Response(slowly())

    assert world.send_text(lin, "在吗").error == "no answer in 0.3 s"


def test_errors_of_the_server_are_asked_again(world, receiver, lin):
    receiver.answer = lambda message: (
        Response(status=502) if len(receiver.heard) < 3 else Response("success"))

    assert world.send_text(lin, "在吗").deliveries == 3


def test_nobody_listens(world, lin):
    world.webhook = "http://127.0.0.1:9/wechat"

    assert world.say(lin, "在吗") is None
    assert told(world, lin) == [OUT_OF_ORDER]


def test_no_server_configured(world, lin):
    assert world.say(lin, "在吗") is None
    assert world.journal.entries() == []


def test_the_server_may_call_back_while_it_thinks(world, api, receiver, lin):
    receiver.answer = lambda message: str(api.send_text(lin.openid, "先说一句"))

    assert world.say(lin, "在吗") == "0"
    assert told(world, lin) == ["先说一句", "0"]


def test_people_speak_at_the_same_time(world, receiver):
    gate = threading.Barrier(5)
    receiver.answer = lambda message: str(gate.wait(5) >= 0)
    people = [world.add_phone(f"同学{i}") for i in range(5)]
    said: list[str | None] = []
    threads = [threading.Thread(target=lambda p=p: said.append(world.say(p, "在吗")))
               for p in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert said == ["True"] * 5


def test_faults_of_pushes(world, receiver, lin):
    receiver.answer = lambda message: "好"
    world.faults.add("push/text", repeat=2)
    assert world.say(lin, "一") == "好"
    assert len(receiver.heard) == 3

    world.faults.add("push/text", lose_answer=True)
    assert world.say(lin, "二") == "好"
    assert len(receiver.heard) == 5

    world.faults.add("push/*", drop=True)
    assert world.say(lin, "三") is None
    assert len(receiver.heard) == 5

    world.faults.add("push/text", forge=True)
    assert world.say(lin, "四") == "好"
    assert [e["status"] for e in world.journal.pushes()][-2:] == [500, 200]


def xml_reply(**more: str) -> bytes:
    fields = {"ToUserName": "oA", "FromUserName": "gh_1", "CreateTime": 1, "MsgType": "text",
              "Content": "好", **more}
    return to_xml({k: v for k, v in fields.items() if v is not None}).encode()


@pytest.mark.parametrize("change", [
    {"ToUserName": "oB"}, {"FromUserName": "gh_2"}, {"CreateTime": "now"}, {"CreateTime": None},
    {"MsgType": "txt"}, {"MsgType": None}, {"Content": ""}, {"Content": None},
    {"Content": "  \n"}, {"Content": "汉" * 683}, {"MsgType": "image"}, {"MsgType": "news"},
    {"Encrypt": "AAAA"}])
def test_replies_that_wechat_would_not_show(change):
    with pytest.raises(BadReply):
        read_reply(xml_reply(**change), PLAIN, "oA")


def test_replies_that_it_shows():
    assert read_reply(b" \n" + xml_reply(), PLAIN, "oA") == {"msgtype": "text", "content": "好"}
    assert read_reply(xml_reply(CreateTime=1714112445000), PLAIN, "oA")
    assert read_reply(xml_reply(Content="汉" * 682 + "ab"), PLAIN, "oA")
    assert read_reply(xml_reply(MsgType="image", Image={"MediaId": "m"}), PLAIN, "oA") == {
        "msgtype": "image", "media_id": "m"}
    news = {"ArticleCount": 1, "Articles": [{"Title": "t", "Url": "u"}]}
    assert read_reply(xml_reply(MsgType="news", **news), PLAIN, "oA") == {
        "msgtype": "news", "articles": [{"title": "t", "url": "u"}]}


@pytest.mark.parametrize("bomb", [
    '<!DOCTYPE xml [<!ENTITY a "好">]><xml><Content>&a;</Content></xml>',
    "<xml><!-- --></xml>"])
def test_entities_are_not_read(bomb):
    with pytest.raises(BadReply, match="DOCTYPE"):
        read_reply(bomb.encode(), PLAIN, "oA")


def test_an_encrypted_reply_must_be_signed_for_this_account(credentials):
    c = credentials
    account = Account(c.app_id, c.secret, c.token, c.aes_key, "gh_1")
    sealed = WeChatCrypto(c.token, c.aes_key, c.app_id).encrypt_message(
        xml_reply().decode(), "nonce", "1714112445")
    assert read_reply(sealed.encode(), account, "oA") == {"msgtype": "text", "content": "好"}

    for broken in (sealed.replace("1714112445", "1714112446"),
                   WeChatCrypto("other", c.aes_key, c.app_id).encrypt_message(
                       xml_reply().decode(), "nonce", "1"),
                   WeChatCrypto(c.token, c.aes_key, "wx0").encrypt_message(
                       xml_reply().decode(), "nonce", "1"),
                   "<xml><Encrypt>AAAA</Encrypt></xml>"):
        with pytest.raises(BadReply):
            read_reply(broken.encode(), account, "oA")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip))
def test_any_text_survives_the_xml(text):
    read = ElementTree.fromstring(to_xml({"Content": text})).findtext("Content")

    assert read == text


def test_signatures_use_the_wire_clock(world, receiver, lin):
    world.knobs.wire_skew_s = -1000
    world.say(lin, "在吗")
    query = world.journal.pushes("text")[0]["query"]

    assert time.time() - int(query["timestamp"]) > 900
    assert query["signature"] == message_crypto.signature(
        world.account.token, query["timestamp"], query["nonce"])


def test_receiver_of_another_token_hears_nothing_legal(world, credentials, lin):
    from dataclasses import replace

    with Receiver(replace(credentials, token="another")).running() as other:
        world.webhook = other.url
        assert world.say(lin, "在吗") is None
        assert other.heard == []
