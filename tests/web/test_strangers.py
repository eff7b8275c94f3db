"""Whatever a stranger sends, to whichever address: a 4xx, nothing of the inside, nothing moved."""
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from sqlalchemy import Engine, create_engine, text

from models.base import Base, Sessions
from tests.support.payment import environment
from tests.support.simulator import credentials
from tests.support.stage import empty

NASTY = ["x", "\0", "a\0b", "..", "../../etc/passwd", "😀", "A" * 3000, "' OR 1=1 --", "%s%n",
         "\u202e", "{{7*7}}", "<script>", "-1", "1e999", "null", "\r\nSet-Cookie: a=b"]
BODIES = [b"", b"\0\xff\xfe", b"{", b"[]", b"null", b'{"a":' * 500, b"<xml>", b"<xml></xml>",
          b'<!DOCTYPE x [<!ENTITY a "b">]><xml>&a;</xml>', b"a=b&a=c", b"x" * 70_000,
          b"x" * 2_000_000]
TYPES = ["", "application/json", "text/xml", "application/x-www-form-urlencoded",
         "multipart/form-data; boundary=x", "nonsense"]


@pytest.fixture(scope="module")
def app(engine: Engine, redis_url: str) -> Iterator[Flask]:
    from wsgi import create_app

    empty(engine)  # what others left behind is sealed with another key
    with environment(SECRET_KEY="k" * 32, PUBLIC_URL="http://127.0.0.1:9",
                     **credentials().environ(9)):
        yield create_app()


def paths(app: Flask) -> list[str]:
    """Every address that we answer at, with {} where something stands in it."""
    found = []
    for rule in app.url_map.iter_rules():
        path = "".join("{}" if is_variable else part for is_variable, part in rule._trace)
        found.append(path.lstrip("|"))
    return sorted(set(found))


@pytest.fixture(autouse=True)
def nothing_moves(app: Flask, redis_url: str) -> Iterator[None]:
    Redis.from_url(redis_url).flushall()  # nobody has tried too many wrong links yet
    before = _counts()
    yield
    assert _counts() == before


def _counts() -> dict[str, int]:
    with Sessions() as session:
        return {table.name: session.scalar(text(f"SELECT count(*) FROM {table.name}"))
                for table in Base.metadata.sorted_tables}


def ask(app: Flask, method: str, path: str, caplog: Any = None, **more: Any) -> Any:
    told = app.test_client().open(path, method=method, **more)
    assert told.status_code < 500, (method, path, told.status_code)
    assert b"Traceback" not in told.data
    return told


def tracebacks(caplog: Any) -> list[Any]:
    return [r for r in caplog.records
            if r.exc_info or (isinstance(r.msg, dict) and r.msg.get("exc_info"))]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nasty_addresses(app, method, caplog):
    with caplog.at_level(logging.ERROR):
        for path in paths(app):
            for nasty in NASTY if "{}" in path else NASTY[:1]:
                ask(app, method, path.replace("{}", quote(nasty, safe="")))
                ask(app, method, path.replace("{}", "A1"), query_string={
                    "code": nasty, "state": nasty, "signature": nasty, "timestamp": nasty,
                    "nonce": nasty, "msg_signature": nasty, "echostr": nasty, "v": nasty})
    assert not tracebacks(caplog)


def test_nasty_bodies(app, caplog):
    with caplog.at_level(logging.ERROR):
        for path in paths(app):
            for body in BODIES:
                for type_ in TYPES:
                    ask(app, "POST", path.replace("{}", "A1"), data=body, content_type=type_)
    assert not tracebacks(caplog)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(path=st.text(max_size=60), body=st.binary(max_size=300), cookie=st.text(
    st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60))
def test_anything_at_all(app, path, body, cookie):
    client = app.test_client()
    for method in ("GET", "POST"):
        told = client.open("/" + quote(path), method=method, data=body, headers={
            "Cookie": f"pt_visit={cookie}; pt_state={cookie}", "Accept": cookie})
        assert told.status_code < 500, (method, path)


def test_a_wrong_address_is_told_in_the_readers_own_way(app):
    page = ask(app, "GET", "/nowhere", headers={"Accept": "text/html,*/*"})
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "没有这个页面" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    script = ask(app, "POST", "/p/x/prepay")
    assert (script.status_code, script.mimetype) == (404, "application/json")
    machine = ask(app, "PUT", "/wechat/x")
    assert (machine.status_code, machine.mimetype) == (405, "text/plain")
    assert "POST" in machine.headers["Allow"]


def test_a_database_that_is_away_is_told_as_such_and_without_its_address(app, caplog):
    was = Sessions.kw["bind"]
    Sessions.configure(bind=create_engine("postgresql+psycopg://u:secret@127.0.0.1:9/x"))
    try:
        with caplog.at_level(logging.INFO):
            told = app.test_client().get("/p/" + "x" * 43, headers={"Accept": "text/html"})
            asked = app.test_client().post("/p/" + "x" * 43 + "/prepay")
    finally:
        Sessions.configure(bind=was)
    assert (told.status_code, asked.status_code) == (503, 503)
    assert "正在缓一口气" in told.text
    assert asked.json["error"]
    assert not tracebacks(caplog)
    assert not [r for r in caplog.records if "secret" in r.getMessage()]


def test_a_mistake_of_ours_is_told_once_and_not_shown(app, caplog, monkeypatch):
    monkeypatch.setattr("web.payment.Payment.by_token", lambda *_: 1 / 0)
    with caplog.at_level(logging.ERROR):
        told = app.test_client().get("/p/" + "x" * 43, headers={"Accept": "text/html"})
    assert told.status_code == 500
    assert "division" not in told.text
    assert len(tracebacks(caplog)) == 1
