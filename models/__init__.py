"""Every table, so that whoever needs the whole schema (migrations, tests) imports just this."""
from models import (
    alarm,
    campus,
    complaint,
    coupon,
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
    referral,
    rider,
    shop,
    student,
    tracking,
)

__all__ = ["alarm", "campus", "complaint", "coupon", "errand", "group_order", "inbox", "ledger",
           "menu", "order", "outbox", "pay_invite", "payment", "person", "referral", "rider",
           "shop", "student", "tracking"]
