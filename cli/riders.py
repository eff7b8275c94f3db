"""`riders list|approve|suspend`: who may ride, from a terminal."""
from typing import TYPE_CHECKING

import click

from cli.base import MISUSED, give_up, group
from cli.database import transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from models.rider import Rider


@group("riders")
def riders() -> None:
    """Riders: `riders list`, `riders approve R12`, `riders suspend R12`."""


@riders.command("list")
@click.option("--campus", metavar="NAME", help="Only this campus.")
def list_(campus: str | None) -> None:
    """All riders, those who wait for a decision first."""
    from sqlalchemy import select

    from models.campus import Campus
    from models.rider import Rider, RiderStatus

    with transaction() as session:
        query = select(Rider, Campus).join(Campus, Campus.id == Rider.campus_id)
        if campus:
            query = query.where(Campus.name == campus)
        found = [(rider, at.name) for rider, at in session.execute(query.order_by(Rider.id))]
        found.sort(key=lambda each: each[0].status != RiderStatus.APPLIED)
        for rider, name in found:
            duty = "on duty" if rider.is_on_duty else ""
            print(f"R{rider.id:<6}{rider.status:<11}{rider.name}  {_hidden(rider)}  {name}  {duty}"
                  .rstrip())
        if not found:
            print("no riders yet")


@riders.command("approve")
@click.argument("number")
def approve(number: str) -> None:
    """Let a rider work; they are told."""
    _decide(number, "approved")


@riders.command("suspend")
@click.argument("number")
def suspend(number: str) -> None:
    """Let a rider work no more; what is in hand is still delivered."""
    _decide(number, "suspended")


def _decide(number: str, status: str) -> None:
    from handlers.rider.application import set_status
    from models.base import utcnow
    from models.rider import RiderStatus

    with transaction() as session:
        rider = _rider(session, number)
        if rider.status == status:
            print(f"{rider.name} is {status} already")
            return
        set_status(session, rider, RiderStatus(status), now=utcnow())
        print(f"{rider.name} is {status} now, and is told")


def _rider(session: "Session", number: str) -> "Rider":
    from models.rider import Rider

    digits = number.upper().removeprefix("R")
    if not digits.isdecimal() or len(digits) > 9:
        give_up(f"{number!r} is no rider's number: see `./paotang riders list`", MISUSED)
    rider = session.get(Rider, int(digits), with_for_update={"of": Rider})
    if rider is None:
        give_up(f"there is no rider R{digits}")
    return rider


def _hidden(rider: "Rider") -> str:
    """The telephone number, enough of it to tell two apart."""
    phone = rider.person.phone or ""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else ""
