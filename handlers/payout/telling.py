"""What a day has earned, a line an order, in the chat of whoever earned it."""
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import func, select

from config.texts import Reply, yuan
from handlers.payout.paying import LEAST_FEN, earned_fen, link, pay_out
from handlers.speaker import Speaker
from models import ledger
from models.base import Session
from models.ledger import LedgerEntry, LedgerGroup
from models.order import Order
from models.payout import Payout, PayoutState
from models.rider import Rider
from models.shop import Shop

MOST_LINES: Final = 6
EARNS: Final = ("delivered", "called_off", "compensated")


@dataclass(frozen=True, slots=True)
class Earned:
    """An order's part of a day, for one account. `cut_fen`: commission, of a shop's part."""

    order: Order
    fen: int
    cut_fen: int = 0


def bill_of(session: Session, speaker: Speaker, *, now: datetime) -> Reply | None:
    """今天账单: of the rider, or of the cook, who asks; None: nobody who earns."""
    if speaker.rider is not None:
        return rider_bill(session, speaker.rider, speaker.campus.zone, now=now)
    if speaker.shop_ids:
        shop = session.get_one(Shop, min(speaker.shop_ids))
        return shop_bill(session, shop, speaker.campus.zone, now=now)
    return None


def withdraw(session: Session, speaker: Speaker, *, now: datetime) -> Reply | None:
    """提现: what was earned, at once instead of at the day's end."""
    if speaker.rider is None:
        return None
    payout = pay_out(session, speaker.rider.id, now=now)
    if payout is None:
        return Reply("payout.too_little", {
            "earned": yuan(earned_fen(session, speaker.rider.id)), "least": yuan(LEAST_FEN)})
    if payout.state == PayoutState.WAITING:
        return Reply("payout.waiting", {"amount": yuan(payout.amount_fen), "url": link(payout)})
    return Reply("payout.begun", {"amount": yuan(payout.amount_fen)})


def rider_bill(session: Session, rider: Rider, zone: Any, *, now: datetime) -> Reply:
    return rider_closed(session, rider, earned_on(
        session, ledger.rider_account(rider.id), zone, now=now))


def rider_closed(session: Session, rider: Rider, earned: Sequence[Earned], *,
                 day: str | None = None) -> Reply:
    """`day`: what it is called, where it is not today."""
    payout = Payout.open_of(session, rider.id)
    is_waiting = payout is not None and payout.state == PayoutState.WAITING
    stuck_fen = sum(each.amount_fen for each in Payout.stuck_of(session, rider.id))
    return Reply("payout.rider_day", {
        "day": day or Reply("payout.today"), "count": len(earned),
        "total": yuan(sum(each.fen for each in earned)),
        "lines": _lines(earned, _rider_line), "left": yuan(earned_fen(session, rider.id)),
        "stuck": Reply("payout.stuck_part", {"amount": yuan(stuck_fen)}) if stuck_fen else None,
        "way": Reply("payout.take", {"amount": yuan(payout.amount_fen), "url": link(payout)})
        if payout and is_waiting else None})


def shop_bill(session: Session, shop: Shop, zone: Any, *, now: datetime) -> Reply:
    return shop_closed(session, shop, earned_on(
        session, ledger.shop_account(shop.id), zone, now=now))


def shop_closed(session: Session, shop: Shop, earned: Sequence[Earned], *,
                day: str | None = None) -> Reply:
    got, cut = sum(each.fen for each in earned), sum(each.cut_fen for each in earned)
    return Reply("payout.shop_day", {
        "shop": shop.name, "day": day or Reply("payout.today"), "count": len(earned),
        "sold": yuan(got + cut), "cut": yuan(cut), "total": yuan(got),
        "lines": _lines(earned, _shop_line),
        "left": yuan(-ledger.balance(session, ledger.shop_account(shop.id)))})


def earned_on(session: Session, account: str, zone: Any, *, now: datetime) -> list[Earned]:
    """What each order has brought to this account since midnight, oldest first."""
    since = datetime.combine(now.astimezone(zone).date(), time(), zone)
    return earned_between(session, account, since, since + timedelta(days=1))


def earned_between(session: Session, account: str, since: datetime,
                   until: datetime) -> list[Earned]:
    query = select(LedgerGroup.order_id, LedgerGroup.id, LedgerEntry.amount_fen).join(
        LedgerEntry, LedgerEntry.group_id == LedgerGroup.id).where(
        LedgerEntry.account == account, LedgerGroup.kind.in_(EARNS), LedgerGroup.at >= since,
        LedgerGroup.at < until, LedgerGroup.order_id.is_not(None))
    rows = session.execute(query.order_by(LedgerGroup.id)).all()
    cuts = _cuts(session, [group_id for _, group_id, _ in rows]) \
        if account.startswith("shop:") else {}
    return [Earned(session.get_one(Order, order_id), -fen, cuts.get(group_id, 0))
            for order_id, group_id, fen in rows]


def _cuts(session: Session, group_ids: Sequence[int]) -> dict[int, int]:
    """The commission of each of these movements."""
    query = select(LedgerEntry.group_id, func.sum(-LedgerEntry.amount_fen)).where(
        LedgerEntry.group_id.in_(group_ids), LedgerEntry.account == ledger.COMMISSION)
    return {group_id: int(fen)
            for group_id, fen in session.execute(query.group_by(LedgerEntry.group_id))}


def _lines(earned: Sequence[Earned], line: Any) -> list[Reply]:
    """A line an order; the earliest share one where there are too many."""
    alone = earned if len(earned) <= MOST_LINES else earned[-(MOST_LINES - 1):]
    lines = [line(each) for each in alone]
    if rest := earned[:len(earned) - len(alone)]:
        lines.insert(0, Reply("payout.more", {
            "count": len(rest), "amount": yuan(sum(each.fen for each in rest))}))
    return lines


def _rider_line(each: Earned) -> Reply:
    waiting = each.order.waiting_fen
    return Reply("payout.rider_line", {
        "code": each.order.code, "fee": yuan(each.fen - waiting),
        "waiting": Reply("payout.waited", {"amount": yuan(waiting)}) if waiting else None})


def _shop_line(each: Earned) -> Reply:
    return Reply("payout.shop_line", {
        "code": each.order.code, "sold": yuan(each.fen + each.cut_fen),
        "cut": Reply("payout.cut", {"amount": yuan(each.cut_fen)}) if each.cut_fen else None})
