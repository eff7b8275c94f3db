"""The merchant's side: hear of a paid order, take it or not, say when it is done."""
from handlers.kitchen.answer import (
    AnswerOrder,
    accept_order,
    order_paid,
    reject_order,
    reject_unanswered,
)
from handlers.kitchen.cooking import order_cooked
from handlers.kitchen.menu import ChangeMenu, restocked, sold_out
from handlers.kitchen.shared import waiting_orders

__all__ = ["AnswerOrder", "ChangeMenu", "accept_order", "order_cooked", "order_paid",
           "reject_order", "reject_unanswered", "restocked", "sold_out", "waiting_orders"]
