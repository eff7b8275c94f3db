"""Requests that the platform makes of the account's server: no proxy, no redirect, a deadline."""
import time
from dataclasses import dataclass

import requests

MOST_BYTES = 2**20
USER_AGENT = "Mozilla/4.0"


@dataclass(frozen=True, slots=True)
class Answer:
    """status None: no answer, and `error` says why. took_s: real seconds until it was complete."""

    status: int | None
    body: bytes = b""
    error: str | None = None
    took_s: float = 0.0


def send(method: str, url: str, timeout_s: float, *, params: dict[str, str] | None = None,
         body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    """One request. An answer that is not complete within `timeout_s` counts as none."""
    started = time.monotonic()
    try:
        with requests.Session() as session:
            session.trust_env = False
            status, content = _heard(session, started + timeout_s, method, url, params=params,
                                     data=body, timeout=timeout_s, allow_redirects=False,
                                     stream=True,
                                     headers={"User-Agent": USER_AGENT, **(headers or {})})
    except requests.Timeout:
        return _none(f"no answer in {timeout_s:g} s", started)
    except requests.RequestException as error:
        return _none(f"no answer: {type(error).__name__}", started)
    return Answer(status, content, took_s=time.monotonic() - started)


def _none(error: str, started: float) -> Answer:
    return Answer(None, error=error, took_s=time.monotonic() - started)


def _heard(session: requests.Session, deadline: float, method: str, url: str,
           **how: object) -> tuple[int, bytes]:
    with session.request(method, url, **how) as answer:  # type: ignore[arg-type]
        content = b""
        for part in answer.iter_content(65536):
            content += part
            if time.monotonic() > deadline:
                raise requests.Timeout
            if len(content) > MOST_BYTES:
                raise requests.RequestException("the answer is too long")
        return answer.status_code, content
