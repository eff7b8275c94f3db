"""Complaints by the clock: lost bags that nobody found, dishes that were not made again."""
from datetime import datetime

from sqlalchemy import Select, select

from models.complaint import Complaint, ComplaintState
from models.order import Order
from models.rules.order_state import GIVES_MONEY_BACK


def searches_over(now: datetime) -> "Select[int]":
    return select(Complaint.id).where(Complaint.search_until <= now).order_by(
        Complaint.search_until)


def not_remade() -> "Select[int]":
    """Complaints whose new order came to nothing."""
    return select(Complaint.id).join(Order, Order.id == Complaint.remake_id).where(
        Complaint.state == ComplaintState.REMADE, Order.state.in_(sorted(GIVES_MONEY_BACK)))
