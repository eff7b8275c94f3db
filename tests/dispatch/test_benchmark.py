from benchmarks.campus_rush import engine, nearest_idle, play
from benchmarks.campus_rush import invented as invented_rush
from benchmarks.campus_rush import main as rush
from benchmarks.campus_tick import invented as busy_campus
from benchmarks.dispatch import main
from dispatch import LIVE, solve
from tests.support.mdrp import invented, store


def test_the_table_has_the_engine_both_baselines_and_the_bound(tmp_path, capsys):
    for seed in (21, 22):
        store(invented(seed, orders=20, couriers=5), tmp_path / f"day{seed}")
    assert main([str(tmp_path), "--jobs", "1"]) == 0
    told = capsys.readouterr()
    head, *lines = told.out.splitlines()
    assert head == "2 instances, 40 orders"
    rows = {line.split("|")[1].strip(): line.split("|")[2:] for line in lines}
    bounds = {cells[2] for policy, cells in rows.items() if policy in ("engine", "nearest idle")}
    assert {"engine", "hungarian", "nearest idle"} < set(rows)
    assert len(bounds) == 1
    assert float(rows["engine"][1]) <= float(rows["nearest idle"][1])
    assert "6/6" in told.err


def test_the_rush_is_over_a_fifth_sooner_than_with_the_nearest_idle(tmp_path, capsys):
    plot = tmp_path / "rush.svg"
    asked = ["--days", "1", "--orders", "120", "--riders", "9", "--plot", str(plot)]
    assert rush(asked) == 0
    said = capsys.readouterr().out
    assert float(said.split("mean delivery time ")[1].split(" %")[0]) >= 20
    assert plot.read_text().count("<polyline") == 2


def test_in_the_rush_everybody_is_served_once_and_never_before_the_food_is_ready():
    day = invented_rush(3, 80, 6)
    for decide in (engine, nearest_idle):
        door_s = 60 * play(day, decide).door_min + day.placed_s
        ridden = day.travel_s[day.pickup, day.dropoff]
        assert (door_s >= day.ready_s + ridden).all()


def test_a_tick_of_a_middling_campus_asks_every_rider_once():
    task = busy_campus(200, 60)
    plan = solve(task, params=LIVE)
    assert len(plan.assignments) == 60
    assert plan == solve(task, params=LIVE)
