"""The cookies one phone's in-app browser keeps.

On loopback every site is 127.0.0.1 and browsers' cookies ignore ports, so the jar is keyed by
host and port: what would be two hosts in the world stays two hosts here (RFC 6265 otherwise).
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

MAX_COOKIES = 300


@dataclass(frozen=True, slots=True)
class Cookie:
    """One stored cookie; `expires` is epoch seconds, None for a session cookie."""

    name: str
    value: str
    path: str
    expires: float | None
    made: int = 0


class Jar:
    """Guards the cookies of one phone: origin ("host:port") → (name, path) → cookie."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cookies: dict[str, dict[tuple[str, str], Cookie]] = {}
        self._made = 0

    def store(self, origin: str, path: str, set_cookies: Iterable[str], now: float) -> None:
        """Take Set-Cookie lines heard in answer to a request for `path`; bad ones are ignored."""
        with self._lock:
            shelf = self._cookies.setdefault(origin, {})
            for line in set_cookies:
                self._made += 1
                cookie = _parse(line, origin, path, now, self._made)
                if cookie is not None:
                    _put(shelf, cookie, now)

    def header(self, origin: str, path: str, now: float) -> str:
        """The Cookie header for a request, longest path first, then oldest; "" when none fit."""
        with self._lock:
            shelf = self._cookies.get(origin, {})
            for key in [k for k, c in shelf.items() if _expired(c, now)]:
                del shelf[key]
            fitting = [c for c in shelf.values() if path_matches(path, c.path)]
        fitting.sort(key=lambda c: (-len(c.path), c.made))
        return "; ".join(f"{c.name}={c.value}" for c in fitting)

    def clear(self) -> None:
        """Forget everything, as after 清理缓存."""
        with self._lock:
            self._cookies.clear()


def path_matches(request_path: str, cookie_path: str) -> bool:
    """RFC 6265 §5.1.4: the same path, or a directory above it."""
    if request_path == cookie_path:
        return True
    return request_path.startswith(cookie_path) and (
        cookie_path.endswith("/") or request_path[len(cookie_path)] == "/"
    )


def default_path(request_path: str) -> str:
    """RFC 6265 §5.1.4: the directory of the page that set the cookie."""
    return request_path[: request_path.rfind("/")] or "/" if request_path[:1] == "/" else "/"


def _put(shelf: dict[tuple[str, str], Cookie], cookie: Cookie, now: float) -> None:
    key = (cookie.name, cookie.path)
    if _expired(cookie, now):
        shelf.pop(key, None)
        return
    shelf[key] = cookie
    if len(shelf) > MAX_COOKIES:
        del shelf[min(shelf, key=lambda k: shelf[k].made)]


def _expired(cookie: Cookie, now: float) -> bool:
    return cookie.expires is not None and cookie.expires <= now


def _parse(line: str, origin: str, path: str, now: float, made: int) -> Cookie | None:
    pair, *rest = line.split(";")
    name, equals, value = pair.partition("=")
    name, value = name.strip(), value.strip()
    traits = dict(_trait(part) for part in rest)
    if not equals or not name or not _domain_fits(traits, origin):
        return None
    where = traits.get("path", "")
    where = where if where.startswith("/") else default_path(path)
    if not _prefix_honoured(name, traits, where):
        return None
    return Cookie(name, value, where, _expiry(traits, now), made)


def _trait(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name.strip().lower(), value.strip()


def _domain_fits(traits: dict[str, str], origin: str) -> bool:
    domain = traits.get("domain", "").lstrip(".").lower()
    return not domain or domain == origin.rsplit(":", 1)[0].lower()


def _prefix_honoured(name: str, traits: dict[str, str], path: str) -> bool:
    """`__Secure-` and `__Host-` names, and SameSite=None, promise Secure (RFC 6265bis)."""
    if name.startswith("__Host-") and (path != "/" or "domain" in traits):
        return False
    promised = name.startswith(("__Host-", "__Secure-"))
    promised = promised or traits.get("samesite", "").lower() == "none"
    return "secure" in traits or not promised


def _expiry(traits: dict[str, str], now: float) -> float | None:
    """Epoch seconds; Max-Age wins over Expires, and what cannot be read is a session cookie."""
    age = traits.get("max-age", "")
    if age.lstrip("-").isdigit():
        return now + int(age)
    try:
        return parsedate_to_datetime(traits["expires"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None
