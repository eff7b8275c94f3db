"""Everything that people send besides words, as wechatpy and the bare XML have it."""
import hashlib
import xml.etree.ElementTree as ElementTree

import pytest
from wechatpy import events, messages

from simulator.official_push import to_xml


def raw(world, place=-1):
    """The XML of a push, parsed anew from what was sent."""
    return ElementTree.fromstring(to_xml(world.journal.pushes()[place]["request"]))


def test_films_and_links(world, receiver, lin):
    world.send_video(lin)
    world.send_video(lin, short=True)
    world.send_link(lin, "好吃的", "https://example.com/a", "一篇文章")
    video, short, link = receiver.heard

    assert isinstance(video, messages.VideoMessage)
    assert isinstance(short, messages.ShortVideoMessage)
    assert {video.media_id, video.thumb_media_id} <= set(world.media_bytes)
    assert (link.title, link.description, link.url) == (
        "好吃的", "一篇文章", "https://example.com/a")


def test_a_film_is_fetched_by_its_address(world, api, lin):
    world.send_video(lin)
    media_id = next(iter(world.media_bytes))

    assert api.get("/cgi-bin/media/get", media_id=media_id)["video_url"].endswith(media_id)


@pytest.mark.parametrize(("kind", "event"), [
    ("scancode_push", events.ScanCodePushEvent), ("scancode_waitmsg", events.ScanCodeWaitMsgEvent)])
def test_the_menus_scanner(world, api, receiver, lin, kind, event):
    receiver.answer = lambda message: "扫到了"

    assert world.scan_by_menu(lin, "PICKUP", "https://example.com/q", kind).reply == "扫到了"
    heard = receiver.heard[0]
    assert isinstance(heard, event)
    assert (heard.key, heard.scan_type, heard.scan_result) == (
        "PICKUP", "qrcode", "https://example.com/q")
    assert [api.send_text(lin.openid) for _ in range(4)] == [0, 0, 0, 45047]  # a tap's window


@pytest.mark.parametrize("kind", ["pic_sysphoto", "pic_photo_or_album", "pic_weixin"])
def test_the_menus_camera(world, receiver, lin, kind):
    world.photograph_by_menu(lin, "PHOTO", b"\xff\xd8jpeg", kind)
    told, picture = receiver.heard

    assert told._data["Event"] == kind
    assert told.count == 1
    assert told.pictures[0]["PicMd5Sum"] == hashlib.md5(b"\xff\xd8jpeg").hexdigest()
    assert isinstance(picture, messages.ImageMessage)


def test_the_menus_place_picker(world, receiver, lin):
    world.place_by_menu(lin, "HERE", 29.53, 106.46, "竹园7栋")
    told, place = receiver.heard

    assert isinstance(told, events.LocationSelectEvent)
    assert (told.location, told.label) == (("29.53", "106.46"), "竹园7栋")
    assert place.location == ("29.53", "106.46")


def test_a_miniprogram_of_the_menu(world, receiver, lin):
    world.open_miniprogram(lin, "pages/index")
    assert raw(world).findtext("EventKey") == "pages/index"


def test_subscriptions_of_one_and_of_several(world, receiver, lin):
    """A single List is one element; several stand side by side."""
    world.answer_subscription(lin, {"t1": True})
    world.answer_subscription(lin, {"t1": True, "t2": False})

    one, two = (raw(world, place).findall("SubscribeMsgPopupEvent/List") for place in (0, 1))
    assert [e.findtext("SubscribeStatusString") for e in one] == ["accept"]
    assert [e.findtext("SubscribeStatusString") for e in two] == ["accept", "reject"]
    assert world.phone(lin.id).subscriptions == {"t1": 2, "t2": 0}
    world.refuse_subscription(lin, "t1")
    assert raw(world).findtext("SubscribeMsgChangeEvent/List/TemplateId") == "t1"
    assert world.phone(lin.id).subscriptions["t1"] == 0


@pytest.mark.parametrize("kind", [
    "user_info_modified", "user_authorization_revoke", "user_authorization_cancellation"])
def test_people_take_back_what_they_told(world, receiver, lin, kind):
    world.withdraw(lin, kind)

    assert (raw(world).findtext("Event"), raw(world).findtext("OpenID")) == (kind, lin.openid)


def test_kinds_that_there_are_not(world, lin):
    for deed in (lambda: world.withdraw(lin, "x"), lambda: world.scan_by_menu(lin, "k", "r", "x"),
                 lambda: world.photograph_by_menu(lin, "k", kind="x")):
        with pytest.raises(ValueError, match="kind is none of"):
            deed()
