"""高德's and 百度's walking routes, read from answers of the shapes they publish."""
import pytest
from flask import Flask, request

from gateways.errors import Refused, Unreachable
from gateways.maps import AMap, Baidu, Walk
from tests.support.stage import served

GATE, DORM = (30.545100, 114.366500), (30.547390, 114.374909)
AMAP_OK = {
    "status": "1", "info": "OK", "infocode": "10000", "count": "1",
    "route": {
        "origin": "114.366500,30.545100", "destination": "114.374909,30.547390",
        "paths": [{"distance": "912", "duration": "730", "steps": [
            {"instruction": "向东步行610米右转", "orientation": "东", "road": "湖滨路",
             "distance": "610", "duration": "488",
             "polyline": "114.366500,30.545100;114.371000,30.545300", "action": "右转",
             "assistant_action": [], "walk_type": "0"},
            {"instruction": "步行302米到达目的地", "orientation": [], "road": [],
             "distance": "302", "duration": "242",
             "polyline": "114.371000,30.545300;114.374909,30.547390", "action": [],
             "assistant_action": "到达目的地", "walk_type": "0"}]}]}}
BAIDU_OK = {
    "status": 0, "message": "ok",
    "result": {
        "origin": {"lng": 114.3665, "lat": 30.5451},
        "destination": {"lng": 114.374909, "lat": 30.54739},
        "routes": [{"distance": 905, "duration": 776, "steps": [
            {"distance": 905, "duration": 776, "direction": 3,
             "instruction": "从起点出发，步行905米", "path":
             "114.366500,30.545100;114.371000,30.545300;114.374909,30.547390",
             "start_location": {"lng": "114.3665", "lat": "30.5451"},
             "end_location": {"lng": "114.374909", "lat": "30.54739"}}]}]}}


class Neighbour:
    """Answers every question with what it was told, and remembers the last one."""

    def __init__(self):
        self.answer, self.status, self.asked, self.path = {}, 200, {}, ""
        self.app = Flask("maps")
        self.app.add_url_rule("/<path:path>", view_func=self._tell)

    def _tell(self, path):
        self.asked, self.path = dict(request.args), path
        return self.answer, self.status


@pytest.fixture
def neighbour():
    here = Neighbour()
    with served(here.app) as server:
        here.base = f"http://127.0.0.1:{server.server_port}"
        yield here


def test_amap_is_asked_longitude_first_and_read_latitude_first(neighbour):
    neighbour.answer = AMAP_OK
    walk = AMap("the-key", base=neighbour.base).walk(GATE, DORM)
    assert neighbour.path == "v3/direction/walking"
    assert neighbour.asked == {
        "key": "the-key", "output": "JSON",
        "origin": "114.366500,30.545100", "destination": "114.374909,30.547390"}
    assert (walk.metres, walk.seconds) == (912, 730)
    assert walk.line == (GATE, (30.5453, 114.371), (30.5453, 114.371), DORM)


def test_baidu_is_asked_latitude_first_and_in_wechats_coordinates(neighbour):
    neighbour.answer = BAIDU_OK
    walk = Baidu("the-ak", base=neighbour.base).walk(GATE, DORM)
    assert neighbour.path == "directionlite/v1/walking"
    assert neighbour.asked == {
        "ak": "the-ak", "coord_type": "gcj02", "ret_coordtype": "gcj02", "steps_info": "1",
        "origin": "30.545100,114.366500", "destination": "30.547390,114.374909"}
    assert walk == Walk(905, 776, (GATE, (30.5453, 114.371), DORM))


@pytest.mark.parametrize(("maps", "answer", "error", "code"), [
    (AMap, {"status": "0", "info": "INVALID_USER_KEY", "infocode": "10001"}, Refused, "10001"),
    (AMap, {"status": "0", "info": "OVER_DIRECTION_RANGE", "infocode": "20803"}, Refused, "20803"),
    (AMap, {"status": "0", "info": "CUQPS_HAS_EXCEEDED_THE_LIMIT", "infocode": "10021"},
     Unreachable, "10021"),
    (Baidu, {"status": 2, "message": "参数无效"}, Refused, 2),
    (Baidu, {"status": 7, "message": "无返回结果"}, Refused, 7),
    (Baidu, {"status": 1, "message": "服务内部错误"}, Unreachable, 1),
    (Baidu, {"status": 302, "message": "天配额超限，限制访问"}, Unreachable, 302),
])
def test_a_no_is_told_from_a_not_now(neighbour, maps, answer, error, code):
    neighbour.answer = answer
    with pytest.raises(error) as told:
        maps("secret-key", base=neighbour.base).walk(GATE, DORM)
    assert told.value.code == code
    assert "secret-key" not in str(told.value)


@pytest.mark.parametrize("maps", [AMap, Baidu])
@pytest.mark.parametrize(("answer", "status"), [
    ("<html>", 200), ([], 200), (AMAP_OK | BAIDU_OK | {"route": 1, "result": {}}, 200),
    ("busy", 503)])
def test_another_shape_is_no_answer(neighbour, maps, answer, status):
    neighbour.answer, neighbour.status = answer, status
    with pytest.raises((Unreachable, Refused)):
        maps("key", base=neighbour.base).walk(GATE, DORM)


def test_no_way_there_is_a_no(neighbour):
    neighbour.answer = {**AMAP_OK, "route": {"paths": []}}
    with pytest.raises(Refused):
        AMap("key", base=neighbour.base).walk(GATE, DORM)


def test_nobody_there_is_not_now():
    with pytest.raises(Unreachable):
        AMap("key", base="http://127.0.0.1:1").walk(GATE, DORM)
