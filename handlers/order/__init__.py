"""A student's order, from the first sentence to the pay link, and out again."""
from handlers.order.cancel import CancelOrder, cancel_order
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
)
from handlers.order.status import describe, status_of

__all__ = ["CancelOrder", "ConfirmOrder", "Item", "ModifyOrder", "PlaceOrder", "SetAddress",
           "SetTime", "cancel_order", "confirm_order", "describe", "modify_order", "place_order",
           "set_address", "set_time", "status_of"]
