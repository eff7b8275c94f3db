"""The labelled messages of tests/corpora: a campus file and a list of messages for each name."""
from pathlib import Path
from typing import Final

CORPORA: Final = Path(__file__).resolve().parents[1] / "tests" / "corpora"
# Taught, and known to the tests.
CAMPUSES: Final = {"donghu": "world_dev.json", "north": "north.campus.json",
                   "lingnan": "lingnan.campus.json", "jiangnan": "jiangnan.campus.json",
                   "northwest": "northwest.campus.json", "haibin": "haibin.campus.json",
                   "shancheng": "shancheng.campus.json"}
# Scored only.
FROZEN: Final = {"linjiang": "linjiang.campus.json", "beichen": "beichen.campus.json",
                 "guinan": "guinan.campus.json"}
