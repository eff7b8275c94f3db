"""Every table, so that whoever needs the whole schema (migrations, tests) imports just this."""
from models import (
    alarm,
    campus,
    complaint,
    errand,
    group_order,
    inbox,
    ledger,
    menu,
    order,
    outbox,
    pay_invite,
    payment,
    person,
    rider,
    shop,
    student,
    tracking,
)

__all__ = ["alarm", "campus", "complaint", "errand", "group_order", "inbox", "ledger", "menu",
           "order", "outbox", "pay_invite", "payment", "person", "rider", "shop", "student",
           "tracking"]
