"""A student's order, from the first sentence to the pay link, and out again."""
from handlers.order.again import OrderAgain, order_again
from handlers.order.cancel import (
    DRAFT_LASTS,
    AnswerWish,
    CancelOrder,
    Terms,
    answer_wish,
    ask_to_cancel,
    cancel_order,
    decide_silent_wish,
    forget_draft,
    keep_order,
    undo_cancel,
)
from handlers.order.confirm import ConfirmOrder, confirm_order
from handlers.order.draft import (
    Item,
    ModifyOrder,
    PlaceOrder,
    modify_order,
    place_order,
    undo_draft,
)
from handlers.order.late import look_ahead
from handlers.order.redirect import (
    OwnOrder,
    Redirect,
    ask_where,
    leave_on_rack,
    let_somebody_else,
    redirect,
    urge,
)
from handlers.order.status import describe, refund_status, show_newer, status_of
from handlers.order.stranded import fetch_oneself, give_up, note_no_rider
from handlers.order.sums import price_of, what_was_paid

__all__ = [
    "DRAFT_LASTS",
    "AnswerWish",
    "CancelOrder",
    "ConfirmOrder",
    "Item",
    "ModifyOrder",
    "OrderAgain",
    "OwnOrder",
    "PlaceOrder",
    "Redirect",
    "Terms",
    "answer_wish",
    "ask_to_cancel",
    "ask_where",
    "cancel_order",
    "confirm_order",
    "decide_silent_wish",
    "describe",
    "fetch_oneself",
    "forget_draft",
    "give_up",
    "keep_order",
    "leave_on_rack",
    "let_somebody_else",
    "look_ahead",
    "modify_order",
    "note_no_rider",
    "order_again",
    "place_order",
    "price_of",
    "redirect",
    "refund_status",
    "show_newer",
    "status_of",
    "undo_cancel",
    "undo_draft",
    "urge",
    "what_was_paid",
]
