"""`payouts list` · `shops` · `paid`."""
import csv
import sys
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

import click

from cli.base import MISUSED, give_up, group
from cli.database import transaction

if TYPE_CHECKING:
    from handlers.payout import Statement
    from models.campus import Campus

CAMPUS = click.option("--campus", metavar="NAME", help="Where there are several campuses.")


@group("payouts")
def payouts() -> None:
    """What riders and shops have earned: `payouts list`, `payouts shops`, `payouts paid`."""


@payouts.command("list")
@click.option("--days", type=click.IntRange(1, 366), default=7, show_default=True)
def list_(days: int) -> None:
    """Transfers to riders, newest first, and how each has ended."""
    from sqlalchemy import select

    from config.texts import yuan
    from models.base import utcnow
    from models.payout import Payout

    with transaction() as session:
        since = utcnow() - timedelta(days=days)
        query = select(Payout).where(Payout.created_at >= since).order_by(Payout.id.desc())
        for payout in session.scalars(query):
            why = f"  {payout.fail_reason}" if payout.fail_reason else ""
            print(f"{payout.created_at:%Y-%m-%d %H:%M}  {payout.out_bill_no:<32}"
                  f"{yuan(payout.amount_fen):>10}  {payout.state:<8}rider {payout.rider_id}{why}")


@payouts.command("shops")
@CAMPUS
@click.option("--days", type=click.IntRange(1, 366), default=1, show_default=True,
              help="So many days, today included.")
@click.option("--csv", "as_csv", is_flag=True, help="A line an order, for a bank's file.")
def shops(campus: str | None, days: int, as_csv: bool) -> None:
    """Each shop's statement: sold, commission, earned, and what it is owed now."""
    from sqlalchemy import select

    from handlers.payout import statement_of
    from models.base import utcnow
    from models.shop import Shop

    with transaction() as session:
        place = _campus(session, campus)
        today = utcnow().astimezone(place.zone).date()
        until = datetime.combine(today + timedelta(days=1), time(), place.zone)
        since = until - timedelta(days=days)
        query = select(Shop).filter_by(campus_id=place.id).order_by(Shop.id)
        stated = [statement_of(session, shop, since, until) for shop in session.scalars(query)]
        told = [each for each in stated if each.earned or each.owed_fen]
        if as_csv:
            _write(told)
        else:
            _print(told)


@payouts.command("paid")
@click.argument("shop")
@click.argument("yuan_", metavar="YUAN")
@click.option("--ref", required=True, help="The bank's own number: one payment is booked once.")
@CAMPUS
def paid(shop: str, yuan_: str, ref: str, campus: str | None) -> None:
    """Book what left our bank for a SHOP (its id in the campus file)."""
    from sqlalchemy import select

    from config.texts import yuan
    from handlers.payout import pay_shop
    from handlers.payout.shops import Overpaid
    from models.base import utcnow
    from models.shop import Shop

    amount_fen = _fen(yuan_)
    with transaction() as session:
        place = _campus(session, campus)
        found = session.scalars(select(Shop).filter_by(campus_id=place.id, key=shop)).one_or_none()
        if found is None:
            give_up(f"{place.name} has no shop “{shop}”")
        try:
            is_new = pay_shop(session, found, amount_fen, ref, now=utcnow())
        except Overpaid:
            give_up(f"{found.name} is not owed {yuan(amount_fen)}: see `payouts shops`")
    print(f"{found.name}: {yuan(amount_fen)} booked" if is_new
          else f"{found.name}: {ref} was booked before, nothing done")


def _campus(session: "click.utils.t.Any", name: str | None) -> "Campus":
    from sqlalchemy import select

    from models.campus import Campus

    found = [c for c in session.scalars(select(Campus).order_by(Campus.id))
             if name in (None, c.name)]
    if not found:
        give_up(f"there is no campus “{name}”" if name else "there is no campus yet")
    if len(found) > 1:
        give_up("there are several campuses: add --campus NAME", MISUSED)
    return found[0]


def _fen(written: str) -> int:
    from decimal import Decimal, InvalidOperation

    try:
        fen = Decimal(written) * 100
    except InvalidOperation:
        fen = Decimal(0)
    if fen <= 0 or fen != int(fen):
        give_up(f"“{written}” is no amount such as 171.08", MISUSED)
    return int(fen)


def _print(statements: "list[Statement]") -> None:
    from config.texts import yuan

    for each in statements:
        earned = each.sold_fen - each.cut_fen
        print(f"{each.shop.key:<10}{len(each.earned):>4} orders  sold {yuan(each.sold_fen):>10}  "
              f"commission {yuan(each.cut_fen):>9}  earned {yuan(earned):>10}  "
              f"owed {yuan(each.owed_fen):>10}  {each.shop.name}")


def _write(statements: "list[Statement]") -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("shop", "name", "order", "delivered_at", "sold_fen", "commission_fen",
                  "earned_fen"))
    for each in statements:
        for order in each.earned:
            at = order.order.ended_at
            out.writerow((each.shop.key, each.shop.name, order.order.code,
                          at.isoformat() if at else "", order.fen + order.cut_fen, order.cut_fen,
                          order.fen))
