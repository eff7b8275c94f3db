"""`doctor`."""
import os
from collections import Counter
from typing import TYPE_CHECKING

from cli import embedded
from cli.base import FAILED, command
from config import settings
from config.settings import ConfigurationError

if TYPE_CHECKING:
    from cli.checkup import Finding


@command("doctor")
def doctor() -> None:
    """Check configuration, database, Redis, clock, WeChat and Pay; say what to fix.

    Exit status 0: nothing failed (warnings may remain). 1: something did.
    """
    try:
        embedded.apply(os.environ)
    except (embedded.ServersFailed, ConfigurationError) as error:
        print(f"FAIL  embedded servers: {error}")

    from cli.checkup import examine
    from models.base import utcnow

    counted: Counter[str] = Counter()
    for finding in examine(settings.load(), now=utcnow):
        counted[finding.level] += 1
        _say(finding)
    print(f"\n{counted['ok']} ok, {counted['warn']} warnings, {counted['FAIL']} failed")
    if counted["FAIL"]:
        raise SystemExit(FAILED)


def _say(finding: "Finding") -> None:
    todo = f"\n{'':6}→ {finding.todo}" if finding.todo else ""
    print(f"{finding.level:<6}{finding.about}: {finding.says}{todo}", flush=True)
