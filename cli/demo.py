"""`demo`: all of Paotang and a WeChat to try it with, in one command.

The campus is config/campuses/demo.json; its people are the simulator's phones, whose openids are
known beforehand: 小林 orders, 阿香 cooks, 阿哲 carries, and 老周 (add a phone so named) is on duty.
"""
import json
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any

import click

from cli import crowd, embedded, locks, migrate
from cli.base import Stop, command
from cli.processes import Crew, Process, Stopped, ours
from cli.worker import QUEUES
from config import settings
from config.settings import ROOT, VAR
from simulator.crowd import FEWEST, Cast

CAMPUS = ROOT / "config" / "campuses" / "demo.json"
STUDENT, MERCHANT, RIDER, ON_DUTY = "小林", "阿香", "阿哲", "老周"
PHONES = {STUDENT: "student", MERCHANT: "merchant", RIDER: "rider"}
WEB_PORT, SIMULATOR_PORT = 8000, 8800
START_S = 90.0


@command("demo")
@click.option("--crowd", "people", type=click.IntRange(min=FEWEST), metavar="N",
              help="N virtual people live a lunch through the chat; then all ends by itself.")
@click.option("--seed", type=int, default=0, help="Which lunch the crowd lives.")
def demo(people: int | None, seed: int) -> None:
    """Everything at once, with a simulated WeChat; prints the URL."""
    if not (given := settings.environment()).get("REDIS_URL") or not given.get("DATABASE_URL"):
        say("starting the database and Redis")
    embedded.apply(os.environ)
    VAR.mkdir(exist_ok=True)
    if not locks.try_exclusive(locks.opened(VAR / "demo")):  # held until this process ends
        raise Stop("a demo of this checkout is running already")
    sim_url, environ = _surroundings(given)
    os.environ.update(environ)
    settings.load.cache_clear()
    try:
        with Crew() as crew:
            _run(crew, sim_url, crowd.cast(people) if people else None, seed)
    except Stopped as stopped:
        say("stopped; what happened is kept in var/")
        raise SystemExit(stopped.status) from None


def _run(crew: Crew, sim_url: str, people: Cast | None, seed: int) -> None:
    """Until a signal, or until the crowd has gone home: raises Stopped."""
    given = settings.load()
    host, port = given.bind
    say("preparing the database and the campus")
    migrate.upgrade(given.database_url)
    load_campus(given, people)
    crew.start(Process("wechat", [
        sys.executable, "-P", "-m", "simulator", "--dir", str(VAR / "simulator"),
        "--port", sim_url.rpartition(":")[2],
        "--webhook", f"http://127.0.0.1:{port}/wechat/{{app_id}}"]))
    crew.start(Process("clock", ours("clock"), rank=1))
    for queue in QUEUES:
        crew.start(Process(queue, ours("worker", queue), rank=1))
    crew.start(Process("web", ours("web"), rank=2))
    for url in (f"{sim_url}/sim/phones", f"http://{_reachable(host)}:{port}/healthz"):
        if not crew.wait_until(lambda url=url: _answers(url), START_S):  # type: ignore[misc]
            raise Stop(f"{url} does not answer")
    add_phones(sim_url)
    publish_menus()
    say(f"ready: {sim_url}/sim/  (Ctrl-C stops everything)")
    if people:
        raise Stopped(crowd.lunch(crew, sim_url, people, seed, given))
    crew.supervise()


def _surroundings(given: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The simulator's address, and the settings that differ from the caller's."""
    from simulator import credentials

    sim_port = free_port(SIMULATOR_PORT)
    bind = given.get("BIND", "").strip() or f"127.0.0.1:{free_port(WEB_PORT, sim_port)}"
    return f"http://127.0.0.1:{sim_port}", {
        **credentials.ensure(VAR / "simulator").environ(sim_port), "BIND": bind,
        "PUBLIC_URL": given.get("PUBLIC_URL", "").strip()
        or f"http://127.0.0.1:{bind.rpartition(':')[2]}"}


def free_port(wanted: int, *taken: int) -> int:
    """`wanted` or one of the next hundred; else whichever is free."""
    for port in (*range(wanted, wanted + 100), 0):
        with socket.socket() as door:
            # As a server does: a port whose last connections are just closing is free.
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                door.bind(("127.0.0.1", port))
            except OSError:
                continue
            if port not in taken:
                return int(door.getsockname()[1])
    raise Stop("no free port")


def load_campus(given: settings.Settings, people: Cast | None = None) -> None:
    from handlers import campus
    from models.base import Sessions, connect, utcnow

    account = given.wechat_account
    engine = connect(given.database_url, pool_size=1)
    with Sessions.begin() as session:
        campus.ensure_account(session, account)
        campus.load_campus(session, campus_file(account.app_id, people), app_id=account.app_id,
                           now=utcnow())
    engine.dispose()


def campus_file(app_id: str, people: Cast | None = None) -> dict[str, Any]:
    """The demo campus, with the simulator's people in it; a crowd's cooks and riders too."""
    from simulator.credentials import openid_for

    known = {name: {"openid": openid_for(app_id, name), "name": name}
              for name in (MERCHANT, RIDER, ON_DUTY)}
    file: dict[str, Any] = json.loads(CAMPUS.read_text("utf-8"))
    for shop in file["shops"]:
        shop["owners"] = [known[MERCHANT]["openid"]]
    whole = file | {
        "riders": [known[RIDER]], "operators": [known[ON_DUTY]],
        "emergency": file["emergency"] | {"on_duty": [known[ON_DUTY]]}}
    return crowd.employed(whole, app_id, people) if people else whole


def add_phones(sim_url: str) -> None:
    """Three phones on the page; each follows the account, and is greeted, the first time."""
    import requests

    for name, role in PHONES.items():
        phone = requests.post(f"{sim_url}/sim/phones", timeout=10, json={
            "name": name, "role": role, "follow": False}).json()
        if not phone["followed"]:
            requests.post(f"{sim_url}/sim/phones/{phone['id']}/follow", json={}, timeout=10)


def publish_menus() -> None:
    """What `menu publish` does, for the account of the demo."""
    from cli.menu import publish_all

    publish_all(None)


def _answers(url: str) -> bool:
    import requests

    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)


def say(text: str) -> None:
    print(f"paotang: {text}", flush=True)
