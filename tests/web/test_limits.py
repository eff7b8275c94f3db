"""Pay pages by address: who tries links is slowed down, a dormitory behind one address is not."""
from collections.abc import Iterator

import pytest
from flask import Flask, Response, request
from redis import Redis

from models.base import Sessions, utcnow
from tests.support.payment import a_campus, a_payment, a_person, an_order, environment
from tests.support.simulator import credentials
from web import create_blueprints, device, gateways, limits

DORMITORY = {"REMOTE_ADDR": "203.0.113.7"}
PAGE = {"Accept": "text/html"}


@pytest.fixture
def app(database, redis_url, monkeypatch) -> Iterator[Flask]:
    moment = utcnow()  # what is counted by the minute is counted in one
    monkeypatch.setattr(limits, "utcnow", lambda: moment)
    app = Flask("paotang", static_folder=None)
    for blueprint in create_blueprints():
        app.register_blueprint(blueprint)
    Redis.from_url(redis_url).flushall()
    gateways._counter.cache_clear()
    with environment(SECRET_KEY="k" * 32, PUBLIC_URL="http://127.0.0.1:9",
                     **credentials().environ(9)):
        yield app
    gateways._counter.cache_clear()


@pytest.fixture
def links(app) -> list[str]:
    with Sessions.begin() as session:
        a_campus(session, app_id=credentials().app_id)
        buyers = [a_person(session, f"o-{i}", app_id=credentials().app_id) for i in range(40)]
        orders = [an_order(session, buyer, now=utcnow()) for buyer in buyers]
        return [f"/p/{a_payment(session, order, now=utcnow(), asked=False).token}"
                for order in orders]


def ask(app, path, **more):
    return app.test_client().get(path, environ_overrides={**DORMITORY, **more}, headers=PAGE)


def test_two_hundred_students_behind_one_address_all_reach_their_page(app, links):
    for _ in range(5):
        for link in links:
            assert ask(app, link).status_code == 302  # off to WeChat, which says who it is


def test_who_tries_links_is_told_to_wait_and_the_dormitory_still_pays(app, links):
    tried = [ask(app, f"/p/{'x' * 20}{i:04}") for i in range(limits.MISSES_A_MINUTE + 5)]
    assert [t.status_code for t in tried] == [404] * limits.MISSES_A_MINUTE + [429] * 5
    assert 0 < int(tried[-1].headers["Retry-After"]) <= 60
    assert "慢一点" in tried[-1].text
    assert {ask(app, link).status_code for link in links} == {302}
    assert ask(app, f"/p/{'y' * 24}", REMOTE_ADDR="198.51.100.9").status_code == 404


def test_one_links_button_is_not_pressed_for_ever(app, links):
    def press(link):
        return app.test_client().post(f"{link}/prepay", environ_overrides=DORMITORY).status_code
    assert {press(links[0]) for _ in range(limits.PREPAYS_A_MINUTE)} == {401}
    assert press(links[0]) == 429
    assert press(links[1]) == 401


def a_phone(app):
    """A browser that WeChat has sent back to us before."""
    phone = app.test_client()
    with app.test_request_context():
        response = Response()
        device.mark(request, response)
    phone.set_cookie(device.NAME, response.headers["Set-Cookie"].partition("=")[2].split(";")[0])
    return phone


def of(phone, path, post=False):
    ask_ = phone.post if post else phone.get
    return ask_(path, environ_overrides=DORMITORY, headers=PAGE).status_code


def test_a_phone_is_counted_by_itself_and_its_neighbours_never_feel_it(app, links, monkeypatch):
    monkeypatch.setattr(limits, "PAGES_OF_PHONE", 12)
    busy, neighbour = a_phone(app), a_phone(app)
    assert [of(busy, links[0]) for _ in range(14)] == [302] * 12 + [429] * 2
    assert of(neighbour, links[0]) == 302
    assert ask(app, links[0]).status_code == 302


def test_a_phone_that_is_known_does_not_pay_for_the_floods_of_its_address(
        app, links, monkeypatch):
    monkeypatch.setattr(limits, "REQUESTS_A_MINUTE", 5)
    assert [ask(app, links[0]).status_code for _ in range(7)] == [302] * 5 + [429] * 2
    assert of(a_phone(app), links[0]) == 302


def test_one_phone_does_not_press_many_buttons(app, links):
    phone = a_phone(app)
    pressed = [of(phone, f"{link}/prepay", post=True) for link in links]
    most = limits.ACTS_OF_PHONE
    assert pressed == [401] * most + [429] * (len(links) - most)
    assert of(phone, links[0]) == 302  # looking is not pressing
    assert of(a_phone(app), f"{links[0]}/prepay", post=True) == 401


@pytest.mark.parametrize("page", ["/p/{}", "/d/{}", "/t/{}", "/e/{}", "/r/{}"])
def test_a_phone_that_tries_links_is_told_to_wait_by_itself(app, page):
    phone, most = a_phone(app), limits.MISSES_OF_PHONE
    tried = [of(phone, page.format(f"{'x' * 28}{i:04}")) for i in range(most + 2)]
    assert tried == [404] * most + [429] * 2
    assert of(a_phone(app), page.format("y" * 32)) == 404


def test_a_mark_that_we_did_not_give_is_none(app, links, monkeypatch):
    monkeypatch.setattr(limits, "REQUESTS_A_MINUTE", 5)
    for n in range(6):
        liar = app.test_client()
        liar.set_cookie(device.NAME, f"made-up-{n}.{'s' * 27}")
        assert of(liar, links[0]) == (302 if n < 5 else 429)


def test_without_redis_each_process_counts_for_itself(app, links):
    with environment(REDIS_URL="redis://127.0.0.1:1/0"):
        gateways._counter.cache_clear()
        tried = [ask(app, f"/p/{'x' * 20}{i:04}").status_code
                 for i in range(limits.MISSES_A_MINUTE + 1)]
        assert tried[-2:] == [404, 429]
        assert ask(app, links[0]).status_code == 302


def test_behind_a_proxy_that_was_not_named_nobody_is_counted(app):
    def tried(**headers):
        return {app.test_client().get(f"/p/{'x' * 20}{i:04}", headers=headers).status_code
                for i in range(limits.MISSES_A_MINUTE + 1)}
    assert tried(**{"X-Forwarded-For": "203.0.113.8"}) == {404}
    with environment(PROXIES="1"):
        assert tried(**{"X-Forwarded-For": "1.1.1.1, 203.0.113.8"}) == {404, 429}
        assert tried(**{"X-Forwarded-For": "1.1.1.1, 203.0.113.9"}) == {404, 429}


def test_what_wechat_pay_tells_is_never_limited(app, monkeypatch):
    monkeypatch.setattr(limits, "MISSES_A_MINUTE", 0)
    monkeypatch.setattr(limits, "REQUESTS_A_MINUTE", 0)
    told = app.test_client().post("/wxpay/notify/payment", data=b"x",
                                  environ_overrides=DORMITORY)
    assert told.status_code == 401
