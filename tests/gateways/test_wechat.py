"""WeChat's API against the simulator, and against neighbours that misbehave."""
import socket
import threading
import time
import traceback
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
import requests
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.notices import customised, standard, template_for
from gateways.errors import GatewayError, Refused, Unreachable
from gateways.transport import Transport
from gateways.wechat import WeChat, authorize_url, page_signature
from simulator import tokens
from tests.gateways.conftest import client
from tests.support.scripted import hangs_up, says, scripted

SEND = "/cgi-bin/message/custom/send"
TOKEN = "/cgi-bin/stable_token"
GOOD_TOKEN = says(b'{"access_token": "t1", "expires_in": 7200}')


def calls(world, path):
    return [e for e in world.journal.entries(0) if e["kind"] == "call" and e["path"] == path]


def heard(world, phone):
    return [e for e in world.heard(phone) if e["type"] != "notice"]


@pytest.fixture
def ming(world):
    """A follower whose message went nowhere, so that the 48-hour window is open."""
    phone = world.add_phone("小明", "student")
    world.open_window(phone, "message")
    phone.last_message_at = world.now()
    return phone


@pytest.fixture
def store(redis_url):
    with redis.Redis.from_url(redis_url) as store:
        store.flushdb()
        yield store


# --- messages


def test_a_text_arrives_as_it_was_written(wechat, world, ming):
    wechat.send_text(ming.openid, "A27 归你了\n<a href=\"x\">到店了</a> 🏃 \\u4e2d")
    assert [e["content"] for e in heard(world, ming)] == [
        "A27 归你了\n<a href=\"x\">到店了</a> 🏃 \\u4e2d"]


def test_the_sixth_text_is_refused(wechat, ming):
    for _ in range(5):
        wechat.send_text(ming.openid, "好")
    with pytest.raises(Refused, match="out of response count limit") as caught:
        wechat.send_text(ming.openid, "好")
    assert caught.value.code == 45047


def test_outside_the_window_a_text_is_refused(wechat, world, ming):
    world.advance(49 * 3600)
    for openid, code in ((ming.openid, 45015), ("oNobody", 40003)):
        with pytest.raises(Refused) as caught:
            wechat.send_text(openid, "好")
        assert caught.value.code == code


def test_a_template_message_arrives(wechat, world, ming):
    template = template_for("arrived", {
        "code": "A27-20260921", "pin": "4071", "place": "竹园7栋大厅 右手餐架2层",
        "time": "12:28", "hint": "码只给本单骑手看"}, notices=customised(standard(), None))
    msgid = wechat.send_template(ming.openid, template.template_id, template.data,
                                 url="http://127.0.0.1:8000/t/x", client_msg_id="k1")
    (card,) = heard(world, ming)
    assert card["msgid"] == msgid
    assert [row["value"] for row in card["rows"]] == list(template.data.values())
    assert card["url"] == "http://127.0.0.1:8000/t/x"


def test_a_template_message_sent_twice_arrives_once(wechat, world, ming):
    data = {"character_string1": "A27", "thing2": "x", "time3": "12:00", "thing4": "y"}
    first = wechat.send_template(ming.openid, "delayed", data, client_msg_id="k1")
    assert wechat.send_template(ming.openid, "delayed", data, client_msg_id="k1") == first
    assert len(heard(world, ming)) == 1
    assert wechat.send_template(ming.openid, "delayed", data, client_msg_id="k2") != first


def test_a_value_that_does_not_fit_is_refused(wechat, ming):
    with pytest.raises(Refused, match=r"data\.time3\.value") as caught:
        wechat.send_template(ming.openid, "delayed", {
            "character_string1": "A27", "thing2": "x", "time3": "soon", "thing4": "y"})
    assert caught.value.code == 47003


def test_who_does_not_follow_gets_no_template(wechat, world):
    phone = world.add_phone("路人", followed=False)
    with pytest.raises(Refused) as caught:
        wechat.send_template(phone.openid, "delayed", {})
    assert caught.value.code == 43004


def test_typing(wechat, world, ming):
    wechat.typing(ming.openid)
    assert [e["type"] for e in world.events(phone=ming)] == ["typing"]
    world.advance(31)
    with pytest.raises(Refused) as caught:
        wechat.typing(ming.openid)
    assert caught.value.code == 45080


# --- menus, codes, users, pages


def test_menu_qr_and_user(wechat, world, ming):
    wechat.create_menu([{"type": "click", "name": "今天吃啥", "key": "MENU"}])
    assert world.account.menu["button"][0]["name"] == "今天吃啥"

    poster, invitation = wechat.create_qr("b_zy7"), wechat.create_qr("g_G5", 3600)
    assert world.qr_tickets[poster.ticket]["until"] is None
    assert world.qr_tickets[invitation.ticket]["until"] == pytest.approx(world.now() + 3600, abs=9)
    assert poster.url.startswith("http")

    guest = world.add_phone("小红", followed=False)
    assert wechat.user_info(guest.openid).is_following is False
    world.follow(guest, "b_zy7")
    told = wechat.user_info(guest.openid)
    assert (told.openid, told.is_following, told.scene) == (guest.openid, True, "b_zy7")
    assert told.followed_at.timestamp() == guest.subscribe_time


def test_a_page_is_signed_with_one_ticket(wechat, world):
    assert wechat.sign_page("http://a/p?x=1#top", "n", 1414587457) == page_signature(
        wechat.jsapi_ticket(), "n", 1414587457, "http://a/p?x=1")
    assert len(calls(world, "/cgi-bin/ticket/getticket")) == 1
    world.advance(7200)
    wechat.jsapi_ticket()
    assert len(calls(world, "/cgi-bin/ticket/getticket")) == 2


def test_page_signature_vector():
    ticket = ("sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-"
              "HhTdfl2fzFy1AOcHKP7qg")
    for url in ("http://mp.weixin.qq.com?params=value", "http://mp.weixin.qq.com?params=value#x"):
        assert page_signature(ticket, "Wm3WZYTPz0wzccnW", 1414587457, url) == \
            "0f9de62fce790f9a083d5c99e95740ceb90c27ed"


def test_oauth_tells_whose_browser_it_is_once(wechat, world):
    phone = world.add_phone("小明")
    url = authorize_url(world.base_url, world.credentials.app_id,
                        "http://127.0.0.1:8000/p/abc?x=1&y=二", "s7")
    assert url.endswith("&scope=snsapi_base&state=s7#wechat_redirect")
    landed = requests.get(url, headers={"X-Sim-Phone": phone.id}, allow_redirects=False, timeout=5)
    back = parse_qs(urlsplit(landed.headers["Location"]).query)
    assert (back["state"], back["x"], back["y"]) == (["s7"], ["1"], ["二"])

    assert wechat.oauth_openid(back["code"][0]) == phone.openid
    for code, errcode in ((back["code"][0], 40163), ("nonsense", 40029)):
        with pytest.raises(Refused) as caught:
            wechat.oauth_openid(code)
        assert caught.value.code == errcode


def test_media():
    picture = b"\xff\xd8" + bytes(range(256))
    with scripted(GOOD_TOKEN, says(picture, content_type="image/jpeg"),
                  says(b'{"errcode": 40007, "errmsg": "invalid media_id"}',
                       content_type="text/plain"),
                  says(b'{"video_url": "http://v"}', content_type="text/plain")) as told:
        wechat = WeChat("wx1", "s", api_base=told.base)
        media = wechat.download_media("m/1&x")
        assert (media.content_type, media.content) == ("image/jpeg", picture)
        assert parse_qs(urlsplit(told.paths[1]).query) == {
            "media_id": ["m/1&x"], "access_token": ["t1"]}
        for code in (40007, "NOT_A_FILE"):
            with pytest.raises(Refused) as caught:
                wechat.download_media("m1")
            assert caught.value.code == code


# --- one token for all


def test_one_token_until_five_minutes_before_its_end(wechat, world, ming):
    wechat.send_text(ming.openid, "1")
    world.advance(7200 - 301)
    wechat.send_text(ming.openid, "2")
    assert len(calls(world, TOKEN)) == 1
    world.advance(2)
    wechat.send_text(ming.openid, "3")
    assert len(calls(world, TOKEN)) == 2
    assert len(world.access_tokens) == 2
    wechat.send_text(ming.openid, "4")
    assert len(calls(world, TOKEN)) == 2


def test_a_killed_token_is_renewed_once_and_the_message_arrives_once(wechat, world, ming):
    wechat.send_text(ming.openid, "1")
    tokens.expire_all(world)
    wechat.send_text(ming.openid, "2")
    assert [e["content"] for e in heard(world, ming)] == ["1", "2"]
    assert len(calls(world, TOKEN)) == 2


@pytest.mark.parametrize("code", [40001, 40014, 42001])
def test_a_token_refused_before_its_time_is_replaced_by_force(wechat, world, ming, code):
    """stable_token still hands out the refused one, so asking nicely would not help."""
    world.faults.add(SEND, errcode=code)
    wechat.send_text(ming.openid, "好")
    assert [call["request"]["force_refresh"] for call in calls(world, TOKEN)] == [
        False, False, True]
    assert len(heard(world, ming)) == 1


def test_a_token_refused_twice_is_given_up(wechat, world, ming):
    world.faults.add(SEND, times=9, errcode=40001)
    with pytest.raises(Unreachable) as caught:
        wechat.send_text(ming.openid, "好")
    assert caught.value.code == 40001
    assert len(calls(world, SEND)) == 2


def test_no_token_to_be_had_is_not_the_messages_fault(world, ming):
    world.knobs.ip_whitelist = ["10.0.0.1"]
    with pytest.raises(Unreachable, match="40164") as caught:
        client(world).send_text(ming.openid, "好")
    assert caught.value.code == 40164
    world.knobs.ip_whitelist = []
    world.faults.add(TOKEN, errcode=40125, errmsg="invalid appsecret")
    with pytest.raises(Unreachable, match="40125"):
        client(world).send_text(ming.openid, "好")


def together(count, work):
    """Run `work(i)` in so many threads, released at once; re-raises their errors."""
    barrier, errors = threading.Barrier(count), []

    def run(i):
        barrier.wait()
        try:
            work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("shared", [True, False])
def test_no_stampede(world, store, shared):
    """Eight callers at once, of eight processes or of one: one fetch."""
    world.faults.add(TOKEN, delay_s=0.3)
    phones = [world.add_phone(f"p{i}") for i in range(8)]
    one = client(world)
    clients = [client(world, redis=store) if shared else one for _ in range(8)]
    together(8, lambda i: clients[i].user_info(phones[i].openid))
    assert len(calls(world, TOKEN)) == 1


def test_no_stampede_when_a_token_proves_stale(world, store):
    clients = [client(world, redis=store) for _ in range(4)]
    openid = world.add_phone("p").openid
    for each in clients:
        each.user_info(openid)
    tokens.expire_all(world)
    together(4, lambda i: clients[i].user_info(openid))
    assert len(calls(world, TOKEN)) == 2


def test_while_one_renews_the_others_use_the_old_token(world, store):
    clients = [client(world, redis=store) for _ in range(2)]
    openid = world.add_phone("p").openid
    clients[0].user_info(openid)
    world.advance(7200 - 200)
    world.faults.add(TOKEN, delay_s=1.0)
    slow = threading.Thread(target=clients[0].user_info, args=(openid,))
    slow.start()
    time.sleep(0.2)
    started = time.monotonic()
    clients[1].user_info(openid)
    assert time.monotonic() - started < 0.7
    slow.join()
    assert len(calls(world, TOKEN)) == 2


def test_a_second_process_finds_the_token_in_redis(world, store):
    openid = world.add_phone("p").openid
    client(world, redis=store).user_info(openid)
    client(world, redis=store).user_info(openid)
    assert len(calls(world, TOKEN)) == 1
    (name,) = store.keys()
    assert name == f"wechat:{world.credentials.app_id}:token".encode()
    assert 0 < store.ttl(name) <= 7200


@pytest.mark.parametrize("spoil", [
    lambda store: store.flushdb(),
    lambda store: store.set(store.keys()[0], b"\xff not json"),
    lambda store: store.set(store.keys()[0], b'{"value": 1}'),
])
def test_redis_may_lose_or_garble_it(world, store, spoil):
    openid = world.add_phone("p").openid
    wechat = client(world, redis=store)
    wechat.user_info(openid)
    spoil(store)
    wechat.user_info(openid)
    assert len(calls(world, TOKEN)) == 2


def test_without_redis_the_process_keeps_its_own(world):
    gone = redis.Redis(port=1, retry=Retry(NoBackoff(), 0))
    openid = world.add_phone("p").openid
    wechat = client(world, redis=gone)
    wechat.user_info(openid)
    wechat.user_info(openid)
    assert len(calls(world, TOKEN)) == 1


def test_a_redis_that_hangs_is_waited_for_once_in_a_while(world, monkeypatch):
    monkeypatch.setattr("gateways.shared_value.AWAY_S", 1.0)
    openid = world.add_phone("p").openid
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        wechat = client(world, redis=redis.Redis(
            port=deaf.getsockname()[1], socket_timeout=0.3, retry=Retry(NoBackoff(), 0)))
        for _ in range(2):
            started = time.monotonic()
            for _ in range(4):
                wechat.user_info(openid)
            assert time.monotonic() - started < 0.9
            time.sleep(1.0)
    assert len(calls(world, TOKEN)) == 1


def test_a_redis_of_strings_will_do(world, redis_url):
    with redis.Redis.from_url(redis_url, decode_responses=True) as store:
        store.flushdb()
        openid = world.add_phone("p").openid
        for _ in range(2):
            client(world, redis=store).user_info(openid)
    assert len(calls(world, TOKEN)) == 1


# --- trouble


@pytest.mark.parametrize(("fault", "perhaps_done"), [
    ({"errcode": -1}, False), ({"errcode": 45009}, False), ({"errcode": 45011}, False),
    ({"status": 502}, True), ({"status": 503, "body": "<html>"}, True), ({"cut": True}, True),
    ({"lose_answer": True}, True), ({"status": 429}, True),
])
def test_what_may_be_tried_again(wechat, world, ming, fault, perhaps_done):
    world.faults.add(SEND, **fault)
    with pytest.raises(Unreachable) as caught:
        wechat.send_text(ming.openid, "好")
    assert caught.value.perhaps_done is perhaps_done
    assert len(calls(world, SEND)) <= 1


@pytest.mark.parametrize(("script", "kind"), [
    (says(b"<html>maintenance</html>", content_type="text/html"), Unreachable),
    (says(b""), Unreachable), (says(b"[]"), Unreachable), (says(b"\xff\xfe"), Unreachable),
    (says(b'{"errcode": "zero"}'), Unreachable), (says(b'{"errcode": []}'), Unreachable),
    (says(b"[" * 100_000), Unreachable), (says(b"x" * (2 << 20)), Unreachable),
    (says(b"", 302, Location="http://127.0.0.1:1/"), Refused), (says(b"", 404), Refused),
    (says(b'{"errcode": 48002, "errmsg": "x"}'), Refused), (hangs_up, Unreachable),
    (says(b'{"errcode": 0}'), Unreachable),  # lacks the msgid that was asked for
])
def test_whatever_comes_back_only_a_gateway_error_leaves(script, kind):
    with scripted(GOOD_TOKEN, script) as told:
        wechat = WeChat("wx1", "s", api_base=told.base)
        with pytest.raises(GatewayError) as caught:
            wechat.send_template("o1", "t", {"thing1": "\ud800"})
        assert type(caught.value) is kind
        assert len(told.paths) == 2


@pytest.mark.parametrize("script", [
    says(b'{"access_token": "", "expires_in": 0}'), says(b'{"access_token": "t"}'), says(b"{}"),
    says(b'{"errcode": 40013, "errmsg": "invalid appid"}'), hangs_up, says(b"", 500),
])
def test_a_broken_token_answer_is_a_gateway_error(script):
    with scripted(script) as told, pytest.raises(GatewayError):
        WeChat("wx1", "s", api_base=told.base).jsapi_ticket()


def test_a_closed_port_was_surely_not_reached():
    with scripted(says()) as gone:
        pass
    with pytest.raises(Unreachable) as caught:
        WeChat("wx1", "s", api_base=gone.base).oauth_openid("c")
    assert caught.value.perhaps_done is False


def test_a_silent_or_dripping_neighbour_is_cut_off(monkeypatch):
    def drips(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        try:
            for _ in range(100):
                handler.wfile.write(b" ")
                time.sleep(0.05)
        except OSError:
            handler.close_connection = True

    def sleeps(handler):
        time.sleep(2)
        handler.close_connection = True

    monkeypatch.setattr("gateways.transport.READ_S", 0.3)
    monkeypatch.setattr("gateways.transport.TOTAL_S", 0.6)
    for script in (drips, sleeps):
        with scripted(script) as told:
            started = time.monotonic()
            with pytest.raises(Unreachable):
                WeChat("wx1", "s", api_base=told.base).oauth_openid("c")
            assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("gone", [True, False])
def test_no_error_tells_a_secret(gone):
    with scripted(GOOD_TOKEN, hangs_up) as told:
        wechat = WeChat("wx1", "TOPSECRET", api_base=told.base)
        wechat._token.get()
        if gone:
            wechat._http = Transport("http://127.0.0.1:1")
        for call in (lambda: wechat.oauth_openid("CODE"), lambda: wechat.user_info("oX")):
            with pytest.raises(Unreachable) as caught:
                call()
            seen = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
            for secret in ("TOPSECRET", "CODE", "t1", "oX"):
                assert secret not in seen.replace('oauth_openid("CODE")', "").replace(
                    'user_info("oX")', "")
