"""Where a page says it lives, and where a phone's in-app browser shows it.

The account's page lives at its *target* ("127.0.0.1:8000"); the phone shows it at its own
*origin* ("http://127.0.0.1:41234"). Everything here is pure: strings in, strings out.
"""

import re
from urllib.parse import quote, urljoin, urlsplit

LOOPBACK = re.compile(r"(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])", re.IGNORECASE)
AUTHORIZE = "/connect/oauth2/authorize"
ELSEWHERE = "/__wx/to/"
OUTSIDE = "/__wx/outside"
REAL_AUTHORIZE = "https://open.weixin.qq.com" + AUTHORIZE


def is_loopback(netloc: str) -> bool:
    """Whether "host" or "host:port" names this very machine."""
    host = netloc.rsplit("@", 1)[-1]
    host = re.sub(r":\d*$", "", host)
    return LOOPBACK.fullmatch(host) is not None


def site_of(url: str) -> str:
    """The "host:port" of a loopback http address; ValueError for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as broken:
        raise ValueError(f"not an address: {url!r}") from broken
    if parts.scheme != "http" or not is_loopback(parts.netloc) or parts.username is not None:
        raise ValueError(f"only http pages of this machine open here, not {url!r}")
    host = parts.netloc.rsplit(":", 1)[0] if port is not None else parts.netloc
    return f"{host.lower()}:{80 if port is None else port}"


def same_site(one: str, other: str) -> bool:
    """127.0.0.1:8000 and localhost:8000 are one server under two names."""
    return one.rsplit(":", 1)[1] == other.rsplit(":", 1)[1]


def path_of(url: str) -> str:
    """Path, query and fragment, always beginning with one slash."""
    parts = urlsplit(url)
    tail = f"?{parts.query}" if parts.query else ""
    tail += f"#{parts.fragment}" if parts.fragment else ""
    return "/" + parts.path.lstrip("/") + tail


def shown(location: str, asked: str, target: str, origin: str, open_base: str | None) -> str:
    """Where the phone goes when `asked` (a real address) answers "go to `location`"."""
    url = urljoin(asked, location)
    if open_base and url.startswith(REAL_AUTHORIZE):
        url = open_base + url[len("https://open.weixin.qq.com") :]
    try:
        site = site_of(url)
    except ValueError:
        return f"{origin}{OUTSIDE}?url={quote(url, safe='')}"
    if same_site(site, target) and urlsplit(url).path != AUTHORIZE:
        return origin + path_of(url)
    return f"{origin}{ELSEWHERE}{site}{path_of(url)}"


class Mapping:
    """Maps addresses inside bodies and headers between a target and a phone's origin."""

    def __init__(self, target: str, origin: str) -> None:
        port = target.rsplit(":", 1)[1]
        names = rf"{LOOPBACK.pattern}:{port}" + (rf"|{LOOPBACK.pattern}" if port == "80" else "")
        self._target = target.encode()
        self._authorize = _pattern(rf"({LOOPBACK.pattern}(?::\d+)?){AUTHORIZE}", slashes=True)
        self._target_seen = _pattern(rf"(?:{names})(?![\d.:\w-])", slashes=False)
        self._netloc = urlsplit(origin).netloc.encode()

    def outward(self, body: bytes) -> bytes:
        """What the page's server sent, as the phone shall see it.

        Addresses written plainly, or with JSON's escaped slashes; not those percent-encoded in
        a query (an OAuth redirect_uri must stay what the account registered).
        """
        body = self._authorize.sub(self._to_authorize, body)
        return self._target_seen.sub(self._to_origin, body)

    def inward(self, body: bytes) -> bytes:
        """What the phone sends, as if it stood at the target; also percent-encoded."""
        for written in (bytes, _percent_encoded):
            here, there = written(self._netloc), written(self._target)
            body = re.sub(re.escape(here) + rb"(?!\d)", lambda _, there=there: there, body)
        return body

    def _to_origin(self, found: re.Match[bytes]) -> bytes:
        return b"http:" + found["slashes"] + self._netloc

    def _to_authorize(self, found: re.Match[bytes]) -> bytes:
        slash = found["slashes"][: len(found["slashes"]) // 2]
        tail = (ELSEWHERE.encode() + found[2] + AUTHORIZE.encode()).replace(b"/", slash)
        return b"http:" + found["slashes"] + self._netloc + tail


def _percent_encoded(netloc: bytes) -> bytes:
    return quote(netloc.decode(), safe="").encode()


def _pattern(rest: str, *, slashes: bool) -> re.Pattern[bytes]:
    rest = rest.replace("/", r"\\?/") if slashes else rest
    return re.compile(rf"http:(?P<slashes>\\?/\\?/){rest}".encode(), re.IGNORECASE)
