"""Who is looking at a page: the code, the state and the cookies of OAuth."""
import time
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from itsdangerous import TimestampSigner

from models.base import Sessions, utcnow
from models.campus import Account
from models.payment import Payment
from tests.support.payment import (
    House,
    a_campus,
    a_payment,
    a_person,
    an_order,
    environment,
)
from tests.support.simulator import credentials
from web import oauth

APP = credentials().app_id


@pytest.fixture
def url(house: House) -> str:
    """A pay link of 小明's."""
    with Sessions.begin() as session:
        a_campus(session, app_id=APP, secret=credentials().secret)
        buyer = a_person(session, house.world.phone("小明").openid, app_id=APP)
        payment = a_payment(session, an_order(session, buyer, now=utcnow()), now=utcnow(),
                            asked=False)
        return f"{house.url}/p/{payment.token}"


def get(url: str, browser: requests.Session | None = None, **more) -> requests.Response:
    return (browser or requests).get(url, timeout=5, allow_redirects=False, **more)


def sent_back(house: House, away: requests.Response, who: str = "小明") -> str:
    """WeChat's redirect: where the browser comes back to, with its code."""
    back = get(away.headers["Location"], headers={"X-Sim-Phone": house.world.phone(who).id})
    return back.headers["Location"]


def test_a_new_browser_is_sent_to_wechat_silently_and_back_to_this_very_page(house, url):
    away = get(url)
    asked = urlsplit(away.headers["Location"])
    query = parse_qs(asked.query)

    assert away.status_code == 302
    assert away.headers["Location"].startswith(
        house.world.base_url + "/connect/oauth2/authorize?appid=")
    assert query["scope"] == ["snsapi_base"]
    assert query["redirect_uri"] == [url]
    assert query["state"][0].isalnum()
    assert len(query["state"][0]) >= 32  # 128 bits
    assert asked.fragment == "wechat_redirect"


def test_cookies_are_the_links_own_and_no_script_reads_them(house, url):
    browser = requests.Session()
    away = get(url, browser)
    back = get(sent_back(house, away), browser)

    for answer, name in ((away, "pt_state"), (back, "pt_visit")):
        cookie = SimpleCookie()
        for header in answer.raw.headers.getlist("Set-Cookie"):
            cookie.load(header)
        assert cookie[name]["path"] == urlsplit(url).path
        assert cookie[name]["httponly"]
        assert cookie[name]["samesite"] == "Lax"
        assert 0 < int(cookie[name]["max-age"]) <= 3600
        assert not cookie[name]["secure"]


def test_cookies_are_secure_under_https(house, url):
    with environment(PUBLIC_URL="https://pay.example.edu"):
        assert "Secure" in get(url).headers["Set-Cookie"]


def test_the_code_does_not_stay_in_the_address(house, url):
    browser = requests.Session()
    back = get(sent_back(house, get(url, browser)), browser)

    assert back.status_code == 302
    assert back.headers["Location"] == urlsplit(url).path
    assert get(url, browser).status_code == 200


def test_who_is_known_is_not_asked_again(house, url):
    browser = requests.Session()
    get(sent_back(house, get(url, browser)), browser)
    codes = len(house.world.oauth_codes)

    assert get(url, browser).status_code == 200
    again = get(url + "?code=x&state=y", browser)
    assert (again.status_code, again.headers["Location"]) == (302, urlsplit(url).path)
    assert len(house.world.oauth_codes) == codes


def test_a_code_that_another_browser_obtained_is_not_taken(house, url):
    """小红 sends 小明 her own return address, so that he would look at the page as her."""
    others = sent_back(house, get(url, requests.Session()), "小红")
    fresh, waiting = requests.Session(), requests.Session()
    get(url, waiting)  # has a state of its own

    for victim in (fresh, waiting):
        refused = get(others, victim)
        assert refused.status_code == 400
        assert "pt_visit" not in victim.cookies


@pytest.mark.parametrize("query", [
    "?code=x", "?state=x", "?code=&state=", "?code=%00&state=%00", "?code=x&state=%F0%9F%98%80",
    "?code=" + "x" * 5000 + "&state=" + "y" * 5000])
def test_a_strangers_code_and_state_are_a_4xx_page_with_a_way_back(house, url, query):
    browser = requests.Session()
    get(url, browser)
    refused = get(url + query, browser)

    assert 400 <= refused.status_code < 500
    assert f'href="{urlsplit(url).path}"' in refused.text


@pytest.mark.parametrize("code", ["", "bad", "%00", "x" * 3000, "%E5%8F%B7"])
def test_a_bad_code_with_the_right_state_is_a_4xx_page(house, url, code):
    browser = requests.Session()
    state = parse_qs(urlsplit(get(url, browser).headers["Location"]).query)["state"][0]
    refused = get(f"{url}?code={code}&state={state}", browser)

    assert 400 <= refused.status_code < 500


def test_a_code_works_once(house, url):
    first = requests.Session()
    back = sent_back(house, get(url, first))
    state_cookie = first.cookies.get("pt_state")
    assert get(back, first).status_code == 302

    second = requests.Session()
    second.headers["Cookie"] = f"pt_state={state_cookie}"
    assert get(back, second).status_code == 400


@pytest.mark.parametrize("fault", [{"status": 500}, {"errcode": -1}, {"cut": True}])
def test_wechat_away_is_a_page_with_another_try(house, url, fault):
    browser = requests.Session()
    back = sent_back(house, get(url, browser))
    house.world.faults.add("/sns/oauth2/access_token", **fault)

    away = get(back, browser)
    assert away.status_code == 503
    assert "再试一次" in away.text
    assert get(sent_back(house, get(url, browser)), browser).status_code == 302
    assert get(url, browser).status_code == 200


@pytest.mark.parametrize("forged", ["", "x", "a.b.c", "\x7f", '{"openid": "o"}'])
def test_a_forged_cookie_counts_for_nothing(house, url, forged):
    assert get(url, headers={"Cookie": f"pt_visit={forged}; pt_state={forged}"}).status_code == 302
    assert requests.post(url + "/prepay", timeout=5,
                         headers={"Cookie": f"pt_visit={forged}"}).status_code == 401


def test_a_cookie_for_one_link_opens_no_other(house, url):
    browser = requests.Session()
    get(sent_back(house, get(url, browser)), browser)
    mine = browser.cookies.get("pt_visit")
    with Sessions.begin() as session:
        old = session.query(Payment).one()
        other = a_payment(session, an_order(session, old.order.buyer, now=utcnow()),
                          now=utcnow(), asked=False)

    elsewhere = get(f"{house.url}/p/{other.token}", headers={"Cookie": f"pt_visit={mine}"})
    assert elsewhere.status_code == 302
    assert "oauth2/authorize" in elsewhere.headers["Location"]


def test_a_cookie_made_with_another_secret_counts_for_nothing(house, url):
    path, facts = urlsplit(url).path, {"openid": house.world.phone("小明").openid}

    def status(secret: str) -> int:
        with environment(SECRET_KEY=secret):
            made = oauth._signer("pt_visit", path, Account(app_id=APP)).dumps(facts)
        return get(url, headers={"Cookie": f"pt_visit={made}"}).status_code

    assert (status("another" * 5), status("k" * 32)) == (302, 200)


def test_two_tabs_may_both_come_back(house, url):
    browser = requests.Session()
    first, second = get(url, browser), get(url, browser)
    back = sent_back(house, second)

    assert get(sent_back(house, first), browser).status_code == 302
    assert get(back, browser).headers["Location"] == urlsplit(url).path


def test_nobody_is_known_for_longer_than_an_hour(house, url, monkeypatch):
    browser = requests.Session()
    then = int(time.time()) - oauth.VISIT_LASTS_S - 2
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: then)
    get(sent_back(house, get(url, browser)), browser)
    old = browser.cookies.get("pt_visit")
    monkeypatch.undo()

    assert old
    assert get(url, headers={"Cookie": f"pt_visit={old}"}).status_code == 302
    assert oauth.VISIT_LASTS_S <= 3600
