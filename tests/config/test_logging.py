"""What a log may tell. The secrets below go in by every way there is; none may come out."""
import io
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from config.logging import configure, hiding

OPENID = "oABCDEFGHIJKLMNOPQRSTUVWXY_-"
PHONE = "13812345678"
PICKUP = "10-2-7507"
PIN = "40714071407140"  # longer than true ones, lest a timestamp hold it
ROOM = "竹园7栋412"
TOKEN = "81_" + "aB3_" * 40
LINK = "Zm9vYmFyYmF6cXV4Zm9v"
SAID = "帮我拿10-2-7507的中通"
SECRETS = (OPENID, PHONE, PICKUP, PIN, ROOM, TOKEN, LINK, SAID, "APPSECRET")

TURN_OF = f"turn of {OPENID}, {PHONE}, {PICKUP}, {TOKEN}"
CHINESE = f"电话{PHONE}，取件码{PICKUP}。用户{OPENID}的单"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(params=[io.StringIO, Terminal], ids=["json", "console"])
def stream(request):
    yield from listening(request.param())


@pytest.fixture
def lines():
    """The JSON lines written so far."""
    stream = io.StringIO()
    for _ in listening(stream):
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def listening(stream):
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure(secret_key="k", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@dataclass(frozen=True, slots=True)
class Heard:
    openid: str
    text: str
    room: str
    kind: str = "text"


class Untidy:
    def __repr__(self):
        return f"Untidy(openid={OPENID!r}, pin='{PIN}', {{'room': '{ROOM}'}})"


def raises():
    secret = {"room": ROOM, "pin": PIN}
    raise ValueError(f"{OPENID} called {PHONE} about {secret}, token={TOKEN}")


WAYS = {
    "keys": lambda log: log.info("x", openid=OPENID, payer=OPENID, phone=PHONE, room=ROOM,
                                 pin=PIN, code_told=PIN, pickup_code=PICKUP, access_token=TOKEN,
                                 app_secret="APPSECRET", text=SAID, touser=OPENID),
    "numbers": lambda log: log.info("x", phone=int(PHONE), pin=int(PIN), whatever=int(PHONE)),
    "event": lambda log: log.info(TURN_OF),
    "positional": lambda log: log.info("turn of %s at %s", OPENID, f"/p/{LINK}"),
    "chinese neighbours": lambda log: log.info(CHINESE),
    "spaced phone": lambda log: log.info("x", why="+86 138-1234-5678 or 138 1234 5678"),
    "nested": lambda log: log.info("x", row={"a": [{"room": ROOM}, (OPENID,)], "b": {"pin": PIN}}),
    "as a key": lambda log: log.info("x", people={OPENID: 1, PHONE: 2}),
    "below a telling key": lambda log: log.info("x", tokens=[TOKEN, "APPSECRET"],
                                                room={"building": ROOM}, words={"chat": SAID}),
    "dataclass": lambda log: log.info("x", heard=Heard(OPENID, SAID, ROOM)),
    "repr": lambda log: log.info("x", thing=Untidy()),
    "bytes": lambda log: log.info("x", raw=f"<xml>{OPENID}".encode(), blob=OPENID.encode()),
    "error as a value": lambda log: log.info("x", error=ValueError(f"{OPENID} {PHONE}")),
    "address": lambda log: log.info("x", url=f"https://h/p/{LINK}?code={TOKEN[:12]}&state=s"),
    "query": lambda log: log.info(
        "x", why=f"GET /cgi-bin/x?access_token={TOKEN[:30]}&secret=APPSECRET&openid={OPENID}"),
    "json in a string": lambda log: log.info(
        "x", why=json.dumps({"openid": OPENID, "room": ROOM, "secret": "APPSECRET"},
                            ensure_ascii=False)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("family", ["structlog", "standard"])
def test_no_way_out(stream, way, family):
    log = structlog.get_logger("t") if family == "structlog" else _Standard()
    WAYS[way](log)
    told = stream.getvalue()
    assert told.count("\n") == 1
    for secret in (*SECRETS, TOKEN[:30], "1234-5678", "1234 5678", TOKEN[:12]):
        assert secret not in told


class _Standard:
    """The standard library's logger, called like structlog's."""

    def info(self, event, *args, **extra):
        logging.getLogger("t").info(event, *args, extra={f"{k}": v for k, v in extra.items()})


@pytest.mark.parametrize("family", ["structlog", "standard"])
def test_a_traceback_is_cleaned(stream, family):
    try:
        raises()
    except ValueError:
        if family == "structlog":
            structlog.get_logger("t").exception("turn.failed", inbox=7)
        else:
            logging.getLogger("t").exception("turn failed")
    told = stream.getvalue()
    assert "ValueError" in told
    assert "raises()" in told
    for secret in SECRETS:
        assert secret not in told


def test_what_the_database_says_of_a_row_is_left_out(stream):
    engine = create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO people VALUES (:a, :b)"),
                               {"a": ROOM, "b": "小林"})
    except SQLAlchemyError:
        structlog.get_logger("t").exception("turn.failed")
    finally:
        engine.dispose()
    structlog.get_logger("t").info(
        "x", why=f"duplicate key\nDETAIL:  Key (a, b)=({ROOM}, 小林) already exists.\nHINT: no")
    told = stream.getvalue()
    assert "INSERT INTO people" in told
    assert "HINT" in told
    for secret in (ROOM, "小林"):
        assert secret not in told


def test_what_is_needed_stays(lines):
    structlog.get_logger("workers.notify").warning(
        "notice.refused", outbox=12, code="A27", amount_fen=1750, wait_s=0.5, late=True,
        at_step=None, number="A27x20260921T1", app_id="wx1234567890abcdef", status_code=403,
        due=datetime(2026, 9, 21, 4, 0, tzinfo=UTC), why="45015 response out of time limit",
        token_error="no access token: 40164 invalid ip 1.2.3.4", kind="text", msg_id=23456789012345)
    (line,) = lines()
    at = datetime.fromisoformat(line.pop("at"))
    assert abs((datetime.now(UTC) - at).total_seconds()) < 60
    assert line == {
        "level": "warning", "event": "notice.refused", "logger": "workers.notify", "outbox": 12,
        "code": "A27", "amount_fen": 1750, "wait_s": 0.5, "late": True, "at_step": None,
        "number": "A27x20260921T1", "app_id": "wx1234567890abcdef", "status_code": 403,
        "due": "2026-09-21T04:00:00+00:00", "why": "45015 response out of time limit",
        "token_error": "no access token: 40164 invalid ip 1.2.3.4", "kind": "text",
        "msg_id": 23456789012345}


def test_the_standard_librarys_extras_are_told(lines):
    logging.getLogger("rq.queue").warning("lost %s", "Redis", extra={"queue": "pushes"})
    (line,) = lines()
    assert (line["event"], line["queue"], line["level"], line["logger"]) == (
        "lost Redis", "pushes", "warning", "rq.queue")


def test_one_person_is_one_hash_wherever_they_turn_up(lines):
    log = structlog.get_logger("t")
    log.info("x", openid=OPENID)
    log.info("about %s", OPENID, openid="oZ" + OPENID[2:])
    first, second = lines()
    assert first["openid"].startswith("#")
    assert second["event"] == f"about {first['openid']}"
    assert second["openid"] != first["openid"]


def test_the_hash_needs_the_key():
    one, other = (hiding(key)(None, "", {"pin": PIN})["pin"] for key in "ab")
    assert one != other
    assert hiding("a")(None, "", {"pin": PIN})["pin"] == one


def test_bound_and_context_values_are_hidden_too(stream):
    with structlog.contextvars.bound_contextvars(openid=OPENID):
        structlog.get_logger("t").bind(phone=PHONE).info("x")
    assert "openid" in stream.getvalue()
    assert OPENID not in stream.getvalue()
    assert PHONE not in stream.getvalue()


def test_a_line_that_cannot_be_made_says_so_without_quoting(lines):
    record = logging.LogRecord("t", logging.INFO, __file__, 1, "%d for %s", (PHONE, OPENID), None)
    logging.getLogger().handlers[0].handle(record)  # pytest's own handler would raise
    (line,) = lines()
    assert (line["event"], line["why"], line["logger"]) == ("log.failed", "TypeError", "t")


def test_a_terminal_gets_words(stream):
    structlog.get_logger("t").info("order.paid", code="A27")
    told = stream.getvalue()
    assert "order.paid" in told
    assert "A27" in told
    assert told.startswith("{") is not isinstance(stream, Terminal)


def test_debug_is_not_told_and_configuring_twice_does_not_double(lines):
    root = logging.getLogger()
    structlog.get_logger("t").debug("x")
    assert lines() == []
    configure(secret_key="k", stream=root.handlers[0].stream)
    structlog.get_logger("t").info("once")
    assert len(lines()) == 1


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
    | st.binary() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner)
    | st.tuples(inner), max_leaves=8)


@settings(deadline=None)
@given(name=st.text(), value=anything)
def test_any_value_makes_one_line(name, value):
    hidden = hiding("k")(None, "info", {"event": "x", name: value})
    assert "\n" not in json.dumps(hidden, ensure_ascii=False, default=str)


@settings(deadline=None)
@given(before=st.text(" =:'\"?&，。户-_/", max_size=3), after=st.text(" ，)'\"&;.的", max_size=3),
       secret=st.sampled_from([OPENID, TOKEN]))
def test_an_openid_or_token_is_found_in_any_surroundings(before, after, secret):
    hidden = hiding("k")(None, "info", {"event": before + secret + after})
    assert secret not in hidden["event"]
