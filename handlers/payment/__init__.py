"""Payments: asked for, recorded, closed, and given back.

The lock of the order guards its payments, refunds and ledger. `retire_payments` and the
`refund_…` functions are called with it held; all others take it themselves.
"""
from handlers.payment.asking import (
    Prepay,
    Standing,
    ask_payment,
    begin_prepay,
    check_soon,
    expire_unpaid,
    link,
    note_closed,
    note_prepaid,
    notify_url,
    retire_payments,
    standing,
)
from handlers.payment.recording import Recorded, RecordPayment, record_payment
from handlers.payment.refunding import (
    NotOurs,
    OverRefund,
    RecordRefund,
    ask_from,
    beyond_limits,
    held_fen,
    note_refused,
    record_refund,
    refund_order,
    refund_part,
    refund_payment,
    refundable_fen,
    withdraw_refund,
)
from handlers.payment.scanning import (
    ask_after_close,
    ask_unfollowed,
    lately_closed,
    mend_refund,
    troubled_refunds,
    unfollowed_payments,
)

__all__ = [
    "NotOurs", "OverRefund", "Prepay", "RecordPayment", "RecordRefund", "Recorded", "Standing",
    "ask_after_close", "ask_from", "ask_payment", "ask_unfollowed", "begin_prepay",
    "beyond_limits", "check_soon", "expire_unpaid", "held_fen", "lately_closed", "link",
    "mend_refund", "note_closed",
    "note_prepaid", "note_refused", "notify_url", "record_payment", "record_refund",
    "refund_order", "refund_part", "refund_payment", "refundable_fen", "retire_payments",
    "standing", "troubled_refunds", "unfollowed_payments", "withdraw_refund",
]
