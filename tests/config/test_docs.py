"""What the documents say is so: links lead somewhere, commands exist, examples load."""
import json
import os
import re
import shlex
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from flask import Flask

from config.settings import ROOT
from models.rules.campus_file import read
from models.rules.order_state import ENDED, TRANSITIONS, OrderState

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"(?:^ {4}|`)\./paotang ([a-z][^`|·\n]*)", re.MULTILINE)
SETTING = re.compile(r"\b(?:need|_get|_number|_pem)\(\s*\"([A-Z0-9_]+)\"")
STATES = ROOT / "docs" / "order-states.md"


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_leads_somewhere(document):
    links = LINK.findall(document.read_text("utf-8"))
    lost = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert not lost


def test_every_test_that_a_document_names_is_there():
    named = {found for document in DOCUMENTS for found in re.findall(
        r"`(tests/[\w/]+\.py)::(test_\w+)`", document.read_text("utf-8"))}
    lost = {found for found in named if not (ROOT / found[0]).exists()
            or f"def {found[1]}(" not in (ROOT / found[0]).read_text("utf-8")}
    assert len(named) > 25
    assert not lost


def test_what_the_code_says_is_in_docs_is_there():
    said = {found for folder in ("bot", "cli", "config", "handlers", "models", "web", "workers")
            for path in (ROOT / folder).rglob("*.py")
            for found in re.findall(r"docs/[a-z-]+\.md", path.read_text("utf-8"))}
    assert {found for found in said if not (ROOT / found).exists()} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_command_that_is_named_exists(document):
    from cli.commands import register

    app = Flask("paotang")
    register(app)
    for line in COMMAND.findall(document.read_text("utf-8")):
        words = shlex.split(line.partition("#")[0].replace("[", "").replace("]", ""))
        command = app.cli.get_command(None, words[0])
        assert command is not None, line
        below = getattr(command, "commands", None)
        assert below is None or len(words) == 1 or words[1] in below, line


def test_the_example_of_a_campus_file_loads_without_a_remark():
    text = (ROOT / "docs" / "campus-file.md").read_text("utf-8")
    example, = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    passed = read(example.encode())
    assert passed.warnings == ()
    assert passed.data["shops"][0]["dishes"][0]["option_fen"] == {"large": 400}
    assert json.loads(example)["campus"] == "东湖大学"


def test_the_table_of_settings_in_the_readme_is_whole():
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "config").glob("*.py"))
    read_by_code = set(SETTING.findall(code))
    table = (ROOT / "README.md").read_text("utf-8").partition("## Configuration")[2]
    told = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", table.partition("\n## ")[0]))
    assert read_by_code - told == set()
    assert told - read_by_code == set()


def test_the_states_are_drawn_from_the_table():
    """`WRITE_DOCS=1 ./paotang test tests/config/test_docs.py` draws them anew."""
    if os.environ.get("WRITE_DOCS"):
        STATES.write_text(drawn(), "utf-8")
    assert STATES.read_text("utf-8") == drawn(), "the table has changed: draw them anew, see above"


def drawn() -> str:
    arrows: dict[tuple[OrderState, OrderState], list[str]] = {}
    for (state, event), then in TRANSITIONS.items():
        arrows.setdefault((state, then), []).append(event.value)
    lines = [f"    {state.value} --> {then.value}: {', '.join(events)}"
             for (state, then), events in arrows.items()]
    ends = [f"    {state.value} --> [*]" for state in OrderState if state in ENDED]
    return "\n".join([
        "# The states of an order", "",
        "Drawn from `models/rules/order_state.py` by `tests/config/test_docs.py`: every arrow that",
        "there is, with the events that lead along it. What has no arrow is refused by",
        "`Order.apply`, and moves nothing.", "",
        "```mermaid", "stateDiagram-v2", "    [*] --> draft", *lines, *ends, "```", ""])


def test_no_installed_distribution_ships_a_name_of_ours():
    """Our folders have names that others might like too (design §6)."""
    ours = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    ours |= {"wsgi", "migrations", "tests", "docs", "benchmarks"}
    assert len(ours) > 10
    assert {taken: whose for taken, whose in packages_distributions().items()
            if taken in ours} == {}
