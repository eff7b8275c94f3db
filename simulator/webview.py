"""A phone's in-app browser: one small proxy a phone, in front of this machine's pages.

A browser that shows three phones side by side would mix their cookies (127.0.0.1 is one host to
it, whatever the port). So each phone's pages come through a proxy of its own: the cookies stay
here in the phone's jar, addresses are mapped to the phone's origin, the pages hear a WeChat
User-Agent, and the WeixinJSBridge that WeChat injects is injected. Addresses below `/__wx/` are
the phone's own.
"""

import hashlib
import html
import json
import re
import select
import socket
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from simulator.addresses import AUTHORIZE, ELSEWHERE, Mapping, is_loopback, path_of, shown, site_of
from simulator.cookiejar import Jar

USER_AGENT = (
    "Mozilla/5.0 (Linux; Android 14; PTP-AN10 Build/UKQ1.230917.001; wv) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.188 Mobile Safari/537.36 XWEB/1260183 "
    "MMWEBSDK/20240404 MMWEBID/2247 MicroMessenger/8.0.50.2701(0x2800323E) WeChat/arm64 "
    "Weixin NetType/WIFI Language/zh_CN ABI/arm64"
)
STATIC = Path(__file__).parent / "static"
MAX_BODY = 20 * 1024 * 1024
CONNECT_S, ANSWER_S = 5.0, 60.0
HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade", "proxy-connection",
}  # fmt: skip
NOT_FORWARDED = HOP_BY_HOP | {"host", "cookie", "accept-encoding", "content-length", "user-agent"}
NOT_SHOWN = HOP_BY_HOP | {
    "content-length", "set-cookie", "x-frame-options", "strict-transport-security",
    "content-security-policy-report-only", "cross-origin-opener-policy", "date", "server",
    "cross-origin-embedder-policy", "cross-origin-resource-policy",
}  # fmt: skip
MAPPED = ("text/html", "text/css", "text/javascript", "application/javascript", "application/json",
          "application/xhtml+xml", "application/manifest+json")  # fmt: skip
SENT_MAPPED = ("application/json", "application/x-www-form-urlencoded", "text/plain")


@dataclass(eq=False, slots=True)
class Browser:
    """One phone's in-app browser. `target` is the "host:port" it looks at just now."""

    world: Any
    phone: Any
    jar: Jar = field(default_factory=Jar)
    target: str = ""
    title: str = ""
    server: ThreadingHTTPServer | None = None

    @property
    def port(self) -> int:
        assert self.server is not None
        return int(self.server.server_address[1])

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def now(self) -> float:
        """The world's clock in epoch seconds, which cookies live by."""
        at = self.world.now()
        return float(at.timestamp() if hasattr(at, "timestamp") else at)


_guard = threading.Lock()
_browsers: weakref.WeakKeyDictionary[Any, dict[Any, Browser]] = weakref.WeakKeyDictionary()


def start(world: Any, phone: Any) -> int:
    """Serve the phone's in-app browser, once; returns the port of its origin on 127.0.0.1."""
    return _browser(world, phone).port


def open_page(world: Any, phone: Any, url: str) -> str:
    """Point the phone at `url`; returns where its browser shows it: same path, own origin.

    A link copied out of another phone's browser is understood as the page it shows. Raises
    ValueError when the page is not an http page of this machine.
    """
    browser, site = _browser(world, phone), site_of(url)
    for other in list(_browsers[world].values()):
        if site == urlsplit(other.origin).netloc and other.target:
            site = other.target
    if urlsplit(url).path == AUTHORIZE:
        return f"{browser.origin}{ELSEWHERE}{site}{path_of(url)}"
    browser.target, browser.title = site, ""
    return browser.origin + path_of(url)


def stop(world: Any) -> None:
    """Close every in-app browser of this world."""
    with _guard:
        browsers = _browsers.pop(world, {})
    for browser in browsers.values():
        assert browser.server is not None
        browser.server.shutdown()
        browser.server.server_close()


def _browser(world: Any, phone: Any) -> Browser:
    with _guard:
        shelf = _browsers.setdefault(world, {})
        if phone.id not in shelf:
            shelf[phone.id] = _launched(Browser(world, phone))
        return shelf[phone.id]


def _launched(browser: Browser) -> Browser:
    handler = type("Handler", (_Handler,), {"browser": browser})
    browser.server = _Server(("127.0.0.1", 0), handler)
    name = f"webview-{browser.phone.id}"
    serve = browser.server.serve_forever
    threading.Thread(target=serve, args=(0.1,), name=name, daemon=True).start()
    return browser


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up in the middle is no news."""


class _Refused(Exception):
    """The request cannot be served: a status and a line for the person."""

    def __init__(self, status: HTTPStatus, line: str) -> None:
        super().__init__(line)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    browser: Browser
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "webview", ""
    timeout = 75

    def log_message(self, format: str, *args: Any) -> None:
        """The proxy keeps no log; the simulator's journal has what the account heard."""

    def _serve(self) -> None:
        self._body = b""
        try:
            self._body = self._read_body()
            if not is_loopback(self.headers.get("Host", "")):
                raise _Refused(HTTPStatus.MISDIRECTED_REQUEST, "这里只认 127.0.0.1")
            self._route()
        except _Refused as refusal:
            self._error_page(refusal.status, str(refusal))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            self.close_connection = True
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "请求没有写明长度")
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "发送的内容太大")
        return self.rfile.read(int(length))

    def _route(self) -> None:
        path = "/" + self.path.lstrip("/")
        if path.startswith(ELSEWHERE):
            site, _, rest = path[len(ELSEWHERE) :].partition("/")
            self._elsewhere(site, "/" + rest)
        elif path.startswith("/__wx/"):
            self._own(urlsplit(path).path[len("/__wx/") :])
        elif not self.browser.target:
            raise _Refused(HTTPStatus.NOT_FOUND, "还没有打开网页")
        else:
            self._forward(self.browser.target, path)

    # The phone's own addresses

    def _own(self, name: str) -> None:
        if self.command in ("GET", "HEAD") and name == "bridge.js":
            script = (STATIC / "bridge.js").read_text("utf-8").replace("{user_agent}", USER_AGENT)
            self._answer(200, script.encode(), "text/javascript")
        elif self.command == "GET" and name == "state":
            self._json({"title": self.browser.title, "target": self.browser.target})
        elif name == "outside":
            url = parse_qs(urlsplit(self.path).query).get("url", [""])[0]
            raise _Refused(HTTPStatus.FORBIDDEN, f"模拟器只打开本机的网页，不访问 {url}")
        elif self.command == "POST" and name in _COUNTER:
            self._counter(name)
        else:
            raise _Refused(HTTPStatus.NOT_FOUND, "没有这个地址")

    def _counter(self, name: str) -> None:
        """What the page asks of WeChat itself; only the page this phone shows may ask."""
        if self.headers.get("Origin", self.browser.origin) != self.browser.origin:
            raise _Refused(HTTPStatus.FORBIDDEN, "来源不对")
        try:
            asked = json.loads(self._body or b"{}")
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            raise _Refused(HTTPStatus.BAD_REQUEST, "要 JSON")
        self._json(_COUNTER[name](self.browser, asked))

    def _json(self, answer: object) -> None:
        body = json.dumps(answer, ensure_ascii=False).encode()
        self._answer(200, body, "application/json")

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{content_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self._allow_phones_page()
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _allow_phones_page(self) -> None:
        asker = self.headers.get("Origin", "")
        if is_loopback(urlsplit(asker).netloc):
            self.send_header("Access-Control-Allow-Origin", asker)

    def _error_page(self, status: HTTPStatus, line: str) -> None:
        page = (STATIC / "unreachable.html").read_text("utf-8")
        self._answer(status, page.replace("{line}", html.escape(line)).encode(), "text/html")

    # Everybody else's addresses

    def _elsewhere(self, site: str, path: str) -> None:
        """Another loopback site: a page moves the phone there, a part of a page is fetched."""
        try:
            site = site_of(f"http://{site}/")
        except ValueError as bad:
            raise _Refused(HTTPStatus.FORBIDDEN, "只能打开本机的网页") from bad
        wanted = self.headers.get("Sec-Fetch-Dest", "document")
        if urlsplit(path).path == AUTHORIZE or wanted not in ("document", "iframe"):
            self._forward(site, path)
            return
        self.browser.target = site
        self.send_response(HTTPStatus.TEMPORARY_REDIRECT)
        self.send_header("Location", self.browser.origin + path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _forward(self, site: str, path: str) -> None:
        mapping = Mapping(site, self.browser.origin)
        path = mapping.inward(path.encode("latin-1")).decode("latin-1")
        host, port = site.rsplit(":", 1)
        upstream = HTTPConnection(host.strip("[]"), int(port), timeout=CONNECT_S)
        with closing(upstream), closing(self._exchange(upstream, site, path, mapping)) as heard:
            self._relay(heard, f"http://{site}{path}", mapping)

    def _exchange(
        self, upstream: HTTPConnection, site: str, path: str, mapping: Mapping
    ) -> HTTPResponse:
        body = self._body
        if self.headers.get_content_type() in SENT_MAPPED:
            body = mapping.inward(body)
        headers = dict(_request_headers(self.headers.items(), self.browser, site, path, mapping))
        if body or self.command in ("POST", "PUT", "PATCH"):
            headers["Content-Length"] = str(len(body))
        try:
            upstream.connect()
            self._line = upstream.sock  # http.client lets go of it when the answer has no length
            self._line.settimeout(ANSWER_S)
            upstream.request(self.command, path, body or None, headers)
            return upstream.getresponse()
        except (OSError, HTTPException) as failure:
            why = "没有按时回应" if isinstance(failure, TimeoutError) else "没有回应"
            raise _Refused(HTTPStatus.BAD_GATEWAY, f"对方服务器（{site}）{why}") from failure

    def _relay(self, heard: HTTPResponse, url: str, mapping: Mapping) -> None:
        browser, kind = self.browser, heard.headers.get_content_type()
        site, path = site_of(url), urlsplit(url).path
        set_cookies = heard.headers.get_all("Set-Cookie") or []
        browser.jar.store(site, path, set_cookies, browser.now())
        self.send_response(heard.status, heard.reason)
        for name, value in _response_headers(heard, browser, url, mapping):
            self.send_header(name, value)
        if self.command == "HEAD" or heard.status in (204, 304):
            self.end_headers()
        elif kind in MAPPED and "Content-Encoding" not in heard.headers:
            self._relay_mapped(heard, kind, mapping)
        else:
            self._relay_raw(heard, endless=kind == "text/event-stream")

    def _relay_mapped(self, heard: HTTPResponse, kind: str, mapping: Mapping) -> None:
        try:
            body = mapping.outward(heard.read())
        except (OSError, HTTPException):
            self.close_connection = True
            body = b""
        if kind == "text/html":
            if self.headers.get("Sec-Fetch-Dest", "document") in ("document", "iframe"):
                self.browser.title = title_of(body)
            policy = heard.headers.get("Content-Security-Policy", "")
            body = with_bridge(body, nonce_of(policy))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _relay_raw(self, heard: HTTPResponse, *, endless: bool) -> None:
        """Pass bytes on as they come; when either side hangs up, so does the other."""
        chunked, done = heard.length is None, threading.Event()
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(heard.length))
        self.end_headers()
        if endless:
            self._line.settimeout(None)
            watch = (self.connection, self._line, done)
            threading.Thread(target=_hang_up_together, args=watch, daemon=True).start()
        try:
            for part in iter(lambda: heard.read1(65536), b""):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            if chunked:
                self.wfile.write(b"0\r\n\r\n")
        except (OSError, HTTPException, ValueError):
            self.close_connection = True
        finally:
            done.set()


def _hang_up_together(phone: socket.socket, server: socket.socket, done: threading.Event) -> None:
    """Close a quiet stream to the server once its reader has gone, so that no thread waits on."""
    while not done.is_set():
        try:
            readable, _, _ = select.select([phone], [], [], 0.5)
            if readable and phone.recv(1, socket.MSG_PEEK) == b"":
                server.shutdown(socket.SHUT_RDWR)
                return
        except (OSError, ValueError):
            return
        if readable:
            done.wait(0.5)


def _request_headers(
    headers: Iterable[tuple[str, str]], browser: Browser, site: str, path: str, mapping: Mapping
) -> Iterator[tuple[str, str]]:
    yield from (("Host", site), ("User-Agent", USER_AGENT), ("Accept-Encoding", "identity"))
    cookies = browser.jar.header(site, urlsplit(path).path, browser.now())
    if cookies:
        yield "Cookie", cookies
    if urlsplit(path).path == AUTHORIZE:
        yield "X-Sim-Phone", str(browser.phone.id)
    for name, value in headers:
        passed = _header_passed(name.lower(), value, browser.origin, mapping)
        if passed is not None:
            yield name, passed


def _header_passed(name: str, value: str, origin: str, mapping: Mapping) -> str | None:
    """A request header as WeChat's own browser would send it: no frame, no phones page around."""
    if name in NOT_FORWARDED or name == "x-sim-phone":
        return None
    if name in ("origin", "referer"):
        ours = value == origin or value.startswith(origin + "/")
        return mapping.inward(value.encode("latin-1")).decode("latin-1") if ours else None
    if name == "sec-fetch-dest" and value == "iframe":
        return "document"
    if name == "sec-fetch-site" and value in ("cross-site", "same-site"):
        return "none"
    return value


def _response_headers(
    heard: HTTPResponse, browser: Browser, url: str, mapping: Mapping
) -> Iterator[tuple[str, str]]:
    mapped = heard.headers.get_content_type() in MAPPED
    for name, value in heard.headers.items():
        low = name.lower()
        if low in NOT_SHOWN or (mapped and low in ("cache-control", "etag", "last-modified")):
            continue
        if low in ("location", "content-location"):
            value = shown(value, url, browser.target, browser.origin, _open_base(browser))
        elif low == "content-security-policy":
            value = policy_shown(value, browser.origin)
        yield name, mapping.outward(value.encode("latin-1")).decode("latin-1")


def policy_shown(policy: str, origin: str) -> str:
    """A content security policy as it counts in WeChat: frames allowed, the bridge let in."""
    rules = [rule.split() for rule in policy.split(";") if rule.strip()]
    named = {rule[0].lower(): rule[1:] for rule in rules}
    for gone in ("frame-ancestors", "upgrade-insecure-requests", "block-all-mixed-content"):
        named.pop(gone, None)
    for name in ("script-src", "connect-src"):
        if name in named or "default-src" in named:
            named[name] = _with_origin(named.get(name, named.get("default-src", [])), origin)
    if "script-src-elem" in named:
        named["script-src-elem"] = _with_origin(named["script-src-elem"], origin)
    return "; ".join(" ".join([name, *sources]) for name, sources in named.items())


def _with_origin(sources: list[str], origin: str) -> list[str]:
    return [s for s in sources if s.lower() != "'none'"] + [origin]


def nonce_of(policy: str) -> str:
    """The nonce scripts need under this policy; "" when it names none."""
    found = re.search(r"'nonce-([A-Za-z0-9+/=_-]+)'", policy)
    return found[1] if found else ""


def title_of(page: bytes) -> str:
    """What the title bar shows; "" when the page has no title."""
    found = re.search(rb"<title[^>]*>(.*?)</title>", page, re.IGNORECASE | re.DOTALL)
    return html.unescape(found[1].decode("utf-8", "replace")).strip() if found else ""


def with_bridge(page: bytes, nonce: str) -> bytes:
    """The page with WeixinJSBridge ahead of its own scripts, as WeChat injects it."""
    tag = '<script src="/__wx/bridge.js"' + (f' nonce="{nonce}"' if nonce else "") + "></script>"
    for opening in (rb"<head(?:\s[^>]*)?>", rb"<html(?:\s[^>]*)?>", rb"<!doctype[^>]*>"):
        found = re.search(opening, page, re.IGNORECASE)
        if found:
            return page[: found.end()] + tag.encode() + page[found.end() :]
    return tag.encode() + page


# What the page asks of WeChat through the bridge. Each takes the browser and a JSON object.


def _pay_sheet(browser: Browser, asked: dict[str, Any]) -> object:
    from simulator import cashier

    try:
        sheet = cashier.pay_sheet(browser.world, browser.phone, _prepay_id(asked), asked)
    except cashier.CannotPay as reason:
        return {"ok": False, "err_desc": str(reason)}
    return {"ok": True, **sheet}


def _pay(browser: Browser, asked: dict[str, Any]) -> object:
    return browser.world.pay(browser.phone, _prepay_id(asked), asked)


def _transfer_sheet(browser: Browser, asked: dict[str, Any]) -> object:
    from simulator import wallet

    try:
        return {"ok": True, **wallet.sheet(browser.world, browser.phone, asked)}
    except wallet.CannotReceive as reason:
        return {"ok": False, "err_desc": str(reason)}


def _transfer(browser: Browser, asked: dict[str, Any]) -> object:
    return browser.world.receive(browser.phone, asked)


def _prepay_id(asked: dict[str, Any]) -> str:
    return str(asked.get("package", "")).removeprefix("prepay_id=")


def _config(browser: Browser, asked: dict[str, Any]) -> object:
    """Check a wx.config; the page's address is given back the name its server knows it by."""
    url = str(asked.get("url", "")).encode("utf-8", "replace")
    url = Mapping(browser.target or "127.0.0.1:80", browser.origin).inward(url)
    fault = _config_fault(browser, asked, url.decode("utf-8", "replace"))
    return {"err_msg": f"config:{fault or 'ok'}"}


def _config_fault(browser: Browser, asked: dict[str, Any], url: str) -> str | None:
    """Why a wx.config is refused: sha1 over ticket, noncestr, timestamp and url (sheet B9)."""
    world, app_id = browser.world, str(asked.get("appId", ""))
    if app_id != browser.phone.app_id:
        return "invalid appid"
    said = f"noncestr={asked.get('nonceStr')}&timestamp={asked.get('timestamp')}&url={url}"
    with world.lock:
        ticket = world.jsapi_tickets.get(f"{app_id} jsapi")
    if ticket is None or ticket["until"] <= world.now():
        return "invalid signature"
    right = hashlib.sha1(f"jsapi_ticket={ticket['ticket']}&{said}".encode()).hexdigest()
    return None if asked.get("signature") == right else "invalid signature"


def _position(browser: Browser, asked: dict[str, Any]) -> object:
    """Where this person last said they are; {} when they never did."""
    for event in reversed(browser.world.events(phone=browser.phone)):
        if "lat" in event and "lng" in event:
            return {"lat": event["lat"], "lng": event["lng"]}
    return {}


def _subscribe(browser: Browser, asked: dict[str, Any]) -> object:
    """<wx-open-subscribe>: {"answers": {template id: true or false}}."""
    answers = asked.get("answers")
    if isinstance(answers, dict):
        browser.world.answer_subscription(
            browser.phone, {str(k): bool(v) for k, v in answers.items()})
    return {"err_msg": "subscribe:ok"}


_COUNTER = {
    "pay/sheet": _pay_sheet, "pay": _pay, "config": _config, "position": _position,
    "transfer/sheet": _transfer_sheet, "transfer": _transfer, "subscribe": _subscribe,
}  # fmt: skip


def _open_base(browser: Browser) -> str | None:
    """Where this simulator answers for open.weixin.qq.com, once it is served."""
    return getattr(browser.world, "base_url", None)
