"""The merchant's side: hear of a paid order, take it or not, say when it is done."""
from handlers.kitchen.answer import (
    AnswerOrder,
    accept_order,
    ask_again,
    hold_buyers,
    order_paid,
    reject_order,
    reject_unanswered,
    undo_accept,
    undo_reject,
)
from handlers.kitchen.board import board, who_fetches
from handlers.kitchen.cooking import order_cooked, undo_cooked
from handlers.kitchen.delay import DelayOrder, delay_order
from handlers.kitchen.menu import ChangeMenu, restocked, sold_out, undo_menu
from handlers.kitchen.shared import waiting_orders
from handlers.kitchen.shortage import Lack, Swap, drop_lacking, lack, offers_of, swap

__all__ = ["AnswerOrder", "ChangeMenu", "DelayOrder", "Lack", "Swap", "accept_order", "ask_again",
           "board", "delay_order", "drop_lacking", "hold_buyers", "lack", "offers_of",
           "order_cooked", "order_paid", "reject_order", "reject_unanswered", "restocked",
           "sold_out", "swap", "undo_accept", "undo_cooked", "undo_menu", "undo_reject",
           "waiting_orders", "who_fetches"]
