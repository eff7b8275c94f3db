"""Each command that is added is tried by those who may not give it."""
import tomllib

from config import settings
from tests.transcripts.test_roles import SAID


def test_every_command_stands_in_the_matrix_of_roles():
    forms = tomllib.loads((settings.ROOT / "config/lexicon/commands.toml").read_text("utf-8"))
    assert set(SAID) == set(forms), "give it a line in tests/transcripts/test_roles.py"
