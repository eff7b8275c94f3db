"""`demo --crowd N`: a lunch rush that ends by itself, or when it is told to."""
import re
import signal

from cli.crowd import employed
from models.rules.order_state import ENDED
from simulator.credentials import openid_for
from simulator.crowd import cast
from tests.cli.conftest import eventually
from tests.cli.test_demo import PATIENCE_S, demo  # noqa: F401

ROW = re.compile(r"^  ([A-Z]\d+) +(\w+) +¥[\d.]+  (paid|not paid) +\S+(  \d+:\d\d)?$", re.M)
LONGEST_S = 420.0


def started(demo):  # noqa: F811
    log = (demo.root / "log").open("w")
    with log:
        demo.process = demo.launch("--crowd", "6", stdout=log)


def test_six_people_live_a_lunch_and_every_order_ends(demo):  # noqa: F811
    started(demo)
    assert demo.process.wait(LONGEST_S) == 0, demo.log()

    told = (demo.root / "var" / "lunch.txt").read_text("utf-8")
    assert told in demo.log()
    rows = ROW.findall(told)
    assert len(rows) >= 4, told
    assert {state for _, state, _, _ in rows} <= ENDED, told
    assert [took for _, state, _, took in rows if state == "delivered"], told
    for words in ("the ledger balances", "messages refused by WeChat 0\n",
                  "dead letters 0, debts left 0", "paid → delivered: median "):
        assert words in told, told
    assert "Traceback" not in demo.log()
    assert eventually(lambda: not demo.processes()), demo.processes()


def test_ctrl_c_ends_the_lunch_and_the_books_are_printed(demo):  # noqa: F811
    started(demo)
    assert eventually(lambda: "上线" in demo.log(), PATIENCE_S), demo.log()
    demo.process.send_signal(signal.SIGINT)

    assert demo.process.wait(60) == 0
    assert "What became of " in demo.log()
    assert demo.log().splitlines()[-1] == "paotang: stopped; what happened is kept in var/"
    assert "Traceback" not in demo.log()
    assert eventually(lambda: not demo.processes()), demo.processes()


def test_a_crowds_cooks_and_riders_are_in_the_campus_file():
    people = cast(20)
    campus = employed({"shops": [{"id": n, "owners": ["o"]} for n in range(3)],
                       "riders": [{"openid": "r", "name": "阿哲"}]}, "wx1", people)

    cooks = [openid_for("wx1", name) for name in people.merchants]
    assert [shop["owners"] for shop in campus["shops"]] == [
        ["o", cooks[0]], ["o", cooks[1]], ["o", cooks[0]]]
    assert [rider["name"] for rider in campus["riders"]] == ["阿哲", *people.riders]
