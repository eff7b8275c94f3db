"""`orders show CODE`."""
from typing import TYPE_CHECKING

import click

from cli.base import MISUSED, give_up, group
from cli.database import transaction

if TYPE_CHECKING:
    from handlers.story import Found, Story


@group("orders")
def orders() -> None:
    """Orders: `orders show CODE`."""


@orders.command("show")
@click.argument("code")
@click.option("--campus", metavar="NAME", help="Where several campuses have an order of this code.")
def show(code: str, campus: str | None) -> None:
    """One order's whole history: messages, events, money, assignment reasons.

    CODE is what people say (A27), what notices show (A27-20260921), or #12, the internal number.
    """
    from handlers.story import find_orders, story_of
    from models.base import utcnow

    with transaction() as session:
        found = find_orders(session, code, campus)
        if not found:
            give_up(f"no order goes by {code}" + (f" at {campus}" if campus else ""))
        if len(found) > 1:
            names = ", ".join(f"“{each.campus.name}”" for each in found)
            give_up(f"{code} is an order at each of {names}: add --campus NAME", MISUSED)
        story = story_of(session, found[0].order, now=utcnow())
        _tell(found[0], story)


def _tell(found: "Found", story: "Story") -> None:
    order, zone = found.order, found.campus.zone
    print(f"{order.code}  {found.campus.name}  {order.state}")
    for head in story.head:
        print(f"  {head}")
    print()
    for line in story.lines:
        print(f"{line.at.astimezone(zone):%Y-%m-%d %H:%M:%S}  {line.kind:<8}{line.text}")
        for more in line.more:
            print(f"{'':29}{more}")
    if story.money:
        _tell_money(found, story)


def _tell_money(found: "Found", story: "Story") -> None:
    from handlers.story import signed

    print("\nmoney, line by line, in yuan:")
    for entry in story.money:
        when = f"{entry.at.astimezone(found.campus.zone):%Y-%m-%d %H:%M:%S}" if entry.cause else ""
        print(f"  {when:<21}{entry.cause:<18}{signed(entry.amount_fen):>10}  {entry.party}")
    print("\nmoney on behalf of this order, in yuan:")
    for account, amount in sorted(story.sums.items()):
        print(f"  {account:<24}{signed(amount):>10}")
    print(f"  {'sum':<24}{signed(sum(story.sums.values())):>10}")
