"""A student's order, from the first sentence to the pay link, and out again."""
from handlers.order.cancel import (
    AnswerWish,
    CancelOrder,
    Terms,
    answer_wish,
    ask_to_cancel,
    cancel_order,
    decide_silent_wish,
    undo_cancel,
)
from handlers.order.confirm import ConfirmOrder, confirm_order
from handlers.order.draft import (
    Item,
    ModifyOrder,
    PlaceOrder,
    SetAddress,
    SetTime,
    modify_order,
    place_order,
    set_address,
    set_time,
    undo_draft,
)
from handlers.order.redirect import (
    OwnOrder,
    Redirect,
    ask_where,
    leave_on_rack,
    let_somebody_else,
    redirect,
    urge,
)
from handlers.order.status import describe, status_of

__all__ = ["AnswerWish", "CancelOrder", "ConfirmOrder", "Item", "ModifyOrder", "OwnOrder",
           "PlaceOrder", "Redirect", "SetAddress", "SetTime", "Terms", "answer_wish",
           "ask_to_cancel", "ask_where", "cancel_order", "confirm_order", "decide_silent_wish",
           "describe", "leave_on_rack", "let_somebody_else", "modify_order", "place_order",
           "redirect", "set_address", "set_time", "status_of", "undo_cancel", "undo_draft",
           "urge"]
