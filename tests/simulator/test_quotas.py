"""What an account may do a day, how it asks, and how it starts anew."""
import requests

from simulator.api_errors import rid as new_rid

MENU = "/cgi-bin/menu/get"


def test_a_days_calls(world, api):
    world.knobs.daily_limits[MENU] = 2
    assert [api.get(MENU)["errcode"] for _ in range(3)] == [46003, 46003, 45009]
    assert api.post("/cgi-bin/openapi/quota/get", {"cgi_path": MENU})["quota"] == {
        "daily_limit": 2, "used": 2, "remain": 0}

    world.advance(86400)
    api.token = api.stable_token()["access_token"]
    assert api.get(MENU)["errcode"] == 46003


def test_clearing_all_or_one(world, api):
    world.knobs.daily_limits[MENU], world.knobs.clears_a_month = 1, 1
    app_id = world.credentials.app_id
    for path, body in (("/cgi-bin/openapi/quota/clear", {"cgi_path": MENU}),
                       ("/cgi-bin/clear_quota", {"appid": app_id})):
        assert [api.get(MENU)["errcode"] for _ in range(2)] == [46003, 45009]
        assert api.post(path, body)["errcode"] == 0
    assert api.get(MENU)["errcode"] == 46003
    assert api.post("/cgi-bin/clear_quota", {"appid": "wx0"})["errcode"] == 40013
    assert api.post("/cgi-bin/clear_quota", {"appid": app_id})["errcode"] == 48006


def test_clearing_without_a_token(world, api):
    c = world.credentials
    told = requests.post(f"{world.base_url}/cgi-bin/clear_quota/v2", timeout=5, params={
        "appid": c.app_id, "appsecret": c.secret}).json()

    assert told["errcode"] == 0
    wrong = requests.post(f"{world.base_url}/cgi-bin/clear_quota/v2", timeout=5, params={
        "appid": c.app_id, "appsecret": "no"}).json()
    assert wrong["errcode"] == 40125


def test_paths_that_are_none(api):
    for path in ("/cgi-bin/nothing", None, "/cgi-bin/<path:path>"):
        assert api.post("/cgi-bin/openapi/quota/get", {"cgi_path": path})["errcode"] == 76003


def test_what_a_refused_call_was(world, api, lin):
    said = api.post("/cgi-bin/message/custom/send", {
        "touser": lin.openid, "msgtype": "text", "text": {"content": "在吗"}})
    rid = said["errmsg"].rpartition("rid: ")[2]
    told = api.post("/cgi-bin/openapi/rid/get", {"rid": rid})["request"]

    assert told["request_url"] == "/cgi-bin/message/custom/send"
    assert "在吗" in told["request_body"]
    assert "45015" in told["response_body"]
    assert api.post("/cgi-bin/openapi/rid/get", {"rid": new_rid()})["errcode"] == 76001
    world.advance(7 * 86400 + 1)
    api.token = api.stable_token()["access_token"]
    assert api.post("/cgi-bin/openapi/rid/get", {"rid": rid})["errcode"] == 76001
