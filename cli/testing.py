"""`test`: pytest on servers of the tests' own (tests/support/servers.py starts them)."""
import os
import sys
from collections.abc import Sequence

import click

from cli.base import MISUSED, command, give_up
from config.settings import ROOT

OWN_WAYS = ("-n", "--numprocesses", "-p", "--dist", "--pdb", "--trace", "--collect-only", "--co",
            "--fixtures", "--markers", "--version", "-h", "--help")


@command("test", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", metavar="[PYTEST ARGS]...", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Run the test suite on real embedded PostgreSQL and Redis."""
    os.chdir(ROOT)
    argv = [sys.executable, "-m", "pytest", *_spread(arguments), *arguments]
    try:
        os.execv(sys.executable, argv)
    except OSError as error:
        give_up(f"cannot run pytest: {error}", MISUSED)


def _spread(arguments: Sequence[str]) -> list[str]:
    """Over some processes, since tests wait as well, unless told how, or asked for one test."""
    told = any(word.startswith(way) if len(way) == 2 else word.partition("=")[0] == way
               for word in arguments for way in OWN_WAYS)
    one = any("::" in word for word in arguments)
    count = min((os.cpu_count() or 1) + 1, 4)
    return [] if told or one else ["-n", str(count), "--dist", "worksteal"]
