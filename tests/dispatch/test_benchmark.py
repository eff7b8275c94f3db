from benchmarks.dispatch import main
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
