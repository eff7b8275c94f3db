"""The list of guards is of this code: `python -m tests.guards` takes each of them out."""
import pytest

from tests.guards import ROOT, guards


@pytest.mark.parametrize("guard", guards(), ids=lambda guard: guard.name)
def test_a_guard_stands_where_the_list_says(guard):
    assert (ROOT / guard.file).read_text("utf-8").count(guard.was) == 1
    assert guard.was != guard.becomes
    for named in guard.test.split():
        path, _, test = named.partition("::")
        assert (ROOT / path).exists()
        assert not test or f"def {test}(" in (ROOT / path).read_text("utf-8")
