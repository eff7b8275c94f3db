"""What shops have earned, for whoever pays them from our bank.

WeChat does not allow 商家转账 for that, nor 分账 above 30 %: shops are paid outside, by a bank's
file or by hand, and the payment is booked here.
"""
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from handlers.payout.telling import Earned, earned_between
from models import ledger
from models.base import Session
from models.shop import Shop


@dataclass(frozen=True, slots=True)
class Statement:
    """`sold_fen` less `cut_fen` is what the span earned; `owed_fen` is what is not paid yet."""

    shop: Shop
    earned: tuple[Earned, ...]
    owed_fen: int

    @property
    def sold_fen(self) -> int:
        return sum(each.fen + each.cut_fen for each in self.earned)

    @property
    def cut_fen(self) -> int:
        return sum(each.cut_fen for each in self.earned)


class Overpaid(Exception):
    """More than the shop is owed."""


def statement_of(session: Session, shop: Shop, since: datetime, until: datetime) -> Statement:
    account = ledger.shop_account(shop.id)
    return Statement(shop, tuple(earned_between(session, account, since, until)),
                     -ledger.balance(session, account))


def pay_shop(session: Session, shop: Shop, amount_fen: int, reference: str, *,
             now: datetime) -> bool:
    """Book what left our bank for a shop; False when this reference was booked before.

    Raises Overpaid, changing nothing. Locks the shop: two at once are not both paid.
    """
    session.execute(select(Shop.id).filter_by(id=shop.id).with_for_update())
    key = f"shop_paid:{shop.id}:{reference}"
    if ledger.is_booked(session, key):
        return False
    if not 0 < amount_fen <= -ledger.balance(session, ledger.shop_account(shop.id)):
        raise Overpaid(f"{amount_fen} fen")
    return ledger.post(session, "shop_paid", key=key, now=now, entries={
        ledger.shop_account(shop.id): amount_fen, ledger.BANK: -amount_fen})
