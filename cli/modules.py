"""`understand` and `dispatch replay`: plain modules. The launcher runs them without Flask; these
are the same for `flask --app wsgi …`, and their lines in the list of commands.
"""
import os
import sys

import click

from cli.base import command, give_up, group
from config.settings import ROOT

PASSED_ON = {"ignore_unknown_options": True, "help_option_names": []}


@command("understand", context_settings=PASSED_ON)
@click.argument("arguments", metavar="--campus FILE", nargs=-1, type=click.UNPROCESSED)
def understand(arguments: tuple[str, ...]) -> None:
    """Understand JSON lines from stdin, one JSON result per line on stdout."""
    _become("bot.nlu", *arguments)


@group("dispatch")
def dispatch() -> None:
    """Dispatch on recorded days: `dispatch replay`."""


@dispatch.command("replay", context_settings=PASSED_ON)
@click.argument("arguments", metavar="--instance DIR --out DIR", nargs=-1, type=click.UNPROCESSED)
def replay(arguments: tuple[str, ...]) -> None:
    """Run one Meal Delivery Routing Problem instance."""
    if not (ROOT / "dispatch" / "__main__.py").exists():
        give_up("dispatch replay is not built yet")
    _become("dispatch", "replay", *arguments)


def _become(module: str, *arguments: str) -> None:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    os.environ["PYTHONPATH"] = path
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, *arguments])
