"""One HTTP exchange with a neighbour, bounded in time and size."""
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NewConnectionError

from gateways.errors import Unreachable

CONNECT_S: Final = 2.0
READ_S: Final = 4.0
TOTAL_S: Final = 8.0  # a neighbour that drips its answer byte by byte is cut off here
MAX_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status. Header names are looked up in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Keeps connections to one neighbour open. Safe for threads, not across a fork."""

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")
        self._session = requests.Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=8))

    def send(self, method: str, path: str, *, params: Mapping[str, str] | None = None,
             body: bytes | None = None, headers: Mapping[str, str] | None = None,
             max_bytes: int = MAX_BYTES) -> Answer:
        """Exchange one request for one answer; redirects are not followed.

        Raises Unreachable. Its message names method and path only: query strings hold secrets,
        and so do requests' own messages, hence `from None`.
        """
        deadline = time.monotonic() + TOTAL_S
        try:
            with self._session.request(
                    method, self._base + path, params=params, data=body, headers=headers,
                    timeout=(CONNECT_S, READ_S), allow_redirects=False, stream=True) as response:
                content = _read(response, deadline, max_bytes)
        except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
            raise Unreachable(f"{method} {path}: {type(error).__name__}",
                              perhaps_done=not _never_sent(error)) from None
        if content is None:
            raise Unreachable(f"{method} {path}: answer too long or too slow", perhaps_done=True)
        return Answer(response.status_code, response.headers, content)


def _read(response: requests.Response, deadline: float, max_bytes: int) -> bytes | None:
    """The body, or None when it is longer than `max_bytes` or not there by `deadline`."""
    content = bytearray()
    while chunk := response.raw.read1(1 << 16, decode_content=True):
        content += chunk
        if len(content) > max_bytes or time.monotonic() > deadline:
            return None
    return bytes(content)


def _never_sent(error: Exception) -> bool:
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)
