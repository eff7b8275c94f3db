"""A worker's first job may be of any kind: each module stands on its own."""
import subprocess
import sys

import pytest

from workers.jobs import PAYERS


@pytest.mark.parametrize("module", sorted(
    {"workers.dispatch", "workers.clock"} | {module for _, module, _ in PAYERS.values()}))
def test_a_fresh_process_can_begin_with_any_job(module):
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
