"""Money that a rider spends for somebody: out of a prepaid budget, what is left goes back."""
from dataclasses import dataclass
from datetime import datetime

from config.texts import Reply, yuan
from handlers.errand.words import errand_of, what
from handlers.notice import Notice, tell
from handlers.payment.refunding import refund_part
from handlers.speaker import Speaker
from models.base import Session
from models.order import Order
from models.rules.order_state import ON_THE_WAY, WANTS_RIDER, OrderState

OPEN = WANTS_RIDER | ON_THE_WAY


@dataclass(frozen=True, slots=True)
class StateCost:
    order_id: int
    spent_fen: int


def only_job(speaker: Speaker) -> Order | None:
    """The one errand in hand whose cost can still be said."""
    fitting = [o for o in speaker.carrying if o.errand and o.errand.is_spending
               and OrderState(o.state) in OPEN]
    return fitting[0] if len(fitting) == 1 else None


def state_cost(session: Session, speaker: Speaker, cmd: StateCost, *, now: datetime) -> Reply:
    """What it cost, as the rider says; may be said again until the hand-over. Never above the
    budget: more must be asked for first."""
    order = Order.lock(session, cmd.order_id)
    if speaker.rider is None or order.rider_id != speaker.rider.id:
        return Reply("rider.not_yours", {"code": order.code})
    errand = order.errand
    if errand is None or not errand.is_spending or OrderState(order.state) not in OPEN:
        return Reply("errand.no_cost", {"code": order.code})
    budget = errand.budget_fen or 0
    if cmd.spent_fen > budget:
        return _above(session, speaker, order, cmd.spent_fen, now=now)
    errand.spent_fen = cmd.spent_fen
    session.flush()
    facts = {"code": order.code, "what": what(order), "spent": yuan(cmd.spent_fen),
             "left": yuan(budget - cmd.spent_fen)}
    tell(session, Notice(order.buyer_id, f"{order.id}:spent:{cmd.spent_fen}",
                         chat=Reply("errand.buyer_spent", facts)), now=now, order_id=order.id)
    return Reply("errand.spent", facts)


def _above(session: Session, speaker: Speaker, order: Order, spent_fen: int, *,
           now: datetime) -> Reply:
    errand = errand_of(order)
    more = spent_fen - (errand.budget_fen or 0)
    tell(session, Notice(order.buyer_id, f"{order.id}:above:{spent_fen}", chat=Reply(
        "errand.buyer_above", {"code": order.code, "what": what(order), "cost": yuan(spent_fen),
                               "more": yuan(more)})), now=now, order_id=order.id)
    return Reply("errand.above", {"code": order.code, "more": yuan(more),
                                  "budget": yuan(errand.budget_fen or 0)})


def settle_budget(session: Session, order: Order, *, now: datetime) -> None:
    """The errand is done: what was not spent goes back, what was spent is the rider's own money.

    The order is locked; afterwards its goods are what was spent.
    """
    errand = order.errand
    if errand is None or not order.goods_fen:
        return
    left = order.goods_fen - (errand.spent_fen or 0)
    if left > 0:
        refund_part(session, order, left, "not_spent", now=now)
        order.goods_fen -= left
        order.payable_fen -= left
        session.flush()
