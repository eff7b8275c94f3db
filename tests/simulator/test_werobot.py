"""Pushes heard by WeRoBot, a webhook that we did not write."""
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server
from werobot import WeRoBot
from werobot.replies import Article as WeRoBotArticle
from werobot.replies import ArticlesReply, ImageReply, MusicReply, SuccessReply

from simulator.official_push import OUT_OF_ORDER


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Tests read what was heard, not a log."""


class Peer:
    """A robot on a port; `answer(message)` says what it replies, `heard` what it understood."""

    def __init__(self, credentials: Any, *, token: str | None = None) -> None:
        self.heard: list[Any] = []
        self.answer: Any = lambda message: None
        self.robot = WeRoBot(token=token or credentials.token)
        self.robot.config.update(SESSION_STORAGE=False, APP_ID=credentials.app_id,
                                 ENCODING_AES_KEY=credentials.aes_key)
        self.robot.add_handler(self._hear)

    def _hear(self, message: Any) -> Any:
        self.heard.append(message)
        return self.answer(message)


@pytest.fixture
def peer(world, credentials) -> Iterator[Peer]:
    peer = Peer(credentials)
    with _served(peer) as url:
        world.webhook = url
        yield peer


class _served:
    def __init__(self, peer: Peer) -> None:
        self.server = make_server("127.0.0.1", 0, peer.robot.wsgi, threaded=True,
                                  request_handler=_Quiet)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    def __enter__(self) -> str:
        self.thread.start()
        return f"http://127.0.0.1:{self.server.server_port}/"

    def __exit__(self, *exc: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_the_handshake(world, peer):
    assert world.handshake()
    world.account.token = "another"
    assert not world.handshake()


@pytest.mark.parametrize("mode", ["plain", "safe"])
def test_words_both_ways(world, peer, lin, mode):
    """Plain and encrypted; its replies begin with newlines and blanks.

    It does not split "]]>", so a reply with that in it is not XML, and the grey line is right.
    """
    world.account.mode = mode
    peer.answer = lambda message: f"听到<{len(message.content)}>&了"

    assert world.say(lin, "来份黄焖鸡<辣>&]]>") == "听到<12>&了"
    assert peer.heard[0].content == "来份黄焖鸡<辣>&]]>"
    peer.answer = lambda message: message.content
    assert world.say(lin, "]]>") is None
    assert (peer.heard[0].source, peer.heard[0].target) == (
        lin.openid, world.account.original_id)
    assert abs(peer.heard[0].time - time.time()) < 60


def test_what_else_it_replies(world, peer, lin):
    world.account.mode = "plain"
    media_id = world.add_media("image", b"\x89PNG")
    replies = iter([
        lambda m: ImageReply(message=m, media_id=media_id),
        lambda m: MusicReply(message=m, title="歌", description="好听", url="https://example.com/a"),
        lambda m: SuccessReply(message=m), lambda m: ["标题", "说明", "", "https://example.com"]])

    def articles(message):
        reply = ArticlesReply(message=message)
        reply.add_article(WeRoBotArticle("标题", "说明", "https://example.com/p.png",
                                         "https://example.com"))
        return reply
    peer.answer = lambda message: next(replies)(message) if message.content != "文" \
        else articles(message)
    for words in ("图", "歌", "无", "文"):
        world.say(lin, words)
    shown = world.heard(lin)

    assert [e["msgtype"] for e in shown] == ["image", "music", "news"]
    assert shown[0]["media_id"] == media_id
    assert shown[1]["title"] == "歌"
    assert shown[2]["articles"][0]["url"] == "https://example.com"


def test_every_kind_of_message_and_event(world, peer):
    new = world.add_phone("新同学", followed=False)
    world.follow(new, "b_zy7")
    world.scan(new, "g_G5")
    world.tap_menu(new, "MINE")
    world.tap_menu(new, "https://example.com/m")
    world.scan_by_menu(new, "SCAN", "https://example.com/q", "scancode_waitmsg")
    world.photograph_by_menu(new, "PHOTO")
    world.place_by_menu(new, "HERE", 29.5, 106.4, "竹园7栋")
    world.report_position(new, 29.5, 106.4)
    world.send_voice(new, "来份黄焖鸡")
    world.send_video(new)
    world.send_link(new, "好吃的", "https://example.com/a")
    world.report_template(new, 1, "success")
    world.unfollow(new)

    assert [message.type for message in peer.heard] == [
        "subscribe_event", "scan_event", "click_event", "view_event", "scancode_waitmsg_event",
        "pic_photo_or_album_event", "image", "location_select_event", "location",
        "location_event", "voice", "video", "link", "templatesendjobfinish_event",
        "unsubscribe_event"]
    heard = {message.type: message for message in peer.heard}
    assert (heard["subscribe_event"].key, heard["scan_event"].key) == ("qrscene_b_zy7", "g_G5")
    assert heard["subscribe_event"].ticket
    assert heard["click_event"].key == "MINE"
    assert heard["scancode_waitmsg_event"].scan_result == "https://example.com/q"
    assert heard["location"].location == (29.5, 106.4)
    assert heard["voice"].recognition == "来份黄焖鸡"
    assert heard["templatesendjobfinish_event"].status == "success"


def test_events_that_it_does_not_know_are_no_trouble(world, peer, lin):
    world.answer_subscription(lin, {"t1": True, "t2": False})
    world.withdraw(lin)

    assert [type(message).__name__ for message in peer.heard] == ["UnknownEvent"] * 2
    assert world.heard(lin) == []


def test_a_bad_signature_is_refused(world, peer, lin):
    peer.answer = lambda message: "好"
    world.faults.add("push/text", forge=True)
    world.account.mode = "plain"

    assert world.send_text(lin, "在吗").deliveries == 2
    assert [e["status"] for e in world.journal.pushes("text")] == [403, 200]
    assert len(peer.heard) == 1


def test_a_robot_of_another_account_hears_nothing(world, credentials, lin):
    stranger = Peer(credentials, token="another")
    with _served(stranger) as url:
        world.webhook = url
        assert world.say(lin, "在吗") is None
    assert stranger.heard == []
    assert [e["content"] for e in world.heard(lin)] == [OUT_OF_ORDER]


def test_the_same_message_again_is_the_same_to_it(world, peer, lin):
    world.say(lin, "来两份", times=3)

    assert len({message.message_id for message in peer.heard}) == 1
    assert len(peer.heard) == 3
