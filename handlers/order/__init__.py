"""A student's order, from the first sentence to the pay link, and out again."""
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
from handlers.order.redirect import (
    OwnOrder,
    Redirect,
    ask_where,
    leave_on_rack,
    let_somebody_else,
    redirect,
    urge,
)
from handlers.order.status import describe, show_newer, status_of

__all__ = ["DRAFT_LASTS", "AnswerWish", "CancelOrder", "ConfirmOrder", "Item", "ModifyOrder",
           "OwnOrder", "PlaceOrder", "Redirect", "Terms", "answer_wish", "ask_to_cancel",
           "ask_where", "cancel_order", "confirm_order", "decide_silent_wish", "describe",
           "forget_draft", "leave_on_rack", "let_somebody_else", "modify_order", "place_order",
           "redirect", "show_newer", "status_of", "undo_cancel", "undo_draft", "urge"]
