"""Web authorization: a code for a phone, an openid for a code."""
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from wechatpy.oauth import WeChatOAuth

from simulator import oauth
from simulator.oauth import NotAuthorized

BACK = "http://127.0.0.1:8000/p/tok?from=chat"


def asked(world, **other):
    return {"appid": world.account.app_id, "redirect_uri": BACK, "response_type": "code",
            "scope": "snsapi_base", "state": "abc123", **other}


def code_for(world, phone, **other):
    return parse_qs(urlsplit(oauth.authorize(world, phone, asked(world, **other))).query)["code"][0]


def exchange(world, granted, **other):
    c = world.credentials
    return requests.get(f"{world.base_url}/sns/oauth2/access_token", {
        "appid": c.app_id, "secret": c.secret, "code": granted,
        "grant_type": "authorization_code", **other}, timeout=5).json()


def test_a_phone_is_sent_back_silently(world, lin):
    answer = requests.get(f"{world.base_url}/connect/oauth2/authorize", asked(world), timeout=5,
                          headers={"X-Sim-Phone": lin.id}, allow_redirects=False)
    back = urlsplit(answer.headers["Location"])

    assert answer.status_code == 302
    assert (back.netloc, back.path) == ("127.0.0.1:8000", "/p/tok")
    assert parse_qs(back.query)["from"] == ["chat"]
    assert parse_qs(back.query)["state"] == ["abc123"]
    assert exchange(world, parse_qs(back.query)["code"][0])["openid"] == lin.openid


def test_the_link_that_wechatpy_writes(world, lin):
    link = WeChatOAuth(world.account.app_id, world.account.secret, BACK, state="abc").authorize_url
    parts = urlsplit(link)
    answer = requests.get(f"{world.base_url}{parts.path}?{parts.query}", timeout=5,
                          headers={"X-Sim-Phone": lin.id}, allow_redirects=False)

    assert answer.headers["Location"].startswith("http://127.0.0.1:8000/p/tok?")


def test_a_code_works_once_and_for_five_minutes(world, lin):
    code = code_for(world, lin)
    assert set(exchange(world, code)) == {
        "access_token", "expires_in", "refresh_token", "openid", "scope"}
    assert exchange(world, code)["errcode"] == 40163

    late = code_for(world, lin)
    world.advance(301)
    assert exchange(world, late)["errcode"] == 40029


@pytest.mark.parametrize(("other", "errcode"), [
    ({"code": "made-up"}, 40029), ({"code": ""}, 41008), ({"appid": "wx0"}, 40013),
    ({"secret": "x"}, 40125), ({"grant_type": "code"}, 40002)])
def test_bad_exchanges(world, lin, other, errcode):
    told = exchange(world, code_for(world, lin), **other)

    assert told["errcode"] == errcode
    assert ", rid: " in told["errmsg"]


def test_another_accounts_code_is_no_code_here(world, lin):
    world.add_account("wx00000000000000b1", "sb", "tok", None, "gh_b1")
    code = code_for(world, lin)

    assert exchange(world, code, appid="wx00000000000000b1", secret="sb")["errcode"] == 40029
    assert exchange(world, code)["openid"] == lin.openid


@pytest.mark.parametrize("other", [
    {"appid": "wx0"}, {"redirect_uri": "http://example.com/"}, {"redirect_uri": "/p/x"},
    {"redirect_uri": "http://127.0.0.1.example.com/"}, {"response_type": "token"},
    {"scope": "snsapi_login"}, {"state": "a-b"}, {"state": "a" * 129}])
def test_pages_that_do_not_open(world, lin, other):
    with pytest.raises(NotAuthorized):
        oauth.authorize(world, lin, asked(world, **other))
    page = requests.get(f"{world.base_url}/connect/oauth2/authorize", asked(world, **other),
                        headers={"X-Sim-Phone": lin.id}, allow_redirects=False, timeout=5)
    assert (page.status_code, "无法打开网页" in page.text) == (200, True)


def test_the_registered_host_alone(world, lin):
    world.knobs.oauth_hosts = ["m.example.com"]

    assert "code=" in oauth.authorize(world, lin, asked(world, redirect_uri="https://m.example.com/"))
    with pytest.raises(NotAuthorized, match="10003"):
        oauth.authorize(world, lin, asked(world))


def test_any_other_browser_is_asked_whose_it_is(world, lin):
    page = requests.get(f"{world.base_url}/connect/oauth2/authorize", asked(world), timeout=5)

    assert "请在微信客户端打开链接" in page.text
    assert "小林" in page.text


def test_userinfo_needs_its_scope(world, lin):
    def info(scope):
        granted = exchange(world, code_for(world, lin, scope=scope))
        return requests.get(f"{world.base_url}/sns/userinfo", {
            "access_token": granted["access_token"], "openid": lin.openid}, timeout=5).json()

    assert info("snsapi_base")["errcode"] == 48001
    assert info("snsapi_userinfo")["nickname"] == "小林"


def test_a_users_token_is_checked_refreshed_and_not_the_accounts(world, api, lin):
    granted = exchange(world, code_for(world, lin))

    def auth(token, openid=lin.openid):
        return requests.get(f"{world.base_url}/sns/auth", {
            "access_token": token, "openid": openid}, timeout=5).json()["errcode"]

    assert auth(granted["access_token"]) == 0
    assert auth(granted["access_token"], "oNobody") == 40003
    assert auth(api.token) == 40001
    told = api.get("/cgi-bin/getcallbackip", access_token=granted["access_token"])
    assert told["errcode"] == 40001
    world.advance(7201)
    assert auth(granted["access_token"]) == 42001
    fresh = requests.get(f"{world.base_url}/sns/oauth2/refresh_token", {
        "appid": world.account.app_id, "grant_type": "refresh_token",
        "refresh_token": granted["refresh_token"]}, timeout=5).json()
    assert auth(fresh["access_token"]) == 0
