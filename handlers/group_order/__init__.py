"""Group orders (拼单): opened, joined, locked, carried on one trip; each their own bag and bill.

Locks: the person (by the turn), the group, then its orders by id.
"""
from handlers.group_order.joining import (
    JoinGroup,
    door,
    join,
    name_bag,
    not_wanted,
    pay_again,
    swap,
)
from handlers.group_order.leaving import LeaveGroup, dissolve, leave, stay, undo_leave
from handlers.group_order.locking import close_due, finish, remind
from handlers.group_order.opening import (
    ChangeGroup,
    OpenGroup,
    change_deadline,
    lock_now,
    lock_when,
    open_group,
    wanted_before,
)
from handlers.group_order.saving import reopen, save_group
from handlers.group_order.shared import find, live_orders
from handlers.group_order.status import describe, waits_for_lock
from handlers.group_order.treating import set_treat

__all__ = ["ChangeGroup", "JoinGroup", "LeaveGroup", "OpenGroup", "change_deadline", "close_due",
           "describe", "dissolve", "door", "find", "finish", "join", "leave", "live_orders",
           "lock_now", "lock_when", "name_bag", "not_wanted", "open_group", "pay_again", "remind",
           "reopen", "save_group", "set_treat", "stay", "swap", "undo_leave",
           "waits_for_lock", "wanted_before"]
