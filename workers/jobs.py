"""The names RQ stores: a job's name and arguments are a wire format, so change them with care."""
from importlib import import_module

from models.base import Sessions, utcnow
from models.outbox import Outbox
from workers.doors import open_database

# kind of debt → the queue it waits in, and who pays it
PAYERS = {
    "notice": ("push", "workers.notify", "deliver"),
    "group.code": ("push", "workers.group_order", "make_code"),
    "turn": ("turns", "workers.turn", "take"),
    "payment.close": ("money", "workers.payment", "close"),
    "payment.check": ("money", "workers.payment", "check"),
    "refund.ask": ("money", "workers.payment", "ask_refund"),
    "payout.send": ("money", "workers.payout", "send"),
    "reconcile": ("money", "workers.reconcile", "settle"),
    "building": ("money", "workers.building", "settle"),
    "referral": ("push", "workers.referral", "settle"),
    "invite.code": ("push", "workers.referral", "make_code"),
    "tags": ("push", "workers.tags", "pay"),
}


def deliver(outbox_id: int) -> None:
    """Pay one debt from the outbox. May run twice, may die anywhere."""
    open_database()
    with Sessions() as session:
        debt = session.get(Outbox, outbox_id)
        kind = debt.kind if debt and debt.settled_at is None else None
    if kind:
        _, module, name = PAYERS[kind]
        getattr(import_module(module), name)(outbox_id, now=utcnow())


def dispatch(campus_id: int) -> None:
    """One dispatch round of a campus."""
    from workers.dispatch import tick

    open_database()
    tick(campus_id, now=utcnow())
