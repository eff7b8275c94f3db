"""Payouts: what a day has earned, told line by line, and carried into riders' wallets.

A payout's row lock guards its ledger. The rider is locked before it.
"""
from handlers.payout.closing import close_day, to_close
from handlers.payout.paying import (
    PATIENCE,
    RecordTransfer,
    Transfer,
    begin_sending,
    earned_fen,
    link,
    look_again,
    note_refused,
    note_unknown,
    note_unsettled,
    pay_out,
    record_transfer,
)
from handlers.payout.shops import Statement, pay_shop, statement_of
from handlers.payout.telling import bill_of, withdraw

__all__ = [
    "PATIENCE", "RecordTransfer", "Statement", "Transfer", "begin_sending", "bill_of", "close_day",
    "earned_fen", "link", "look_again", "note_refused", "note_unknown", "note_unsettled", "pay_out",
    "pay_shop", "record_transfer", "statement_of", "to_close", "withdraw",
]
