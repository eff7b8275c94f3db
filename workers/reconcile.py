"""WeChat Pay's bills fetched and laid beside our ledger: every morning, and by `reconcile`."""
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import structlog

from gateways.bills import NOT_READY, Flowed, Traded
from gateways.errors import Refused, Unreachable
from gateways.wxpay import WxPay
from handlers.reconcile import FEES, TO_BANK, Agreement, Charged, is_at_the_edge, reconcile
from models.base import Sessions
from models.outbox import Outbox
from models.rules.reconcile import Bills, Kind, Moved
from workers.payment import wxpay

log = structlog.get_logger(__name__)

AGAIN_AFTER: Final = timedelta(minutes=30)
FLOWS: Final = {"交易": Kind.PAYMENT, "退款": Kind.REFUND, "商家转账": Kind.TRANSFER}
FEE_OF: Final = {"交易手续费": Kind.PAYMENT, "退还手续费": Kind.REFUND}


def compare(day: date, *, now: datetime, pay: WxPay | None = None) -> Agreement:
    """Fetch a day's bills and compare them. Raises Unreachable; Refused, not ready before ten."""
    pay = pay or wxpay()
    trade, flow = _fetched(pay, day)
    with Sessions.begin() as session:
        looks_back = is_at_the_edge(session, day)
    before = _fetched(pay, day - timedelta(days=1)) if looks_back else ([], [])
    bills = _bills([*before[0], *trade], [*before[1], *flow])
    with Sessions.begin() as session:
        return reconcile(session, day, list(_moved(trade, flow)), _charged(flow), bills, now=now)


def _fetched(pay: WxPay, day: date) -> tuple[list[Traded], list[Flowed]]:
    return pay.trade_bill(day), [*pay.flow_bill(day, "BASIC"), *pay.flow_bill(day, "OPERATION")]


def settle(outbox_id: int, *, now: datetime) -> None:
    """The morning's comparison. What does not agree is a dead letter, which `doctor` shows."""
    with Sessions.begin() as session:
        debt = Outbox.take_up(session, outbox_id, now)
        if debt is None:
            return
        day = date.fromisoformat(debt.payload["day"])
    try:
        outcome = _outcome(compare(day, now=now))
    except (Unreachable, Refused) as error:
        outcome = None
        why, waits = str(error), isinstance(error, Refused) and error.code == NOT_READY
    with Sessions.begin() as session:
        debt = session.get_one(Outbox, outbox_id, with_for_update=True)
        if outcome:
            debt.settle(outcome, now)
        elif waits:
            debt.due_at = now + AGAIN_AFTER
        else:
            debt.give_up_if_hopeless(why, now)


def _outcome(agreement: Agreement) -> str:
    count = len(agreement.differences)
    if not count:
        return f"{agreement.compared} movements agree"
    log.error("reconcile.differs", day=str(agreement.day), differences=count)
    return f"dead: {count} differences on {agreement.day}: run `./paotang reconcile`"


def _moved(trade: Sequence[Traded], flow: Sequence[Flowed]) -> Iterator[Moved]:
    """Payments as the trade bill tells them, refunds and transfers when the money has left; what
    one bill has and the other lacks comes from the one that has it. Where the two tell of other
    amounts, both are heard."""
    told = {(Kind.PAYMENT, each.number, each.amount_fen) for each in trade if not each.is_refund}
    yield from (Moved(Kind.PAYMENT, each.number, each.amount_fen, each.wechat_number)
                for each in trade if not each.is_refund)
    left = {(each.proof, each.amount_fen) for each in flow
            if FLOWS.get(each.kind) is Kind.REFUND}
    yield from (Moved(Kind.REFUND, each.number, -each.amount_fen, each.wechat_number)
                for each in trade
                if each.is_refund and each.state == "SUCCESS"
                and (each.number, -each.amount_fen) not in left)
    for each in flow:
        kind = FLOWS.get(each.kind)
        same = (Kind.PAYMENT, each.proof, each.amount_fen)
        if kind is Kind.PAYMENT and same in told:
            told.remove(same)  # a second time it is heard
        elif kind:
            yield Moved(kind, each.proof, each.amount_fen)
        elif each.kind not in FEES | TO_BANK:
            yield Moved(Kind.OTHER, f"{each.kind} {each.serial}", each.amount_fen)


def _bills(trade: Sequence[Traded], flow: Sequence[Flowed]) -> Bills:
    traded = {(Kind.REFUND if each.is_refund else Kind.PAYMENT, each.number): each.fee_fen
              for each in trade if each.state == "SUCCESS"}
    flowed = {(FLOWS[each.kind], each.proof): 0 for each in flow if each.kind in FLOWS}
    ours = {(FLOWS[each.kind], each.wechat_number): (FLOWS[each.kind], each.proof)
            for each in flow if each.kind in FLOWS}
    for each in flow:
        number = ours.get((FEE_OF.get(each.kind, Kind.OTHER), each.wechat_number))
        if number:
            flowed[number] -= each.amount_fen  # a fee that was charged has left
    return Bills(traded, flowed)


def _charged(flow: Sequence[Flowed]) -> Iterator[Charged]:
    return (Charged(each.serial, each.kind, each.amount_fen) for each in flow
            if each.kind in FEES | TO_BANK)
