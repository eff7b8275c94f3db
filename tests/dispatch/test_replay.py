import ast
import itertools
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dispatch
from dispatch.__main__ import main
from dispatch.baselines import NearestIdle, hungarian
from dispatch.figures import bound, figures
from dispatch.mdrp import read, write
from dispatch.patience import Deadline
from dispatch.replay import replay
from dispatch.rolling import Rolling, Tuning
from dispatch.snapshot import Snapshot
from tests.support.mdrp import RATES, broken_rules, carried, invented, store

POLICIES = [
    Rolling,
    lambda: Rolling(Tuning(updates=False)),
    lambda: Rolling(Tuning(station=0.0)),
    hungarian,
    NearestIdle,
]


def until(day, minute):
    """The same day without the orders placed after a minute."""
    keep = day.placed <= minute
    return replace(
        day,
        order_names=tuple(n for n, k in zip(day.order_names, keep, strict=True) if k),
        order_xy=day.order_xy[keep],
        placed=day.placed[keep],
        ready=day.ready[keep],
        shop=day.shop[keep],
    )


@pytest.mark.parametrize("policy", POLICIES)
def test_every_day_keeps_the_rules_and_its_figures_are_the_files(policy, tmp_path):
    day = invented(1, couriers=15)
    done = replay(day, policy())
    store(day, tmp_path / "in")
    write(tmp_path / "out", day, done.trips, done.legs)
    assert broken_rules(tmp_path / "in", tmp_path / "out") == []
    told, files = figures(day, done.trips), carried(tmp_path / "out")
    assert len(files) > 0.9 * len(day.placed)
    at = {name: i for i, name in enumerate(day.order_names)}
    doors = [down - day.placed[at[order]] for order, (_, down, _) in files.items()]
    waits = [up - day.ready[at[order]] for order, (up, _, _) in files.items()]
    paid = np.array([list(c for *_, c in files.values()).count(c) for c in day.courier_names])
    pay = np.maximum(10 * paid, 15 * (day.off - day.on) / 60).sum() / len(files)
    missing = len(day.placed) - len(files)
    assert told["click_to_door"] == round(np.mean(doors), 3)
    assert told["ready_to_pickup"] == round(np.mean(waits), 3)
    assert told["overage"] == round(np.mean(np.maximum(np.array(doors) - 40, 0)), 3)
    assert told["cost_per_order"] == round(pay, 3)
    assert told["undelivered_pct"] == round(100 * missing / len(day.placed), 3)
    penalised = (sum(doors) + 90 * missing) / len(day.placed)
    assert told["click_to_door_penalised"] == round(penalised, 3)


@pytest.mark.parametrize("policy", POLICIES[:3])
@pytest.mark.parametrize("minute", [70, 120, 165])
def test_orders_still_to_come_change_nothing_before_they_come(policy, minute):
    day = invented(2)
    whole, known = replay(day, policy()), replay(until(day, minute), policy())
    assert [t for t in whole.trips if t.assigned <= minute] == [
        t for t in known.trips if t.assigned <= minute
    ]
    before = [leg for leg in whole.legs if leg.leaves <= minute]
    assert len(before) > 5
    # drop-offs of trips decided by then are walked later; those decided later are not compared
    assert before == [leg for leg in known.legs if leg.leaves <= minute]


def test_a_slow_machine_decides_alike():
    day = invented(3)
    ages = itertools.count(0, 3600)
    slow = replay(day, Rolling(), timer=lambda: float(next(ages)))
    fast = replay(day, Rolling())
    assert (slow.trips, slow.legs) == (fast.trips, fast.legs)
    assert min(slow.decision_ms) == 3.6e6


def test_nothing_that_decides_can_see_a_clock_or_an_accident():
    clocks = {"time", "datetime", "random", "secrets", "os"}
    for path in Path(dispatch.__file__).parent.glob("*.py"):
        if path.name != "__main__.py":
            for node in ast.walk(ast.parse(path.read_text())):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                names += [node.module] if isinstance(node, ast.ImportFrom) else []
                assert clocks.isdisjoint(names), path.name


class Spy:
    """Notes what a policy is shown."""

    def __init__(self):
        self.policy, self.seen = Rolling(), []

    def decide(self, snap: Snapshot):
        self.seen.append(snap)
        return self.policy.decide(snap)


def test_the_runner_shows_no_order_before_its_placement():
    spy = Spy()
    replay(invented(4), spy)
    for snap in spy.seen:
        for times in (snap.placed, snap.past_placed):
            assert (times <= snap.now).all()


def test_the_engine_beats_both_baselines_over_some_days():
    mean = {}
    for policy in (Rolling, hungarian, NearestIdle):
        days = [invented(seed) for seed in range(5, 8)]
        told = [figures(day, replay(day, policy()).trips) for day in days]
        mean[policy] = np.mean([figure["click_to_door_penalised"] for figure in told])
    assert mean[Rolling] < mean[hungarian] < mean[NearestIdle]


def test_the_bound_is_what_an_order_alone_takes_when_its_shop_is_known_beforehand():
    day = invented(8)
    for i in range(len(day.placed)):
        lone = replace(
            day,
            order_names=day.order_names[i : i + 1],
            order_xy=day.order_xy[[i]],
            placed=np.array([0]),
            ready=day.ready[[i]],
            shop=day.shop[[i]],
            off=day.off + 1000,
        )
        [trip] = replay(lone, hungarian()).trips
        assert trip.dropoffs[0] - day.placed[i] == bound(day)[i]


def test_the_command_writes_what_it_sums_up(tmp_path, capsys):
    day = invented(9, orders=25)
    store(day, tmp_path / "in")
    assert main(["replay", "--instance", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 0
    told = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert told == json.loads(capsys.readouterr().out)
    assert told["prepositioning"] is True
    assert set(told["decision_ms"]) == {"median", "p99", "max"}
    header, *lines = (tmp_path / "out" / "solution_info_orders.txt").read_text().splitlines()
    assert header == "order placement_time ready_time pickup_time dropoff_time courier"
    doors = [int(line.split()[4]) - int(line.split()[1]) for line in lines]
    assert told["click_to_door"] == round(np.mean(doors), 3)
    assert told["undelivered_pct"] == round(100 * (25 - len(lines)) / 25, 3)


def test_an_instance_is_read_as_it_was_written(tmp_path):
    day = invented(10)
    store(day, tmp_path / "in")
    again = read(tmp_path / "in")
    assert again.order_names == day.order_names
    assert (again.ready == day.ready).all()
    assert (again.shop == day.shop).all()
    assert (again.courier_xy == day.courier_xy).all()
    assert again.rates == RATES


def spoil(folder, name, line, column, cell):
    lines = [row.split("\t") for row in (folder / name).read_text().splitlines()]
    lines[line - 1][column] = cell
    (folder / name).write_text("\n".join("\t".join(row) for row in lines) + "\n")


@pytest.mark.parametrize(
    ("name", "column", "cell", "told"),
    [
        ("orders.txt", 3, "noon", "orders.txt line 3, placement_time: 'noon'"),
        ("orders.txt", 1, "nan", "orders.txt line 3, x: 'nan'"),
        ("orders.txt", 5, "1e300", "orders.txt line 3, ready_time: '1e300'"),
        ("orders.txt", 4, "r99", "orders.txt line 3: no 'r99' is known"),
        ("orders.txt", 0, "o0", "orders.txt line 3: the name 'o0'"),
        ("restaurants.txt", 0, "two words", "restaurants.txt line 3: the name 'two words'"),
        ("couriers.txt", 4, "", "couriers.txt line 3, off_time: ''"),
    ],
)
def test_a_wrong_cell_is_named_in_one_line(tmp_path, capsys, name, column, cell, told):
    store(invented(11), tmp_path / "in")
    spoil(tmp_path / "in", name, 3, column, cell)
    assert main(["replay", "--instance", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out" / "summary.json").exists()


def test_bad_speeds_short_lines_and_strange_bytes_are_refused(tmp_path):
    store(invented(11), tmp_path / "in")
    spoil(tmp_path / "in", "instance_parameters.txt", 2, 0, "0")
    with pytest.raises(ValueError, match=r"instance_parameters.txt line 2"):
        read(tmp_path / "in")
    (tmp_path / "in" / "orders.txt").write_bytes(b"head\n\xff\xfe\n")
    with pytest.raises(ValueError, match=r"orders.txt: not a text file"):
        read(tmp_path / "in")
    (tmp_path / "in" / "orders.txt").write_text("head\no1\t5\n")
    with pytest.raises(ValueError, match=r"orders.txt line 2: 2 of 6 columns"):
        read(tmp_path / "in")


@pytest.mark.parametrize("missing", ["orders", "couriers"])
def test_a_day_without_orders_or_couriers_is_a_day(tmp_path, missing):
    day = invented(12)
    store(day, tmp_path / "in")
    head = (tmp_path / "in" / f"{missing}.txt").read_text().splitlines()[0]
    (tmp_path / "in" / f"{missing}.txt").write_text(head + "\n")
    assert main(["replay", "--instance", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 0
    told = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert told["undelivered_pct"] == (0 if missing == "orders" else 100)


def test_a_folder_that_is_no_instance_is_bad_usage(tmp_path, capsys):
    assert main(["replay", "--instance", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "orders.txt" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["replay"], ["replay", "--instance"], ["ride"]])
def test_bad_usage_is_told_in_one_line(capsys, arguments):
    with pytest.raises(SystemExit) as told:
        main(arguments)
    assert told.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_launcher_replays_without_flask_or_sqlalchemy():
    asked = "import sys, dispatch.__main__; print({'flask', 'sqlalchemy'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"


def test_a_slow_machine_is_cut_short_and_its_day_is_whole_all_the_same(tmp_path):
    ticks = itertools.count(step=2)
    deadline = Deadline(lambda: float(next(ticks)))
    day = invented(1, couriers=15)
    done = replay(day, Rolling(hurry=deadline), deadline=deadline)
    store(day, tmp_path / "in")
    write(tmp_path / "out", day, done.trips, done.legs)
    assert broken_rules(tmp_path / "in", tmp_path / "out") == []
    assert len(carried(tmp_path / "out")) > 0.9 * len(day.placed)
    assert 0 < deadline.met <= len(done.decision_ms)


def test_a_machine_that_is_quick_enough_decides_as_one_without_a_clock():
    day, deadline = invented(2, couriers=15), Deadline(lambda: 0.0)
    with_clock = replay(day, Rolling(hurry=deadline), deadline=deadline)
    assert with_clock.trips == replay(day, Rolling()).trips
    assert deadline.met == 0
