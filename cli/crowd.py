"""`demo --crowd N`: a lunch rush of virtual people, and what became of every order."""
import sys
import time
from collections import Counter
from datetime import datetime
from typing import Any

from cli import lunch as books
from cli.processes import Crew, Process, Stopped
from config.settings import ROOT, VAR, Settings
from simulator.crowd import Cast, cast

__all__ = ["cast", "employed", "lunch"]

EARLIER_S = 20.0
MOST_S = 1800.0  # the crowd itself ends long before
SETTLE_S = 150.0  # a refund is due a minute after its order was called off


def employed(campus: dict[str, Any], app_id: str, people: Cast) -> dict[str, Any]:
    """The campus file with the crowd's cooks in its shops, its riders approved, and somebody on
    duty."""
    from simulator.credentials import openid_for

    shops = [shop | {"owners": [*shop["owners"], openid_for(
        app_id, people.merchants[n % len(people.merchants)])]}
        for n, shop in enumerate(campus["shops"])]
    riders = [{"openid": openid_for(app_id, name), "name": name} for name in people.riders]
    operator = {"openid": openid_for(app_id, people.operator), "name": people.operator}
    return campus | {"shops": shops, "riders": [*campus["riders"], *riders],
                     "operators": [*campus.get("operators", ()), operator]}


def lunch(crew: Crew, sim_url: str, people: Cast, seed: int, given: Settings) -> int:
    """Let them come, order, cook, carry and eat; print the books. The exit status: 1 when
    something was left undone, does not add up or was refused. Ctrl-C ends the lunch early."""
    from models.base import connect, utcnow

    connect(given.database_url, pool_size=1)
    crew.wait_until(books.owes_nothing, EARLIER_S)  # of a lunch before, whose phones are gone
    before, since = _refused(sim_url), utcnow()
    crowd = crew.start(Process("crowd", [
        sys.executable, "-P", "-m", "simulator.crowd", "--sim", sim_url,
        "--campus", str(ROOT / "config" / "campuses" / "demo.json"),
        "--people", str(people.size), "--seed", str(seed)], rank=3, once=True))
    try:
        crew.wait_until(lambda: crowd.status is not None, MOST_S)
        crew.wait_until(lambda: books.is_settled(since), SETTLE_S)
    except Stopped:
        _show(_refused(sim_url) - before, people, since)
        raise
    return 0 if _show(_refused(sim_url) - before, people, since) else 1


def _show(refused: Counter[str], people: Cast, since: datetime) -> bool:
    report = books.read(since, refused=refused)
    (VAR / "lunch.txt").write_text(report.text(people.size) + "\n", "utf-8")
    print("\n" + report.text(people.size), flush=True)
    return report.is_clean


def _refused(sim_url: str) -> Counter[str]:
    """What WeChat refused since it was started: "path errcode" → how often."""
    import requests

    for _ in range(3):
        try:
            return Counter(requests.get(f"{sim_url}/sim/state", timeout=5).json()["refused"])
        except (requests.RequestException, ValueError):
            time.sleep(0.5)
    return Counter(["/cgi-bin/message/: the simulator does not answer"])
