"""Complaints (journey 11): the money first, the questions afterwards, and nobody is blamed.

What goes back is what was really paid for the dishes in question, however a discount was spread;
several complaints of one order never give back more than its payment. The order's lock guards
its complaints.
"""
from handlers.complaint.asking import Claim, begin, claim, photo_sent
from handlers.complaint.judging import decide, judge
from handlers.complaint.remaking import money_instead, remake
from handlers.complaint.searching import checked, end_search, found, search
from handlers.complaint.settling import refund, unhappy
from handlers.complaint.shared import HAD, ClaimKind, claimable_of

__all__ = ["HAD", "Claim", "ClaimKind", "begin", "checked", "claim", "claimable_of", "decide",
           "end_search", "found", "judge", "money_instead", "photo_sent", "refund", "remake",
           "search", "unhappy"]
