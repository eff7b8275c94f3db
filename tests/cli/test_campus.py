"""`campus load FILE`, as an operator sees it."""
import json

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import func, select

from cli.campus import campus
from config import settings
from config.settings import ROOT
from models.campus import Account, Campus
from models.shop import Shop
from tests.gateways.test_maps import AMAP_OK
from tests.support.stage import served

WORLD = ROOT / "tests" / "corpora" / "world_dev.json"
OURS = {"WECHAT_APP_ID": "wx_ours", "WECHAT_APP_SECRET": "our-secret", "WECHAT_TOKEN": "our-token"}


@pytest.fixture
def run(database, monkeypatch):
    """`run(arguments, NAME=value)`: the environment holds no other setting of WeChat's."""
    def one(*arguments, command="load", **environ):
        for name in OURS:
            monkeypatch.delenv(name, raising=False)
        for name, value in {"REDIS_URL": "redis://127.0.0.1:1", "SECRET_KEY": "k",
                            **environ}.items():
            monkeypatch.setenv(name, value)
        settings.load.cache_clear()
        return CliRunner().invoke(campus, [command, *map(str, arguments)])
    yield one
    settings.load.cache_clear()


def test_a_file_is_loaded_and_loaded_again(run, database):
    first, again = run(WORLD, **OURS), run(WORLD, **OURS)

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "东湖大学(开发用): menu version 1, served by wx_ours" in first.stdout
    assert "dishes: 120 added, 0 changed, 0 removed" in first.stdout
    assert "nothing has changed" in again.stdout
    with database() as session:
        assert Campus.of_account(session, "wx_ours").name == "东湖大学(开发用)"


def test_a_bad_file_is_refused_whole_naming_its_lines(run, database, tmp_path):
    bad = tmp_path / "bad.json"
    bad.write_bytes(WORLD.read_bytes().replace(b'"price_fen": 1900', b'"price_fen": "12"', 1))

    refused = run(bad, **OURS)

    assert refused.exit_code == 2
    assert "shops[0].dishes[1].price_fen (line 39): must be a whole number" in refused.stderr
    assert "Traceback" not in refused.stderr
    with database() as session:
        assert session.scalar(select(func.count()).select_from(Shop)) == 0
        assert session.scalar(select(func.count()).select_from(Account)) == 0


def test_a_file_may_bring_its_own_account(run, database, tmp_path):
    file = tmp_path / "campus.json"
    file.write_text(json.dumps(json.loads(WORLD.read_text("utf-8")) | {"account": {
        "app_id": "wx_own", "secret": "hush", "token": "t", "aes_key": "a" * 43}}), "utf-8")

    loaded = run(file)

    assert loaded.exit_code == 0
    assert "served by wx_own" in loaded.stdout
    assert "hush" not in loaded.output
    with database() as session:
        assert session.get_one(Account, "wx_own").secret == "hush"


def test_without_any_account_one_line_says_what_is_missing(run):
    refused = run(WORLD)

    assert refused.exit_code == 2
    assert refused.stderr.startswith(
        "paotang: the file brings no “account” of its own, and WECHAT_APP_ID is not set")
    assert len(refused.stderr.splitlines()) == 1


def test_what_is_not_known_is_a_warning(run, tmp_path):
    file = tmp_path / "campus.json"
    file.write_bytes(WORLD.read_bytes().replace(b'"tz"', b'"colour": "red",\n "tz"', 1))

    loaded = run(file, **OURS)

    assert loaded.exit_code == 0
    assert "warning: colour (line 2): not known here, ignored" in loaded.stderr


def test_a_database_without_a_schema_gets_one_line(run, empty_database_url):
    refused = run(WORLD, **OURS, DATABASE_URL=empty_database_url)

    assert refused.exit_code == 1
    assert refused.stderr == (
        "paotang: the database is not at the newest schema: run `./paotang migrate`\n")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_what_is_no_campus_file_is_refused(run, tmp_path, content):
    file = tmp_path / "x.json"
    file.write_bytes(content)

    assert run(file, **OURS).exit_code == 2


@pytest.fixture
def maps():
    """A neighbour that knows one way of 912 metres, and refuses the second question."""
    app, asked = Flask("maps"), []

    @app.get("/<path:path>")
    def walk(path):
        asked.append(path)
        return AMAP_OK if len(asked) == 1 else {
            "status": "0", "info": "DAILY_QUERY_OVER_LIMIT", "infocode": "10003"}

    with served(app) as server:
        yield f"http://127.0.0.1:{server.server_port}", asked


def test_paths_are_laid_beside_a_map_s(run, database, maps, tmp_path):
    base, asked = maps
    file = tmp_path / "campus.json"
    data = json.loads(WORLD.read_text("utf-8"))
    known = data["places"][:3]
    for place, lat in zip(known, (30.5451, 30.5474, 30.5460), strict=True):
        place["lat"], place["lng"] = lat, 114.3665
    data["paths"] = [{"from": known[0]["id"], "to": known[1]["id"], "metres": 800},
                     {"from": known[1]["id"], "to": known[2]["id"], "metres": 350.5}]
    file.write_text(json.dumps(data), "utf-8")

    told = run(file, command="measure", AMAP_KEY="k", AMAP_API_BASE=base)

    assert told.exit_code == 0, told.output
    first, second = told.stdout.splitlines()
    assert first == f"{known[0]['id']} - {known[1]['id']}  800 m in the file, 912 m by amap"
    assert second.startswith(f"{known[1]['id']} - {known[2]['id']}  350.5 m in the file, amap: ")
    assert len(asked) == 2
    with database() as session:
        assert session.scalar(select(func.count()).select_from(Campus)) == 0


def test_without_a_key_for_maps_it_says_which_settings_are_wanted(run, database):
    told = run(WORLD, command="measure")
    assert told.exit_code == 2
    assert "AMAP_KEY" in told.output
    assert "Traceback" not in told.output
