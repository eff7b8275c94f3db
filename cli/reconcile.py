"""`reconcile`."""
import os
from datetime import date
from typing import TYPE_CHECKING

import click

from cli import embedded
from cli.base import FAILED, MISUSED, command, give_up

if TYPE_CHECKING:
    from handlers.reconcile import Agreement


@command("reconcile")
@click.option("--date", "day", metavar="D", help="A day such as 2026-09-21 (the newest whose "
                                                 "bills are ready).")
def reconcile(day: str | None) -> None:
    """Compare our ledger with WeChat Pay's bills; list every difference.

    Exit status 0: all of it agrees. 1: something does not, or the bills cannot be had.
    """
    wanted = _read(day)
    embedded.apply(os.environ)

    from config import settings
    from gateways.bills import NOT_READY
    from gateways.errors import GatewayError
    from handlers.reconcile import day_of
    from models.base import connect, utcnow
    from workers.reconcile import compare

    now = utcnow()
    wanted = wanted or day_of(now)
    connect(settings.load().database_url, pool_size=1)
    try:
        agreement = compare(wanted, now=now)
    except GatewayError as error:
        is_early = getattr(error, "code", "") == NOT_READY
        give_up(f"the bills of {wanted} are not ready: WeChat Pay has them at about ten the next "
                "morning" if is_early else f"the bills of {wanted}: {error}")
    _tell(agreement)


def _read(day: str | None) -> date | None:
    if day is None:
        return None
    try:
        found = date.fromisoformat(day)
    except ValueError:
        found = None
    if found is None or found.isoformat() != day:
        give_up(f"--date: “{day}” is no day such as 2026-09-21", MISUSED)
    return found


def _tell(agreement: "Agreement") -> None:
    for each in agreement.differences:
        ours, theirs = _yuan(each.ours_fen), _yuan(each.theirs_fen)
        one, other = ("trade's", "fund flow's") if each.wrong == "another fee" \
            else ("ours", "WeChat's")
        print(f"{each.kind:<9}{each.number:<34}{each.wrong:<22}{one} {ours:>10}  "
              f"{other} {theirs:>10}")
    count = len(agreement.differences)
    print(f"{agreement.day}: {agreement.compared} movements compared, {agreement.booked} fees and "
          f"transfers booked, {count} {'difference' if count == 1 else 'differences'}")
    if count:
        raise SystemExit(FAILED)


def _yuan(amount_fen: int | None) -> str:
    from handlers.story import signed

    return "-" if amount_fen is None else signed(amount_fen) or "0.00"
