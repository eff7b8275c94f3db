"""Both families of access_token, and what a call without a good one hears."""
import re

import pytest

BOGUS = (r"invalid credential, access_token is invalid or not latest, could get access_token by "
         r"getStableAccessToken, more details at https://mmbizurl\.cn/s/JtxxFh33r "
         r"rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}")


def errcode_with(api, token):
    return api.get("/cgi-bin/getcallbackip", access_token=token).get("errcode", 0)


def test_stable_token_stays_until_its_last_five_minutes(api, world):
    first = api.stable_token()
    world.advance(6800)
    assert api.stable_token() == {"access_token": first["access_token"], "expires_in": 400}

    world.advance(101)
    second = api.stable_token()

    assert second["access_token"] != first["access_token"]
    assert second["expires_in"] == 7200
    assert errcode_with(api, first["access_token"]) == 0  # both good for the rest of its life
    world.advance(300)
    assert errcode_with(api, first["access_token"]) == 42001
    assert errcode_with(api, second["access_token"]) == 0


def test_forcing_kills_the_old_stable_token_twenty_times_a_day(api, world):
    old = api.token
    new = api.stable_token(force_refresh=True)["access_token"]

    assert errcode_with(api, old) == 40001
    assert errcode_with(api, new) == 0
    assert api.stable_token(force_refresh=True)["errcode"] == 45011
    assert errcode_with(api, new) == 0
    world.knobs.forced_refreshes_a_day = 2
    world.advance(30)
    assert "access_token" in api.stable_token(force_refresh=True)
    world.advance(30)
    assert api.stable_token(force_refresh=True)["errcode"] == 45009


def test_plain_token_is_new_each_time_and_leaves_five_minutes(api, world):
    first, second = (api.plain_token()["access_token"] for _ in range(2))

    assert first != second
    assert errcode_with(api, first) == errcode_with(api, second) == 0
    world.advance(301)
    assert (errcode_with(api, first), errcode_with(api, second)) == (42001, 0)


def test_families_do_not_touch_each_other(api, world):
    plain = api.plain_token()["access_token"]
    api.stable_token(force_refresh=True)
    assert errcode_with(api, plain) == 0

    stable = api.stable_token()["access_token"]
    api.plain_token()
    world.advance(301)
    assert errcode_with(api, stable) == 0


def test_plain_tokens_have_a_daily_quota(api, world):
    world.knobs.tokens_a_day = 1

    assert "access_token" in api.plain_token()
    assert api.plain_token()["errcode"] == 45009
    world.advance(86400)
    assert "access_token" in api.plain_token()


@pytest.mark.parametrize(("wrong", "errcode"), [
    ({"appid": ""}, 41002), ({"appid": "wx0", "secret": "x", "grant_type": "x"}, 40013),
    ({"grant_type": "password"}, 40002), ({"secret": ""}, 41004), ({"secret": "x"}, 40125)])
def test_refused_in_wechats_order(api, wrong, errcode):
    assert api.plain_token(**wrong)["errcode"] == errcode


def test_caller_must_be_on_the_whitelist(api, world):
    world.knobs.ip_whitelist = ["203.0.113.9"]

    told = api.stable_token()

    assert told["errcode"] == 40164
    assert told["errmsg"].startswith(
        "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist rid: ")


def test_calls_without_a_good_token(api, world):
    assert errcode_with(api, "") == 41001
    bogus = api.get("/cgi-bin/getcallbackip", access_token="nonsense")
    assert bogus["errcode"] == 40001
    assert re.fullmatch(BOGUS, bogus["errmsg"])


def test_a_token_is_long(api):
    assert len(api.token) > 128
