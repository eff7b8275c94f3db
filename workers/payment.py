"""Debts to WeChat Pay: close what nobody paid, give money back, ask after what may be lost.

Each is one attempt between two short transactions, may run twice at once and may die anywhere:
the row in the outbox and the payment or refund it names say what is left to do.
"""
from datetime import datetime


def close(outbox_id: int, *, now: datetime) -> None:
    """Tell WeChat Pay to take no more money for a payment."""
    raise NotImplementedError


def ask_refund(outbox_id: int, *, now: datetime) -> None:
    """Send a refund, and follow it until it has ended."""
    raise NotImplementedError


def check(outbox_id: int, *, now: datetime) -> None:
    """Ask what became of a payment whose notification may be lost."""
    raise NotImplementedError
