"""The phones' in-app browsers in front of a real little website."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from urllib.parse import quote, urlsplit

import pytest
import requests
from flask import Flask, Response, make_response, redirect, request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.serving import make_server

from simulator import webview
from simulator.addresses import Mapping, shown, site_of
from simulator.cookiejar import Jar, default_path, path_matches
from simulator.credentials import Credentials
from simulator.world import World
from tests.simulator.small_account import unpaid_order


@dataclass
class Site:
    """A website on a port of its own; `url` is where it thinks it lives."""

    url: str
    next_event: threading.Event = field(default_factory=threading.Event)
    stream_over: threading.Event = field(default_factory=threading.Event)

    @property
    def netloc(self) -> str:
        return urlsplit(self.url).netloc


def _pages(site: Site) -> Flask:
    app = Flask("target")

    @app.get("/login/<name>")
    def login(name: str) -> Response:
        answer = make_response("hello")
        answer.set_cookie("who", name, httponly=True, samesite="Lax", path=request.args["path"])
        answer.set_cookie("short", name, max_age=60)
        return answer

    @app.route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    @app.route("/echo/<path:rest>", methods=["GET"])
    def echo(rest: str = "") -> Response:
        seen = {"method": request.method, "body": request.get_data(as_text=True),
                "headers": dict(request.headers), "cookies": dict(request.cookies),
                "query": request.query_string.decode()}  # fmt: skip
        return Response(json.dumps(seen), content_type="text/plain")

    @app.get("/go")
    def go() -> Response:
        return redirect(request.args["to"], 303)

    @app.get("/page")
    def page() -> Response:
        answer = make_response(
            f'<!doctype html><html><head><title>A &amp; B</title></head><body>'
            f'<a href="{site.url}/p/1">x</a><a href="http://localhost:{site.url[-5:]}/p/2">y</a>'
            f'<script nonce="abc">let u="{site.url.replace("/", chr(92) + "/")}\\/p\\/3"</script>'
            f'<a href="{site.url}7/p/4">z</a></body></html>'
        )
        answer.headers["X-Frame-Options"] = "DENY"
        answer.headers["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'nonce-abc'; frame-ancestors 'none'; "
            "form-action 'self'"
        )
        answer.headers["Strict-Transport-Security"] = "max-age=9"
        return answer

    @app.get("/data.<kind>")
    def data(kind: str) -> Response:
        types = {"json": "application/json", "js": "text/javascript", "txt": "text/plain",
                 "png": "image/png"}  # fmt: skip
        return Response(f'{{"at": "{site.url}/x"}}', content_type=types[kind])

    @app.get("/events")
    def events() -> Response:
        def stream() -> Iterator[str]:
            try:
                yield "data: one\n\n"
                while not site.next_event.wait(0.05):
                    yield ":\n\n"
                yield "data: two\n\n"
            finally:
                site.stream_over.set()

        return Response(stream(), content_type="text/event-stream")

    @app.post("/prepay")
    def prepay() -> Response:
        return Response(request.get_data(), content_type=request.content_type)

    return app


def _served(app: Flask) -> tuple[SimpleNamespace, str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def site() -> Iterator[Site]:
    holder = Site("")
    server, holder.url = _served(_pages(holder))
    yield holder
    holder.next_event.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def world(credentials: Credentials) -> Iterator[World]:
    world = World(credentials)
    yield world
    world.close()


@pytest.fixture
def lin(world: World) -> SimpleNamespace:
    return world.add_phone("小林", "student")


@pytest.fixture
def zhe(world: World) -> SimpleNamespace:
    return world.add_phone("阿哲", "rider")


def _get(url: str, **more: object) -> requests.Response:
    return requests.get(url, timeout=5, allow_redirects=False, **more)


def test_a_page_keeps_its_path_at_the_phones_own_origin(world, lin, site):
    url = webview.open_page(world, lin, f"{site.url}/echo/p/token?k=1#end")

    assert url == f"http://127.0.0.1:{webview.start(world, lin)}/echo/p/token?k=1#end"
    assert _get(url).json()["headers"]["Host"] == site.netloc


def test_two_phones_in_one_browser_share_no_cookies(world, lin, zhe, site):
    browser = requests.Session()  # one browser, port-blind like all of them
    for phone in (lin, zhe):
        url = webview.open_page(world, phone, f"{site.url}/login/{phone.name}?path=/")
        answer = browser.get(url, timeout=5)
        assert "Set-Cookie" not in answer.headers

    seen = [
        browser.get(webview.open_page(world, phone, f"{site.url}/echo"), timeout=5).json()
        for phone in (lin, zhe)
    ]

    assert len(browser.cookies) == 0
    assert [s["cookies"].get("who") for s in seen] == ["小林", "阿哲"]


def test_a_foreign_cookie_in_the_browser_never_reaches_the_page(world, lin, site):
    url = webview.open_page(world, lin, f"{site.url}/echo")

    seen = _get(url, headers={"Cookie": "who=mallory"}).json()

    assert seen["cookies"] == {}


def test_cookies_keep_to_their_path_and_their_time(world, lin, site):
    _get(webview.open_page(world, lin, f"{site.url}/login/x?path=/echo/p"))

    def names(path: str) -> set[str]:
        return set(_get(webview.open_page(world, lin, site.url + path)).json()["cookies"])

    assert names("/echo/p/1") == {"who", "short"}
    assert names("/echo/pq") == {"short"}
    world.advance(61)
    assert names("/echo/p/1") == {"who"}


def test_cookies_keep_to_their_site(world, lin, site):
    other = Site("")
    server, other.url = _served(_pages(other))
    _get(webview.open_page(world, lin, f"{site.url}/login/x?path=/"))

    seen = _get(webview.open_page(world, lin, f"{other.url}/echo")).json()
    server.shutdown()
    server.server_close()

    assert seen["cookies"] == {}


def test_redirects_stay_on_the_phone(world, lin, site):
    origin = webview.open_page(world, lin, site.url + "/")[:-1]

    def target(to: str) -> str:
        return _get(f"{origin}/go", params={"to": to}).headers["Location"]

    assert target(f"{site.url}/a?b=c") == f"{origin}/a?b=c"
    assert target("/a") == f"{origin}/a"
    assert target("http://127.0.0.1:9/x") == f"{origin}/__wx/to/127.0.0.1:9/x"
    assert target("https://example.com/") == (
        f"{origin}/__wx/outside?url=https%3A%2F%2Fexample.com%2F"
    )


def test_a_page_elsewhere_moves_the_phone_there_and_a_script_does_not(world, lin, site):
    other = Site("")
    server, other.url = _served(_pages(other))
    origin = webview.open_page(world, lin, site.url + "/")[:-1]
    there = f"{origin}/__wx/to/{other.netloc}/echo"

    script = _get(there, headers={"Sec-Fetch-Dest": "script"})
    still = _get(f"{origin}/echo").json()["headers"]["Host"]
    page = requests.get(there, headers={"Sec-Fetch-Dest": "iframe"}, timeout=5)
    moved = _get(f"{origin}/echo").json()["headers"]["Host"]
    server.shutdown()
    server.server_close()

    assert script.json()["headers"]["Host"] == other.netloc
    assert still == site.netloc
    assert page.url == f"{origin}/echo"
    assert moved == other.netloc


def test_addresses_in_pages_are_the_phones_own(world, lin, site):
    url = webview.open_page(world, lin, f"{site.url}/page")
    origin = url.removesuffix("/page")

    page = _get(url).text

    assert f'"{origin}/p/1"' in page
    assert f'"{origin}/p/2"' in page
    assert origin.replace("/", "\\/") + "\\/p\\/3" in page
    assert f'"{site.url}7/p/4"' in page  # another port that begins alike is another site
    assert f"{origin}/x" in _get(f"{origin}/data.json").text
    assert f"{origin}/x" in _get(f"{origin}/data.js").text
    assert f"{site.url}/x" in _get(f"{origin}/data.txt").text
    assert f"{site.url}/x" in _get(f"{origin}/data.png").text


def test_a_page_may_be_framed_and_has_the_bridge_in_front(world, lin, site):
    url = webview.open_page(world, lin, f"{site.url}/page")

    answer = _get(url)
    policy = answer.headers["Content-Security-Policy"]
    origin = url.removesuffix("/page")

    assert "X-Frame-Options" not in answer.headers
    assert "Strict-Transport-Security" not in answer.headers
    assert "frame-ancestors" not in policy
    assert f"script-src 'nonce-abc' {origin}" in policy
    assert f"connect-src {origin}" in policy
    assert "form-action 'self'" in policy
    assert '<head><script src="/__wx/bridge.js" nonce="abc"></script><title>' in answer.text
    assert "MicroMessenger" in _get(f"{origin}/__wx/bridge.js").text
    assert _get(f"{origin}/__wx/state").json() == {"title": "A & B", "target": site.netloc}


def test_the_page_hears_wechat_and_its_own_origin(world, lin, site):
    url = webview.open_page(world, lin, f"{site.url}/echo")
    origin = url.removesuffix("/echo")
    sent = {"Origin": origin, "Referer": f"{origin}/p/1", "Sec-Fetch-Dest": "iframe",
            "Sec-Fetch-Site": "same-site", "X-Sim-Phone": "forged"}  # fmt: skip

    heard = _get(url, headers=sent).json()["headers"]

    assert "MicroMessenger/8" in heard["User-Agent"]
    assert (heard["Origin"], heard["Referer"]) == (site.url, f"{site.url}/p/1")
    assert (heard["Sec-Fetch-Dest"], heard["Sec-Fetch-Site"]) == ("document", "none")
    assert "X-Sim-Phone" not in heard
    assert "Referer" not in _get(url, headers={"Referer": "http://127.0.0.1:1/"}).json()["headers"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods_and_bodies_go_through(world, lin, site, method):
    url = webview.open_page(world, lin, f"{site.url}/echo?a=1")
    origin = url.removesuffix("/echo?a=1")
    body = json.dumps({"url": f"{origin}/t/1", "words": "微辣"}, ensure_ascii=False).encode()

    heard = requests.request(
        method, url, data=body, headers={"Content-Type": "application/json"}, timeout=5
    ).json()

    assert heard["method"] == method
    assert json.loads(heard["body"]) == {"url": f"{site.url}/t/1", "words": "微辣"}
    assert heard["query"] == "a=1"


def test_a_form_and_a_query_name_the_page_by_its_real_address(world, lin, site):
    url = webview.open_page(world, lin, f"{site.url}/echo")
    origin = url.removesuffix("/echo")

    heard = requests.post(
        url, params={"back": f"{origin}/p"}, data={"u": f"{origin}/t"}, timeout=5
    ).json()

    assert heard["body"] == "u=" + quote(f"{site.url}/t", safe="")
    assert heard["query"] == "back=" + quote(f"{site.url}/p", safe="")


def test_bytes_that_are_no_text_arrive_unchanged(world, lin, site):
    url = webview.open_page(world, lin, f"{site.url}/prepay")
    body = bytes(range(256)) * 300

    answer = requests.post(url, data=body, headers={"Content-Type": "image/jpeg"}, timeout=5)

    assert answer.content == body


def test_a_stream_flows_while_it_is_open(world, lin, site):
    url = webview.open_page(world, lin, f"{site.url}/events")
    with requests.get(url, stream=True, timeout=5) as answer:
        lines = answer.iter_lines(decode_unicode=True)
        assert next(lines) == "data: one"  # the second is not even made yet

        site.next_event.set()

        assert "data: two" in lines


def test_a_reader_who_leaves_a_stream_frees_the_server(world, lin, site):
    url = webview.open_page(world, lin, f"{site.url}/events")
    with requests.get(url, stream=True, timeout=5) as answer:
        assert next(answer.iter_lines(decode_unicode=True)) == "data: one"
        assert not site.stream_over.is_set()

    assert site.stream_over.wait(5)


def test_a_server_that_is_not_there_is_told_as_a_page(world, lin, site):
    url = webview.open_page(world, lin, "http://127.0.0.1:9/p/1")

    answer = _get(url)

    assert answer.status_code == 502
    assert "网页无法打开" in answer.text
    assert "127.0.0.1:9" in answer.text


def test_a_stranger_who_names_another_host_is_turned_away(world, lin, site):
    url = webview.open_page(world, lin, f"{site.url}/echo")

    assert _get(url, headers={"Host": "evil.example"}).status_code == 421


def test_before_any_page_was_opened_there_is_none(world, lin):
    assert _get(f"http://127.0.0.1:{webview.start(world, lin)}/").status_code == 404


@pytest.mark.parametrize("url", [
    "http://example.com/", "https://127.0.0.1/", "http://127.0.0.1.example.com/",
    "http://127.0.0.1@example.com/", "http://me@127.0.0.1/", "ftp://127.0.0.1/",
    "javascript:alert(1)", "", "http://127.0.0.1:99999/", "//127.0.0.1/", "http://1270.0.0.1/",
])  # fmt: skip
def test_only_pages_of_this_machine_open(world, lin, url):
    with pytest.raises(ValueError, match=r"only http pages|not an address"):
        webview.open_page(world, lin, url)


def test_a_link_copied_from_another_phone_opens_the_page_it_shows(world, lin, zhe, site):
    copied = webview.open_page(world, lin, f"{site.url}/echo/g/G5")

    opened = webview.open_page(world, zhe, copied)

    assert opened.endswith(f":{webview.start(world, zhe)}/echo/g/G5")
    assert _get(opened).json()["headers"]["Host"] == site.netloc


# Who the phone is, and paying


@pytest.fixture
def wechat(world) -> Iterator[str]:
    """open.weixin.qq.com of this world, on a port."""
    from simulator import oauth

    app = Flask("wechat")
    app.config["WORLD"] = world
    app.register_blueprint(oauth.blueprint)
    server, world.base_url = _served(app)
    yield world.base_url
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("base", ["here", "https://open.weixin.qq.com"])
def test_authorization_is_silent_and_knows_each_phone(world, lin, zhe, site, wechat, base):
    base = wechat if base == "here" else base
    back = quote(f"{site.url}/echo?from=oauth", safe="")
    ask = (f"{base}/connect/oauth2/authorize?appid={lin.app_id}&redirect_uri={back}"
           "&response_type=code&scope=snsapi_base&state=abc#wechat_redirect")  # fmt: skip
    openids = []
    for phone in (lin, zhe):
        start = webview.open_page(world, phone, f"{site.url}/go?to={quote(ask, safe='')}")
        landed = requests.get(start, timeout=5)
        query = dict(pair.split("=") for pair in landed.json()["query"].split("&"))
        openids.append(world.oauth_codes[query["code"]]["openid"])
        assert landed.url.startswith(start.split("/go")[0] + "/echo?")
        assert query["state"] == "abc"

    assert openids == [lin.openid, zhe.openid]


def _post(world: World, phone: SimpleNamespace, what: str, body: object) -> requests.Response:
    origin = f"http://127.0.0.1:{webview.start(world, phone)}"
    return requests.post(f"{origin}/__wx/{what}", json=body, timeout=5, headers={"Origin": origin})


def test_the_pay_sheet_tells_payee_and_amount_and_takes_the_money(world, lin):
    asked = unpaid_order(world, lin)

    sheet = _post(world, lin, "pay/sheet", asked).json()
    said = _post(world, lin, "pay", asked).json()

    assert (sheet["ok"], sheet["amount_fen"], sheet["description"]) == (True, 1450, "跑堂订单A27")
    assert sheet["payee"]
    assert said == {"err_msg": "get_brand_wcpay_request:ok"}
    assert world.orders["A27-1"].state == "SUCCESS"


def test_a_wrong_signature_or_another_persons_phone_pays_nothing(world, lin, zhe):
    asked = unpaid_order(world, lin)
    forged = {**asked, "paySign": base64.b64encode(b"x" * 256).decode()}

    for phone, request_ in ((lin, forged), (zhe, asked), (lin, {})):
        assert _post(world, phone, "pay/sheet", request_).json()["ok"] is False
        said = _post(world, phone, "pay", request_).json()
        assert said["err_msg"] == "get_brand_wcpay_request:fail"

    assert world.orders["A27-1"].state == "NOTPAY"


def test_only_the_page_the_phone_shows_may_pay(world, lin):
    asked = unpaid_order(world, lin)
    url = f"http://127.0.0.1:{webview.start(world, lin)}/__wx/pay"

    foreign = requests.post(url, json=asked, timeout=5, headers={"Origin": "http://127.0.0.1:1"})
    rubbish = requests.post(url, data=b"[1]", timeout=5)

    assert (foreign.status_code, rubbish.status_code) == (403, 400)
    assert world.orders["A27-1"].state == "NOTPAY"


def test_a_sdk_config_is_checked_against_the_pages_real_address(world, lin, site):
    shown_at = webview.open_page(world, lin, f"{site.url}/t/1?x=2")
    world.jsapi_tickets[f"{lin.app_id} jsapi"] = {"ticket": "T", "until": world.now() + 60}
    said = f"jsapi_ticket=T&noncestr=n&timestamp=1&url={site.url}/t/1?x=2"
    asked = {"appId": lin.app_id, "nonceStr": "n", "timestamp": 1, "url": shown_at,
             "signature": hashlib.sha1(said.encode()).hexdigest()}  # fmt: skip

    good = _post(world, lin, "config", asked).json()
    other_page = _post(world, lin, "config", {**asked, "url": shown_at + "3"}).json()
    other_app = _post(world, lin, "config", {**asked, "appId": "wx0"}).json()

    assert good == {"err_msg": "config:ok"}
    assert other_page == {"err_msg": "config:invalid signature"}
    assert other_app == {"err_msg": "config:invalid appid"}


# Cookies and addresses by themselves


def _jar(*lines: str, path: str = "/a/b") -> Jar:
    jar = Jar()
    jar.store("127.0.0.1:80", path, lines, now=1000.0)
    return jar


def _header(jar: Jar, path: str = "/a/b", now: float = 1000.0) -> str:
    return jar.header("127.0.0.1:80", path, now)


def test_longer_paths_come_first_and_a_new_value_replaces_the_old():
    jar = _jar("x=1; Path=/", "x=2; Path=/a", "x=3; Path=/", "y=4; Path=/a/b/c")

    assert _header(jar) == "x=2; x=3"


def test_expiry_removes_and_max_age_wins():
    past, future = "Thu, 01 Jan 1970 00:00:01 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
    jar = _jar(
        "a=1; Path=/", f"b=1; Expires={future}; Max-Age=0", f"c=1; Expires={past}; Max-Age=9"
    )

    assert _header(jar) == "c=1; a=1"
    assert _header(jar, now=1010.0) == "a=1"
    jar.store("127.0.0.1:80", "/", [f"a=; Path=/; Expires={past}"], now=1000.0)
    assert _header(jar, now=1010.0) == ""


@pytest.mark.parametrize("line", [
    "a=1; Domain=example.com", "__Host-a=1; Secure; Path=/x", "__Secure-a=1", "novalue", "=1",
    "__Host-a=1; Secure; Path=/; Domain=127.0.0.1", "a=1; SameSite=None",
])  # fmt: skip
def test_cookies_a_browser_would_refuse_are_refused(line):
    assert _header(_jar(line)) == ""


SEGMENTS = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=4)


@given(SEGMENTS, SEGMENTS)
def test_a_path_matches_itself_and_what_lies_below_only(one, other):
    asked, kept = "/" + "/".join(one), "/" + "/".join(other)

    assert path_matches(asked, kept) == (one[: len(other)] == other)
    assert path_matches(asked, default_path(asked))


@given(st.text(max_size=40), st.sampled_from(["http", "https", "ftp"]))
def test_no_address_that_is_accepted_leaves_the_machine(rest, scheme):
    try:
        site = site_of(f"{scheme}://{rest}")
    except ValueError:
        return
    assert scheme == "http"
    assert site.rsplit(":", 1)[0] in ("localhost", "[::1]") or site.startswith("127.")


@given(st.text(max_size=60))
def test_wherever_a_page_points_the_phone_stays_at_its_origin(location):
    origin = "http://127.0.0.1:41234"
    try:
        url = shown(location, "http://127.0.0.1:8000/p", "127.0.0.1:8000", origin, None)
    except ValueError:
        return  # not an address at all
    assert url.startswith(origin + "/")


@given(st.binary(max_size=80))
def test_what_goes_out_and_comes_back_is_the_same(noise):
    mapping = Mapping("127.0.0.1:8000", "http://127.0.0.1:41234")
    body = noise + b' "http://127.0.0.1:8000/p?x=1" ' + noise

    assert mapping.inward(mapping.outward(body)) == body
